//! Every answer of the contract, as a table.

use axum::body::Body;
use hearback_providers::ShapeLimits;
use hearback_server::{UnknownMessage, app};
use http::Request;

use crate::fake_store::Fault;
use crate::test_provider::{ALLOWED_SECONDS, CONTRACT, SIGNATURE, TOKEN, TestEndpoint, sign};
use crate::world::{METRICS, World, event, settings, signed, source};

#[tokio::test]
async fn stored_then_known_before() {
    let world = World::new(source("one")).await;
    let body = event("1", "delivered", "a@x.example", "m1");
    for _ in 0..2 {
        let got = world.post(&body).await;
        assert_eq!((got.status.as_u16(), &*got.body), (200, &b"<Response/>"[..]));
        assert_eq!(got.header("content-type"), "text/xml");
        assert_eq!(got.header("x-request-id").len(), 36);
    }
    assert_eq!(world.store.events(), 1);
    let state = world.store.state();
    assert!(state.records[0].verified);
    let head = &state.submissions[0].payload.head;
    assert!(head.starts_with("POST /webhooks/one HTTP/1.1\r\n") && head.ends_with("\r\n"), "{head}");
    assert_eq!(state.submissions[0].payload.body, body.as_bytes());
}

#[tokio::test]
async fn refusals_are_kept_and_say_nothing_about_the_signature() {
    let old = Some(hearback_event::Timestamp::now().as_seconds() - ALLOWED_SECONDS - 10);
    let future = Some(hearback_event::Timestamp::now().as_seconds() + 1000);
    let cases = [
        ("bad_signature", Some("k2"), None, CONTRACT.refused, "refused"),
        ("missing_signature", None, None, CONTRACT.refused, "refused"),
        ("stale", Some("k1"), old, CONTRACT.refused, "refused"),
        ("future", Some("k1"), future, CONTRACT.refused, "refused"),
        ("unparsable", Some("k1"), None, CONTRACT.unparsable, "unparsable"),
    ];
    for (cause, key, signed_at, status, word) in cases {
        let world = World::new(source("one")).await;
        let body = match cause {
            "unparsable" => "{not json".to_owned(),
            _ => serde_json::json!({"events": [], "signed_at": signed_at}).to_string(),
        };
        let mut request = Request::post("/webhooks/one");
        if let Some(key) = key {
            request = request.header(SIGNATURE, sign(key, body.as_bytes()));
        }
        let got = world.send(request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(got.problem(status), word, "{cause}");
        let text = String::from_utf8_lossy(&got.body).to_lowercase();
        assert!(!text.contains("signature") && !text.contains("key") && !text.contains("old"), "{text}");
        assert_eq!(world.store.causes(), [cause]);
        assert_eq!(world.store.state().quarantine[0].1.payload.body, body.as_bytes());
        assert_eq!(world.store.events(), 0);
    }
}

#[tokio::test]
async fn a_token_with_another_body_is_a_forged_replay() {
    let world = World::new(source("one")).await;
    let send = async |body: String| {
        let request = signed("/webhooks/one", &body).header(TOKEN, "t").body(Body::from(body)).unwrap();
        world.send(request).await
    };
    let first = event("1", "delivered", "a@x.example", "m1");
    assert_eq!(send(first.clone()).await.status, 200);
    assert_eq!(send(first).await.status, 200);
    let other = send(event("2", "delivered", "a@x.example", "m1")).await;
    assert_eq!(other.problem(CONTRACT.refused), "refused");
    assert_eq!(world.store.causes(), ["forged_replay"]);
    assert_eq!(world.store.events(), 1);
}

#[tokio::test]
async fn unknown_messages_are_404_only_where_that_is_wished() {
    let mut one = source("one");
    one.unknown_message = UnknownMessage::Reject;
    let world = World::new(one).await;
    let got = world.post(&event("1", "delivered", "a@x.example", "m1")).await;
    assert_eq!(got.problem(404), "unknown_message");
    assert_eq!(world.store.causes(), ["unknown_message"]);
}

#[tokio::test]
async fn too_large_is_413_and_kept_without_body() {
    let world = World::new(source("one")).await;
    for stated in [true, false] {
        let body = "x".repeat(2049);
        let mut request = Request::post("/webhooks/one");
        if stated {
            request = request.header("content-length", "2049");
        }
        let got = world.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(got.problem(413), "too_large");
    }
    assert_eq!(world.store.causes(), ["too_large", "too_large"]);
    assert!(world.store.state().quarantine[0].1.payload.body.is_empty());
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>("x".repeat(2000)), Ok("y".repeat(100))]);
    let got = world.send(Request::post("/webhooks/one").body(Body::from_stream(pieces)).unwrap()).await;
    assert_eq!(got.problem(413), "too_large");
}

#[tokio::test]
async fn a_body_nested_too_deep_or_with_too_many_fields_is_413() {
    let mut settings = settings(vec![source("one")]);
    settings.limits.shape = ShapeLimits { json_depth: 10, form_fields: 3 };
    let world = World::with(settings).await;
    let form = "application/x-www-form-urlencoded";
    for (content_type, body, status) in [
        ("application/json", format!("{}{}", "[".repeat(11), "]".repeat(11)), 413),
        (form, "a&b&c&d".to_owned(), 413),
        (form, "a&b&c".to_owned(), 422),
    ] {
        let request = Request::post("/webhooks/one").header("content-type", content_type);
        assert_eq!(world.send(request.body(Body::from(body)).unwrap()).await.status, status);
    }
    assert_eq!(world.store.causes(), ["too_complex", "too_complex", "unparsable"]);
}

#[tokio::test]
async fn a_body_in_pieces_is_the_same_body() {
    let world = World::new(source("one")).await;
    let body = event("1", "delivered", "a@x.example", "m1");
    let pieces: Vec<_> =
        body.as_bytes().chunks(7).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
    let request = signed("/webhooks/one", &body).body(Body::from_stream(futures_util::stream::iter(pieces)));
    assert_eq!(world.send(request.unwrap()).await.status, 200);
    assert_eq!(world.store.state().submissions[0].payload.body, body.as_bytes());
}

#[tokio::test]
async fn compressed_bodies_are_415() {
    let world = World::new(source("one")).await;
    for (encoding, status) in [("gzip", 415), ("identity, gzip", 415), ("identity", 200), ("IDENTITY", 200)] {
        let body = event("1", "delivered", "a@x.example", "m1");
        let request = signed("/webhooks/one", &body)
            .header("content-encoding", encoding)
            .body(Body::from(body))
            .unwrap();
        assert_eq!(world.send(request).await.status, status, "{encoding}");
    }
    assert_eq!(world.store.causes(), ["unsupported_encoding", "unsupported_encoding"]);
}

#[tokio::test]
async fn our_own_faults_make_the_provider_try_again() {
    for (fault, seconds) in [(Fault::Overloaded, "5"), (Fault::Write, "30"), (Fault::Stopped, "30")] {
        let world = World::new(source("one")).await;
        world.store.state().fail_submit = Some(fault);
        let body = event("1", "delivered", "a@x.example", "m1");
        let got = world.post(&body).await;
        assert_eq!(got.problem(CONTRACT.try_again), "try_again");
        assert_eq!(got.header("retry-after"), seconds);
        world.store.state().fail_submit = None;
        assert_eq!(world.post(&body).await.status, 200, "service resumes without a restart");
    }
}

#[tokio::test]
async fn a_refusal_that_cannot_be_kept_must_come_again() {
    let world = World::new(source("one")).await;
    world.store.state().fail_quarantine = Some(Fault::Write);
    let got = world.send(Request::post("/webhooks/one").body(Body::from("{}")).unwrap()).await;
    assert_eq!(got.problem(CONTRACT.try_again), "try_again");
    assert_eq!(got.header("retry-after"), "30");
}

#[tokio::test]
async fn beyond_the_quarantines_rate_refusals_are_counted_only() {
    let mut settings = settings(vec![source("one")]);
    settings.limits.quarantined_per_second = 2;
    let world = World::with(settings).await;
    for _ in 0..10 {
        let got = world.send(Request::post("/webhooks/one").body(Body::from("{}")).unwrap()).await;
        got.problem(CONTRACT.refused);
    }
    assert!((2..=3).contains(&world.store.causes().len()));
}

#[tokio::test]
async fn too_many_requests_get_the_contracts_code() {
    let mut one = source("one");
    one.requests_per_second = Some(1);
    let world = World::new(one).await;
    assert_eq!(world.post(&event("1", "sent", "a@x.example", "m1")).await.status, 200);
    let got = world.post(&event("2", "sent", "a@x.example", "m1")).await;
    assert_eq!(got.problem(CONTRACT.rate_limited), "rate_limited");
    assert_eq!(got.header("retry-after"), "1");
    assert!(world.store.causes().is_empty());
}

#[tokio::test]
async fn a_defect_in_a_provider_costs_no_event() {
    let world = World::new(source("one")).await;
    let got = world.post(&event("1", "panic", "a@x.example", "m1")).await;
    assert_eq!(got.problem(CONTRACT.try_again), "try_again");
    assert_eq!(world.store.causes(), ["internal_error"]);
    assert_eq!(world.post(&event("2", "sent", "a@x.example", "m1")).await.status, 200);
}

#[tokio::test]
async fn probes_methods_and_paths() {
    let mut one = source("one");
    one.paths = vec!["/legacy/hook/".to_owned()];
    let mut two = source("two");
    two.endpoint = Box::new(TestEndpoint { probes: false, ..TestEndpoint::with_key("k1") });
    let world = World::with(settings(vec![one, two])).await;
    let send = async |method: &str, path: &str| {
        world.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await
    };
    for path in ["/webhooks/one", "/webhooks/one/", "/legacy/hook", "/legacy/hook/", "/legacy/hook/?a=b"] {
        assert_eq!(send("HEAD", path).await.status, 200, "{path}");
    }
    for (method, path, allow) in [
        ("GET", "/webhooks/one", "POST, HEAD"),
        ("PUT", "/webhooks/one", "POST, HEAD"),
        ("HEAD", "/webhooks/two", "POST"),
        ("DELETE", "/webhooks/two", "POST"),
    ] {
        let got = send(method, path).await;
        assert_eq!((got.status.as_u16(), got.header("allow")), (405, allow), "{method} {path}");
    }
    assert_eq!(send("POST", "/webhooks/three").await.problem(404), "unknown_source");
    assert_eq!(send("POST", "/elsewhere").await.problem(404), "not_found");
    let body = event("1", "sent", "a@x.example", "m1");
    let request = signed("/legacy/hook", &body).body(Body::from(body)).unwrap();
    assert_eq!(world.send(request).await.status, 200);
    assert_eq!(&*world.store.state().records[0].source, "one");
}

#[tokio::test]
async fn other_methods_tell_events_where_they_can_be_verified() {
    let world = World::new(source("one")).await;
    let send = async |method: &str, key: &str, id: &str| {
        let body = event(id, "sent", "a@x.example", "m1");
        let request = Request::builder().method(method).uri("/webhooks/one");
        let request = request.header(SIGNATURE, sign(key, body.as_bytes()));
        world.send(request.body(Body::from(body)).unwrap()).await.status.as_u16()
    };
    assert_eq!(send("GET", "k1", "1").await, 200);
    assert_eq!(send("PUT", "k1", "2").await, 200);
    assert_eq!(world.store.events(), 2);
    assert_eq!(send("GET", "k2", "3").await, CONTRACT.refused);
    assert_eq!(send("PUT", "k2", "4").await, 405);
    assert_eq!(world.store.causes(), ["bad_signature"]);
    assert_eq!(world.store.events(), 2);
}

#[tokio::test]
async fn an_endpoint_may_have_a_contract_of_its_own() {
    let mut one = source("one");
    let own = hearback_providers::Contract { refused: 400, try_again: 500, ..CONTRACT };
    one.endpoint = Box::new(TestEndpoint { contract: Some(own), ..TestEndpoint::with_key("k1") });
    let world = World::new(one).await;
    let refused = async || world.send(Request::post("/webhooks/one").body(Body::from("{}")).unwrap()).await;
    assert_eq!(refused().await.problem(400), "refused");
    world.store.state().fail_quarantine = Some(Fault::Write);
    assert_eq!(refused().await.problem(500), "try_again");
}

#[tokio::test]
async fn nothing_told_is_accepted_without_the_store() {
    let world = World::new(source("one")).await;
    world.store.state().fail_submit = Some(Fault::Write);
    assert_eq!(world.post("{\"events\":[]}").await.status, 200);
}

#[tokio::test]
async fn paths_belong_to_one_source() {
    let reject = |sources| {
        let store = std::sync::Arc::new(crate::fake_store::FakeStore::default());
        app(settings(sources), store, METRICS.clone()).unwrap_err().to_string()
    };
    let with_path = |name: &str, path: &str| {
        let mut source = source(name);
        source.paths = vec![path.to_owned()];
        source
    };
    let text = reject(vec![with_path("one", "/a"), with_path("two", "/a/")]);
    assert!(text.contains("`one`") && text.contains("`two`"), "{text}");
    assert!(reject(vec![source("one"), source("one")]).contains("`one`"));
    assert!(reject(vec![with_path("one", "/v1/events")]).contains("/v1/events"));
    assert!(reject(vec![source("health")]).contains("/webhooks/health"));
}

#[tokio::test]
async fn credentials_are_not_kept() {
    let world = World::new(source("one")).await;
    let body = event("1", "sent", "a@x.example", "m1");
    let request = signed("/webhooks/one?secret=hush&n=1", &body).header("authorization", "Basic hush");
    world.send(request.body(Body::from(body)).unwrap()).await;
    let state = world.store.state();
    let head = &state.submissions[0].payload.head;
    assert!(!head.contains("hush"), "{head}");
    assert!(head.contains("?secret=[removed]&n=1") && head.contains("x-test-signature: "), "{head}");
}

#[tokio::test]
async fn health() {
    let world = World::with(settings(vec![source("one"), source("two")])).await;
    let send = async |path: &str| world.send(Request::get(path).body(Body::empty()).unwrap()).await;
    let health = send("/webhooks/health").await.json();
    let keys: Vec<_> = health.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["endpoints", "service", "status", "timestamp"]);
    assert_eq!((health["status"].as_str(), health["service"].as_str()), (Some("healthy"), Some("hearback")));
    assert_eq!(health["endpoints"], serde_json::json!({"one": "/webhooks/one", "two": "/webhooks/two"}));
    assert_eq!(send("/healthz").await.status, 200);
    assert_eq!(send("/readyz").await.status, 200);
    world.store.state().fail_submit = Some(Fault::Write);
    let got = send("/readyz").await;
    assert_eq!(got.problem(503), "write_failed");
    assert_eq!(send("/healthz").await.status, 200);
}
