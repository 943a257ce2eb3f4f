//! How long deliveries took: counted once, over sealed and open periods, also when events are dropped and forgotten.

use std::collections::BTreeMap;

use hearback_event::{Address, Event, Kind, delay_step};
use hearback_store::{Retention, Store};

use crate::support::{
    Home, PERIOD, event, no_differences, on_every_store, sealed, second, submission, submit, submit_all,
};

/// Counts by step.
async fn times(store: &dyn Store) -> BTreeMap<u8, u64> {
    let mut times = BTreeMap::new();
    for row in store.delivery_times(second(-10_000_000), second(10_000_000)).await.unwrap() {
        assert_eq!(row.source, "eu");
        *times.entry(row.step).or_default() += row.count;
    }
    times
}

fn step(seconds: i64) -> u8 {
    delay_step(seconds * 1_000_000_000)
}

async fn a_delivery_is_timed_from_its_first_beginning(home: &Home) {
    let store = home.open();
    let told = |kind, message: &str, at, serial| event(kind, "a@example.com", message, at, serial);
    // In one request, in several, without a beginning, and with one that is told too late.
    submit(
        &*store,
        submission("eu", vec![told(Kind::Queued, "m1", 0, 1), told(Kind::Delivered, "m1", 7, 2)]),
    )
    .await;
    for (kind, message, at, serial) in [
        (Kind::Queued, "m2", 10, 3),
        (Kind::Sent, "m2", 40, 4),
        (Kind::Delivered, "m2", 70, 5),
        (Kind::Delivered, "m3", 5, 6),
        (Kind::Queued, "m3", 1, 7),
    ] {
        submit(&*store, submission("eu", vec![told(kind, message, at, serial)])).await;
    }
    let expected = BTreeMap::from([(step(7), 1), (step(60), 1), (0, 1)]);
    assert_eq!(times(&*store).await, expected);
    no_differences(&*store).await;
    store.close().await.unwrap();
    drop(store);
    let store = home.open();
    assert_eq!(times(&*store).await, expected, "also after a restart");
    store.forget(Address::parse("a@example.com").unwrap()).await.unwrap();
    assert_eq!(times(&*store).await, expected, "what was counted stays counted");
    no_differences(&*store).await;
}

on_every_store!(every_case: a_delivery_is_timed_from_its_first_beginning);

#[tokio::test(flavor = "multi_thread")]
async fn dropped_and_sealed_deliveries_stay_counted() {
    let home = Home::sqlite();
    let store = home.open();
    let mut expected = BTreeMap::<u8, u64>::new();
    let mut serial = 0;
    let events: Vec<Event> = (0..PERIOD / 2 + 2500)
        .flat_map(|n| {
            let seconds = (n % 50) as i64 + 1;
            *expected.entry(step(seconds)).or_default() += 1;
            let (recipient, message) = (format!("g{}@example.com", n % 900), format!("m{n}"));
            serial += 2;
            [
                event(Kind::Queued, &recipient, &message, n as i64, serial),
                event(Kind::Delivered, &recipient, &message, n as i64 + seconds, serial + 1),
            ]
        })
        .collect();
    submit_all(&*store, "eu", events, 500).await;
    sealed(&*store, 1).await;
    assert_eq!(times(&*store).await, expected);
    no_differences(&*store).await;
    // All of it was received at one moment: events go, counts stay.
    let retention = Retention { events_days: Some(40), ..Retention::default() };
    store.retain(retention, second(60 * 86_400)).await.unwrap();
    assert_eq!(times(&*store).await, expected);
    no_differences(&*store).await;
}
