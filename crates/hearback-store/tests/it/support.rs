//! Events and stores to test with.

use std::sync::Arc;

use bytes::Bytes;
use hearback_event::{Address, Channel, DedupKey, Event, Failure, Kind, Origin, Reason, Severity, Timestamp};
use hearback_store::sqlite::{self, SqliteOptions};
use hearback_store::{Payload, Receipt, SourceRef, Store, Submission};

/// A store in a folder of its own that can be closed and opened again.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn options(&self) -> SqliteOptions {
        SqliteOptions::new(self.folder.path().join("hearback.db"))
    }

    pub(crate) fn open(&self) -> Arc<dyn Store> {
        Arc::new(sqlite::open(&self.options()).unwrap())
    }
}

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

/// Submits requests of some events each and waits for all.
pub(crate) async fn submit_all(store: &dyn Store, source: &str, events: Vec<Event>, batch: usize) {
    let waiting: Vec<_> =
        events.chunks(batch).map(|events| store.submit(submission(source, events.to_vec()))).collect();
    for receipt in futures_util::future::join_all(waiting).await {
        receipt.unwrap();
    }
}
