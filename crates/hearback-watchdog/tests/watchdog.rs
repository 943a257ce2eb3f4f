//! The watchdog over a real store, with the time in the test's hands.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use hearback_event::{
    Address, Channel, DedupKey, Event, Kind, Label, MessageId, NewMessage, Origin, Registration, Timestamp,
};
use hearback_store::sqlite::SqliteOptions;
use hearback_store::{Database, EventFilter, EventQuery, Order, Payload, SourceRef, Store, Submission};
use hearback_watchdog::Watchdog;
use proptest::prelude::*;

fn second(n: i64) -> Timestamp {
    Timestamp::from_seconds(1_760_000_000 + n).unwrap()
}

struct World {
    folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    watchdog: Watchdog,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        Self { watchdog: Watchdog::new(Arc::clone(&store)), folder, store }
    }

    /// As after `kill -9` and a new start: nothing of the watchdog is left but what is in the store.
    async fn restart(&mut self) {
        self.store.close().await.unwrap();
        self.watchdog = Watchdog::new(Arc::new(Nothing::store()));
        self.store = Arc::new(Nothing::store());
        self.store = open(&self.folder);
        self.watchdog = Watchdog::new(Arc::clone(&self.store));
    }

    async fn submit(&self, event: Event) {
        let origin = if event.kind == Kind::Registered { Origin::Application } else { Origin::Webhook };
        let submission = Submission {
            source: SourceRef { name: "eu".into(), provider: "mailgun".into(), account: "eu".into() },
            origin,
            received_at: event.occurred_at.unwrap(),
            verified: true,
            events: vec![event],
            payload: Payload::default(),
            replay_token: None,
            digest: DedupKey::of(&[]),
            known_messages_only: false,
        };
        self.store.submit(submission).await.unwrap();
    }

    /// Steps until there is nothing more to do at that second.
    async fn watch(&mut self, at: i64) {
        while self.watchdog.step(second(at)).await.unwrap().more {}
    }

    /// Kinds and texts of the notices, in the order of the log.
    async fn notices(&self) -> Vec<(Kind, String)> {
        let filter = EventFilter { kinds: vec![Kind::Overdue, Kind::Recovered], ..EventFilter::default() };
        let query = EventQuery { filter, order: Order::Oldest, beyond: None, limit: 1000 };
        let rows = self.store.events(query).await.unwrap().rows;
        rows.into_iter().map(|record| (record.event.kind, record.event.notice.unwrap_or_default())).collect()
    }
}

/// A store that stands in while another is opened anew.
struct Nothing;

impl Nothing {
    fn store() -> hearback_store::LogStore {
        let folder = tempfile::tempdir().unwrap();
        Database::Sqlite(SqliteOptions::new(folder.path().join("nothing.db"))).open().unwrap()
    }
}

fn open(folder: &tempfile::TempDir) -> Arc<dyn Store> {
    Arc::new(Database::Sqlite(SqliteOptions::new(folder.path().join("hearback.db"))).open().unwrap())
}

fn registered(key: &str, to: &str, sent_at: i64, within: u32) -> Event {
    let message = NewMessage {
        provider_message_id: None,
        recipient: Address::parse(to).unwrap(),
        channel: Channel::Email,
        subject: Some("Your stay".to_owned()),
        labels: [("booking_id".to_owned(), "42".to_owned())].into(),
        tags: Vec::new(),
        sent_at: second(sent_at),
        registration: Registration {
            key: Some(key.to_owned()),
            expect_delivered_within: Some(within),
            user_id: None,
            attempt: None,
        },
    };
    message.into_event()
}

fn told(kind: Kind, key: &str, to: &str, at: i64) -> Event {
    let serial = DedupKey::of(&[kind.name().as_bytes(), key.as_bytes(), &at.to_be_bytes()]);
    Event {
        occurred_at: Some(second(at)),
        recipient: Address::parse(to).ok(),
        provider_message_id: Some(format!("p-{key}")),
        labels: [(Label::MESSAGE_ID.to_owned(), key.to_owned())].into(),
        ..Event::new(kind, kind.name(), Channel::Email, serial)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_message_is_told_once_and_once_more_when_it_arrives() {
    let mut world = World::new();
    world.submit(registered("late", "a@example.com", 0, 900)).await;
    world.submit(registered("good", "b@example.com", 0, 900)).await;
    world.submit(registered("gone", "c@example.com", 0, 900)).await;
    world.watch(1).await;
    assert_eq!(world.store.watched().await.unwrap().waiting, 3);
    world.submit(told(Kind::Delivered, "good", "b@example.com", 60)).await;
    world.submit(told(Kind::Bounced, "gone", "c@example.com", 61)).await;
    world.submit(told(Kind::Deferred, "late", "a@example.com", 62)).await;
    world.watch(899).await;
    assert_eq!(world.notices().await, []);
    let overdue = (Kind::Overdue, "not delivered within 15 min; its status is deferred".to_owned());
    for at in [900, 901, 5000] {
        world.watch(at).await;
        assert_eq!(world.notices().await, std::slice::from_ref(&overdue));
        world.restart().await;
    }
    let watched = world.store.watched().await.unwrap();
    assert_eq!((watched.waiting, watched.overdue), (0, 1));
    world.submit(told(Kind::Delivered, "late", "a@example.com", 2820)).await;
    for at in [5001, 5002] {
        world.watch(at).await;
        let recovered = (Kind::Recovered, "delivered after 47 min".to_owned());
        assert_eq!(world.notices().await, [overdue.clone(), recovered]);
        world.restart().await;
    }
    assert_eq!(world.store.watched().await.unwrap().overdue, 0);
    // Notices are the message's own: in its history, and in its timeline.
    let id = MessageId::of_key("eu", "late", Some("a@example.com"));
    let message = world.store.message(id).await.unwrap().unwrap();
    assert_eq!(message.events.len(), 5);
    assert!(message.events.iter().all(|record| record.event.kind != Kind::Overdue
        || record.event.labels.get("booking_id").map(String::as_str) == Some("42")));
    assert_eq!(message.state.status, hearback_event::Status::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdue_message_that_fails_or_is_forgotten_is_watched_no_more() {
    let mut world = World::new();
    world.submit(registered("a", "a@example.com", 0, 60)).await;
    world.submit(registered("b", "b@example.com", 0, 60)).await;
    world.submit(registered("c", "c@example.com", 0, 600)).await;
    world.watch(100).await;
    assert_eq!(world.notices().await.len(), 2);
    world.submit(told(Kind::Bounced, "a", "a@example.com", 110)).await;
    for gone in ["b@example.com", "c@example.com"] {
        world.store.forget(Address::parse(gone).unwrap()).await.unwrap();
    }
    world.submit(told(Kind::Delivered, "b", "b@example.com", 120)).await;
    world.watch(10_000).await;
    let watched = world.store.watched().await.unwrap();
    assert_eq!((watched.waiting, watched.overdue), (0, 0));
    assert!(world.notices().await.iter().all(|(kind, _)| *kind != Kind::Recovered));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_due_at_once() {
    let mut world = World::new();
    for n in 0..1201 {
        world.submit(registered(&format!("k{n}"), &format!("g{n}@example.com"), 0, 60)).await;
    }
    world.watch(61).await;
    let watched = world.store.watched().await.unwrap();
    assert_eq!((watched.waiting, watched.overdue, watched.upto >= 1201), (0, 1201, true));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Whatever comes when, and whenever the watchdog looks or dies: at most one notice of each kind for a message, never one
    /// for what arrived in time, always one for what did not, also when it comes later.
    #[test]
    fn each_notice_is_written_exactly_once(
        arrivals in proptest::collection::vec((0_i64..400, 0..4_usize), 6),
        looks in proptest::collection::vec((0_i64..500, any::<bool>()), 0..10),
    ) {
        const KINDS: [Option<Kind>; 4] = [Some(Kind::Delivered), Some(Kind::Bounced), Some(Kind::Opened), None];
        tokio::runtime::Runtime::new().unwrap().block_on(async move {
            let mut world = World::new();
            let to = |n: usize| format!("g{n}@example.com");
            for n in 0..arrivals.len() {
                world.submit(registered(&format!("k{n}"), &to(n), 0, 100)).await;
            }
            // Events come when they happen; looks lie between them.
            let mut story: Vec<(i64, u8, usize)> = Vec::new();
            story.extend(arrivals.iter().enumerate().map(|(n, (at, _))| (*at, 0, n)));
            story.extend(looks.iter().enumerate().map(|(n, (at, _))| (*at, 1, n)));
            // One look just when they are due, as a living watchdog has.
            story.extend([(100, 2, 0), (600, 2, 0)]);
            story.sort_unstable();
            for (at, what, n) in story {
                match what {
                    0 => if let Some(kind) = KINDS[arrivals[n].1] {
                        world.submit(told(kind, &format!("k{n}"), &to(n), at)).await;
                    },
                    1 => {
                        world.watch(at).await;
                        if looks[n].1 {
                            world.restart().await;
                        }
                    }
                    _ => world.watch(at).await,
                }
            }
            for (n, (at, kind)) in arrivals.iter().enumerate() {
                let id = MessageId::of_key("eu", &format!("k{n}"), Some(&to(n)));
                let message = world.store.message(id).await.unwrap().unwrap();
                let count = |kind: Kind| message.events.iter().filter(|record| record.event.kind == kind).count();
                let late = KINDS[*kind].is_none() || *at > 100;
                let arrives = matches!(KINDS[*kind], Some(Kind::Delivered | Kind::Opened));
                let expected = (usize::from(late), usize::from(late && arrives));
                assert_eq!((count(Kind::Overdue), count(Kind::Recovered)), expected, "{n} {at} {kind}");
            }
        });
    }
}
