//! What the API says of events, messages, recipients, timelines and sources.

use serde_json::json;

use crate::world::{ADMIN, READ, World, settings, source};

async fn story() -> World {
    let world = World::with(settings(vec![source("one"), source("quiet")])).await;
    let told = |id: &str, kind: &str, at: i64| {
        json!({"id": id, "type": kind, "to": "Ann@x.example", "message": "m1", "at": at, "subject": "Your stay",
            "labels": {"booking_id": 42}, "tag": "pre-arrival"})
    };
    let body = json!({"events": [told("1", "sent", 100), told("2", "delivered", 200), told("3", "bounced", 300),
        told("4", "opened", 400)]});
    assert_eq!(world.post(&body.to_string()).await.status, 200);
    world
}

#[tokio::test]
async fn one_event_and_its_raw_request() {
    let world = story().await;
    let list = world.get("/v1/events?order=oldest&limit=1").await.json();
    let id = list["data"][0]["id"].as_str().unwrap();
    let one = world.get(&format!("/v1/events/{id}")).await.json();
    assert_eq!(one, list["data"][0]);
    assert_eq!(one["type"], "message.sent");
    let raw = world.get_as(&format!("/v1/events/{id}/payload"), ADMIN).await;
    assert_eq!(raw.header("content-type"), "message/http");
    assert!(raw.body.starts_with(b"POST /webhooks/one HTTP/1.1\r\n"));
    world.get("/v1/events/evt_00000000000000000000000000").await.problem(404);
    world.get("/v1/events/nonsense").await.problem(400);
    world.get("/v1/events/%ff").await.problem(400);
    world.get(&format!("/v1/events/{id}?x=1")).await.problem(400);
}

#[tokio::test]
async fn a_message_explains_itself() {
    let world = story().await;
    let list = world.get("/v1/messages?provider_id=m1").await.json();
    let id = list["data"][0]["id"].as_str().unwrap();
    let message = world.get(&format!("/v1/messages/{id}")).await.json();
    for (name, value) in list["data"][0].as_object().unwrap() {
        assert_eq!(message[name], *value, "{name}");
    }
    let expected = json!({
        "provider_id": "m1", "source": "one", "provider": "test", "channel": "email", "recipient": "ann@x.example",
        "subject": "Your stay", "status": "bounced", "implied": false, "opens": {"human": 1, "machine": 0},
        "clicks": {"human": 0, "machine": 0}, "tags": ["pre-arrival"], "labels": {"booking_id": "42"},
        "failure": {"severity": "permanent", "reason": "mailbox_full"}, "first_event_at": "1970-01-01T00:01:40Z",
        "last_event_at": "1970-01-01T00:06:40Z", "since": "1970-01-01T00:05:00Z",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(message[name], *value, "{name}");
    }
    let explanation = message["explanation"].as_array().unwrap();
    assert_eq!(explanation.len(), 4);
    assert_eq!(
        (&explanation[2]["decided"], &explanation[2]["type"]),
        (&json!(true), &json!("message.bounced"))
    );
    assert_eq!(explanation[1]["after"], 100.0);
    assert_eq!(explanation[1]["why"], "a later event of the same weight decided");
    assert_eq!(message["events"].as_array().unwrap().len(), 4);
    world.get("/v1/messages/msg_00000000000000000000000000").await.problem(404);
}

#[tokio::test]
async fn a_recipient_is_found_in_any_case() {
    let world = story().await;
    for path in ["/v1/recipients/ANN@x.example", "/v1/recipients/ann%40X.EXAMPLE"] {
        let recipient = world.get(path).await.json();
        assert_eq!(recipient["address"], "ann@x.example");
        assert_eq!(recipient["counts"]["bounced"], json!({"permanent": 1, "temporary": 0}));
        assert_eq!(recipient["counts"]["opened"], json!({"human": 1, "machine": 0}));
        assert_eq!(
            recipient["last_event"],
            json!({"type": "message.opened", "occurred_at": "1970-01-01T00:06:40Z"})
        );
        assert_eq!(recipient["status"], "failing");
        assert!(recipient["suppression"].is_null() && recipient["user_id"].is_null());
    }
    world.get("/v1/recipients/nobody@x.example").await.problem(404);
}

#[tokio::test]
async fn a_timeline_is_paged_and_tells_the_messages() {
    let world = story().await;
    let page = world.get("/v1/timelines/booking_id/42?limit=3").await.json();
    assert_eq!((&page["key"], &page["value"]), (&json!("booking_id"), &json!("42")));
    assert_eq!(page["data"].as_array().unwrap().len(), 3);
    assert_eq!(page["messages"][0]["status"], "bounced");
    assert!(page["messages"][0].get("events").is_none());
    let cursor = page["next_cursor"].as_str().unwrap();
    let last = world.get(&format!("/v1/timelines/booking_id/42?limit=3&cursor={cursor}")).await.json();
    assert_eq!(last["data"].as_array().unwrap().len(), 1);
    assert!(last["next_cursor"].is_null());
    let nothing = world.get("/v1/timelines/booking_id/43").await.json();
    assert_eq!(nothing["data"], json!([]));
}

#[tokio::test]
async fn suppressions_are_paged() {
    let world = story().await;
    let page = world.get("/v1/suppressions?limit=2").await.json();
    assert_eq!(page["data"][1]["address"], "b@x.example");
    let cursor = page["next_cursor"].as_str().unwrap();
    let last = world.get(&format!("/v1/suppressions?limit=2&cursor={cursor}")).await.json();
    assert_eq!(last["data"].as_array().unwrap().len(), 1);
    assert!(last["next_cursor"].is_null());
}

#[tokio::test]
async fn sources_and_figures() {
    let world = story().await;
    let sources = world.get("/v1/sources").await.json();
    let (one, quiet) = (&sources["data"][0], &sources["data"][1]);
    assert_eq!(
        (&one["name"], &one["status"], &one["mode"]),
        (&json!("one"), &json!("ok"), &json!("enforce"))
    );
    assert_eq!(one["paths"], json!(["/webhooks/one"]));
    assert_eq!(quiet["status"], "new");
    let stats = world.get("/v1/stats").await.json();
    let all = &stats["series"][0];
    assert_eq!((&stats["by"], &stats["step"], &all["of"]), (&json!(null), &json!("hour"), &json!(null)));
    assert_eq!(all["total"]["counts"]["opened"], json!({"human": 0, "machine": 7}));
    assert_eq!(all["points"][0]["counts"], all["total"]["counts"]);
    assert_eq!(all["total"]["rates"]["delivered"], json!(null), "nothing reached an end");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let world = story().await;
    world.get("/v1/nothing").await.problem(404);
    for path in ["/v1/events", "/healthz", "/webhooks/health", "/metrics"] {
        world.call("POST", path, READ).await.problem(405);
    }
}
