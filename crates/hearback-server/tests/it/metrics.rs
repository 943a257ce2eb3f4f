//! What `/metrics` prints.

use axum::body::Body;
use http::Request;

use crate::world::{World, event, signed, source};

#[tokio::test]
async fn names_are_stable() {
    let world = World::new(source("measured")).await;
    let send = async |body: String| {
        let request = signed("/webhooks/measured", &body).body(Body::from(body)).unwrap();
        world.send(request).await
    };
    send(event("1", "delivered", "a@x.example", "m1")).await;
    send(event("1", "delivered", "a@x.example", "m1")).await;
    world.send(Request::post("/webhooks/measured").body(Body::from("{}")).unwrap()).await;
    let got = world.send(Request::get("/metrics").body(Body::empty()).unwrap()).await;
    assert!(got.header("content-type").starts_with("text/plain"));
    let text = String::from_utf8(got.body.to_vec()).unwrap();
    for line in [
        "hearback_requests_total{source=\"measured\",outcome=\"accepted\"} 1",
        "hearback_requests_total{source=\"measured\",outcome=\"duplicate\"} 1",
        "hearback_requests_total{source=\"measured\",outcome=\"refused\"} 1",
        "hearback_events_total{source=\"measured\",type=\"delivered\"} 2",
        "hearback_duplicate_events_total{source=\"measured\"} 1",
        "hearback_quarantined_total{source=\"measured\",cause=\"missing_signature\"} 1",
        "hearback_request_seconds_bucket{source=\"measured\",le=\"+Inf\"} 3",
        "hearback_queue_capacity 8192",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    for gauge in
        ["queue_depth", "wal_bytes", "database_bytes", "last_position", "unsealed_events", "quarantined"]
    {
        assert!(text.contains(&format!("\nhearback_{gauge} ")), "{gauge}");
    }
}

#[test]
fn every_metric_is_documented() {
    let manual = include_str!("../../../../docs/metrics.md");
    for source in [
        include_str!("../../src/metrics/source.rs"),
        include_str!("../../src/metrics/scrape.rs"),
        include_str!("../../src/app.rs"),
        include_str!("../../src/serve/connection.rs"),
        include_str!("../../../hearback-send/src/dispatch.rs"),
    ] {
        for name in source.split('"').filter(|text| text.starts_with("hearback_")) {
            assert!(manual.contains(&format!("`{name}`")), "{name} is missing in docs/metrics.md");
        }
    }
}
