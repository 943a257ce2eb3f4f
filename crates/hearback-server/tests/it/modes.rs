//! Shadow and off.

use axum::body::Body;
use hearback_server::Mode;
use http::Request;

use crate::fake_store::FakeStore;
use crate::test_provider::TOKEN;
use crate::world::{METRICS, World, event, signed, source};

fn verified(store: &FakeStore) -> Vec<bool> {
    store.state().records.iter().map(|record| record.verified).collect()
}

#[tokio::test]
async fn shadow_accepts_counts_and_marks() {
    let mut shadowed = source("shadowed");
    shadowed.mode = Mode::Shadow;
    let world = World::new(shadowed).await;
    let send = async |id: &str, right: bool| {
        let body = event(id, "sent", "a@x.example", "m1");
        let request = if right {
            signed("/webhooks/shadowed", &body).header(TOKEN, "the same")
        } else {
            Request::post("/webhooks/shadowed")
        };
        world.send(request.body(Body::from(body)).unwrap()).await.status
    };
    assert_eq!(send("1", true).await, 200);
    assert_eq!(send("2", true).await, 200, "a forged replay is accepted as well");
    assert_eq!(send("3", false).await, 200);
    assert_eq!(verified(&world.store), [false, false, false]);
    assert!(world.store.causes().is_empty());
    let text = METRICS.render();
    let line = |result: &str, count: u32| {
        format!("hearback_shadow_total{{source=\"shadowed\",result=\"{result}\"}} {count}")
    };
    assert!(text.contains(&line("genuine", 2)), "{text}");
    assert!(text.contains(&line("missing_signature", 1)), "{text}");
}

#[tokio::test]
async fn off_accepts_everything_unverified() {
    let mut one = source("one");
    one.mode = Mode::Off;
    let world = World::new(one).await;
    let post = async |body: &str| {
        world.send(Request::post("/webhooks/one").body(Body::from(body.to_owned())).unwrap()).await.status
    };
    assert_eq!(post(&event("1", "sent", "a@x.example", "m1")).await, 200);
    assert_eq!(post("not json at all").await, 200);
    assert_eq!(verified(&world.store), [false, false]);
}
