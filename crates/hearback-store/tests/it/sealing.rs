//! What holds for a few events holds for many periods of them.

use hearback_event::{Address, DedupKey, Event, Kind};
use hearback_store::{EventFilter, EventQuery, Order, Receipt, Store};

use crate::support::{
    Home, PERIOD, bad_address, event, on_every_store, sealed, second, submission, submit, submit_all,
};

fn nth(n: u64) -> Event {
    let kind = Kind::ALL[(n % 9) as usize];
    let mut event =
        event(kind, &format!("guest{}@d{}.example", n % 5000, n % 50), &format!("m{}", n / 4), n as i64, n);
    event.labels = [("booking".to_owned(), (n / 100).to_string())].into();
    if n.is_multiple_of(97) { bad_address(event) } else { event }
}

async fn count(store: &dyn Store, filter: EventFilter, order: Order) -> Vec<u64> {
    let (mut found, mut beyond) = (Vec::new(), None);
    loop {
        let page =
            store.events(EventQuery { filter: filter.clone(), order, beyond, limit: 500 }).await.unwrap();
        found.extend(page.rows.iter().map(|record| record.position));
        beyond = page.next;
        if beyond.is_none() {
            return found;
        }
    }
}

async fn sealed_and_open_periods_answer_alike(home: &Home) {
    let total = 2 * PERIOD + 3000;
    let store = home.open();
    submit_all(&*store, "mailgun", (0..total / 2).map(nth).collect(), 100).await;
    // A restart in the middle of sealing.
    drop(store);
    let store = home.open();
    submit_all(&*store, "mailgun", (total / 2..total).map(nth).collect(), 100).await;
    sealed(&*store, 2).await;
    let mut store = store;
    for _ in 0..2 {
        assert_eq!(store.last_position(), total);
        let known: Vec<Event> = (0..total).step_by(611).map(nth).collect();
        let number = known.len() as u32;
        assert_eq!(
            submit(&*store, submission("mailgun", known)).await,
            (0, number),
            "sealed events are still known"
        );

        let mut oldest = count(
            &*store,
            EventFilter { labels: vec![("booking".to_owned(), "7".to_owned())], ..EventFilter::default() },
            Order::Oldest,
        )
        .await;
        assert_eq!(oldest, (701..=800).collect::<Vec<_>>());
        let recipient = Address::parse("guest7@d7.example").unwrap();
        let filter = EventFilter { recipient: Some(recipient.clone()), ..EventFilter::default() };
        let newest = count(&*store, filter.clone(), Order::Newest).await;
        oldest = count(&*store, filter, Order::Oldest).await;
        oldest.reverse();
        let expected: Vec<u64> = (0..total).filter(|n| n % 5000 == 7).map(|n| n + 1).rev().collect();
        assert_eq!((&newest, &newest), (&expected, &oldest));
        let view = store.recipient(recipient).await.unwrap().unwrap();
        assert_eq!(view.counts().as_array().iter().sum::<u64>(), expected.len() as u64);

        let filter = EventFilter {
            kinds: vec![Kind::Bounced],
            domain: Some("d3.example".to_owned()),
            since: Some(second(60_000)),
            ..EventFilter::default()
        };
        let both = count(&*store, filter, Order::Newest).await;
        let expected: Vec<u64> =
            (60_000..total).filter(|n| n % 9 == 4 && n % 50 == 3).map(|n| n + 1).rev().collect();
        assert_eq!(both, expected);

        let hourly = store.hourly(second(0), second(total as i64)).await.unwrap();
        assert_eq!(hourly.iter().map(|row| row.count).sum::<u64>(), total);
        assert_eq!(store.messages_by_provider_id("m17".to_owned()).await.unwrap().len(), 4);
        let report = store.rebuild(true, Box::new(|_, _| ())).await.unwrap();
        assert_eq!((report.events, report.differences), (total, Vec::new()));
        drop(store);
        store = home.open();
    }
}

async fn tokens_of_sealed_periods_stay_bound_and_a_rebuild_mends_what_is_damaged(home: &Home) {
    let store = home.open();
    let token = DedupKey::of(&[b"one-time"]);
    let mut bound = submission("mailgun", vec![event(Kind::Sent, "a@b.example", "first", 1, u64::MAX)]);
    bound.replay_token = Some(token);
    assert_eq!(submit(&*store, bound.clone()).await, (1, 0));
    submit_all(&*store, "mailgun", (0..PERIOD + 100).map(nth).collect(), 200).await;
    sealed(&*store, 1).await;
    assert_eq!(submit(&*store, bound.clone()).await, (0, 1));
    let mut forged = bound.clone();
    forged.digest = DedupKey::of(&[b"another body"]);
    forged.events = vec![event(Kind::Bounced, "a@b.example", "first", 2, u64::MAX - 1)];
    assert_eq!(store.submit(forged).await.unwrap(), Receipt::ForgedReplay);
    store.close().await.unwrap();
    drop(store);

    home.meddle(
        "UPDATE recipient_blocks SET block = (SELECT block FROM recipient_blocks WHERE id = 1) WHERE id = 0;
         UPDATE recipient_blocks SET block = substr(block, 1, 3) WHERE id = 2;
         DELETE FROM recipient_blocks WHERE id = 3;
         DELETE FROM postings WHERE id = 3;
         UPDATE hourly SET count = count + 1",
    );
    let store = home.open();
    let report = store.rebuild(true, Box::new(|_, _| ())).await.unwrap();
    assert!(report.different >= 4, "{report:?}");
    let report = store.rebuild(false, Box::new(|_, _| ())).await.unwrap();
    assert!(report.different >= 4, "what was found is told, then mended: {report:?}");
    let report = store.rebuild(true, Box::new(|_, _| ())).await.unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
    assert_eq!(submit(&*store, bound).await, (0, 1));
    assert_eq!(submit(&*store, submission("mailgun", (0..50).map(nth).collect())).await, (0, 50));
}

/// Two periods are sealed; the rebuild ends between them, so that the second is in no index.
async fn a_rebuild_that_fails_loses_nothing(home: &Home) {
    let store = home.open();
    let total = 2 * PERIOD + 100;
    submit_all(&*store, "mailgun", (0..total).map(nth).collect(), 500).await;
    sealed(&*store, 2).await;
    let (fail, mend) = match home {
        Home::Sqlite(_) => (
            "CREATE TRIGGER fail BEFORE INSERT ON periods WHEN NEW.period = 1 BEGIN SELECT RAISE(ABORT, 'no'); END",
            "DROP TRIGGER fail",
        ),
        Home::Postgres(_) => (
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
             CREATE TRIGGER fail BEFORE INSERT ON periods FOR EACH ROW WHEN (NEW.period = 1) EXECUTE FUNCTION fail()",
            "DROP TRIGGER fail ON periods",
        ),
    };
    home.meddle(fail);
    store.rebuild(false, Box::new(|_, _| ())).await.unwrap_err();
    assert_eq!(store.last_position(), total);
    let hourly = store.hourly(second(0), second(total as i64)).await.unwrap();
    assert_eq!(hourly.iter().map(|row| row.count).sum::<u64>(), total, "each is counted once");
    let known: Vec<Event> = (0..total).step_by(611).map(nth).collect();
    let number = known.len() as u32;
    assert_eq!(submit(&*store, submission("mailgun", known)).await, (0, number));
    assert_eq!(submit(&*store, submission("mailgun", vec![nth(total)])).await, (1, 0));
    home.meddle(mend);
    store.rebuild(false, Box::new(|_, _| ())).await.unwrap();
    let report = store.rebuild(true, Box::new(|_, _| ())).await.unwrap();
    assert_eq!((report.events, report.differences), (total + 1, Vec::new()));
}

on_every_store! {
    a_rebuild_that_fails_loses_nothing,
    sealed_and_open_periods_answer_alike,
    tokens_of_sealed_periods_stay_bound_and_a_rebuild_mends_what_is_damaged,
}
