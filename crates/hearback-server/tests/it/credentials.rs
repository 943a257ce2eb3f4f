//! Credentials that stand in the request: nothing of them is kept, and yet what was refused under a wrongly set one is
//! admitted once that is mended.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hearback_event::{Address, Kind, Timestamp};
use hearback_providers::crypto::base64_encode;
use hearback_providers::{Happening, Options, RawRequest, Tamper, provider};
use hearback_server::{Readmit, Readmitted, Source, app, readmit};
use hearback_store::LogStore;
use hearback_store::sqlite::{self, SqliteOptions};
use hearback_store::{EventFilter, EventQuery, Order, QuarantineFilter, SourceRef, Store};
use http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{METRICS, World, settings, source};

const URL: &str = "https://hooks.example.com/webhooks/one";

fn configured(name: &'static str, options: &Value) -> Source {
    let provider = provider(name).unwrap();
    Source {
        reference: SourceRef { name: "one".into(), provider: name.into(), account: "one".into() },
        provider,
        endpoint: provider.endpoint(&Options::from_value(options.clone())).ok().unwrap(),
        body_bytes_max: 1024 * 1024,
        public_base: Some("https://hooks.example.com".to_owned()),
        ..source("one")
    }
}

fn happening() -> Happening {
    Happening {
        kind: Kind::Bounced,
        occurred_at: Timestamp::now(),
        recipient: Address::parse("alice@example.com").unwrap(),
        message: "stay-1".to_owned(),
        serial: 1,
        labels: [].into(),
        tags: Vec::new(),
        subject: "Your stay".to_owned(),
    }
}

/// A request of a provider whose webhook is set up with these options.
fn sent(name: &str, options: &Value) -> RawRequest {
    let simulator = provider(name).unwrap().simulator(&Options::from_value(options.clone())).ok().unwrap();
    simulator.request(&[happening()], URL, Timestamp::now(), Tamper::None)
}

fn request(raw: &RawRequest) -> Request<Body> {
    let mut request = Request::post(&raw.path_and_query);
    *request.headers_mut().unwrap() = raw.headers.clone();
    request.body(Body::from(raw.body.clone())).unwrap()
}

fn counts(done: &Readmitted) -> (u64, u64, Value) {
    (done.admitted, done.duplicates, json!(done.still_refused))
}

/// A process of the service: its store, and what answers.
struct Run {
    store: Arc<LogStore>,
    app: Router,
    sources: Vec<Arc<Source>>,
}

impl Run {
    fn start(folder: &Path, options: &Value) -> Self {
        let store = Arc::new(sqlite::open(&SqliteOptions::new(folder.join("events.db"))).unwrap());
        let settings = settings(vec![configured("postmark", options)]);
        let sources = settings.sources.clone();
        let app = app(settings, Arc::clone(&store) as _, METRICS.clone()).unwrap();
        Self { store, app, sources }
    }

    async fn stop(self) {
        self.store.close().await.unwrap();
    }

    async fn post(&self, raw: &RawRequest) -> u16 {
        self.app.clone().oneshot(request(raw)).await.unwrap().status().as_u16()
    }

    async fn retry(&self) -> (u64, u64, Value) {
        counts(&readmit(&*self.store, &self.sources, &Readmit::default()).await.unwrap())
    }

    /// The head of the one refused request.
    async fn refused_head(&self) -> String {
        let filter = QuarantineFilter { source: None, cause: None, before: None, limit: 10 };
        let entries = self.store.quarantined(filter).await.unwrap();
        assert_eq!((entries.len(), &*entries[0].cause), (1, "bad_signature"));
        self.store.quarantine_entry(entries[0].id).await.unwrap().unwrap().payload.head
    }

    /// The heads of the requests that brought events.
    async fn heads(&self) -> Vec<String> {
        let query =
            EventQuery { filter: EventFilter::default(), order: Order::Oldest, beyond: None, limit: 10 };
        let mut heads = Vec::new();
        for record in self.store.events(query).await.unwrap().rows {
            assert!(record.verified && record.event.kind == Kind::Bounced);
            heads.push(self.store.payload(record.id()).await.unwrap().unwrap().head);
        }
        heads
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_wrongly_set_password_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let set_up = json!({"user": "hearback", "password": "the password at Postmark"});
    let encoded = base64_encode(b"hearback:the password at Postmark");
    let raw = sent("postmark", &set_up);
    assert!(raw.headers["authorization"].to_str().unwrap().contains(&encoded));

    let run = Run::start(folder.path(), &json!({"user": "hearback", "password": "another password"}));
    assert_eq!(run.post(&raw).await, 401);
    let head = run.refused_head().await;
    assert!(!head.contains(&encoded) && !head.contains("Basic"), "{head}");
    assert!(head.contains("\r\nauthorization: [removed;pbkdf2-sha256:2000:"), "{head}");
    run.stop().await;

    let run = Run::start(folder.path(), &json!({"user": "hearback", "password": "still another password"}));
    assert_eq!(run.retry().await, (0, 0, json!({"bad_signature": 1})));
    assert_eq!(run.refused_head().await, head);
    assert!(run.heads().await.is_empty());
    run.stop().await;

    let old_and_right = json!({"credentials": ["hearback:old", "hearback:the password at Postmark"]});
    let run = Run::start(folder.path(), &old_and_right);
    assert_eq!(run.retry().await, (1, 0, json!({})));
    assert_eq!(run.retry().await, (0, 0, json!({})));
    assert_eq!(run.post(&raw).await, 200, "Postmark tries again");
    let heads = run.heads().await;
    assert_eq!(heads.len(), 1);
    assert!(
        heads[0].contains("\r\nauthorization: [removed]\r\n") && !heads[0].contains("pbkdf2"),
        "{heads:?}"
    );
    run.stop().await;
}

/// For each way to carry a credential: refused under what was set wrongly, kept without it, admitted when that is mended.
#[tokio::test]
async fn wherever_the_credential_stands() {
    let generic = |auth: Value| json!({"auth": [auth], "map": {"type": "/type", "event_id": "/id"}, "types": {"bounced": "bounced"}});
    let by_hand = |target: &str, headers: &[(&'static str, &str)]| {
        RawRequest::post(target, headers, br#"{"type":"bounced","id":"1"}"#.to_vec())
    };
    let header = |value: &str| json!({"header": "X-Gate", "header_value": value});
    // The secret is in the URL that Mandrill signs.
    let mandrill =
        |secret: &str| json!({"keys": "a key of Mandrill", "secret": secret, "secret_name": "gate"});
    let basic = |password: &str| json!({"user": "u", "password": password});
    let in_header = |value: &str| {
        generic(json!({"kind": "header", "header": "X-Gate", "value_prefix": "Gate ", "value": value}))
    };
    let in_query = |value: &str| generic(json!({"kind": "query", "parameter": "gate", "value": value}));
    let with_user = |password: &str| generic(json!({"kind": "basic", "user": "u", "password": password}));
    let cases = [
        ("postmark", header("wrong"), header("h\u{fc}sh"), sent("postmark", &header("h\u{fc}sh"))),
        ("mandrill", mandrill("wrong"), mandrill("hush/a b"), sent("mandrill", &mandrill("hush/a b"))),
        (
            "sendgrid",
            json!({"bearer": "w"}),
            json!({"bearer": "hush"}),
            sent("sendgrid", &json!({"bearer": "hush"})),
        ),
        ("sendgrid", basic("wrong"), basic("hush"), sent("sendgrid", &basic("hush"))),
        ("generic", in_header("wrong"), in_header("hush"), by_hand(URL, &[("x-gate", "Gate hush")])),
        ("generic", in_query("wrong"), in_query("hush/1"), by_hand(&format!("{URL}?a=b&gate=hush%2f1"), &[])),
        (
            "generic",
            with_user("wrong"),
            with_user("hush"),
            by_hand(URL, &[("authorization", "Basic dTpodXNo")]),
        ),
    ];
    for (name, wrong, right, raw) in cases {
        let world = World::with(settings(vec![configured(name, &wrong)])).await;
        let status = world.send(request(&raw)).await.status;
        assert!(status.is_client_error(), "{name} {right}: {status}");
        assert_eq!(world.store.causes(), ["bad_signature"], "{name} {right}");
        let head = world.store.state().quarantine[0].1.payload.head.clone();
        assert!(!head.contains("hush") && !head.contains("dTpodXNo"), "{head}");
        let retry = async |options: &Value| {
            let sources = [Arc::new(configured(name, options))];
            counts(&readmit(&*world.store, &sources, &Readmit::default()).await.unwrap())
        };
        assert_eq!(retry(&wrong).await, (0, 0, json!({"bad_signature": 1})), "{name} {right}");
        assert_eq!(retry(&right).await, (1, 0, json!({})), "{name} {right}");
        let head = world.store.state().submissions[0].payload.head.clone();
        assert!(head.contains("[removed]") && !head.contains("pbkdf2"), "{head}");

        // Accepted at once: nothing but that there was one.
        let world = World::with(settings(vec![configured(name, &right)])).await;
        assert_eq!(world.send(request(&raw)).await.status, 200, "{name} {right}");
        let accepted = world.store.state().submissions[0].payload.head.clone();
        assert_eq!(accepted, head, "{name} {right}");
    }
}
