//! Looking at refused requests and trying them again.

use std::sync::Arc;

use axum::body::Body;
use hearback_server::{Readmit, Source, readmit};
use http::Request;
use serde_json::json;

use crate::test_provider::{SIGNATURE, TestEndpoint, sign};
use crate::world::{ADMIN, WRITE, World, event, source};

/// A request signed with a key that is not (yet) configured.
async fn refused(world: &World, id: &str) {
    let body = event(id, "delivered", "a@x.example", "m1");
    let request = Request::post("/webhooks/one").header(SIGNATURE, sign("mended", body.as_bytes()));
    let got = world.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(got.status, 403);
}

fn mended() -> [Arc<Source>; 1] {
    let mut source = source("one");
    source.endpoint = Box::new(TestEndpoint::with_key("mended"));
    [Arc::new(source)]
}

#[tokio::test]
async fn what_is_genuine_under_the_mended_key_is_admitted() {
    let world = World::new(source("one")).await;
    for id in ["1", "2", "1"] {
        refused(&world, id).await;
    }
    world.send(Request::post("/webhooks/one").body(Body::from("{}")).unwrap()).await;
    world.send(Request::post("/webhooks/one").body(Body::from("x".repeat(4000))).unwrap()).await;
    let store = &*world.store;
    let received_at = store.state().quarantine[0].1.received_at;

    let nothing = readmit(store, &[Arc::new(source("one"))], &Readmit::default()).await.unwrap();
    assert_eq!((nothing.admitted, nothing.duplicates), (0, 0));

    let done = readmit(store, &mended(), &Readmit::default()).await.unwrap();
    assert_eq!((done.admitted, done.duplicates), (2, 1));
    assert_eq!(json!(done.still_refused), json!({"missing_signature": 1, "unparsable": 1}));
    assert_eq!(world.store.events(), 2);
    let state = world.store.state();
    assert_eq!(state.quarantine.len(), 2);
    assert!(state.records.iter().all(|record| record.verified));
    assert!(state.records.iter().any(|record| record.received_at == received_at));
}

#[tokio::test]
async fn credentials_that_were_not_kept_are_named_as_the_cause() {
    let world = World::new(source("one")).await;
    let request = Request::post("/webhooks/one").header("authorization", "Basic x");
    world.send(request.body(Body::from("{}")).unwrap()).await;
    let done = readmit(&*world.store, &mended(), &Readmit::default()).await.unwrap();
    assert_eq!(json!(done.still_refused), json!({"missing_signature": 1}), "there is a digest");
    {
        let head = &mut world.store.state().quarantine[0].1.payload.head;
        assert!(!head.contains("Basic"), "{head}");
        *head = "POST /webhooks/one HTTP/1.1\r\nauthorization: [removed]\r\n".to_owned();
    }
    let done = readmit(&*world.store, &mended(), &Readmit::default()).await.unwrap();
    assert_eq!(json!(done.still_refused), json!({"credential_not_kept": 1}));
    let done = readmit(&*world.store, &[], &Readmit::default()).await.unwrap();
    assert_eq!(json!(done.still_refused), json!({"source_not_configured": 1}));
}

#[tokio::test]
async fn over_http() {
    let world = World::new(source("one")).await;
    for id in ["1", "2", "3"] {
        refused(&world, id).await;
    }
    let page = world.get("/v1/quarantine?source=one&cause=bad_signature&limit=2").await.json();
    assert_eq!(page["data"][0]["id"], 3);
    assert!(page["data"][0].get("body").is_none());
    let cursor = page["next_cursor"].as_str().unwrap();
    let last = world
        .get(&format!("/v1/quarantine?source=one&cause=bad_signature&limit=2&cursor={cursor}"))
        .await
        .json();
    assert_eq!(last["data"][0]["id"], 1);
    assert!(last["next_cursor"].is_null());

    let whole = world.get_as("/v1/quarantine/3", ADMIN).await.json();
    assert_eq!(whole["cause"], "bad_signature");
    assert!(whole["head"].as_str().unwrap().starts_with("POST /webhooks/one"));
    assert!(whole["body"].as_str().unwrap().contains("delivered"));

    let got = world.call("POST", "/v1/quarantine/3/retry", WRITE).await.json();
    assert_eq!(got, json!({"admitted": 0, "duplicates": 0, "still_refused": {"bad_signature": 1}}));
    let got = world.call("POST", "/v1/quarantine/retry?source=one", WRITE).await.json();
    assert_eq!(got["still_refused"]["bad_signature"], 3);
    assert_eq!(world.call("DELETE", "/v1/quarantine/3", WRITE).await.status, 204);
    world.call("DELETE", "/v1/quarantine/3", WRITE).await.problem(404);
    world.call("POST", "/v1/quarantine/x/retry", WRITE).await.problem(400);
    world.call("POST", "/v1/quarantine/retry?id=1", WRITE).await.problem(400);
}
