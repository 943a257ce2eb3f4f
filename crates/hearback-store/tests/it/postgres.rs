//! What is special to a database that several processes share.

use std::sync::Arc;

use hearback_event::{Event, Kind};
use hearback_store::postgres::{self, PostgresOptions};
use hearback_store::{EventQuery, Order, Receipt, Store, StoreError};

use crate::support::{Home, Schema, ask, event, server, submission, submit, submit_all};

const PERIOD: u64 = 65_536;

fn schema(home: &Home) -> &Schema {
    match home {
        Home::Postgres(schema) => schema,
        Home::Sqlite(_) => unreachable!("made as PostgreSQL"),
    }
}

fn nth(n: u64) -> Event {
    event(
        Kind::ALL[(n % 9) as usize],
        &format!("guest{}@d.example", n % 50),
        &format!("m{}", n / 4),
        n as i64,
        n,
    )
}

/// How many periods are sealed.
fn sealed(home: &Home) -> i64 {
    let sql = format!("SELECT count(*) FROM {}.periods", schema(home).name);
    ask(|client| client.query_one(&sql, &[]).unwrap().get(0))
}

/// The positions after `beyond`, oldest first.
async fn follow(store: &dyn Store, beyond: &mut Option<u64>) -> Vec<u64> {
    let query = EventQuery { order: Order::Oldest, beyond: *beyond, limit: 1000, ..EventQuery::default() };
    let rows = store.events(query).await.unwrap().rows;
    *beyond = rows.last().map(|record| record.position).or(*beyond);
    rows.iter().map(|record| record.position).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_at_two_processes_at_once_is_stored_once() {
    let home = Home::postgres();
    let stores = [home.open(), home.open(), home.open()];
    for round in 0..30_u64 {
        let events: Vec<Event> = (0..20).map(|n| nth(round * 20 + n)).collect();
        let tasks = stores.iter().enumerate().flat_map(|(which, store)| {
            // In another order and split at each, so that they meet in the middle.
            let mut events = events.clone();
            events.rotate_left(which * 7);
            events.chunks(5 + which).map(|part| (Arc::clone(store), part.to_vec())).collect::<Vec<_>>()
        });
        let tasks: Vec<_> = tasks
            .map(|(store, part)| {
                tokio::spawn(async move { submit(&*store, submission("mailgun", part)).await })
            })
            .collect();
        let (mut new, mut known) = (0, 0);
        for task in tasks {
            let receipt = task.await.unwrap();
            (new, known) = (new + receipt.0, known + receipt.1);
        }
        assert_eq!((new, known), (20, 40), "round {round}");
    }
    for store in &stores {
        let mut beyond = None;
        assert_eq!(follow(&**store, &mut beyond).await, (1..=600).collect::<Vec<_>>());
        let report = store.rebuild(true, Box::new(|_, _| ())).await.unwrap();
        assert_eq!((report.events, report.different), (600, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_at_two_processes_is_bound_once() {
    let home = Home::postgres();
    let (one, two) = (home.open(), home.open());
    for round in 0..20 {
        let with = |body: &str, serial: u64| {
            let mut given = submission("mailgun", vec![nth(1000 + serial)]);
            given.replay_token = Some(hearback_event::DedupKey::of(&[b"token", &[round]]));
            given.digest = hearback_event::DedupKey::of(&[body.as_bytes()]);
            given
        };
        let serial = u64::from(round) * 2;
        let (a, b) = tokio::join!(one.submit(with("a", serial)), two.submit(with("b", serial + 1)));
        let forged =
            [a.unwrap(), b.unwrap()].into_iter().filter(|receipt| *receipt == Receipt::ForgedReplay).count();
        assert_eq!(forged, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_misses_nothing_while_a_transaction_is_held_open() {
    let home = Home::postgres();
    let (writer, reader) = (home.open(), home.open());
    let mut beyond = None;
    submit(&*writer, submission("mailgun", vec![nth(0)])).await;
    assert_eq!(follow(&*reader, &mut beyond).await, [1]);

    // A third process has its turn, has written, and is slow to commit; the others wait for theirs.
    let search = format!("SET search_path = {}", schema(&home).name);
    let (written, is_written) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let slow = std::thread::spawn(move || {
        ask(move |client| {
            client.batch_execute(&search).unwrap();
            let mut transaction = client.transaction().unwrap();
            transaction
                .batch_execute(
                    "UPDATE head SET last_position = last_position + 1, turn = turn + 1;
                     INSERT INTO events SELECT (SELECT last_position FROM head), received_at, occurred_at, source, kind, channel,
                         origin, flags, recipient, payload, '\\x0102030405060708090a0b0c0d0e0f10', data FROM events LIMIT 1",
                )
                .unwrap();
            written.send(()).unwrap();
            may_go_on.recv().unwrap();
            transaction.commit().unwrap();
        });
    });
    is_written.recv().unwrap();
    let waiting = tokio::spawn({
        let writer = Arc::clone(&writer);
        async move { submit(&*writer, submission("mailgun", vec![nth(1)])).await }
    });
    let sql =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'";
    while ask(|client| client.query_one(sql, &[&schema(&home).name]).unwrap().get::<_, i64>(0)) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(follow(&*reader, &mut beyond).await, [0; 0], "nobody is before the one whose turn it is");
    go_on.send(()).unwrap();
    slow.join().unwrap();
    assert_eq!(waiting.await.unwrap(), (1, 0));
    for n in 2..=5 {
        submit(&*writer, submission("mailgun", vec![nth(n)])).await;
    }
    assert_eq!(follow(&*reader, &mut beyond).await, [2, 3, 4, 5, 6, 7]);
}

/// A token whose request told nothing new is bound by no raw request in the log, and for other processes all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_loose_token_is_bound_for_every_process() {
    let home = Home::postgres();
    let (one, two) = (home.open(), home.open());
    let with = |serial: u64, body: &str| {
        let mut given = submission("mailgun", vec![nth(serial)]);
        given.replay_token = Some(hearback_event::DedupKey::of(&[b"token"]));
        given.digest = hearback_event::DedupKey::of(&[body.as_bytes()]);
        given
    };
    // Both write in one go by now, as far as they can.
    for n in 1..4 {
        submit(&*one, submission("mailgun", vec![nth(n)])).await;
    }
    for n in 4..8 {
        submit(&*two, submission("mailgun", vec![nth(n)])).await;
    }
    assert_eq!(one.submit(with(4, "a")).await.unwrap(), Receipt::Stored { new: 0, duplicates: 1 });
    assert_eq!(two.submit(with(9, "b")).await.unwrap(), Receipt::ForgedReplay);
    assert_eq!(two.submit(with(5, "a")).await.unwrap(), Receipt::Stored { new: 0, duplicates: 1 });
    assert_eq!(one.submit(with(10, "a")).await.unwrap(), Receipt::Stored { new: 1, duplicates: 0 });
}

/// A standby takes over that lacks the last commits: what it lacks is new again, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_ends_earlier_than_memory_knows_is_read_anew() {
    let home = Home::postgres();
    let store = home.open();
    for n in 0..6 {
        submit(&*store, submission("mailgun", vec![nth(n)])).await;
    }
    home.meddle(
        "DELETE FROM events WHERE position > 4; DELETE FROM payloads WHERE id > 4; UPDATE head SET last_position = 4, turn = 4",
    );
    let again: Vec<Event> = (0..7).map(nth).collect();
    assert_eq!(submit(&*store, submission("mailgun", again)).await, (3, 4));
    let mut beyond = None;
    assert_eq!(follow(&*store, &mut beyond).await, (1..=7).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_seals_and_the_others_know_what_is_sealed() {
    let home = Home::postgres();
    let (one, two) = (home.open(), home.open());
    let total = PERIOD + 500;
    submit_all(&*one, "mailgun", (0..total).map(nth).collect(), 500).await;
    // The journal seals by itself when nothing else is to be done; each write gives it another occasion.
    while sealed(&home) < 1 {
        one.check_writable().await.unwrap();
        two.check_writable().await.unwrap();
    }
    let known: Vec<Event> = (0..total).step_by(97).map(nth).collect();
    let number = known.len() as u32;
    // The second has not been asked anything since the period was sealed: it must find out by itself.
    assert_eq!(submit(&*two, submission("mailgun", known.clone())).await, (0, number));
    assert_eq!(submit(&*one, submission("mailgun", known)).await, (0, number));

    // The one that seals goes; the other takes over.
    one.close().await.unwrap();
    drop(one);
    submit_all(&*two, "mailgun", (total..2 * PERIOD + 100).map(nth).collect(), 500).await;
    while sealed(&home) < 2 {
        two.check_writable().await.unwrap();
    }
    let report = two.rebuild(true, Box::new(|_, _| ())).await.unwrap();
    assert_eq!((report.events, report.differences), (2 * PERIOD + 100, Vec::new()));
    let again: Vec<Event> = (0..2 * PERIOD).step_by(611).map(nth).collect();
    let number = again.len() as u32;
    assert_eq!(submit(&*two, submission("mailgun", again)).await, (0, number));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_told_with_what_to_do() {
    let base = server();
    let said = |url: &str| {
        let options = PostgresOptions::new(url).unwrap();
        postgres::open(&options).err().unwrap_or_else(|| panic!("{url} was opened")).to_string()
    };
    let database = said(&base.replace("/postgres", "/no_such_database"));
    assert!(database.contains("CREATE DATABASE no_such_database"), "{database}");
    let without = said(&format!("{base}?options=-csearch_path%3Dno_such_schema"));
    assert!(without.contains("no schema to make tables in"), "{without}");
    let port = said("postgres://me:secret@127.0.0.1:1/hearback?sslmode=disable");
    assert!(port.contains("is PostgreSQL running there") && !port.contains("secret"), "{port}");

    // Another user, who may not make tables there; and tables that are somebody else's.
    let home = Home::postgres();
    let name = schema(&home).name.clone();
    ask(|client| {
        client
            .batch_execute(&format!("CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA {name} TO {name}"))
            .unwrap();
    });
    let url = crate::support::as_user(&name, schema(&home));
    let rights = said(&url);
    assert!(rights.contains("GRANT CREATE ON SCHEMA"), "{rights}");
    ask(|client| {
        client
            .batch_execute(&format!(
                "DROP OWNED BY {name}; DROP ROLE {name}; CREATE TABLE {name}.events (a int)"
            ))
            .unwrap();
    });
    let theirs = said(&schema(&home).url());
    assert!(theirs.contains("another program has a table of that name"), "{theirs}");

    let newer = Home::postgres();
    drop(newer.open());
    newer.meddle("UPDATE hearback_schema SET version = 99");
    let error = said(&schema(&newer).url());
    assert!(error.contains("has schema 99, this version knows up to 2"), "{error}");
    let beside = newer.database().open_beside().err().unwrap();
    assert!(matches!(beside, StoreError::Newer { found: 99, .. }), "{beside}");
    let empty = Home::postgres().database().open_beside().err().unwrap().to_string();
    assert!(empty.contains("no tables of Hearback"), "{empty}");
}

#[test]
fn many_processes_can_start_at_the_same_moment() {
    let home = Home::postgres();
    let opened: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| home.database().open().is_ok())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(opened, [true; 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_with_nul_are_kept() {
    let home = Home::postgres();
    let store = home.open();
    let mut one = nth(1);
    one.tags = vec!["a\0b".to_owned()];
    one.subject = Some("nul \0 here".to_owned());
    one.labels = [("k\0".to_owned(), "v\0".to_owned())].into();
    assert_eq!(submit(&*store, submission("mailgun", vec![one.clone()])).await, (1, 0));
    let page = store.events(EventQuery { limit: 5, ..EventQuery::default() }).await.unwrap();
    assert_eq!(
        (page.rows[0].event.subject.as_ref(), &page.rows[0].event.tags),
        (one.subject.as_ref(), &one.tags)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_encrypted_and_checked_as_the_url_says() {
    let home = Home::postgres();
    let authority = std::env::var("HEARBACK_TEST_POSTGRES_CA").unwrap();
    let plain = schema(&home).url();
    let open = |extra: &str| {
        PostgresOptions::new(&format!("{plain}&{extra}"))
            .and_then(|options| postgres::probe(&options).map_err(|error| error.to_string()))
    };
    for good in ["sslmode=disable", "sslmode=prefer", "sslmode=require", ""] {
        assert!(open(good).unwrap().starts_with("PostgreSQL "), "{good}");
    }
    let trusted = open(&format!("sslmode=verify-full&sslrootcert={authority}"));
    assert!(trusted.is_ok(), "{trusted:?}");
    let unknown = open("sslmode=verify-full").unwrap_err();
    assert!(unknown.contains("add `sslrootcert=FILE`"), "{unknown}");
    let missing = open("sslrootcert=/no/such/file").unwrap_err();
    assert!(missing.contains("sslrootcert /no/such/file"), "{missing}");

    // What the server says of a connection that asked for encryption: it is.
    let options = PostgresOptions::new(&format!("{plain}&sslmode=require")).unwrap();
    let store = postgres::open(&options).unwrap();
    let encrypted = ask(|client| {
        let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = $1 AND ssl";
        client.query_one(sql, &[&schema(&home).name]).unwrap().get::<_, Option<bool>>(0)
    });
    assert_eq!(encrypted, Some(true));
    drop(store);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_rolled_back_is_made_again() {
    let home = Home::postgres();
    let store = home.open();
    // The first batch makes its partitions and then fails.
    home.meddle(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
         CREATE TRIGGER fail BEFORE INSERT ON payloads FOR EACH STATEMENT EXECUTE FUNCTION fail()",
    );
    let given = submission("mailgun", vec![nth(1)]);
    assert!(matches!(store.submit(given.clone()).await, Err(StoreError::Write(_))));
    home.meddle("DROP TRIGGER fail ON payloads");
    assert_eq!(submit(&*store, given.clone()).await, (1, 0));
    assert_eq!(submit(&*store, given).await, (0, 1));
    assert_eq!(store.last_position(), 1);
}

/// Ends every connection of a home's stores, as a restart of the server would.
fn cut(home: &Home) {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
    ask(|client| client.execute(sql, &[&schema(home).name]).unwrap());
}

/// Submits requests, those that fail again, and cuts all connections once while they are under way.
async fn submit_and_cut(home: &Home, stores: &[Arc<dyn Store>; 2], events: Vec<Event>) -> u64 {
    let mut requests: Vec<_> = events.chunks(100).map(|part| submission("mailgun", part.to_vec())).collect();
    let (mut new, mut round) = (0, 0);
    while !requests.is_empty() {
        // A provider sends again what was not answered with success, to whichever server it reaches.
        let (store, given) = (Arc::clone(&stores[round % 2]), requests.clone());
        let task = tokio::spawn(async move {
            futures_util::future::join_all(given.into_iter().map(|request| store.submit(request))).await
        });
        if round == 0 {
            cut(home);
        }
        let receipts = task.await.unwrap();
        let mut receipts = receipts.into_iter();
        requests.retain(|_| match receipts.next() {
            Some(Ok(Receipt::Stored { new: stored, .. })) => {
                new += u64::from(stored);
                false
            }
            Some(Err(_)) => true,
            other => panic!("{other:?}"),
        });
        round += 1;
    }
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_may_be_cut_at_any_moment() {
    let home = Home::postgres();
    let stores = [home.open(), home.open()];
    let total = 2 * PERIOD + 100;
    let mut told_new = 0;
    for from in (0..total).step_by(6000) {
        told_new += submit_and_cut(&home, &stores, (from..total.min(from + 6000)).map(nth).collect()).await;
        // Readers notice nothing.
        for store in &stores {
            let newest = store.events(EventQuery { limit: 1, ..EventQuery::default() }).await.unwrap().rows;
            assert_eq!(newest[0].position, total.min(from + 6000));
        }
    }
    // What was stored before its answer was lost is told as known when it is sent again.
    assert!(told_new <= total, "{told_new}");
    // Each period is sealed in the end, by whoever; also when that takes several attempts.
    let mut rounds = 0;
    while sealed(&home) < 2 {
        if rounds < 30 {
            cut(&home);
        }
        for store in &stores {
            drop(store.check_writable().await);
        }
        rounds += 1;
    }
    for store in &stores {
        let report = store.rebuild(true, Box::new(|_, _| ())).await.unwrap();
        assert_eq!((report.events, report.differences), (total, Vec::new()));
        let again: Vec<Event> = (0..total).step_by(611).map(nth).collect();
        let number = again.len() as u32;
        assert_eq!(submit(&**store, submission("mailgun", again)).await, (0, number));
    }
}
