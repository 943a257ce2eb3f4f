//! PostgreSQL's partitions of the log: events are found in any of them, and looked for in their own alone.

use futures_util::future::join_all;
use hearback_event::{DedupKey, Event, Kind};
use hearback_store::postgres::{self, PostgresOptions};
use hearback_store::{EventFilter, EventQuery, Order, Receipt, Store, Submission};

use crate::support::{Home, ask, event, no_differences, submission, submit};

/// Positions of one partition.
const POSITIONS: u64 = 1 << 20;
/// So many events are in the first partition, the others in the second.
const BEFORE: u64 = 22;
/// So many fill the first period: it reaches one position into the second partition.
const SEALED: u64 = BEFORE + 1;
const TOTAL: u64 = 64;

/// The message of every four events, one of each kind.
fn nth(n: u64) -> Event {
    const KINDS: [Kind; 4] = [Kind::Sent, Kind::Deferred, Kind::Delivered, Kind::Opened];
    let (recipient, message) = (format!("guest{}@d.example", n / 8), format!("m{}", n / 4));
    event(KINDS[(n % 4) as usize], &recipient, &message, n as i64, n)
}

/// Its request, with a token of its own.
fn request(n: u64) -> Submission {
    let replay_token = Some(DedupKey::of(&[b"token", &n.to_be_bytes()]));
    Submission { replay_token, ..submission("mailgun", vec![nth(n)]) }
}

/// A log that begins shortly before its second partition, as one does of which all before was dropped.
async fn at_the_border() -> (Home, impl Store) {
    let home = Home::postgres();
    drop(home.open());
    let last = POSITIONS - 1 - BEFORE;
    let begins = last + 1;
    home.meddle(&format!(
        "UPDATE head SET last_position = {last}; UPDATE log_start SET position = {begins}, payloads = {begins}"
    ));
    let Home::Postgres(schema) = &home else { unreachable!("made as PostgreSQL") };
    // With plans as it makes them for large tables, and for all that may be asked.
    let settings =
        "%20-cenable_seqscan%3Doff%20-cjit%3Doff%20-cplan_cache_mode%3Dforce_generic_plan&application_name";
    let url = schema.url().replace("&application_name", settings);
    let store = postgres::open(&PostgresOptions::new(&url).unwrap()).unwrap();
    for n in 0..TOTAL {
        assert_eq!(submit(&store, request(n)).await, (1, 0));
    }
    assert_eq!(store.last_position(), last + TOTAL);
    (home, store)
}

/// What a filter finds from a position on, as numbers of events.
async fn found(store: &dyn Store, filter: EventFilter, beyond: u64) -> Vec<u64> {
    let query = EventQuery { filter, order: Order::Oldest, beyond: Some(beyond), limit: 100 };
    let rows = store.events(query).await.unwrap().rows;
    rows.iter().map(|record| record.position + BEFORE - POSITIONS).collect()
}

fn delivered() -> EventFilter {
    EventFilter { kinds: vec![Kind::Delivered], ..EventFilter::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_found_in_whatever_partitions_they_are() {
    let (_home, store) = at_the_border().await;
    let all: Vec<u64> = (0..TOTAL).collect();
    assert_eq!(found(&store, EventFilter::default(), 0).await, all);
    let every_fourth: Vec<u64> = (2..TOTAL).step_by(4).collect();
    assert_eq!(found(&store, delivered(), 0).await, every_fourth);
    // The message that has two events in either.
    let border = nth(BEFORE - 1);
    let names = border.message_ids("mailgun").collect();
    let filter = EventFilter { messages: names, ..EventFilter::default() };
    assert_eq!(found(&store, filter, 0).await, [20, 21, 22, 23]);
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_are_known_in_whatever_partitions_the_first_are() {
    let (_home, store) = at_the_border().await;
    // What is sealed is known by its rows, and no longer by memory.
    while store.stats().await.unwrap().unsealed_events > TOTAL - SEALED {
        store.check_writable().await.unwrap();
    }
    let all = submission("mailgun", (0..TOTAL).map(nth).collect());
    assert_eq!(submit(&store, all).await, (0, TOTAL as u32));
    let again = join_all((0..TOTAL).map(|n| store.submit(request(n)))).await;
    for (n, receipt) in again.into_iter().enumerate() {
        assert_eq!(receipt.unwrap(), Receipt::Stored { new: 0, duplicates: 1 }, "request {n}");
    }
    let forged = |n| Submission {
        digest: DedupKey::of(&[b"another body"]),
        events: vec![nth(TOTAL + n)],
        ..request(n)
    };
    let forged = join_all((0..TOTAL).map(|n| store.submit(forged(n)))).await;
    for (n, receipt) in forged.into_iter().enumerate() {
        assert_eq!(receipt.unwrap(), Receipt::ForgedReplay, "request {n}");
    }
    no_differences(&store).await;
}

/// How often the index of each of the first two partitions was searched.
fn searches(home: &Home) -> [i64; 2] {
    let Home::Postgres(schema) = home else { unreachable!("made as PostgreSQL") };
    let sql = "SELECT COALESCE(idx_scan, 0) FROM pg_stat_all_tables WHERE schemaname = $1 AND relname = $2";
    [0, 1].map(|number| {
        let table = format!("events_{number}");
        ask(|client| client.query_one(sql, &[&schema.name, &table]).unwrap().get(0))
    })
}

/// Asks until the server tells of so many searches in the second partition. Gives those in both since.
async fn searched(home: &Home, store: &dyn Store, beyond: u64, times: i64) -> [i64; 2] {
    let before = searches(home);
    loop {
        for _ in 0..50 {
            assert!(!found(store, delivered(), beyond).await.is_empty());
        }
        let now = searches(home);
        if now[1] - before[1] >= times {
            return [0, 1].map(|number| now[number] - before[number]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_looked_for_in_its_own_partition_alone() {
    let (home, store) = at_the_border().await;
    let (in_first, in_second) = (5, 11);
    assert_eq!(found(&store, delivered(), 0).await.len(), in_first + in_second);
    // What was asked before is told of late, and how often the log's end is looked for nobody knows: some more are let pass.
    let [first, second] = searched(&home, &store, POSITIONS - 1, 2000).await;
    assert!(first < 500, "{first} and {second}, though nothing was asked of the first");
    let [first, second] = searched(&home, &store, 0, 2000).await;
    assert!(
        first < second * 3 / 4,
        "{first} and {second}, though {in_first} events were looked for in the one and {in_second} in the other"
    );
}
