//! A store with events, and an engine that can be stopped, killed and started again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hearback_deliver::{
    BreakerRules, Destination, Destinations, Filter, Guard, Pace, Schedule, Timing, Webhook, WebhookOptions,
};
use hearback_event::{Address, Channel, DedupKey, Event, Kind, Origin, Timestamp};
use hearback_store::sqlite::SqliteOptions;
use hearback_store::{
    Begin, Database, DestinationState, EventQuery, FailedPush, FailedPushQuery, Order, Payload, SourceRef,
    Store, Submission,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::receiver::{Receiver, key};

pub(crate) fn loopback() -> Guard {
    Guard::new(vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()])
}

pub(crate) fn options(url: &str) -> WebhookOptions {
    WebhookOptions {
        url: url.parse().unwrap(),
        keys: vec![key()],
        headers: axum::http::HeaderMap::new(),
        guard: loopback(),
        batches: false,
    }
}

/// A destination that tries again after some milliseconds, and gives up late.
pub(crate) fn destination(name: &str, receiver: &Receiver) -> Destination {
    with_options(name, options(&receiver.url()))
}

pub(crate) fn with_options(name: &str, options: WebhookOptions) -> Destination {
    Destination {
        name: name.to_owned(),
        filter: Filter::default(),
        pace: Pace { timeout: Duration::from_mins(1), ..Pace::default() },
        schedule: Schedule::new(vec![Duration::from_millis(5); 1000]),
        breaker: BreakerRules { failures: u32::MAX, ..BreakerRules::default() },
        begin: Begin::Beginning,
        alerts_only: false,
        carrier: Box::new(Webhook::new(options).unwrap()),
    }
}

pub(crate) fn timing() -> Timing {
    Timing {
        look_every: Duration::from_millis(50),
        lease: Duration::from_millis(600),
        grace: Duration::from_mins(1),
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    folder: Option<tempfile::TempDir>,
}

pub(crate) struct Running {
    pub(crate) destinations: Destinations,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends in order.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        (&mut self.task).await.unwrap();
    }

    /// Ends at once, as far as that is possible within one process: nothing more is written.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(SqliteOptions::new(folder.path().join("hearback.db")));
        Self { store: Arc::new(database.open().unwrap()), folder: Some(folder) }
    }

    pub(crate) fn on(database: &Database) -> Self {
        Self { store: Arc::new(database.open().unwrap()), folder: None }
    }

    /// Closes the database and opens it again.
    pub(crate) async fn reopen(&mut self) {
        let folder = self.folder.as_ref().unwrap().path().join("hearback.db");
        self.store.close().await.unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let other = Database::Sqlite(SqliteOptions::new(elsewhere.path().join("other.db"))).open().unwrap();
        drop(std::mem::replace(&mut self.store, Arc::new(other)));
        let database = Database::Sqlite(SqliteOptions::new(folder));
        // Pushes that were killed are dropped when the runtime comes to it; until then they hold the lock on the file.
        let opened = loop {
            match database.open() {
                Ok(store) => break store,
                Err(error) if error.to_string().contains("has it open") => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(error) => panic!("{error}"),
            }
        };
        self.store = Arc::new(opened);
    }

    pub(crate) async fn start(&self, destinations: Vec<Destination>) -> Running {
        let destinations = Destinations::new(destinations, Arc::clone(&self.store));
        let engine = destinations.engine(timing());
        engine.register().await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(engine.run(async move {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        }));
        Running { destinations, stop: Some(stop), task }
    }

    /// Stores an event for each serial.
    pub(crate) async fn add(&self, serials: std::ops::Range<u64>) {
        for serial in serials {
            self.submit(event(serial)).await;
        }
    }

    pub(crate) async fn submit(&self, event: Event) {
        let submission = Submission {
            source: SourceRef {
                name: "mailgun".into(),
                provider: "mailgun".into(),
                account: "mailgun".into(),
            },
            origin: Origin::Webhook,
            received_at: Timestamp::now(),
            verified: true,
            events: vec![event],
            payload: Payload { head: String::new(), body: Bytes::from_static(b"{}") },
            replay_token: None,
            digest: DedupKey::of(&[]),
            known_messages_only: false,
        };
        self.store.submit(submission).await.unwrap();
    }

    /// The ids of all events that providers told, in the order of the log.
    pub(crate) async fn ids(&self) -> Vec<String> {
        let query = EventQuery { order: Order::Oldest, limit: 1000, ..EventQuery::default() };
        let rows = self.store.events(query).await.unwrap().rows;
        let told = rows.iter().filter(|record| record.origin == Origin::Webhook);
        told.map(|record| record.id().to_string()).collect()
    }

    /// The notices in the log.
    pub(crate) async fn notices(&self) -> Vec<Event> {
        let query = EventQuery { order: Order::Oldest, limit: 1000, ..EventQuery::default() };
        let rows = self.store.events(query).await.unwrap().rows;
        rows.into_iter().filter(|record| record.event.kind.is_notice()).map(|record| record.event).collect()
    }

    pub(crate) async fn state(&self, name: &str) -> DestinationState {
        let states = self.store.destinations().await.unwrap();
        states.into_iter().find(|state| state.name == name).unwrap()
    }

    /// Waits until a destination stands as wanted: what is looked at is on disk, and nothing tells of it.
    pub(crate) async fn until(
        &self,
        name: &str,
        wanted: impl Fn(&DestinationState) -> bool,
    ) -> DestinationState {
        loop {
            let state = self.state(name).await;
            if wanted(&state) {
                return state;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn failed(&self, name: &str) -> Vec<FailedPush> {
        let query =
            FailedPushQuery { destination: name.to_owned(), limit: 1000, ..FailedPushQuery::default() };
        self.store.failed_pushes(query).await.unwrap()
    }
}

/// Four events of each message, to some guest.
pub(crate) fn event(serial: u64) -> Event {
    let kinds = [Kind::Sent, Kind::Delivered, Kind::Opened, Kind::Bounced];
    let kind = kinds[serial as usize % kinds.len()];
    let key = DedupKey::of(&[b"test", &serial.to_be_bytes()]);
    let mut event = Event::new(kind, kind.name(), Channel::Email, key);
    event.occurred_at = Timestamp::from_seconds(1_760_000_000 + serial as i64);
    event.recipient = Address::parse(&format!("guest{}@example.com", serial / 4)).ok();
    event.provider_message_id = Some(format!("m{}", serial / 4));
    event.provider_event_id = Some(serial.to_string());
    event
}
