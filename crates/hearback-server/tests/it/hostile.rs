//! Input that means no good, against the real store: a clear answer, never a fault of ours, and nothing is lost.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hearback_event::Timestamp;
use hearback_providers::crypto::sha256;
use hearback_server::app;
use hearback_store::sqlite::{self, SqliteOptions};
use hearback_store::{LogStore, NewToken, Store as _};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{ADMIN, METRICS, settings, signed, source};

/// A server over a real store.
pub(crate) struct Server {
    _folder: tempfile::TempDir,
    store: Arc<LogStore>,
    app: Router,
}

impl Server {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(sqlite::open(&SqliteOptions::new(folder.path().join("events.db"))).unwrap());
        let (hash, created_at) = (sha256(&[ADMIN.as_bytes()]), Timestamp::now());
        let token = NewToken { name: "t".to_owned(), scope: "admin".to_owned(), hash, created_at };
        store.add_token(token).await.unwrap();
        let mut source = source("one");
        source.body_bytes_max = 32 << 20;
        let app = app(settings(vec![source]), Arc::clone(&store) as _, METRICS.clone()).unwrap();
        Self { _folder: folder, store, app }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let answer = self.app.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = Request::get(path).header("authorization", format!("Bearer {ADMIN}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, body: &Value) -> StatusCode {
        let body = body.to_string();
        self.send(signed("/webhooks/one", &body).body(Body::from(body)).unwrap()).await.0
    }

    /// Gives a body, with a token of the greatest scope.
    pub(crate) async fn give(&self, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {ADMIN}"));
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn close(&self) {
        self.store.close().await.unwrap();
    }

    pub(crate) async fn events(&self) -> usize {
        self.get("/v1/events?limit=1000").await.1["data"].as_array().unwrap().len()
    }
}

fn digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap()
}

pub(crate) fn encoded(text: &str) -> String {
    text.bytes().flat_map(|byte| ['%', digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Texts that break what is careless with them.
const TEXTS: &[&str] = &[
    "'; DROP TABLE events; --",
    "\" OR 1=1 --",
    "x' UNION SELECT hash FROM tokens --",
    "%' OR '%'='",
    "$1; $2",
    "?1",
    "\\'; --",
    "\0",
    "a\0b",
    "\r\nx-injected: 1",
    "../../../etc/passwd",
    "..%2f..%2f",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "\u{202e}evil\u{202c}",
    "\u{feff}",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}@example.com",
    "用户@例子.广告",
    "δοκιμή@παράδειγμα.δοκιμή",
    "\"a b\"@example.com",
    "a@b@c@d",
    "@",
    "İ@example.com",
    "NULL",
    "-1",
    "1e309",
    "18446744073709551616",
    "evt_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "msg_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "0001-01-01T00:00:00Z",
    "2262-04-11T23:47:16.854775807Z",
    "2026-02-30T00:00:00Z",
    "2026-01-01T00:00:00+99:99",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn absurd_filters_and_paths_are_answered_clearly() {
    let server = Server::new().await;
    let told = json!({"events": [{"id": "1", "type": "bounced", "to": "a@x.example", "message": "m1", "labels": {"k": "v"}}]});
    assert_eq!(server.post(&told).await, 200);
    let long = "x".repeat(7_000);
    for text in TEXTS.iter().copied().chain([long.as_str()]) {
        let text = encoded(text);
        let parameters = [
            "type",
            "source",
            "provider",
            "recipient",
            "domain",
            "message",
            "tag",
            "severity",
            "reason",
            "since",
            "until",
            "order",
            "limit",
            "cursor",
            "after",
            "wait",
        ];
        let mut paths: Vec<String> =
            parameters.iter().map(|name| format!("/v1/events?{name}={text}")).collect();
        paths.extend([
            format!("/v1/events?label={text}%3D{text}"),
            format!("/v1/events?{text}={text}"),
            format!("/v1/events/{text}"),
            format!("/v1/events/{text}/payload"),
            format!("/v1/messages/{text}"),
            format!("/v1/messages?provider_id={text}"),
            format!("/v1/recipients/{text}"),
            format!("/v1/timelines/{text}/{text}"),
            format!("/v1/suppressions?cursor={text}"),
            format!("/v1/suppressions?reason={text}"),
            format!("/v1/recipients?last_event={text}"),
            format!("/v1/recipients?status={text}"),
            format!("/v1/recipients?domain={text}"),
            format!("/v1/recipients?user_id={text}"),
            format!("/v1/recipients?bounced_min={text}"),
            format!("/v1/recipients?cursor={text}"),
            format!("/v1/suppressions?source={text}"),
            format!("/v1/suppressions?since={text}"),
            format!("/v1/suppressions/{text}"),
            format!("/v1/stats?since={text}"),
            format!("/v1/stats?until={text}"),
            format!("/v1/quarantine?source={text}&cause={text}"),
            format!("/v1/quarantine/{text}"),
            format!("/webhooks/{text}"),
        ]);
        for path in paths {
            let (status, answer) = server.get(&path).await;
            assert!([200, 400, 404].contains(&status.as_u16()), "{path}: {status}: {answer}");
            if status != 200 {
                let detail = answer["detail"].as_str().unwrap_or_default();
                assert!(!detail.is_empty() && detail.len() < 1000, "{path}: {answer}");
                assert!(!detail.contains('\0') && !detail.contains('\n'), "{path}: {answer}");
            }
        }
    }
    assert_eq!(server.events().await, 1);
    server.store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_stored_comes_back_as_it_was_whatever_it_is() {
    let server = Server::new().await;
    let mut stored = 0;
    for (place, text) in TEXTS.iter().enumerate() {
        let told = json!({"events": [{"id": format!("n{place}"), "type": "delivered", "to": format!("p{place}@x.example"),
            "message": format!("m{place}{text}"), "subject": text, "tag": text, "labels": {"k": text, *text: "v"}}]});
        assert_eq!(server.post(&told).await, 200, "{text}");
        stored += 1;
        let (status, page) = server.get(&format!("/v1/recipients/p{place}@x.example")).await;
        assert_eq!((status.as_u16(), &page["counts"]["delivered"]), (200, &json!(1)), "{text}");
        let (_, page) = server.get("/v1/events?limit=1").await;
        let event = &page["data"][0];
        assert_eq!((&event["tags"][0], &event["labels"]["k"]), (&json!(text), &json!(text)));
        assert_eq!(event["message"]["subject"], *text);
        if hearback_event::Label::is_indexed(text) {
            let (status, timeline) = server.get(&format!("/v1/timelines/k/{}", encoded(text))).await;
            assert_eq!(
                (status.as_u16(), timeline["data"].as_array().unwrap().len()),
                (200, 1),
                "{text}: {timeline}"
            );
            assert_eq!(timeline["messages"][0]["subject"], *text);
        }
        let (_, tagged) = server.get(&format!("/v1/events?tag={}", encoded(text))).await;
        assert_eq!(tagged["data"].as_array().unwrap().len(), 1, "{text}");
    }
    assert_eq!(server.events().await, stored);
    server.store.close().await.unwrap();
}

/// Unicode addresses are recipients as others are.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn unicode_addresses_are_found_in_any_case() {
    let server = Server::new().await;
    for (id, given, asked) in [
        ("1", "用户@例子.广告", "用户@例子.广告"),
        ("2", "Δοκιμή@παράδειγμα.δοκιμή", "ΔΟΚΙΜΉ@ΠΑΡΆΔΕΙΓΜΑ.ΔΟΚΙΜΉ"),
        ("3", "Größe@example.com", "GRÖßE@EXAMPLE.COM"),
    ] {
        let told = json!({"events": [{"id": id, "type": "delivered", "to": given, "message": id}]});
        assert_eq!(server.post(&told).await, 200);
        let (status, found) = server.get(&format!("/v1/recipients/{}", encoded(asked))).await;
        assert_eq!((status.as_u16(), &found["counts"]["delivered"]), (200, &json!(1)), "{given}: {found}");
        let (_, page) = server.get(&format!("/v1/events?recipient={}", encoded(asked))).await;
        assert_eq!(page["data"].as_array().unwrap().len(), 1, "{given}");
    }
    server.store.close().await.unwrap();
}

/// A label of ten megabytes is kept with its event, and cannot be asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_huge_label_is_kept_and_harms_nobody() {
    let server = Server::new().await;
    let huge = "x".repeat(10 << 20);
    let told = json!({"events": [{"id": "1", "type": "delivered", "to": "a@x.example", "message": "m1", "labels": {"k": huge, "booking": "7"}}]});
    assert_eq!(server.post(&told).await, 200);
    let (status, page) = server.get("/v1/timelines/booking/7").await;
    assert_eq!(status, 200);
    assert_eq!(page["data"][0]["labels"]["k"].as_str().unwrap().len(), huge.len());
    let (status, problem) = server.get(&format!("/v1/timelines/k/{}", "x".repeat(60_000))).await;
    assert_eq!((status.as_u16(), &problem["field"]), (400, &json!("label")));
    let many: serde_json::Map<String, Value> = (0..5000).map(|n| (format!("k{n}"), json!(n))).collect();
    let told = json!({"events": [{"id": "2", "type": "delivered", "to": "a@x.example", "message": "m2", "labels": many}]});
    assert_eq!(server.post(&told).await, 200);
    let (_, page) = server.get("/v1/events?limit=1").await;
    assert_eq!(
        page["data"][0]["labels"].as_object().unwrap().len(),
        5000,
        "all are kept, the first are searched by"
    );
    assert_eq!(server.get("/v1/timelines/k0/0").await.1["data"].as_array().unwrap().len(), 1);
    server.store.close().await.unwrap();
}

/// Whatever is suppressed and named comes back as it was, and forgets nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_people_say_is_kept_as_it_is() {
    let server = Server::new().await;
    let mut kept = 0;
    for text in TEXTS {
        let Ok(address) = hearback_event::Address::parse(text) else { continue };
        let body = json!({"addresses": [text, format!(" {text} "), text], "reason": text});
        let (status, added) = server.give("POST", "/v1/suppressions", &body).await;
        let asked = json!({"addresses": [text]});
        let (_, checked) = server.give("POST", "/v1/suppressions/check", &asked).await;
        let named = json!({"user_id": text, "name": text});
        let path = encoded(address.as_str());
        let (put, profile) = server.give("PUT", &format!("/v1/recipients/{path}"), &named).await;
        assert_eq!((status.as_u16(), put.as_u16()), (200, 200), "{text}: {added} {profile}");
        let many: Vec<_> = added["data"].as_array().unwrap().iter().map(|one| &one["address"]).collect();
        assert!(many.iter().all(|one| **one == json!(address.as_str())), "{text}: {added}");
        assert_eq!(
            (&checked["data"][0]["given"], &checked["data"][0]["may_send"]),
            (&json!(text), &json!(false))
        );
        let (_, standing) = server.get(&format!("/v1/suppressions/{path}")).await;
        assert_eq!(
            (&standing["because"], &standing["by"]),
            (&json!(text.trim()), &json!("t")),
            "{text}: {standing}"
        );
        assert_eq!((&profile["user_id"], &profile["name"]), (&json!(text.trim()), &json!(text.trim())));
        kept += added["created"].as_u64().unwrap();
    }
    assert!(kept > 15 && server.events().await as u64 == kept, "{kept}");
    let (_, listed) = server.get("/v1/suppressions?limit=1000").await;
    assert_eq!(listed["data"].as_array().unwrap().len() as u64, kept);
    server.close().await;
}

/// Ten megabytes are too much, whatever they hold, and what is nested without end is no body.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn bodies_without_measure_are_refused() {
    let server = Server::new().await;
    let huge = "x".repeat(10 << 20);
    for (method, path, body) in [
        ("POST", "/v1/suppressions", json!({"addresses": [huge]})),
        ("POST", "/v1/suppressions/check", json!({"addresses": [huge]})),
        ("PUT", "/v1/recipients/a@x.example", json!({"name": huge})),
    ] {
        let (status, problem) = server.give(method, path, &body).await;
        assert_eq!((status.as_u16(), &problem["field"]), (413, &json!("body")), "{path}");
        for raw in [
            "",
            "{",
            "null",
            "\u{feff}{}",
            &"[".repeat(200_000),
            &"{\"addresses\":".repeat(50_000),
            "{\"addresses\":[\"\\ud800\"]}",
        ] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("authorization", format!("Bearer {ADMIN}"));
            let (status, problem) = server.send(request.body(Body::from(raw.to_owned())).unwrap()).await;
            assert_eq!((status.as_u16(), &problem["field"]), (400, &json!("body")), "{path}: {problem}");
            assert!(problem["detail"].as_str().unwrap().len() < 1000);
        }
    }
    assert_eq!(server.events().await, 0);
    server.close().await;
}
