//! A real provider and a real store behind the router: the way of one event from the wire to every question.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hearback_event::{Address, Kind, Timestamp};
use hearback_providers::crypto::sha256;
use hearback_providers::{Happening, Options, Tamper, provider};
use hearback_server::{Source, app};
use hearback_store::LogStore;
use hearback_store::sqlite::{self, SqliteOptions};
use hearback_store::{NewToken, SourceRef, Store};
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{METRICS, READ, settings, source};

const URL: &str = "http://localhost/webhooks/mail";

async fn ask(app: &Router, path: &str) -> Value {
    let request = Request::get(path).header("authorization", format!("Bearer {READ}"));
    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

async fn open(folder: &std::path::Path) -> (Arc<LogStore>, Router, Options) {
    let store = Arc::new(sqlite::open(&SqliteOptions::new(folder.join("events.db"))).unwrap());
    let (hash, created_at) = (sha256(&[READ.as_bytes()]), Timestamp::now());
    if store.tokens().await.unwrap().is_empty() {
        let token = NewToken { name: "t".to_owned(), scope: "read".to_owned(), hash, created_at };
        store.add_token(token).await.unwrap();
    }
    let mailgun = provider("mailgun").unwrap();
    let options = Options::from_value(json!({"keys": "key-0123456789abcdef0123456789"}));
    let mail = Source {
        reference: SourceRef { name: "mail".into(), provider: "mailgun".into(), account: "mail".into() },
        provider: mailgun,
        endpoint: mailgun.endpoint(&options).ok().unwrap(),
        body_bytes_max: 1024 * 1024,
        ..source("mail")
    };
    let app = app(settings(vec![mail]), Arc::clone(&store) as _, METRICS.clone()).unwrap();
    (store, app, options)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn from_the_wire_to_every_question() {
    let folder = tempfile::tempdir().unwrap();
    let (store, app, options) = open(folder.path()).await;
    let now = Timestamp::now();
    let happening = Happening {
        kind: Kind::Bounced,
        occurred_at: now,
        recipient: Address::parse("alice@example.com").unwrap(),
        message: "stay-1".to_owned(),
        serial: 1,
        labels: [("booking_id".to_owned(), "42".to_owned())].into(),
        tags: vec!["pre-arrival".to_owned()],
        subject: "Your stay".to_owned(),
    };
    let simulator = provider("mailgun").unwrap().simulator(&options).ok().unwrap();
    let post = async |tamper: Tamper| {
        let raw = simulator.request(std::slice::from_ref(&happening), URL, now, tamper);
        let mut request = Request::post(&raw.path_and_query);
        *request.headers_mut().unwrap() = raw.headers;
        let answer = app.clone().oneshot(request.body(Body::from(raw.body)).unwrap()).await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(post(Tamper::None).await, 200);
    assert_eq!(post(Tamper::None).await, 200);
    assert_eq!(post(Tamper::Forged).await, 403);

    let events = ask(&app, "/v1/events?recipient=Alice@example.com&type=bounced").await;
    assert_eq!(events["data"].as_array().unwrap().len(), 1, "{events}");
    let id = events["data"][0]["message"]["id"].as_str().unwrap();
    let message = ask(&app, &format!("/v1/messages/{id}")).await;
    assert_eq!((&message["status"], &message["subject"]), (&json!("bounced"), &json!("Your stay")));
    assert_eq!(message["explanation"][0]["decided"], true);
    let recipient = ask(&app, "/v1/recipients/alice@example.com").await;
    assert_eq!(recipient["counts"]["bounced"]["permanent"], 1);
    let timeline = ask(&app, "/v1/timelines/booking_id/42").await;
    assert_eq!(timeline["messages"][0]["id"], *id);
    let quarantine = ask(&app, "/v1/quarantine").await;
    assert_eq!(quarantine["data"][0]["cause"], "bad_signature");
    let sources = ask(&app, "/v1/sources").await;
    assert_eq!(sources["data"][0]["events"]["bounced"], 1);
    // A place in the log that a program has kept is good after a restart.
    let kept = ask(&app, "/v1/events?after=end").await["next_cursor"].as_str().unwrap().to_owned();
    store.close().await.unwrap();
    drop((app, store));
    let (store, app, _) = open(folder.path()).await;
    let path = format!("/v1/events?after={kept}");
    assert_eq!(ask(&app, &path).await["data"].as_array().unwrap().len(), 0);
    let opened = Happening { kind: Kind::Opened, serial: 2, ..happening };
    let raw = simulator.request(std::slice::from_ref(&opened), URL, now, Tamper::None);
    let mut request = Request::post(&raw.path_and_query);
    *request.headers_mut().unwrap() = raw.headers;
    let answer = app.clone().oneshot(request.body(Body::from(raw.body)).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let after = ask(&app, &path).await;
    assert_eq!(after["data"].as_array().unwrap().len(), 1, "{after}");
    assert_eq!(after["data"][0]["type"], "message.opened");
    store.close().await.unwrap();
}
