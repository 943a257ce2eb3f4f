//! Events in and out line by line, and forgetting a person.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::fake_store::Fault;
use crate::world::{ADMIN, Got, READ, WRITE, World, event, settings, source};

async fn world() -> World {
    World::with(settings(vec![source("one")])).await
}

async fn import(world: &World, token: &str, body: impl Into<Body>) -> Got {
    let request = Request::post("/v1/import/events").header("authorization", format!("Bearer {token}"));
    world.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn keys_are_given_where_they_are_asked_for() {
    let world = world().await;
    assert_eq!(world.post(&event("1", "sent", "ann@x.example", "m1")).await.status, 200);
    let plain = world.get("/v1/events").await.json();
    assert_eq!((plain["data"][0].get("keys"), plain["data"][0].get("account")), (None, None));
    for order in ["newest", "oldest"] {
        let with = world.get(&format!("/v1/events?include=keys&order={order}")).await.json();
        let event = &with["data"][0];
        assert_eq!((&event["account"], event["keys"].as_array().map(Vec::len)), (&json!("one"), Some(1)));
        assert_eq!(event["id"], plain["data"][0]["id"]);
    }
    world.get("/v1/events?include=payload").await.problem(400);
}

#[tokio::test]
async fn what_was_given_is_taken_in_once() {
    let world = world().await;
    for id in ["1", "2", "3"] {
        assert_eq!(world.post(&event(id, "sent", "ann@x.example", "m1")).await.status, 200);
    }
    let listed = world.get("/v1/events?include=keys&order=oldest").await.json();
    let lines: Vec<String> = listed["data"].as_array().unwrap().iter().map(Value::to_string).collect();
    let other = self::world().await;
    for expected in [json!({"new": 3, "known": 0, "bad": []}), json!({"new": 0, "known": 3, "bad": []})] {
        assert_eq!(import(&other, ADMIN, lines.join("\n")).await.json(), expected);
    }
    let there = other.get("/v1/events?include=keys&order=oldest").await.json();
    assert_eq!(there["data"][0]["keys"], listed["data"][0]["keys"]);
    assert_eq!(there["data"][0]["origin"], "import");
    let bad = import(&other, ADMIN, format!("\n{{}}\r\n\u{feff}\n{}\n", lines[0])).await.json();
    assert_eq!((&bad["known"], bad["bad"].as_array().unwrap().len()), (&json!(1), 2));
    assert_eq!(bad["bad"][0]["line"], 2);
    assert!(bad["bad"][0]["problem"].as_str().unwrap().contains("missing field"), "{bad}");
}

#[tokio::test]
async fn only_an_admin_may_and_only_within_bounds() {
    let world = world().await;
    for token in [READ, WRITE] {
        import(&world, token, "").await.problem(403);
        world.call("DELETE", "/v1/recipients/ann@x.example", token).await.problem(403);
    }
    import(&world, ADMIN, vec![b' '; (16 << 20) + 1]).await.problem(413);
    import(&world, "hb_nobody", "").await.problem(401);
    let nothing = import(&world, ADMIN, "").await.json();
    assert_eq!(nothing, json!({"new": 0, "known": 0, "bad": []}));
    world.store.state().fail_submit = Some(Fault::Write);
    let line = r#"{"type":"sent","source":"s","provider":"p","occurred_at":"2026-01-01T00:00:00Z"}"#;
    import(&world, ADMIN, line).await.problem(503);
}

#[tokio::test]
async fn a_person_is_forgotten() {
    let world = world().await;
    assert_eq!(world.post(&event("1", "sent", "ann@x.example", "m1")).await.status, 200);
    world.call("DELETE", "/v1/recipients/ann%01@x.example", ADMIN).await.problem(400);
    world.call("DELETE", "/v1/recipients/ann@x.example?x=1", ADMIN).await.problem(400);
    let got = world.call("DELETE", "/v1/recipients/Ann@x.example", ADMIN).await;
    assert_eq!(
        (got.status.as_u16(), &got.json()["events"], &got.json()["purged"]),
        (200, &json!(1), &json!(true))
    );
    let again = world.call("DELETE", "/v1/recipients/ann@x.example", ADMIN).await;
    assert_eq!(again.json()["events"], 0);
    world.get("/v1/recipients/ann@x.example").await.problem(404);
}
