//! Alerts over a real store, with the time in the test's hands.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hearback_alert::{Alerter, Fallback, Pacing, QuietHours, Rule};
use hearback_deliver::Template;
use hearback_event::{
    Address, AlertState, Channel, DedupKey, Event, Failure, Kind, Origin, Reason, Record, Severity,
    Timestamp, Urgency,
};
use hearback_store::sqlite::SqliteOptions;
use hearback_store::{
    AlertChange, AlertItem, AlertQuery, Alerts, Database, EventFilter, EventQuery, LogStore, Order, Payload,
    SourceRef, Store, Submission,
};
use proptest::prelude::*;

/// 08:53:20 UTC on a day in October.
fn second(n: i64) -> Timestamp {
    Timestamp::from_seconds(1_760_000_000 + n).unwrap()
}

struct World {
    folder: tempfile::TempDir,
    store: Arc<LogStore>,
    alerter: Alerter,
    rules: Arc<[Rule]>,
}

fn open(folder: &tempfile::TempDir) -> Arc<LogStore> {
    Arc::new(Database::Sqlite(SqliteOptions::new(folder.path().join("hearback.db"))).open().unwrap())
}

fn alerter(store: &Arc<LogStore>, rules: &Arc<[Rule]>) -> Alerter {
    Alerter::new(Arc::clone(store) as _, Arc::clone(rules))
}

fn rule(name: &str, types: &[&str]) -> Rule {
    Rule { to: vec!["ops".to_owned()], ..Rule::new(name, types, None, Urgency::Warning).unwrap() }
}

impl World {
    async fn new(rules: Vec<Rule>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let rules: Arc<[Rule]> = rules.into();
        let mut world = Self { alerter: alerter(&store, &rules), folder, store, rules };
        world.step(0).await;
        world
    }

    /// As after `kill -9` and a new start.
    async fn restart(&mut self) {
        self.store.close().await.unwrap();
        let nowhere = tempfile::tempdir().unwrap();
        self.store = open(&nowhere);
        self.alerter = alerter(&self.store, &self.rules);
        self.store = open(&self.folder);
        self.alerter = alerter(&self.store, &self.rules);
    }

    async fn submit(&self, events: Vec<Event>) {
        let submission = Submission {
            source: SourceRef { name: "eu".into(), provider: "mailgun".into(), account: "eu".into() },
            origin: Origin::Webhook,
            received_at: events[0].occurred_at.unwrap(),
            verified: true,
            events,
            payload: Payload::default(),
            replay_token: None,
            digest: DedupKey::of(&[]),
            known_messages_only: false,
        };
        self.store.submit(submission).await.unwrap();
    }

    async fn step(&mut self, at: i64) {
        while self.alerter.step(second(at)).await.unwrap().more {}
    }

    async fn told(&self) -> Vec<Record> {
        let filter =
            EventFilter { kinds: vec![Kind::AlertRaised, Kind::AlertResolved], ..EventFilter::default() };
        let query = EventQuery { filter, order: Order::Oldest, beyond: None, limit: 1000 };
        self.store.events(query).await.unwrap().rows
    }

    async fn texts(&self) -> Vec<String> {
        self.told().await.into_iter().map(|record| record.event.notice.unwrap()).collect()
    }

    async fn items(&self) -> Vec<AlertItem> {
        self.store.alerts(AlertQuery { limit: 1000, ..AlertQuery::default() }).await.unwrap()
    }
}

fn event(kind: Kind, to: &str, at: i64) -> Event {
    let serial = DedupKey::of(&[kind.name().as_bytes(), to.as_bytes(), &at.to_be_bytes()]);
    Event {
        occurred_at: Some(second(at)),
        recipient: Address::parse(to).ok(),
        provider_message_id: Some(format!("p-{to}")),
        labels: [("booking_id".to_owned(), "42".to_owned())].into(),
        ..Event::new(kind, kind.name(), Channel::Email, serial)
    }
}

fn bounced(to: &str, at: i64) -> Event {
    let failure = Failure {
        severity: Some(Severity::Permanent),
        reason: Some(Reason::InvalidRecipient),
        code: Some("550".to_owned()),
        enhanced_code: Some("5.1.1".to_owned()),
        response: Some(format!("<{to}> user unknown")),
        ..Failure::default()
    };
    Event { failure: Some(failure), ..event(Kind::Bounced, to, at) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_told_once_whatever_is_repeated_or_restarted() {
    let mut world = World::new(vec![rule("bounces", &["message.bounced"])]).await;
    world.submit(vec![bounced("a@example.com", 1), event(Kind::Delivered, "b@example.com", 1)]).await;
    for at in [2, 3, 4000] {
        world.step(at).await;
        assert_eq!(
            world.texts().await,
            ["Bounced: a@example.com (invalid recipient: <a@example.com> user unknown)"]
        );
        world.restart().await;
    }
    // Another bounce of the same message is the same alert.
    world.submit(vec![bounced("a@example.com", 5)]).await;
    world.step(6).await;
    assert_eq!(world.texts().await.len(), 1);
    let items = world.items().await;
    let item = &items[0];
    assert_eq!(
        (items.len(), item.count, item.state, item.urgency),
        (1, 2, AlertState::Open, Urgency::Warning)
    );
    assert_eq!(item.told, [(second(2), vec!["ops".to_owned()])]);

    let told = &world.told().await[0];
    let alert = told.event.alert.as_deref().unwrap();
    assert_eq!((alert.id, alert.count, alert.to.as_slice()), (item.id, 1, &["ops".to_owned()][..]));
    assert_eq!(told.event.recipient.as_ref().unwrap().as_str(), "a@example.com");
    assert_eq!(told.event.labels["booking_id"], "42");
    // It stands in the message's history, and changes nothing of what became of the message.
    let message = world.store.messages_by_provider_id("p-a@example.com".to_owned()).await.unwrap().remove(0);
    assert!(message.events.iter().any(|record| record.event.kind == Kind::AlertRaised));
    assert_eq!(message.state.status, hearback_event::Status::Bounced);
    let recipient = world.store.recipient("a@example.com".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(recipient.state.last_kind(), Some(Kind::Bounced));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_raises_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let rules: Arc<[Rule]> = vec![rule("bounces", &["message.bounced"])].into();
    let mut world = World { alerter: alerter(&store, &rules), folder, store, rules };
    world.submit(vec![bounced("a@example.com", 1)]).await;
    world.step(2).await;
    world.submit(vec![bounced("b@example.com", 3)]).await;
    world.restart().await;
    world.step(4).await;
    assert_eq!(world.items().await.len(), 1);
    assert!(world.texts().await[0].contains("b@example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_becomes_one_digest() {
    let pacing = Pacing { burst: 2, window: Duration::from_mins(10), interval: Duration::ZERO };
    let mut world = World::new(vec![Rule { pacing, ..rule("bounces", &["message.bounced"]) }]).await;
    for batch in 0..5 {
        let one =
            |n: i64| bounced(&format!("g{n}@{}.example", if n % 4 == 0 { "slow" } else { "big" }), 10 + n);
        world.submit((batch * 20..batch * 20 + 20).map(one).collect()).await;
        world.step(20 + batch).await;
        world.restart().await;
    }
    assert_eq!(world.texts().await.len(), 2);
    world.step(619).await;
    assert_eq!(world.texts().await.len(), 2);
    for at in [621, 622] {
        world.step(at).await;
        world.restart().await;
    }
    let told = world.told().await;
    assert_eq!(told.len(), 3);
    assert_eq!(
        told[2].event.notice.as_deref().unwrap(),
        "98 messages bounced since 2025-10-09 08:53 UTC: 550-5.1.1 invalid recipient (98); big.example (74), slow.example (24)"
    );
    assert_eq!(told[2].event.recipient, None);
    let items = world.items().await;
    assert_eq!((items.len(), items.iter().map(|item| item.count).max()), (3, Some(98)));
    let whole = items.iter().find(|item| item.count == 98).unwrap();
    let parts = AlertQuery { part_of: Some(whole.id), limit: 1000, ..AlertQuery::default() };
    assert_eq!(world.store.alerts(parts).await.unwrap().len(), 98);
    // The storm goes on: nothing is told one by one.
    world.submit((200..210).map(|n| bounced(&format!("g{n}@big.example"), 500 + n)).collect()).await;
    world.step(800).await;
    assert_eq!(world.texts().await.len(), 3);
    world.step(1300).await;
    assert!(world.texts().await[3].starts_with("10 messages bounced since"), "{:?}", world.texts().await);
    // And when it is over, the next one stands alone again.
    world.submit(vec![bounced("late@big.example", 9000)]).await;
    world.step(9001).await;
    assert!(world.texts().await[4].starts_with("Bounced: late@big.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_resolves_itself_and_its_digest() {
    let pacing = Pacing { burst: 1, ..Pacing::default() };
    let mut world = World::new(vec![Rule { pacing, ..rule("late", &["message.deferred"]) }]).await;
    let to = |n: i64| format!("g{n}@example.com");
    world.submit((0..4).map(|n| event(Kind::Deferred, &to(n), n)).collect()).await;
    world.step(10).await;
    world.step(700).await;
    assert_eq!(world.texts().await.len(), 2);
    world.submit(vec![event(Kind::Delivered, &to(0), 701)]).await;
    world.step(725).await;
    let texts = world.texts().await;
    assert!(texts[2].starts_with("Resolved after 12 min: Delayed: g0@example.com"), "{texts:?}");
    world.submit((1..3).map(|n| event(Kind::Delivered, &to(n), 703)).collect()).await;
    world.step(750).await;
    assert_eq!(world.texts().await.len(), 3, "one of the digest still waits");
    world.submit(vec![event(Kind::Opened, &to(3), 705)]).await;
    world.restart().await;
    world.step(706).await;
    assert!(world.texts().await[3].starts_with("Resolved after"), "{:?}", world.texts().await);
    assert!(world.items().await.iter().all(|item| item.state == AlertState::Resolved));
    assert_eq!(world.items().await[0].resolved.as_ref().unwrap().1, "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_hours_and_intervals_hold_back_and_lose_nothing() {
    // The test begins at 08:53:20.
    let quiet = QuietHours::parse("08:00-09:00", "UTC").ok();
    let pacing = Pacing { interval: Duration::from_mins(30), ..Pacing::default() };
    let rules = vec![
        Rule { quiet, ..rule("night", &["message.bounced"]) },
        Rule { pacing, ..rule("slow", &["message.complained"]) },
    ];
    let mut world = World::new(rules).await;
    world.submit(vec![bounced("a@example.com", 1), event(Kind::Complained, "c@example.com", 1)]).await;
    world.submit(vec![bounced("b@example.com", 2), event(Kind::Complained, "d@example.com", 2)]).await;
    world.step(3).await;
    assert_eq!(world.texts().await, ["Spam complaint: c@example.com"]);
    world.step(399).await;
    assert_eq!(world.texts().await.len(), 1);
    world.restart().await;
    world.step(400).await;
    let texts = world.texts().await;
    assert!(texts[1].starts_with("2 messages bounced since"), "{texts:?}");
    world.step(1802).await;
    assert_eq!(world.texts().await.len(), 2);
    world.step(1803).await;
    // One that waited alone is told as one, and is about its message.
    let last = world.told().await.pop().unwrap();
    assert_eq!(last.event.notice.as_deref(), Some("Spam complaint: d@example.com"));
    assert_eq!(last.event.recipient.unwrap().as_str(), "d@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_acknowledge_and_resolve() {
    let mut world = World::new(vec![rule("bounces", &["message.bounced"])]).await;
    world.submit(vec![bounced("a@example.com", 1)]).await;
    world.step(2).await;
    let id = world.items().await[0].id;
    let change = |change| world.store.change_alert(id, change, "ann".to_owned(), second(3));
    let seen = change(AlertChange::Acknowledge).await.unwrap().unwrap();
    assert_eq!(
        (seen.state, seen.acknowledged),
        (AlertState::Acknowledged, Some((second(3), "ann".to_owned())))
    );
    assert_eq!(world.store.alert_counts().await.unwrap().acknowledged, 1);
    let over = change(AlertChange::Resolve).await.unwrap().unwrap();
    assert_eq!((over.state, over.resolved), (AlertState::Resolved, Some((second(3), "ann".to_owned()))));
    assert!(
        world
            .store
            .change_alert(99, AlertChange::Resolve, "ann".to_owned(), second(3))
            .await
            .unwrap()
            .is_none()
    );
    // The same thing again is a new alert.
    world.submit(vec![bounced("a@example.com", 4)]).await;
    world.step(5).await;
    assert_eq!((world.items().await.len(), world.texts().await.len()), (2, 2));
    // What nothing happens about is over some day, and dropped much later.
    world.step(5 + 73 * 3600).await;
    assert!(world.items().await.iter().all(|item| item.state == AlertState::Resolved));
    assert_eq!(world.texts().await.len(), 2);
    world.step(5 + 200 * 86_400).await;
    assert_eq!(world.items().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_person_is_left_in_alerts() {
    let mut world = World::new(vec![rule("bounces", &["message.bounced"])]).await;
    world.submit(vec![bounced("ann.secret@example.com", 1)]).await;
    world.step(2).await;
    world.store.forget("ann.secret@example.com".parse().unwrap()).await.unwrap();
    let texts: String =
        world.told().await.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
    assert!(!texts.contains("ann.secret"), "{texts}");
    world.store.close().await.unwrap();
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(10).any(|part| part == b"ann.secret"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_goes_to_the_telephone_of_the_same_booking() {
    let fallback = |per_hour| {
        Some(Fallback {
            to: "phone".to_owned(),
            label: "booking_id".to_owned(),
            text: Template::parse("Your mail about booking {event.labels.booking_id} did not arrive.")
                .unwrap(),
            per_hour,
        })
    };
    let mut world =
        World::new(vec![Rule { fallback: fallback(2), ..rule("bounces", &["message.bounced"]) }]).await;
    let text = Event { channel: Channel::Sms, ..event(Kind::Delivered, "+15551234567", 1) };
    world.submit(vec![text]).await;
    world.submit((0..4).map(|n| bounced(&format!("g{n}@example.com"), n)).collect()).await;
    world
        .submit(vec![Event { labels: std::collections::BTreeMap::new(), ..bounced("none@example.com", 9) }])
        .await;
    world.step(10).await;
    world.restart().await;
    world.step(11).await;
    let told = world.told().await;
    let texts: Vec<&Record> =
        told.iter().filter(|record| record.event.alert.as_ref().unwrap().fallback).collect();
    assert_eq!(texts.len(), 2, "two in an hour");
    for text in texts {
        assert_eq!(text.event.recipient.as_ref().unwrap().as_str(), "+15551234567");
        assert_eq!(text.event.notice.as_deref(), Some("Your mail about booking 42 did not arrive."));
        assert_eq!(text.event.alert.as_ref().unwrap().to, ["phone"]);
    }
}

#[derive(Clone, Debug)]
enum Act {
    Bounce(u8),
    Deliver(u8),
    Wait(u16),
    Restart,
    /// Another process steps over the same database.
    Other,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..12_u8).prop_map(Act::Bounce),
        2 => (0..12_u8).prop_map(Act::Deliver),
        3 => (1..900_u16).prop_map(Act::Wait),
        1 => Just(Act::Restart),
        1 => Just(Act::Other),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: every bounce is in exactly one alert, and everything that is told names another.
    #[test]
    fn nothing_is_told_twice_and_nothing_is_left_out(acts in prop::collection::vec(act(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let pacing = Pacing { burst: 2, window: Duration::from_mins(5), interval: Duration::from_secs(30) };
            let mut world = World::new(vec![Rule { pacing, ..rule("bounces", &["message.bounced"]) }]).await;
            let (mut now, mut bounces) = (1, 0);
            let mut other = alerter(&world.store, &world.rules);
            for act in acts {
                now += 1;
                match act {
                    Act::Bounce(n) => {
                        bounces += 1;
                        world.submit(vec![bounced(&format!("g{n}@example.com"), now)]).await;
                    }
                    Act::Deliver(n) => world.submit(vec![event(Kind::Delivered, &format!("g{n}@example.com"), now)]).await,
                    Act::Wait(seconds) => {
                        now += i64::from(seconds);
                        world.step(now).await;
                    }
                    Act::Restart => {
                        drop(other);
                        world.restart().await;
                        other = alerter(&world.store, &world.rules);
                    }
                    Act::Other => {
                        while other.step(second(now)).await.unwrap().more {}
                    }
                }
            }
            world.step(now + 10_000).await;
            let mut counted = 0;
            for item in world.items().await {
                let parts = AlertQuery { part_of: Some(item.id), limit: 1000, ..AlertQuery::default() };
                let parts = world.store.alerts(parts).await.unwrap();
                counted += if parts.is_empty() { item.count } else { parts.iter().map(|part| part.count).sum() };
                let left = parts.iter().filter(|part| part.state != AlertState::Resolved).count() as u64;
                assert_eq!(item.parts_left, left, "{item:?}");
                assert!(parts.is_empty() || item.count == parts.len() as u64, "{item:?}");
                assert!(item.told.len() <= 1);
            }
            assert_eq!(counted, bounces);
            let told = world.told().await;
            let raised: Vec<u64> = told
                .iter()
                .filter(|record| record.event.kind == Kind::AlertRaised)
                .map(|record| record.event.alert.as_ref().unwrap().id)
                .collect();
            let different: BTreeSet<u64> = raised.iter().copied().collect();
            assert_eq!(raised.len(), different.len(), "{raised:?}");
            let expected: BTreeSet<u64> =
                world.items().await.iter().filter(|item| !item.told.is_empty()).map(|item| item.id).collect();
            assert_eq!(different, expected);
        });
    }
}
