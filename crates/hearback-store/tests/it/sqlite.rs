//! What is special to one file on one machine.

use hearback_event::Kind;
use hearback_store::sqlite::{self, SqliteOptions};
use hearback_store::{Database, EventQuery, NewToken, Store, StoreError};

use crate::support::{Home, event, no_differences, second, submission, submit, suppressed};

fn options(home: &Home) -> SqliteOptions {
    match home.database() {
        Database::Sqlite(options) => options,
        Database::Postgres(_) => unreachable!("made as SQLite"),
    }
}

#[tokio::test]
async fn only_one_process_writes_while_others_read_beside_it() {
    let home = Home::sqlite();
    let store = home.open();
    submit(&*store, submission("mailgun", vec![event(Kind::Sent, "a@b.example", "m", 1, 1)])).await;
    let error = sqlite::open(&options(&home)).err().unwrap().to_string();
    assert!(error.contains("another hearback process has it open"), "{error}");
    assert!(sqlite::is_in_use(&options(&home).path));
    let beside = sqlite::open_beside(&options(&home)).unwrap();
    let count =
        async || beside.events(EventQuery { limit: 10, ..EventQuery::default() }).await.unwrap().rows.len();
    assert_eq!((count().await, beside.last_position()), (1, 1));
    submit(&*store, submission("other", vec![event(Kind::Sent, "a@b.example", "m", 1, 2)])).await;
    assert_eq!((count().await, beside.last_position()), (2, 2));
    let token =
        NewToken { name: "cli".to_owned(), scope: "read".to_owned(), hash: [1; 32], created_at: second(1) };
    beside.add_token(token).await.unwrap();
    assert_eq!(store.tokens().await.unwrap().len(), 1);
    let refused = beside.submit(submission("mailgun", Vec::new())).await;
    assert!(matches!(refused, Err(StoreError::Stopped)));
    store.close().await.unwrap();
    assert!(matches!(store.submit(submission("mailgun", Vec::new())).await, Err(StoreError::Stopped)));
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let home = Home::sqlite();
    let path = options(&home).path;
    let open = || sqlite::open(&options(&home)).err().unwrap().to_string();
    std::fs::write(&path, "this is no database, only a text of some length that is no header").unwrap();
    assert!(open().contains("not a SQLite file"), "{}", open());
    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    let theirs = std::fs::read(&path).unwrap();
    assert!(open().contains("SQLite file of another program"), "{}", open());
    assert_eq!(std::fs::read(&path).unwrap(), theirs);
    std::fs::remove_file(&path).unwrap();
    drop(sqlite::open(&options(&home)).unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(open().contains("has schema 99, this version knows up to 2"), "{}", open());
    let missing = hearback_store::sqlite::SqliteOptions::new(path.join("no/such/folder.db"));
    let error = sqlite::open(&missing).err().unwrap().to_string();
    assert!(error.contains("does its folder exist"), "{error}");
}

#[tokio::test]
async fn a_full_queue_says_so_at_once() {
    let home = Home::sqlite();
    let mut options = options(&home);
    options.log.queue_bytes = 100;
    let store = sqlite::open(&options).unwrap();
    let given = submission("mailgun", vec![event(Kind::Sent, "a@b.example", "m", 1, 1)]);
    assert!(matches!(store.submit(given).await, Err(StoreError::Overloaded)));
    assert_eq!(store.last_position(), 0);
}

#[tokio::test]
async fn readers_beside_notice_who_is_forgotten() {
    let home = Home::sqlite();
    let store = home.open();
    let alice = hearback_event::Address::parse("alice@b.example").unwrap();
    submit(&*store, submission("mailgun", vec![event(Kind::Complained, "alice@b.example", "m", 1, 1)])).await;
    let beside = sqlite::open_beside(&options(&home)).unwrap();
    assert_eq!(suppressed(&beside, None, 10).await.len(), 1);
    assert!(
        store.forget(alice.clone()).await.unwrap().purged,
        "who only reads now and then is not in the way"
    );
    assert!(suppressed(&beside, None, 10).await.is_empty());
    assert!(beside.recipient(alice.clone()).await.unwrap().is_none());
    assert!(matches!(beside.forget(alice).await, Err(StoreError::Stopped)), "only who has the journal can");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_of_one_moment_though_events_come_in() {
    let home = Home::sqlite();
    let store = home.open();
    let batch = |n: u64| {
        let events =
            (0..50).map(|i| event(Kind::Sent, &format!("p{i}@b.example"), "m", 1, n * 50 + i)).collect();
        submission("mailgun", events)
    };
    for n in 0..40 {
        submit(&*store, batch(n)).await;
    }
    let before = store.last_position();
    let writer = {
        let store = std::sync::Arc::clone(&store);
        let batches: Vec<_> = (40..140).map(batch).collect();
        tokio::spawn(async move {
            for batch in batches {
                submit(&*store, batch).await;
            }
        })
    };
    let other = Home::sqlite();
    let copy = options(&other).path;
    let (database, to) = (Database::Sqlite(options(&home)), copy.clone());
    let told = tokio::task::spawn_blocking(move || {
        let mut told = Vec::new();
        let bytes = database.backup(&to, false, &mut |done, all| told.push((done, all))).unwrap();
        (bytes, told)
    });
    let (bytes, told) = told.await.unwrap();
    writer.await.unwrap();
    assert_eq!(bytes, std::fs::metadata(&copy).unwrap().len());
    assert!(told.last().is_some_and(|(done, all)| done == all && *all > 0), "{told:?}");
    let error =
        Database::Sqlite(options(&home)).backup(&copy, false, &mut |_, _| ()).unwrap_err().to_string();
    assert!(error.contains("there is such a file already"), "{error}");
    let copied = other.open();
    let last = copied.last_position();
    assert!(last >= before && last.is_multiple_of(50) && last <= store.last_position(), "{before} {last}");
    no_differences(&*copied).await;
    let beside: Vec<_> = std::fs::read_dir(copy.parent().unwrap()).unwrap().collect();
    assert!(
        beside.iter().all(|entry| !entry.as_ref().unwrap().path().display().to_string().contains(".part"))
    );
}

#[tokio::test]
async fn what_is_forgotten_is_not_left_in_unused_parts_of_the_file() {
    let home = Home::sqlite();
    let store = home.open();
    submit(&*store, submission("mailgun", vec![event(Kind::Sent, "gone@b.example", "m", 1, 1)])).await;
    let other = rusqlite::Connection::open(options(&home).path).unwrap();
    other.pragma_update(None, "secure_delete", "OFF").unwrap();
    other.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES ('gone@b.example'); DROP TABLE t").unwrap();
    drop(other);
    let forgotten = store.forget(hearback_event::Address::parse("gone@b.example").unwrap()).await.unwrap();
    assert!(forgotten.rewritten && forgotten.purged, "{forgotten:?}");
    let bytes = std::fs::read(options(&home).path).unwrap();
    assert!(memchr::memmem::find(&bytes, b"gone@b.example").is_none());
    assert_eq!(store.events(EventQuery { limit: 5, ..EventQuery::default() }).await.unwrap().rows.len(), 1);
}
