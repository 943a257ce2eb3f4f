//! Tokens and scopes.

use std::time::Duration;

use axum::body::Body;
use hearback_store::Store as _;
use http::Request;

use crate::world::{ADMIN, READ, WRITE, World, source};

#[tokio::test]
async fn without_a_right_token_nothing_is_told() {
    let world = World::new(source("one")).await;
    for value in ["", "Bearer", "Bearer hb_wrong", "Bearer wrong", "Basic hb_read", "hb_read"] {
        let request = Request::get("/v1/events").header("authorization", value).body(Body::empty()).unwrap();
        let got = world.send(request).await;
        assert_eq!(got.problem(401), "unauthorised", "{value}");
        assert!(got.header("www-authenticate").starts_with("Bearer"));
    }
    let request = Request::get("/v1/events").header("authorization", "bearer  hb_read");
    assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.status, 200);
}

#[tokio::test]
async fn scopes_hold_the_smaller_ones() {
    let world = World::new(source("one")).await;
    let table = [
        ("GET", "/v1/events", [200, 200, 200]),
        ("GET", "/v1/sources", [200, 200, 200]),
        ("GET", "/v1/quarantine", [200, 200, 200]),
        ("POST", "/v1/quarantine/retry", [403, 200, 200]),
        ("DELETE", "/v1/quarantine/1", [403, 404, 404]),
        ("POST", "/v1/quarantine/1/retry", [403, 404, 404]),
        ("GET", "/v1/quarantine/1", [403, 403, 404]),
        ("GET", "/v1/events/evt_00000000000000000000000000/payload", [403, 403, 404]),
    ];
    for (method, path, expected) in table {
        for (token, status) in [READ, WRITE, ADMIN].into_iter().zip(expected) {
            assert_eq!(world.call(method, path, token).await.status, status, "{method} {path} {token}");
        }
    }
    let got = world.call("POST", "/v1/quarantine/retry", READ).await;
    assert_eq!(got.problem(403), "forbidden");
}

#[tokio::test]
async fn the_list_is_cached_for_moments_only() {
    let world = World::new(source("one")).await;
    for _ in 0..20 {
        assert_eq!(world.get("/v1/sources").await.status, 200);
    }
    assert_eq!(world.store.state().token_reads, 1);
    world.store.remove_token(1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(world.get("/v1/sources").await.status, 401);
}
