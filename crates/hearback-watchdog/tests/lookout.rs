//! Looking at sources and rates over a real store, with the time in the test's hands.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use hearback_event::{
    Address, Channel, DedupKey, Event, Kind, NewMessage, Origin, Record, Registration, Timestamp,
};
use hearback_store::sqlite::SqliteOptions;
use hearback_store::{
    Database, EventFilter, EventQuery, Order, Payload, Refused, SourceRef, Store, Submission,
};
use hearback_watchdog::{Limits, Lookout};

const HOUR: i64 = 3600;
const WEEK: i64 = 7 * 24 * HOUR;

/// Hours on a day in October, at half past.
fn hour(n: i64) -> Timestamp {
    Timestamp::from_seconds(1_760_002_200 + n * HOUR).unwrap()
}

fn source() -> SourceRef {
    SourceRef { name: "eu".into(), provider: "mailgun".into(), account: "eu".into() }
}

struct World {
    _folder: tempfile::TempDir,
    store: Arc<dyn Store>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(folder.path().join("hearback.db"));
        let store = Arc::new(Database::Sqlite(options).open().unwrap());
        Self { _folder: folder, store }
    }

    async fn submit(&self, events: Vec<Event>, at: Timestamp) {
        let origin = if events[0].kind == Kind::Registered { Origin::Application } else { Origin::Webhook };
        let submission = Submission {
            source: source(),
            origin,
            received_at: at,
            verified: true,
            events,
            payload: Payload::default(),
            replay_token: None,
            digest: DedupKey::of(&[]),
            known_messages_only: false,
        };
        self.store.submit(submission).await.unwrap();
    }

    /// So many events of a kind, received at a moment.
    async fn tell(&self, kind: Kind, count: i64, at: Timestamp) {
        let event = |n: i64| {
            let key = DedupKey::of(&[kind.name().as_bytes(), &n.to_be_bytes(), &at.as_nanos().to_be_bytes()]);
            Event {
                occurred_at: Some(at),
                recipient: Address::parse(&format!("g{n}@big.example")).ok(),
                tags: vec!["welcome".to_owned()],
                ..Event::new(kind, kind.name(), Channel::Email, key)
            }
        };
        self.submit((0..count).map(event).collect(), at).await;
    }

    async fn refuse(&self, count: u64, at: Timestamp) {
        for n in 0..count {
            let refused = Refused {
                source: source(),
                received_at: at.plus_seconds(n as i64),
                cause: "bad_signature".to_owned(),
                detail: "the signature is not that of any key".to_owned(),
                remote: None,
                payload: Payload::default(),
            };
            self.store.quarantine(refused).await.unwrap();
        }
    }

    /// Looks, as a process would that was started just now.
    async fn look(&self, at: Timestamp) {
        Lookout::new(Arc::clone(&self.store), vec![source()], Limits::default()).step(at).await.unwrap();
    }

    async fn notices(&self) -> Vec<Record> {
        let kinds = Kind::ALL.iter().filter(|kind| kind.is_notice()).copied().collect();
        let filter = EventFilter { kinds, ..EventFilter::default() };
        let query = EventQuery { filter, order: Order::Oldest, beyond: None, limit: 100 };
        self.store.events(query).await.unwrap().rows
    }

    async fn said(&self) -> Vec<(Kind, String)> {
        let said = |record: Record| (record.event.kind, record.event.notice.unwrap_or_default());
        self.notices().await.into_iter().map(said).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_refuses_request_after_request_is_told_once() {
    let world = World::new();
    world.tell(Kind::Delivered, 3, hour(0)).await;
    world.refuse(9, hour(1)).await;
    world.look(hour(1).plus_seconds(60)).await;
    assert_eq!(world.said().await, [], "nine are few");
    world.refuse(28, hour(1).plus_seconds(100)).await;
    for at in [200, 260, 320] {
        world.look(hour(1).plus_seconds(at)).await;
    }
    let refusing = (
        Kind::SourceRefusing,
        "37 requests refused in 10 min and none taken: was the key changed?".to_owned(),
    );
    assert_eq!(world.said().await, std::slice::from_ref(&refusing));
    assert_eq!(&*world.notices().await[0].source, "eu");
    // Somebody mended the key.
    world.tell(Kind::Delivered, 1, hour(3)).await;
    for at in [hour(3), hour(4)] {
        world.look(at).await;
    }
    let well = (Kind::SourceRecovered, "it tells events again, 116 min after that was told".to_owned());
    assert_eq!(world.said().await, [refusing, well]);
    // Refused requests of before are no new streak.
    world.look(hour(3).plus_seconds(1)).await;
    assert_eq!(world.said().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_are_refused_between_genuine_requests_are_nothing_to_tell() {
    let world = World::new();
    for minute in 0..8 {
        world.refuse(5, hour(1).plus_seconds(minute * 60)).await;
        world.tell(Kind::Delivered, 1, hour(1).plus_seconds(minute * 60 + 30)).await;
        world.look(hour(1).plus_seconds(minute * 60 + 40)).await;
    }
    assert_eq!(world.said().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_silent_when_other_weeks_say_so() {
    let world = World::new();
    for week in 0..3 {
        for n in 0..48 {
            world.tell(Kind::Delivered, 10, hour(n).plus_seconds(week * WEEK)).await;
        }
    }
    let fourth = |n: i64| hour(n).plus_seconds(3 * WEEK);
    world.tell(Kind::Delivered, 10, fourth(0)).await;
    world.look(fourth(1)).await;
    assert_eq!(world.said().await, [], "no whole hour is silent yet");
    for n in 2..20 {
        world.look(fourth(n)).await;
    }
    let said = world.said().await;
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].0, Kind::SourceSilent);
    assert_eq!(said[0].1, "no event for 2 h; in the same hours of the weeks before there were 10 on average");
    world.tell(Kind::Opened, 1, fourth(20)).await;
    world.look(fourth(20).plus_seconds(60)).await;
    assert_eq!(world.said().await[1].0, Kind::SourceRecovered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_night_is_nothing_to_tell() {
    let world = World::new();
    for week in 0..4 {
        for day in 0..7 {
            for n in 8..18 {
                world.tell(Kind::Delivered, 20, hour(day * 24 + n).plus_seconds(week * WEEK)).await;
            }
        }
    }
    for n in 0..14 {
        world.look(hour(6 * 24 + 18 + n).plus_seconds(3 * WEEK)).await;
    }
    assert_eq!(world.said().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_tells_nothing_of_what_was_registered_is_silent() {
    let world = World::new();
    world.tell(Kind::Delivered, 1, hour(0)).await;
    let register = |n: i64| {
        let message = NewMessage {
            provider_message_id: None,
            recipient: Address::parse(&format!("g{n}@big.example")).unwrap(),
            channel: Channel::Email,
            subject: None,
            labels: std::collections::BTreeMap::new(),
            tags: Vec::new(),
            sent_at: hour(1),
            registration: Registration { key: Some(format!("k{n}")), ..Registration::default() },
        };
        message.into_event()
    };
    world.submit((0..6).map(register).collect(), hour(1)).await;
    world.look(hour(1).plus_seconds(1800)).await;
    assert_eq!(world.said().await, []);
    world.look(hour(2)).await;
    let silent = (Kind::SourceSilent, "6 messages were registered and it told nothing of any".to_owned());
    assert_eq!(world.said().await, [silent]);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_bounces_are_told_once_and_once_more_when_there_are_fewer() {
    let world = World::new();
    world.tell(Kind::Delivered, 470, hour(0)).await;
    world.tell(Kind::Bounced, 29, hour(0)).await;
    world.look(hour(0).plus_seconds(60)).await;
    assert_eq!(world.said().await, [], "499 messages are few");
    world.tell(Kind::Bounced, 1, hour(1)).await;
    for n in 1..5 {
        world.look(hour(n)).await;
    }
    let said = world.notices().await;
    let of = |record: &Record| record.event.labels["rate_of"].clone();
    assert_eq!(said.iter().map(of).collect::<Vec<_>>(), ["source eu", "tag welcome", "domain big.example"]);
    assert_eq!(said[0].event.notice.as_deref(), Some("6 % bounced (30 of 500) in 24 h, the limit is 5 %"));
    world.tell(Kind::Delivered, 500, hour(5)).await;
    for n in 5..8 {
        world.look(hour(n)).await;
    }
    let said = world.notices().await;
    assert_eq!(said.len(), 6);
    assert!(said[3..].iter().all(|record| record.event.kind == Kind::RateRecovered));
}
