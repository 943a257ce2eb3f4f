//! Events and stores to test with.

use std::sync::Arc;

use bytes::Bytes;
use hearback_event::{
    Address, Channel, DedupKey, Event, Failure, Kind, ListAction, Origin, Reason, Severity,
    SuppressionChange, Timestamp,
};
use hearback_store::postgres::PostgresOptions;
use hearback_store::sqlite::SqliteOptions;
use hearback_store::{
    Database, Payload, Receipt, SourceRef, Store, Submission, SuppressionQuery, SuppressionView,
};

use crate::coverage::Recorded;

/// A place for a store of its own, that can be closed and opened again.
pub(crate) enum Home {
    Sqlite(tempfile::TempDir),
    Postgres(Schema),
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) fn postgres() -> Self {
        Self::Postgres(Schema::new())
    }

    pub(crate) fn database(&self) -> Database {
        match self {
            Self::Sqlite(folder) => Database::Sqlite(SqliteOptions::new(folder.path().join("hearback.db"))),
            Self::Postgres(schema) => Database::Postgres(PostgresOptions::new(&schema.url()).unwrap()),
        }
    }

    pub(crate) fn open(&self) -> Arc<dyn Store> {
        open(&self.database())
    }

    /// How many rows a table has.
    pub(crate) fn rows(&self, table: &str) -> i64 {
        match self {
            Self::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("hearback.db")).unwrap();
                let sql = format!("SELECT count(*) FROM {table}");
                connection.query_row(&sql, [], |row| row.get(0)).unwrap()
            }
            Self::Postgres(schema) => {
                let sql = format!("SELECT count(*) FROM {}.{table}", schema.name);
                ask(|client| client.query_one(&sql, &[]).unwrap().get(0))
            }
        }
    }

    /// Changes rows behind the store's back.
    pub(crate) fn meddle(&self, sql: &str) {
        match self {
            Self::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("hearback.db")).unwrap();
                connection.execute_batch(sql).unwrap();
            }
            Self::Postgres(schema) => {
                let sql = format!("SET search_path = {}; {sql}", schema.name);
                ask(|client| client.batch_execute(&sql).unwrap());
            }
        }
    }
}

/// A schema of its own on the server that `./test` starts, dropped in the end.
pub(crate) struct Schema {
    pub(crate) name: String,
}

impl Schema {
    fn new() -> Self {
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        ask(|client| client.batch_execute(&format!("CREATE SCHEMA {name}")).unwrap());
        Self { name }
    }

    pub(crate) fn url(&self) -> String {
        let base = server();
        let joint = if base.contains('?') { '&' } else { '?' };
        format!("{base}{joint}options=-csearch_path%3D{name}&application_name={name}", name = self.name)
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let sql = format!("DROP SCHEMA {} CASCADE", self.name);
        ask(|client| client.batch_execute(&sql).unwrap());
    }
}

/// The URL of a schema for another user.
pub(crate) fn as_user(name: &str, schema: &Schema) -> String {
    schema.url().replace("hearback@", &format!("{name}@"))
}

/// The server for tests.
pub(crate) fn server() -> String {
    std::env::var("HEARBACK_TEST_POSTGRES").expect(
        "HEARBACK_TEST_POSTGRES is not set: these tests need a PostgreSQL server; `./test` starts one, and \
         `scripts/postgres run COMMAND...` does for any other command",
    )
}

/// So many cases of a property of both stores. A missing server is no counterexample: it is asked for before the first case, or the
/// seed of one would be kept.
pub(crate) fn cases(cases: u32) -> proptest::test_runner::Config {
    server();
    proptest::test_runner::Config::with_cases(cases)
}

/// Uses a connection of its own, away from async code, where a blocking connection may not wait.
pub(crate) fn ask<T: Send>(work: impl FnOnce(&mut postgres::Client) -> T + Send) -> T {
    let connect = || work(&mut postgres::Client::connect(&server(), postgres::NoTls).unwrap());
    std::thread::scope(|scope| scope.spawn(connect).join().unwrap())
}

/// Opens a store that writes down what it is asked.
pub(crate) fn open(database: &Database) -> Arc<dyn Store> {
    Arc::new(Recorded(Arc::new(database.open().unwrap())))
}

/// Makes a test of each function for each store; and, where it is given a name, a function that runs all of them.
macro_rules! on_every_store {
    ($every:ident: $($name:ident),+ $(,)?) => {
        pub(crate) async fn $every(home: fn() -> crate::support::Home) {
            $($name(&home()).await;)+
        }
        on_every_store! { $($name),+ }
    };
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                super::$name(&crate::support::Home::sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                super::$name(&crate::support::Home::postgres()).await;
            })+
        }
    };
}
pub(crate) use on_every_store;

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;
/// Events of one period.
pub(crate) const PERIOD: u64 = 65_536;

/// Waits until so many periods are sealed.
pub(crate) async fn sealed(store: &dyn Store, periods: u64) {
    // The journal seals by itself when nothing else is to be done; each write gives it another occasion.
    while store.stats().await.unwrap().unsealed_events >= PERIOD || store.last_position() < periods * PERIOD {
        store.check_writable().await.unwrap();
    }
}

/// Everything that is derived is as the log and what it owes say.
pub(crate) async fn no_differences(store: &dyn Store) {
    let report = store.rebuild(true, Box::new(|_, _| ())).await.unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
}

pub(crate) fn second(n: i64) -> Timestamp {
    Timestamp::from_seconds(1_760_000_000 + n).unwrap()
}

pub(crate) fn source(name: &str) -> SourceRef {
    SourceRef { name: name.into(), provider: "mailgun".into(), account: name.into() }
}

/// An event; `serial` is what makes it unique.
pub(crate) fn event(kind: Kind, recipient: &str, message: &str, at: i64, serial: u64) -> Event {
    let mut event =
        Event::new(kind, kind.name(), Channel::Email, DedupKey::of(&[b"test", &serial.to_be_bytes()]));
    event.recipient = Address::parse(recipient).ok();
    event.provider_message_id = (!message.is_empty()).then(|| message.to_owned());
    event.occurred_at = Some(second(at));
    event
}

pub(crate) fn bad_address(mut event: Event) -> Event {
    event.failure = Some(Failure {
        severity: Some(Severity::Permanent),
        reason: Some(Reason::InvalidRecipient),
        ..Failure::default()
    });
    event
}

pub(crate) fn submission(source_name: &str, events: Vec<Event>) -> Submission {
    let body = Bytes::from(format!("{{\"of\":\"{source_name}\",\"events\":{}}}", events.len()));
    Submission {
        source: source(source_name),
        origin: Origin::Webhook,
        received_at: second(100),
        verified: true,
        digest: DedupKey::of(&[&body]),
        payload: Payload {
            head: "POST /webhooks/x HTTP/1.1\r\ncontent-type: application/json\r\n".to_owned(),
            body,
        },
        events,
        replay_token: None,
        known_messages_only: false,
    }
}

/// Submits and tells how many were new and how many known.
pub(crate) async fn submit(store: &dyn Store, submission: Submission) -> (u32, u32) {
    match store.submit(submission).await.unwrap() {
        Receipt::Stored { new, duplicates } => (new, duplicates),
        other => panic!("{other:?}"),
    }
}

/// The first addresses that must not be sent to, after one.
pub(crate) async fn suppressed(
    store: &dyn Store,
    after: Option<Address>,
    limit: usize,
) -> Vec<SuppressionView> {
    store.suppressions(SuppressionQuery { after, limit, ..SuppressionQuery::default() }).await.unwrap().rows
}

/// What somebody does by hand.
pub(crate) fn by_hand(action: ListAction, recipient: &str, at: i64, serial: u64) -> Event {
    let mut event = event(Kind::SuppressionChanged, recipient, "", at, serial);
    let (reason, by) = (Some("he called".to_owned()), Some("desk".to_owned()));
    event.suppression = Some(SuppressionChange { action, reason, scope: None, by });
    event
}

/// A submission of what people and the application say.
pub(crate) fn said(events: Vec<Event>) -> Submission {
    Submission {
        source: SourceRef::hearback(),
        origin: Origin::Application,
        payload: Payload::default(),
        ..submission("hearback", events)
    }
}

/// Submits requests of some events each and waits for all.
pub(crate) async fn submit_all(store: &dyn Store, source: &str, events: Vec<Event>, batch: usize) {
    let waiting: Vec<_> =
        events.chunks(batch).map(|events| store.submit(submission(source, events.to_vec()))).collect();
    for receipt in futures_util::future::join_all(waiting).await {
        receipt.unwrap();
    }
}
