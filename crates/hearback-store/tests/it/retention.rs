//! What is old goes, and nothing else changes.

use std::sync::Arc;

use hearback_event::{Address, DedupKey, Event, Kind, RecipientState};
use hearback_store::{
    Dropped, EventFilter, EventQuery, Order, Payload, QuarantineFilter, Receipt, Refused, Retention,
    RollupRow, Store, Submission,
};
use proptest::prelude::*;

use crate::support::{
    DAY, Home, PERIOD, bad_address, event, no_differences, on_every_store, sealed, second, source,
    submission, submit, submit_all, suppressed,
};

const EVENTS_90: Retention = Retention { payloads_days: None, events_days: Some(90), quarantine_days: None };
const PAYLOADS_30: Retention =
    Retention { payloads_days: Some(30), events_days: None, quarantine_days: None };

fn received(mut given: Submission, day: i64) -> Submission {
    given.received_at = second(day * DAY);
    given
}

async fn positions(store: &dyn Store, filter: EventFilter, order: Order) -> Vec<u64> {
    let query = EventQuery { filter, order, beyond: None, limit: 1000 };
    store.events(query).await.unwrap().rows.iter().map(|record| record.position).collect()
}

pub(crate) async fn by_default_everything_is_kept(home: &Home) {
    let store = home.open();
    submit(&*store, submission("mailgun", vec![event(Kind::Sent, "a@b.example", "m", 1, 1)])).await;
    assert!(Retention::default().keeps_all());
    let dropped = store.retain(Retention::default(), second(40_000 * DAY)).await.unwrap();
    assert!(dropped.is_nothing(), "{dropped:?}");
    assert_eq!(store.last_position(), 1);
}

async fn old_requests_go_and_their_events_stay(home: &Home) {
    let mut store = home.open();
    let token = DedupKey::of(&[b"token"]);
    let given = |day: i64, serial: u64| {
        received(submission("mailgun", vec![event(Kind::Sent, "a@b.example", "m", 1, serial)]), day)
    };
    let mut bound = given(1, 1);
    bound.replay_token = Some(token);
    submit(&*store, bound.clone()).await;
    submit(&*store, given(2, 2)).await;
    submit(&*store, given(40, 3)).await;
    let dropped = store.retain(PAYLOADS_30, second(45 * DAY)).await.unwrap();
    assert_eq!(dropped, Dropped { payloads: 2, ..Dropped::default() });
    for _ in 0..2 {
        let rows = store.events(EventQuery { limit: 10, ..EventQuery::default() }).await.unwrap().rows;
        assert_eq!(rows.len(), 3);
        assert!(store.payload(rows[0].id()).await.unwrap().is_some(), "the young one stays");
        assert!(store.payload(rows[1].id()).await.unwrap().is_none());
        assert!(store.payload(rows[2].id()).await.unwrap().is_none());
        // What a one-time token is bound to is known all the same.
        assert_eq!(submit(&*store, bound.clone()).await, (0, 1));
        let mut forged = bound.clone();
        forged.digest = DedupKey::of(&[b"another body"]);
        forged.events = vec![event(Kind::Bounced, "a@b.example", "m", 2, 99)];
        assert_eq!(store.submit(forged).await.unwrap(), Receipt::ForgedReplay);
        no_differences(&*store).await;
        drop(store);
        store = home.open();
        assert!(store.retain(PAYLOADS_30, second(45 * DAY)).await.unwrap().is_nothing());
    }
}

async fn old_refused_requests_go(home: &Home) {
    let store = home.open();
    for day in [1, 2, 9] {
        let refused = Refused {
            source: source("mailgun"),
            received_at: second(day * DAY),
            cause: "stale".to_owned(),
            detail: String::new(),
            remote: None,
            payload: Payload::default(),
        };
        store.quarantine(refused).await.unwrap();
    }
    let retention = Retention { quarantine_days: Some(7), ..Retention::default() };
    assert_eq!(store.retain(retention, second(10 * DAY)).await.unwrap().quarantined, 2);
    let filter = QuarantineFilter { limit: 10, ..QuarantineFilter::default() };
    assert_eq!(store.quarantined(filter).await.unwrap().len(), 1);
}

async fn positions_never_begin_anew(home: &Home) {
    let mut store = home.open();
    let given = |n: u64, day: i64| {
        received(submission("mailgun", vec![event(Kind::Sent, "a@b.example", "m", day * DAY, n)]), day)
    };
    for n in 0..10 {
        submit(&*store, given(n, 1)).await;
    }
    assert_eq!(store.retain(EVENTS_90, second(100 * DAY)).await.unwrap().events, 10);
    for round in 0..3_u64 {
        let kept: Vec<u64> = (11..11 + round).collect();
        assert_eq!(positions(&*store, EventFilter::default(), Order::Oldest).await, kept);
        assert_eq!(store.last_position(), 10 + round);
        let stats = store.stats().await.unwrap();
        assert_eq!((stats.first_position, stats.last_position), (11, 10 + round));
        let view = store.recipient(Address::parse("a@b.example").unwrap()).await.unwrap().unwrap();
        assert_eq!(view.counts().sent, 10 + round, "what was counted stays counted");
        let hourly = store.hourly(second(0), second(1000 * DAY)).await.unwrap();
        assert_eq!(hourly.iter().map(|row| row.count).sum::<u64>(), 10 + round);
        no_differences(&*store).await;
        if round == 1 {
            store.rebuild(false, Box::new(|_, _| ())).await.unwrap();
            no_differences(&*store).await;
        }
        drop(store);
        store = home.open();
        assert_eq!(store.last_position(), 10 + round, "after a restart");
        submit(&*store, given(100 + round, 99)).await;
    }
}

async fn readers_beside_see_what_is_left(home: &Home) {
    let store = home.open();
    for n in 0..6 {
        let day = if n < 4 { 1 } else { 99 };
        submit(
            &*store,
            received(submission("mailgun", vec![event(Kind::Sent, "a@b.example", "m", 0, n)]), day),
        )
        .await;
    }
    let beside = home.database().open_beside().unwrap();
    let recipient = Address::parse("a@b.example").unwrap();
    let filter = EventFilter { recipient: Some(recipient.clone()), ..EventFilter::default() };
    assert_eq!(positions(&beside, filter.clone(), Order::Oldest).await, [1, 2, 3, 4, 5, 6]);
    store.retain(EVENTS_90, second(100 * DAY)).await.unwrap();
    assert_eq!(positions(&beside, filter, Order::Oldest).await, [5, 6]);
    let view = beside.recipient(recipient).await.unwrap().unwrap();
    assert_eq!(view.counts().sent, 6);
    no_differences(&beside).await;
}

const PEOPLE: [&str; 3] = ["a@one.example", "b@one.example", "c@two.example"];

/// Everything that must outlive the events it was made of.
async fn sums(store: &dyn Store) -> (Vec<Option<RecipientState>>, Vec<Vec<RollupRow>>, Vec<String>) {
    let mut states = Vec::new();
    for person in PEOPLE {
        let view = store.recipient(Address::parse(person).unwrap()).await.unwrap();
        states.push(view.map(|view| view.state));
    }
    let (since, until) = (second(-1), second(1000 * DAY));
    let rollups = vec![
        store.hourly(since, until).await.unwrap(),
        store.daily_by_tag(since, until).await.unwrap(),
        store.daily_by_domain(since, until).await.unwrap(),
    ];
    let suppressions = suppressed(store, None, 100).await;
    let suppressions = suppressions.iter().map(|one| format!("{one:?}")).collect();
    (states, rollups, suppressions)
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = (0..Kind::ALL.len(), 0..PEOPLE.len(), 0..3_u8, any::<bool>());
    proptest::collection::vec(one, 1..40).prop_map(|parts| {
        parts
            .into_iter()
            .zip(1..)
            .map(|((kind, person, tag, bad), serial)| {
                let mut event = event(Kind::ALL[kind], PEOPLE[person], "m", serial as i64, serial);
                event.tags = vec![format!("t{tag}")];
                if bad { bad_address(event) } else { event }
            })
            .collect()
    })
}

#[derive(Clone, Debug)]
enum Act {
    Retain(i64),
    Restart,
    Rebuild,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![4 => (80..180_i64).prop_map(Act::Retain), 2 => Just(Act::Restart), 1 => Just(Act::Rebuild)]
}

proptest! {
    #![proptest_config(crate::support::cases(24))]

    #[test]
    fn retention_at_any_point_changes_no_sum(events in events(), acts in proptest::collection::vec(act(), 1..8)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let (home, whole) = (Home::postgres(), Home::sqlite());
            let (mut store, keeper) = (home.open(), whole.open());
            let mut left = events.as_slice();
            // A retry of any day may come as long as it is within the horizon of deduplication.
            let mut day = 0;
            for (number, act) in acts.iter().enumerate() {
                let (now, later) = left.split_at(left.len() / (acts.len() - number));
                left = later;
                for one in now {
                    day += 1;
                    for store in [&store, &keeper] {
                        prop_assert_eq!(submit(&**store, received(submission("mailgun", vec![one.clone()]), day)).await, (1, 0));
                    }
                }
                match act {
                    Act::Retain(at) => {
                        store.retain(EVENTS_90, second(*at * DAY)).await.unwrap();
                        let rows = store.events(EventQuery { limit: 1000, ..EventQuery::default() }).await.unwrap().rows;
                        prop_assert!(rows.iter().all(|row| row.received_at >= second((at - 90) * DAY)));
                    }
                    Act::Restart => {
                        store.close().await.unwrap();
                        drop(store);
                        store = home.open();
                    }
                    Act::Rebuild => { store.rebuild(false, Box::new(|_, _| ())).await.unwrap(); }
                }
                prop_assert_eq!(sums(&*store).await, sums(&*keeper).await);
                prop_assert_eq!(store.last_position(), keeper.last_position());
                no_differences(&*store).await;
            }
            Ok(())
        })?;
    }
}

fn nth(n: u64) -> Event {
    let mut event = event(
        Kind::ALL[(n % 9) as usize],
        &format!("guest{}@d{}.example", n % 700, n % 50),
        &format!("m{}", n / 4),
        n as i64,
        n,
    );
    event.labels = [("booking".to_owned(), (n / 100).to_string())].into();
    event.tags = vec![format!("t{}", n % 7)];
    event
}

/// Readers go on asking while it is dropped under them; how often they did.
fn ask_on(
    store: Arc<dyn Store>,
    guest: Address,
    state: Box<RecipientState>,
) -> (tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<u32>) {
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let reader = tokio::spawn(async move {
        let filter = EventFilter { recipient: Some(guest.clone()), ..EventFilter::default() };
        let mut rounds = 0;
        while stopped.try_recv().is_err() {
            let kept = positions(&*store, filter.clone(), Order::Newest).await;
            assert!(kept.is_sorted_by(|a, b| a > b));
            assert_eq!(store.recipient(guest.clone()).await.unwrap().unwrap().state, *state);
            rounds += 1;
        }
        rounds
    });
    (stop, reader)
}

async fn sealed_periods_go_in_part_and_whole(home: &Home) {
    let mut store = home.open();
    let total = PERIOD + 5000;
    submit_all(&*store, "mailgun", (0..total).map(nth).collect(), 200).await;
    sealed(&*store, 1).await;
    let before = store.hourly(second(0), second(total as i64)).await.unwrap();
    let guest = Address::parse("guest7@d7.example").unwrap();
    let state = Box::new(store.recipient(guest.clone()).await.unwrap().unwrap().state);
    let filter = EventFilter { recipient: Some(guest.clone()), ..EventFilter::default() };
    let all = positions(&*store, filter.clone(), Order::Oldest).await;
    // All of it was received on the same day, in steps: a part is dropped by stopping in the middle.
    let part = store.retain(EVENTS_90, second(100).plus_seconds(90 * DAY)).await.unwrap();
    assert_eq!(part.events, 0, "not older than that");
    let far_enough = async || {
        // What comes in is answered between the steps.
        while store.stats().await.unwrap().first_position < 3000 {
            assert_eq!(submit(&*store, submission("mailgun", vec![nth(total - 1)])).await, (0, 1));
        }
    };
    tokio::select! {
        dropped = store.retain(EVENTS_90, second(200 * DAY)) => panic!("it was not interrupted: {dropped:?}"),
        () = far_enough() => {}
    }
    let first = store.stats().await.unwrap().first_position;
    assert!((3000..PERIOD).contains(&first), "{first}");
    no_differences(&*store).await;
    for _ in 0..2 {
        let kept: Vec<u64> = all.iter().copied().filter(|position| *position >= first).collect();
        let newest = positions(&*store, filter.clone(), Order::Oldest).await;
        assert!(newest.iter().all(|position| kept.contains(position)) && newest.len() + 1 >= kept.len());
        assert!(store.hourly(second(0), second(total as i64)).await.unwrap() == before, "counts stay");
        assert_eq!(submit(&*store, submission("mailgun", vec![nth(total - 1)])).await, (0, 1));
        store.rebuild(false, Box::new(|_, _| ())).await.unwrap();
        no_differences(&*store).await;
    }
    let (stop, reader) = ask_on(Arc::clone(&store), guest, state);
    store.retain(EVENTS_90, second(200 * DAY)).await.unwrap();
    stop.send(()).unwrap();
    assert!(reader.await.unwrap() > 0);
    for round in 0..2_i64 {
        assert!(store.hourly(second(0), second(total as i64)).await.unwrap() == before, "counts stay");
        assert_eq!(positions(&*store, EventFilter::default(), Order::Newest).await.len() as i64, round);
        assert_eq!(store.last_position(), total + round as u64);
        no_differences(&*store).await;
        let left = |table: &str| home.rows(table);
        assert_eq!((left("postings"), left("periods"), left("payloads")), (0, 0, round));
        drop(store);
        store = home.open();
        submit(
            &*store,
            received(
                submission(
                    "mailgun",
                    vec![event(Kind::Sent, "x@y.example", "m", 150 * DAY, 1_000_000 + round as u64)],
                ),
                199,
            ),
        )
        .await;
    }
    // The period goes on where it was and is sealed as any other.
    submit_all(&*store, "mailgun", (total..2 * PERIOD).map(nth).collect(), 200).await;
    sealed(&*store, 2).await;
    no_differences(&*store).await;
    store.rebuild(false, Box::new(|_, _| ())).await.unwrap();
    no_differences(&*store).await;
    assert_eq!(store.last_position(), 2 * PERIOD + 2);
}

on_every_store! {
    by_default_everything_is_kept,
    old_requests_go_and_their_events_stay,
    old_refused_requests_go,
    positions_never_begin_anew,
    readers_beside_see_what_is_left,
    sealed_periods_go_in_part_and_whole,
}
