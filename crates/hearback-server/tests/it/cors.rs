//! Which pages may ask from a browser.

use axum::body::Body;
use http::Request;

use crate::world::{Got, READ, World, settings, source};

const DESK: &str = "https://desk.example.com";

async fn world(origins: &[&str]) -> World {
    let mut settings = settings(vec![source("one")]);
    settings.cors_origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
    World::with(settings).await
}

async fn preflight(world: &World, path: &str, origin: &str) -> Got {
    let request =
        Request::options(path).header("origin", origin).header("access-control-request-method", "DELETE");
    let request = request.header("access-control-request-headers", "authorization, if-none-match");
    world.send(request.body(Body::empty()).unwrap()).await
}

async fn ask(world: &World, path: &str, origin: &str, token: &str) -> Got {
    let request =
        Request::get(path).header("origin", origin).header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn nobody_is_let_in_unless_configured() {
    let world = world(&[]).await;
    let got = ask(&world, "/v1/events", DESK, READ).await;
    assert_eq!(got.status, 200);
    assert!(!got.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{:?}", got.headers);
    let got = preflight(&world, "/v1/events", DESK).await;
    assert_eq!(got.problem(405), "method_not_allowed");
    assert!(!got.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{:?}", got.headers);
}

#[tokio::test]
async fn a_configured_origin_may_ask_and_read_why_it_was_refused() {
    let world = world(&[DESK, "http://localhost:3000"]).await;
    for origin in [DESK, "http://localhost:3000"] {
        let asked = preflight(&world, "/v1/quarantine/1", origin).await;
        assert_eq!(asked.status, 200);
        assert_eq!(asked.header("access-control-allow-origin"), origin);
        assert!(asked.header("access-control-allow-methods").contains("DELETE"));
        for name in ["authorization", "if-none-match", "content-type"] {
            assert!(asked.header("access-control-allow-headers").contains(name), "{name}");
        }
        assert_eq!(asked.header("access-control-allow-credentials"), "", "tokens are no cookies");
        for (path, token, status) in [
            ("/v1/events", READ, 200),
            ("/v1/events", "hb_no", 401),
            ("/v1/nothing", READ, 404),
            ("/openapi.json", "", 200),
        ] {
            let got = ask(&world, path, origin, token).await;
            assert_eq!(got.status, status, "{path}");
            assert_eq!(got.header("access-control-allow-origin"), origin, "{path}");
            assert!(got.header("access-control-expose-headers").contains("etag"), "{path}");
            assert!(got.header("vary").contains("origin"), "{path}");
        }
    }
}

#[tokio::test]
async fn other_origins_and_webhooks_are_not_let_in() {
    let world = world(&[DESK]).await;
    for origin in
        ["https://evil.example", "https://desk.example.com.evil.example", "http://desk.example.com", "null"]
    {
        for got in
            [preflight(&world, "/v1/events", origin).await, ask(&world, "/v1/events", origin, READ).await]
        {
            assert_eq!(got.header("access-control-allow-origin"), "", "{origin}");
        }
    }
    let got = preflight(&world, "/webhooks/one", DESK).await;
    assert_eq!(got.header("access-control-allow-origin"), "");
    assert_eq!(got.problem(405), "method_not_allowed");
}
