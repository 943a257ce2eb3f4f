//! Messages sent through a stand-in provider, over a real log: each once, and never told otherwise than it is.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hearback_event::{
    Address, Channel, Kind, NewMessage, Registration, Sending, SendingEnd, Severity, Status, Timestamp,
};
use hearback_providers::{Options, provider};
use hearback_send::{Content, Dispatch, Order, Outcome, Outlet, SendError, Sent};
use hearback_store::sqlite::SqliteOptions;
use hearback_store::{Database, LogStore, MessageView, SourceRef, Store as _};
use serde_json::json;
use tokio::sync::Semaphore;

/// What the stand-in does with the next requests; the last one is done for ever.
#[derive(Clone, Debug)]
enum Act {
    Accept,
    Answer(u16, &'static str),
    /// Waits until it may go on, and then accepts.
    Hold,
    /// Closes the connection after the request was read.
    Break,
}

struct Standin {
    url: String,
    count: AtomicUsize,
    keys: Mutex<Vec<String>>,
    acts: Mutex<Vec<Act>>,
    go: Semaphore,
}

impl Standin {
    async fn start(acts: &[Act]) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let standin = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            count: AtomicUsize::new(0),
            keys: Mutex::default(),
            acts: Mutex::new(acts.iter().rev().cloned().collect()),
            go: Semaphore::new(0),
        });
        let shared = Arc::clone(&standin);
        let answer = move |headers: HeaderMap| async move { shared.answer(&headers).await };
        let router = Router::new().route("/email", post(answer.clone())).route("/emails", post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        standin
    }

    async fn answer(&self, headers: &HeaderMap) -> (StatusCode, [(&'static str, &'static str); 1], String) {
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let key = headers.get("idempotency-key").map(|key| key.to_str().unwrap().to_owned());
        self.keys.lock().unwrap().extend(key);
        let act = {
            let mut acts = self.acts.lock().unwrap();
            if acts.len() > 1 { acts.pop().unwrap() } else { acts[0].clone() }
        };
        let accepted =
            json!({"MessageID": format!("pm-{number}"), "ErrorCode": 0, "id": format!("re-{number}")})
                .to_string();
        let (status, body) = match act {
            Act::Accept => (200, accepted),
            Act::Answer(status, body) => (status, body.to_owned()),
            Act::Hold => {
                self.go.acquire().await.unwrap().forget();
                (200, accepted)
            }
            // The connection's task ends with this, and the connection with it.
            Act::Break => panic!("told to break the connection"),
        };
        (StatusCode::from_u16(status).unwrap(), [("retry-after", "7")], body)
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

struct World {
    store: Arc<LogStore>,
    dispatch: Arc<Dispatch>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let store = Arc::new(Database::Sqlite(SqliteOptions::new(path)).open().unwrap());
        let dispatch = Arc::new(Dispatch::new(Arc::clone(&store) as _));
        Self { store, dispatch, _folder: folder }
    }

    async fn send(&self, outlet: &Arc<Outlet>, order: Order) -> Sent {
        self.dispatch.send(outlet, order).await.unwrap()
    }

    async fn message(&self, order: &Order) -> Option<MessageView> {
        self.store.message(order.id()).await.unwrap()
    }

    async fn sending(&self, order: &Order) -> Sending {
        Sending::of(&self.message(order).await.unwrap().events).unwrap()
    }
}

fn outlet(name: &str, url: &str, timeout: Duration) -> Arc<Outlet> {
    let options =
        Options::from_value(json!({"key": "key-0123456789", "from": "shop@example.com", "base_url": url}));
    let sender = provider(name).unwrap().sender(&options).unwrap().unwrap();
    Arc::new(Outlet::new(sender, timeout).unwrap())
}

fn postmark(standin: &Standin) -> Arc<Outlet> {
    outlet("postmark", &standin.url, Duration::from_secs(30))
}

fn order(key: &str) -> Order {
    Order {
        source: SourceRef { name: "main".into(), provider: "postmark".into(), account: "main".into() },
        message: NewMessage {
            provider_message_id: None,
            recipient: Address::parse("alice@example.com").unwrap(),
            channel: Channel::Email,
            subject: Some("Your stay".to_owned()),
            labels: BTreeMap::from([("booking_id".to_owned(), "42".to_owned())]),
            tags: Vec::new(),
            sent_at: Timestamp::now(),
            registration: Registration { key: Some(key.to_owned()), ..Registration::default() },
        },
        from: None,
        reply_to: None,
        content: Content { text: Some("Hello".to_owned()), html: None },
        callback_url: None,
        send_to_suppressed: false,
        retry_unknown: false,
    }
}

fn accepted(sent: &Sent) -> &str {
    match &sent.outcome {
        Outcome::Accepted { provider_message_id } => provider_message_id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_accepted_is_sent_once_and_told_for_ever() {
    let (world, standin) = (World::new(), Standin::start(&[Act::Accept]).await);
    let outlet = postmark(&standin);
    let first = world.send(&outlet, order("k")).await;
    assert_eq!((accepted(&first), first.repeated, first.attempt), ("pm-1", false, 1));
    for dispatch in [Arc::clone(&world.dispatch), Arc::new(Dispatch::new(Arc::clone(&world.store) as _))] {
        let again = dispatch.send(&outlet, order("k")).await.unwrap();
        assert_eq!((accepted(&again), again.repeated, again.id), ("pm-1", true, first.id));
    }
    assert_eq!(standin.count(), 1);
    let view = world.message(&order("k")).await.unwrap();
    assert_eq!((view.id, view.state.status), (first.id, Status::Registered));
    let found = world.store.messages_by_provider_id("pm-1".to_owned()).await.unwrap();
    assert_eq!(found.iter().map(|view| view.id).collect::<Vec<_>>(), [first.id]);
    // Another key, and another recipient, are other messages.
    let mut other = order("k");
    other.message.recipient = Address::parse("bob@example.com").unwrap();
    assert_eq!(accepted(&world.send(&outlet, other).await), "pm-2");
    assert_eq!(accepted(&world.send(&outlet, order("l")).await), "pm-3");
    assert!(world.store.rebuild(true, Box::new(|_, _| {})).await.unwrap().differences.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_at_once_one_sends() {
    let (world, standin) = (World::new(), Standin::start(&[Act::Hold]).await);
    let outlet = postmark(&standin);
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (dispatch, outlet) = (Arc::clone(&world.dispatch), Arc::clone(&outlet));
            tokio::spawn(async move { dispatch.send(&outlet, order("k")).await.unwrap() })
        })
        .collect();
    standin.go.add_permits(20);
    let mut new = 0;
    for one in asked {
        let sent = one.await.unwrap();
        assert_eq!(accepted(&sent), "pm-1");
        new += usize::from(!sent.repeated);
    }
    assert_eq!((standin.count(), new), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_asks_while_it_is_refused_has_the_same_answer() {
    let (world, standin) = (World::new(), Standin::start(&[Act::Answer(503, "")]).await);
    let outlet = postmark(&standin);
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let (dispatch, outlet) = (Arc::clone(&world.dispatch), Arc::clone(&outlet));
            tokio::spawn(async move { dispatch.send(&outlet, order("k")).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for one in asked {
        let sent = one.await.unwrap();
        assert!(matches!(sent.outcome, Outcome::Later { .. }), "{sent:?}");
        new += usize::from(!sent.repeated);
    }
    // Who came after an answer tries anew; who came before has it.
    assert_eq!(standin.count(), new);
    assert_eq!(world.sending(&order("k")).await.attempt as usize, new);
}

#[tokio::test]
async fn what_is_refused_is_told_and_what_may_work_later_is_tried_again() {
    let inactive = r#"{"ErrorCode": 406, "Message": "inactive"}"#;
    let acts = [Act::Answer(429, ""), Act::Answer(401, ""), Act::Accept, Act::Answer(422, inactive)];
    let (world, standin) = (World::new(), Standin::start(&acts).await);
    let outlet = postmark(&standin);
    let first = world.send(&outlet, order("k")).await;
    match &first.outcome {
        Outcome::Later { failure, retry_after } => {
            assert_eq!(
                (failure.severity, *retry_after),
                (Some(Severity::Temporary), Some(Duration::from_secs(7)))
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.message(&order("k")).await.unwrap().state.status, Status::Deferred);
    assert!(matches!(world.send(&outlet, order("k")).await.outcome, Outcome::Later { .. }));
    let third = world.send(&outlet, order("k")).await;
    assert_eq!((accepted(&third), third.attempt, third.repeated), ("pm-3", 3, false));
    assert_eq!(world.message(&order("k")).await.unwrap().state.status, Status::Queued);

    let refused = world.send(&outlet, order("l")).await;
    assert!(matches!(&refused.outcome, Outcome::Refused(failure) if failure.code.as_deref() == Some("406")));
    let again = world.send(&outlet, Order { retry_unknown: true, ..order("l") }).await;
    assert!(again.repeated && matches!(again.outcome, Outcome::Refused(_)));
    assert_eq!(world.message(&order("l")).await.unwrap().state.status, Status::Rejected);
    assert_eq!(standin.count(), 4);
}

#[tokio::test]
async fn what_nobody_knows_is_not_repeated_unless_wished() {
    let acts = [Act::Break, Act::Answer(500, ""), Act::Accept];
    let (world, standin) = (World::new(), Standin::start(&acts).await);
    let outlet = postmark(&standin);
    let first = world.send(&outlet, order("k")).await;
    assert!(matches!(&first.outcome, Outcome::NotKnown { why: Some(_), .. }), "{first:?}");
    let sending = world.sending(&order("k")).await;
    assert_eq!(sending.end, SendingEnd::NotKnown);
    let again = world.send(&outlet, order("k")).await;
    assert!(again.repeated);
    assert!(matches!(&again.outcome, Outcome::NotKnown { begun_at, .. } if *begun_at == sending.begun_at));
    assert_eq!(standin.count(), 1);
    let insisting = || Order { retry_unknown: true, ..order("k") };
    let second = world.send(&outlet, insisting()).await;
    assert!(matches!(&second.outcome, Outcome::NotKnown { why: Some(why), .. } if why.contains("500")));
    assert_eq!(accepted(&world.send(&outlet, insisting()).await), "pm-3");
    assert_eq!(accepted(&world.send(&outlet, insisting()).await), "pm-3");
    assert_eq!(standin.count(), 3);
}

#[tokio::test]
async fn no_answer_in_time_is_not_known_and_no_connection_is_a_refusal() {
    let (world, standin) = (World::new(), Standin::start(&[Act::Hold]).await);
    let hasty = outlet("postmark", &standin.url, Duration::from_millis(300));
    let sent = world.send(&hasty, order("k")).await;
    assert!(
        matches!(&sent.outcome, Outcome::NotKnown { why: Some(why), .. } if why.contains("in time")),
        "{sent:?}"
    );
    // Nobody listens there any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let sent = world.send(&outlet("postmark", &nowhere, Duration::from_secs(5)), order("l")).await;
    assert!(matches!(&sent.outcome, Outcome::Later { .. }), "{sent:?}");
    // It was not sent, so a repeat is.
    standin.go.add_permits(2);
    assert_eq!(accepted(&world.send(&postmark(&standin), order("l")).await), "pm-2");
}

#[tokio::test]
async fn a_provider_that_sends_once_by_itself_is_asked_again_under_the_same_key() {
    let acts = [Act::Break, Act::Answer(500, ""), Act::Answer(429, ""), Act::Accept];
    let (world, standin) = (World::new(), Standin::start(&acts).await);
    let outlet = outlet("resend", &standin.url, Duration::from_secs(30));
    assert!(matches!(world.send(&outlet, order("k")).await.outcome, Outcome::NotKnown { .. }));
    assert!(matches!(world.send(&outlet, order("k")).await.outcome, Outcome::NotKnown { .. }));
    assert!(matches!(world.send(&outlet, order("k")).await.outcome, Outcome::Later { .. }));
    assert_eq!(accepted(&world.send(&outlet, order("k")).await), "re-4");
    let keys = standin.keys.lock().unwrap().clone();
    let id = order("k").id();
    // A repeat has the same key; what was refused is another request.
    let (repeat, renewed) = (format!("{id}-0"), format!("{id}-1"));
    assert_eq!(keys, [repeat.clone(), repeat.clone(), repeat, renewed]);
}

#[tokio::test]
async fn what_was_begun_before_a_crash_says_so() {
    let (world, standin) = (World::new(), Standin::start(&[Act::Accept]).await);
    let lost = order("k");
    let begun = hearback_store::Submission {
        source: lost.source.clone(),
        origin: hearback_event::Origin::Application,
        received_at: Timestamp::now(),
        verified: true,
        events: vec![lost.message.begin(1, false)],
        payload: hearback_store::Payload::default(),
        replay_token: None,
        digest: hearback_event::DedupKey::of(&[]),
        known_messages_only: false,
    };
    world.store.submit(begun.clone()).await.unwrap();
    let sent = world.send(&postmark(&standin), order("k")).await;
    assert!(matches!(sent.outcome, Outcome::NotKnown { .. }) && standin.count() == 0);
    // The provider had it after all: its webhook says so.
    let told = hearback_event::Event {
        recipient: Some(lost.message.recipient.clone()),
        provider_message_id: Some("pm-9".to_owned()),
        labels: BTreeMap::from([("hearback_id".to_owned(), lost.id().to_string())]),
        ..hearback_event::Event::new(
            Kind::Delivered,
            "Delivery",
            Channel::Email,
            hearback_event::DedupKey::of(&[b"d"]),
        )
    };
    world.store.submit(hearback_store::Submission { events: vec![told], ..begun }).await.unwrap();
    let sent = world.send(&postmark(&standin), order("k")).await;
    assert_eq!((accepted(&sent), sent.repeated, standin.count()), ("pm-9", true, 0));
    assert_eq!(world.message(&lost).await.unwrap().state.status, Status::Delivered);
}

#[tokio::test]
async fn what_the_application_sent_itself_is_not_sent_again() {
    let (world, standin) = (World::new(), Standin::start(&[Act::Accept]).await);
    let outlet = postmark(&standin);
    let registered = order("k");
    let submission = hearback_store::Submission {
        source: registered.source.clone(),
        origin: hearback_event::Origin::Application,
        received_at: Timestamp::now(),
        verified: true,
        events: vec![registered.message.clone().into_event()],
        payload: hearback_store::Payload::default(),
        replay_token: None,
        digest: hearback_event::DedupKey::of(&[]),
        known_messages_only: false,
    };
    world.store.submit(submission).await.unwrap();
    assert!(matches!(world.send(&outlet, order("k")).await.outcome, Outcome::RegisteredOnly));
    assert_eq!(standin.count(), 0);
    assert_eq!(accepted(&world.send(&outlet, Order { retry_unknown: true, ..order("k") }).await), "pm-1");

    // What was forgotten leaves only that its key was used.
    world.store.forget(registered.message.recipient.clone()).await.unwrap();
    assert!(matches!(world.send(&outlet, order("k")).await.outcome, Outcome::Forgotten));
    assert_eq!(standin.count(), 1);
}

#[tokio::test]
async fn who_must_not_be_sent_to_is_not() {
    let (world, standin) = (World::new(), Standin::start(&[Act::Accept]).await);
    let outlet = postmark(&standin);
    let event = hearback_event::Event {
        occurred_at: Some(Timestamp::now()),
        recipient: Some(order("k").message.recipient),
        provider_message_id: Some("old".to_owned()),
        ..hearback_event::Event::new(
            Kind::Complained,
            "SpamComplaint",
            Channel::Email,
            hearback_event::DedupKey::of(&[b"c"]),
        )
    };
    let complaint = hearback_store::Submission {
        source: order("k").source,
        origin: hearback_event::Origin::Webhook,
        received_at: Timestamp::now(),
        verified: true,
        events: vec![event],
        payload: hearback_store::Payload::default(),
        replay_token: None,
        digest: hearback_event::DedupKey::of(&[]),
        known_messages_only: false,
    };
    world.store.submit(complaint).await.unwrap();
    let refused = world.send(&outlet, order("k")).await;
    assert!(matches!(&refused.outcome, Outcome::Suppressed(view) if view.source.as_deref() == Some("main")));
    assert!(world.message(&order("k")).await.is_none() && standin.count() == 0);
    assert_eq!(
        accepted(&world.send(&outlet, Order { send_to_suppressed: true, ..order("k") }).await),
        "pm-1"
    );
    // A repeat is told what came of it, and not that nothing may come.
    assert_eq!(accepted(&world.send(&outlet, order("k")).await), "pm-1");
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_begun() {
    let (world, standin) = (World::new(), Standin::start(&[Act::Accept]).await);
    let empty = Order { content: Content::default(), ..order("k") };
    match world.dispatch.send(&postmark(&standin), empty).await {
        Err(SendError::Draft(error)) => assert_eq!(error.field, "text"),
        other => panic!("{other:?}"),
    }
    assert!(world.message(&order("k")).await.is_none());
    assert_eq!(accepted(&world.send(&postmark(&standin), order("k")).await), "pm-1");
}

#[tokio::test]
async fn who_goes_away_does_not_stop_it() {
    let (world, standin) = (World::new(), Standin::start(&[Act::Hold]).await);
    let outlet = postmark(&standin);
    let (dispatch, theirs) = (Arc::clone(&world.dispatch), Arc::clone(&outlet));
    let asked = tokio::spawn(async move { dispatch.send(&theirs, order("k")).await });
    while standin.count() == 0 {
        tokio::task::yield_now().await;
    }
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    standin.go.add_permits(1);
    let again = world.send(&outlet, order("k")).await;
    assert_eq!((accepted(&again), again.repeated, standin.count()), ("pm-1", true, 1));
}
