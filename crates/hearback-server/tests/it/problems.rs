//! Every refusal of the API names what is at fault, and what was expected there.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::world::{ADMIN, READ, WRITE, World, event, source};

const NO_EVENT: &str = "/v1/events/evt_00000000000000000000000000";
const NO_MESSAGE: &str = "/v1/messages/msg_00000000000000000000000000";

/// Method, path, token, status, field, and a word of what was expected.
const TABLE: &[(&str, &str, &str, u16, &str, &str)] = &[
    ("GET", "/v1/events?colour=red", READ, 400, "colour", "type, source, provider"),
    ("GET", "/v1/events?type=bouncd", READ, 400, "type", "queued, sent"),
    ("GET", "/v1/events?recipient=%07", READ, 400, "recipient", "e-mail address"),
    ("GET", "/v1/events?message=x", READ, 400, "message", "msg_"),
    ("GET", "/v1/events?label=booking", READ, 400, "label", "key=value"),
    ("GET", "/v1/events?label=a=%7B%7D", READ, 400, "label", "256 bytes"),
    ("GET", "/v1/events?severity=bad", READ, 400, "severity", "permanent or temporary"),
    ("GET", "/v1/events?reason=full", READ, 400, "reason", "mailbox_full"),
    ("GET", "/v1/events?since=today", READ, 400, "since", "a moment such as"),
    ("GET", "/v1/events?until=9999-01-01T00:00:00Z", READ, 400, "until", "a moment such as"),
    (
        "GET",
        "/v1/events?since=2026-01-02T00:00:00Z&until=2026-01-02T00:00:00Z",
        READ,
        400,
        "until",
        "after `since`",
    ),
    ("GET", "/v1/events?order=up", READ, 400, "order", "newest or oldest"),
    ("GET", "/v1/events?limit=0", READ, 400, "limit", "1 to 1000"),
    ("GET", "/v1/events?limit=-1", READ, 400, "limit", "1 to 1000"),
    ("GET", "/v1/events?limit=1&limit=2", READ, 400, "limit", "one value"),
    ("GET", "/v1/events?cursor=x", READ, 400, "cursor", "next_cursor"),
    ("GET", "/v1/events?after=x", READ, 400, "after", "next_cursor"),
    ("GET", "/v1/events?after=end&order=newest", READ, 400, "after", "order=oldest"),
    ("GET", "/v1/events?after=end&cursor=x", READ, 400, "after", "not both"),
    ("GET", "/v1/events?wait=61", READ, 400, "wait", "0 to 60"),
    ("GET", "/v1/events?wait=1&order=newest", READ, 400, "wait", "order=oldest"),
    ("GET", "/v1/events/nonsense", READ, 400, "id", "evt_"),
    ("GET", "/v1/events/%ff", READ, 400, "path", "percent-encoded UTF-8"),
    ("GET", NO_EVENT, READ, 404, "id", "evt_"),
    ("GET", "/v1/events/nonsense/payload", ADMIN, 400, "id", "evt_"),
    ("GET", "/v1/messages?provider_id=x&status=sent", READ, 400, "status", "`provider_id` alone"),
    ("GET", "/v1/messages?status=gone", READ, 400, "status", "registered, queued"),
    ("GET", "/v1/messages?channel=fax", READ, 400, "channel", "email, sms"),
    ("GET", "/v1/messages?overdue=false", READ, 400, "overdue", "`true`"),
    ("GET", "/v1/messages?limit=201", READ, 400, "limit", "1 to 200"),
    ("GET", "/v1/messages?cursor=AAAA", READ, 400, "cursor", "next_cursor"),
    ("POST", "/v1/messages", READ, 403, "authorization", "the scope `write`"),
    ("POST", "/v1/messages", WRITE, 400, "body", "a JSON object"),
    ("POST", "/v1/send", READ, 403, "authorization", "the scope `write`"),
    ("POST", "/v1/send", WRITE, 400, "body", "a JSON object"),
    ("GET", "/v1/messages?provider_id=", READ, 400, "provider_id", "a value"),
    ("GET", "/v1/events?recipient=", READ, 400, "recipient", "a value"),
    ("GET", "/v1/events?limit", READ, 400, "limit", "a value"),
    ("GET", "/v1/messages/nonsense", READ, 400, "id", "msg_"),
    ("GET", NO_MESSAGE, READ, 404, "id", "the id of a message"),
    ("GET", "/v1/recipients?last_event=flew", READ, 400, "last_event", "one or more of queued"),
    ("GET", "/v1/recipients?status=dead", READ, 400, "status", "suppressed"),
    ("GET", "/v1/recipients?bounced_min=-1", READ, 400, "bounced_min", "a whole number"),
    ("GET", "/v1/recipients?sent_min=1000000001", READ, 400, "sent_min", "0 to 1000000000"),
    ("GET", "/v1/recipients?cursor=AAAA", READ, 400, "cursor", "next_cursor"),
    ("GET", "/v1/recipients/%20", READ, 400, "address", "e-mail address"),
    ("GET", "/v1/recipients/nobody@x.example", READ, 404, "address", "an address of which"),
    ("GET", "/v1/timelines/booking_id/%5B1%5D", READ, 400, "label", "256 bytes"),
    ("GET", "/v1/timelines/booking_id/42?order=newest", READ, 400, "order", "limit, cursor"),
    ("GET", "/v1/suppressions?reason=angry", READ, 400, "reason", "manual, complained"),
    ("GET", "/v1/suppressions?cursor=AAAA", READ, 400, "cursor", "next_cursor"),
    ("GET", "/v1/events?after=evt_x", READ, 400, "after", "evt_"),
    ("GET", "/v1/events/stream?after=x", READ, 400, "after", "next_cursor"),
    ("GET", "/v1/events/stream?type=bouncd", READ, 400, "type", "queued, sent"),
    ("GET", "/v1/events/stream?limit=5", READ, 400, "limit", "type, source"),
    ("GET", "/v1/consumers?x=1", READ, 400, "x", "none"),
    ("GET", "/v1/consumers/nobody", READ, 404, "name", "has acknowledged"),
    ("DELETE", "/v1/consumers/nobody", WRITE, 404, "name", "has acknowledged"),
    ("POST", "/v1/consumers/a/ack", WRITE, 400, "event", "evt_"),
    (
        "POST",
        "/v1/consumers/a%20b/ack?event=evt_00000000000000000000000000",
        WRITE,
        400,
        "name",
        "64 letters",
    ),
    ("POST", "/v1/consumers/a/ack?event=evt_00000000000000000000000000", WRITE, 404, "event", "evt_"),
    ("GET", "/v1/destinations?x=1", READ, 400, "x", "none"),
    ("GET", "/v1/destinations/other", READ, 404, "name", "the name of a configured destination"),
    ("GET", "/v1/destinations/other/failed", READ, 404, "name", "the name of a configured destination"),
    ("GET", "/v1/destinations/crm/failed?dead=maybe", READ, 400, "dead", "true or false"),
    ("GET", "/v1/destinations/crm/failed?cursor=x", READ, 400, "cursor", "next_cursor"),
    ("POST", "/v1/destinations/crm/pause", READ, 403, "authorization", "write"),
    ("POST", "/v1/destinations/other/resume", WRITE, 404, "name", "the name of a configured destination"),
    ("POST", "/v1/destinations/other/test", WRITE, 404, "name", "the name of a configured destination"),
    ("POST", "/v1/destinations/crm/redrive?which=some", WRITE, 400, "which", "`dead`, `failed` or `all`"),
    ("POST", "/v1/destinations/crm/redrive?dry_run=1", WRITE, 400, "dry_run", "true or false"),
    ("POST", "/v1/destinations/crm/redrive?since=x", WRITE, 400, "since", "a moment such as"),
    ("POST", "/v1/destinations/other/redrive", WRITE, 404, "name", "the name of a configured destination"),
    ("GET", "/v1/destinations/crm/explain", READ, 400, "event", "evt_"),
    ("GET", "/v1/destinations/crm/explain?event=x", READ, 400, "event", "evt_"),
    ("GET", "/v1/destinations/crm/explain?event=evt_00000000000000000000000000", READ, 404, "event", "evt_"),
    ("GET", "/v1/alerts?state=broken", READ, 400, "state", "open, acknowledged, resolved"),
    ("GET", "/v1/alerts?part_of=x", READ, 400, "part_of", "the number of an alert"),
    ("GET", "/v1/alerts?limit=201", READ, 400, "limit", "1 to 200"),
    ("GET", "/v1/alerts?cursor=AAAA", READ, 400, "cursor", "next_cursor"),
    ("GET", "/v1/alerts/x", READ, 400, "id", "the number of an alert"),
    ("GET", "/v1/alerts/7", READ, 404, "id", "the number of an alert"),
    ("POST", "/v1/alerts/7/acknowledge", READ, 403, "authorization", "write"),
    ("POST", "/v1/alerts/7/resolve", WRITE, 404, "id", "the number of an alert"),
    ("GET", "/v1/watchdog?x=1", READ, 400, "x", "none"),
    ("GET", "/v1/sources?x=1", READ, 400, "x", "none"),
    (
        "GET",
        "/v1/suppressions?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
        READ,
        400,
        "until",
        "after `since`",
    ),
    ("GET", "/v1/suppressions/%20", READ, 400, "address", "e-mail address"),
    ("DELETE", "/v1/suppressions/nobody@x.example", WRITE, 404, "address", "an address that is suppressed"),
    ("DELETE", "/v1/suppressions/nobody@x.example?reason=%0A", WRITE, 400, "reason", "1 to 500 characters"),
    ("DELETE", "/v1/suppressions/a@x.example", READ, 403, "authorization", "the scope `write`"),
    ("POST", "/v1/suppressions", WRITE, 400, "body", "`addresses`"),
    ("POST", "/v1/suppressions", READ, 403, "authorization", "the scope `write`"),
    ("POST", "/v1/suppressions/check", READ, 400, "body", "`addresses`"),
    ("PUT", "/v1/recipients/a@x.example", WRITE, 400, "body", "`user_id`"),
    ("PUT", "/v1/recipients/a@x.example", READ, 403, "authorization", "the scope `write`"),
    ("GET", "/v1/suppressions?cursor=AAAA", READ, 400, "cursor", "next_cursor"),
    ("GET", "/v1/sources?x=1", READ, 400, "x", "none"),
    ("GET", "/v1/stats?since=2020-01-01T00:00:00Z", READ, 400, "since", "366 days"),
    (
        "GET",
        "/v1/stats?until=2020-01-01T00:00:00Z&since=2021-01-01T00:00:00Z",
        READ,
        400,
        "until",
        "after `since`",
    ),
    ("GET", "/v1/stats?by=colour", READ, 400, "by", "`source`, `tag` or `domain`"),
    ("GET", "/v1/stats?by=tag&source=one", READ, 400, "by", "`source`, or no `by`"),
    ("GET", "/v1/stats?tag=a&domain=b", READ, 400, "domain", "not both"),
    ("GET", "/v1/stats?by=tag&step=hour", READ, 400, "step", "`day` or `total`"),
    ("GET", "/v1/stats?step=week", READ, 400, "step", "`hour`, `day` or `total`"),
    ("GET", "/v1/stats?limit=0", READ, 400, "limit", "1 to 200"),
    (
        "GET",
        "/v1/stats?by=source&step=hour&limit=200&since=2026-01-01T00:00:00Z&until=2026-12-01T00:00:00Z",
        READ,
        400,
        "step",
        "a longer step",
    ),
    ("GET", "/v1/quarantine?limit=x", READ, 400, "limit", "1 to 1000"),
    ("GET", "/v1/quarantine/x", ADMIN, 400, "id", "the number of a refused request"),
    ("GET", "/v1/quarantine/18446744073709551616", ADMIN, 400, "id", "the number of a refused request"),
    ("GET", "/v1/quarantine/7", ADMIN, 404, "id", "the number of a refused request"),
    ("DELETE", "/v1/quarantine/7", WRITE, 404, "id", "the number of a refused request"),
    ("POST", "/v1/quarantine/7/retry", WRITE, 404, "id", "the number of a refused request"),
    ("POST", "/v1/quarantine/retry?id=7", WRITE, 400, "id", "source, cause"),
    ("GET", "/v1/events", "hb_unknown", 401, "authorization", "Bearer hb_"),
    ("GET", "/v1/quarantine/7", READ, 403, "authorization", "the scope `admin`"),
    ("POST", "/v1/quarantine/retry", READ, 403, "authorization", "the scope `write`"),
    ("GET", "/v1/nothing", READ, 404, "path", "/openapi.json"),
    ("GET", "/v1", READ, 404, "path", "/openapi.json"),
    ("GET", "/webhooks/nobody", "", 404, "source", "a configured source"),
    ("PUT", "/v1/events", READ, 405, "method", "`allow`"),
    ("DELETE", "/openapi.json", "", 405, "method", "`allow`"),
];

#[tokio::test]
async fn every_refusal_names_the_field_and_what_was_expected() {
    let world = World::new(source("one")).await;
    for (method, path, token, status, field, expected) in TABLE {
        let got = world.call(method, path, token).await;
        let word = got.problem(*status);
        let problem = got.json();
        assert_eq!(problem["field"], *field, "{method} {path}: {problem}");
        let said = problem["expected"].as_str().unwrap_or_default();
        assert!(said.contains(expected), "{method} {path}: {problem}");
        let known = match status {
            400 => "bad_request",
            401 => "unauthorised",
            403 => "forbidden",
            404 if *field == "source" => "unknown_source",
            404 => "not_found",
            _ => "method_not_allowed",
        };
        assert_eq!(word, known, "{method} {path}");
        if *status == 405 {
            assert!(!got.header("allow").is_empty(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_mistake_in_a_registration_is_told_by_its_field() {
    let good = json!({"recipient": "a@x.example", "key": "k"});
    let table = [
        (json!({"recipient": null}), "recipient", "e-mail address"),
        (json!({"recipient": "  "}), "recipient", "e-mail address"),
        (json!({"key": null}), "key", "provider_message_id"),
        (json!({"key": 1}), "key", "1 to 256 bytes"),
        (json!({"key": "k".repeat(257)}), "key", "1 to 256 bytes"),
        (json!({"key": "a\u{0}b"}), "key", "without control characters"),
        (json!({"source": "nobody"}), "source", "one of the sources: one"),
        (json!({"provider": "nobody"}), "provider", "one of the sources: one"),
        (json!({"channel": "fax"}), "channel", "email, sms"),
        (json!({"labels": []}), "labels", "at most 64 labels"),
        (json!({"labels": {"": "x"}}), "labels", "1 to 128 bytes"),
        (json!({"labels": {"a": "x".repeat(5000)}}), "labels", "4096 bytes"),
        (json!({"labels": {"hearback_id": "x"}}), "labels", "at most 64"),
        (json!({"tags": "one"}), "tags", "a list"),
        (json!({"tags": [""]}), "tags", "a list"),
        (json!({"sent_at": "tomorrow"}), "sent_at", "a moment"),
        (json!({"sent_at": "2199-01-01T00:00:00Z"}), "sent_at", "a year ahead"),
        (json!({"expect_delivered_within": 0}), "expect_delivered_within", "1 to 2678400"),
        (json!({"expect_delivered_within": "15m"}), "expect_delivered_within", "whole seconds"),
        (json!({"colour": "red"}), "colour", "members: source, provider"),
    ];
    let world = World::new(source("one")).await;
    for (change, field, expected) in table {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let got = world.give("POST", "/v1/messages", WRITE, body.to_string()).await;
        got.problem(400);
        let problem = got.json();
        assert_eq!(problem["field"], field, "{problem}");
        assert!(problem["expected"].as_str().unwrap().contains(expected), "{problem}");
    }
    assert_eq!(world.give("POST", "/v1/messages", WRITE, good.to_string()).await.status, 201);
    let long =
        json!({"recipient": "a@x.example", "key": "k", "labels": {"a": "x".repeat(10 << 20)}}).to_string();
    assert_eq!(world.give("POST", "/v1/messages", WRITE, long.clone()).await.problem(413), "too_large");
    assert_eq!(world.give("POST", "/v1/messages/batch", WRITE, long).await.problem(413), "too_large");
}

#[tokio::test]
async fn a_batch_is_registered_line_by_line() {
    let world = World::new(source("one")).await;
    let line = |n: usize| json!({"recipient": "a@x.example", "key": format!("k{n}")}).to_string();
    let body = format!("{}\n\n{{\n{}\r\n{}", line(1), line(2), line(1));
    let got = world.give("POST", "/v1/messages/batch", WRITE, body).await.json();
    assert_eq!((&got["created"], &got["known"]), (&json!(2), &json!(1)));
    let lines = |name: &str| -> Vec<u64> {
        got[name].as_array().unwrap().iter().map(|one| one["line"].as_u64().unwrap()).collect()
    };
    assert_eq!((lines("messages"), lines("bad")), (vec![1, 4, 5], vec![3]));
    assert_eq!(got["messages"][0]["id"], got["messages"][2]["id"]);
    assert_eq!(got["bad"][0]["field"], "body");
    let many: Vec<String> = (0..10_001).map(line).collect();
    let got = world.give("POST", "/v1/messages/batch", WRITE, many.join("\n")).await;
    assert_eq!(got.problem(413), "too_large");
    assert!(got.json()["detail"].as_str().unwrap().contains("the first 10000 are registered"));
    let log = world.get("/v1/events?type=registered&limit=1000").await.json();
    assert_eq!(log["data"].as_array().unwrap().len(), 1000);
}

#[tokio::test]
async fn a_filter_has_at_most_sixteen_labels() {
    let world = World::new(source("one")).await;
    let path = |count: usize| format!("/v1/events?{}", vec!["label=a=b"; count].join("&"));
    assert_eq!(world.get(&path(16)).await.status, 200);
    let got = world.get(&path(17)).await;
    got.problem(400);
    assert_eq!(
        (&got.json()["field"], &got.json()["expected"]),
        (&"label".into(), &"at most 16 labels".into())
    );
}

#[tokio::test]
async fn cursors_of_others_are_refused() {
    let world = World::new(source("one")).await;
    for n in 1..=3 {
        world.post(&event(&n.to_string(), "bounced", "a@x.example", "m1")).await;
    }
    let cursor = async |path: &str| {
        let page = world.get(path).await.json();
        page["next_cursor"].as_str().unwrap().to_owned()
    };
    let events = cursor("/v1/events?limit=1").await;
    let of_type = cursor("/v1/events?limit=1&type=bounced").await;
    let suppressions = cursor("/v1/suppressions?limit=1").await;
    let cut = &events[..events.len() - 3];
    let longer = format!("{events}AA");
    let wrong = [
        ("/v1/events?cursor=", of_type.as_str()),
        ("/v1/events?type=bounced&cursor=", &events),
        ("/v1/events?order=oldest&cursor=", &events),
        ("/v1/events?after=", &events),
        ("/v1/events?cursor=", &suppressions),
        ("/v1/suppressions?cursor=", &events),
        ("/v1/quarantine?cursor=", &events),
        ("/v1/timelines/a/b?cursor=", &events),
        ("/v1/events?cursor=", cut),
        ("/v1/events?cursor=", &longer),
    ];
    for (path, cursor) in wrong {
        let got = world.get(&format!("{path}{cursor}")).await;
        got.problem(400);
        assert_eq!(
            got.json()["expected"],
            "a `next_cursor` of this list, with the same filter and order",
            "{path}"
        );
    }
    assert_eq!(world.get(&format!("/v1/events?cursor={events}")).await.status, 200);
}

#[tokio::test]
async fn a_header_that_is_no_token_is_explained() {
    let world = World::new(source("one")).await;
    for value in [&b"Bearer"[..], b"Bearer hb_\xff", b"Basic aGI6eA==", b"hb_read", b"Bearer sk_live"] {
        let request = Request::get("/v1/events").header("authorization", value).body(Body::empty()).unwrap();
        let got = world.send(request).await;
        assert_eq!(got.problem(401), "unauthorised");
        assert_eq!(got.json()["field"], "authorization");
        let body = String::from_utf8_lossy(&got.body);
        assert!(!body.contains("sk_live") && !body.contains("aGI6eA"), "{body}");
    }
}
