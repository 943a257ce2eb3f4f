//! Whoever has an answer already is not sent it again.

use axum::body::Body;
use http::Request;

use crate::world::{ADMIN, Got, World, event, source};

async fn ask(world: &World, path: &str, tag: &str) -> Got {
    let request =
        Request::get(path).header("authorization", format!("Bearer {ADMIN}")).header("if-none-match", tag);
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn single_things_and_the_description_are_sent_once() {
    let world = World::new(source("one")).await;
    world.post(&event("1", "sent", "a@x.example", "m1")).await;
    let page = world.get("/v1/events").await.json();
    let (id, message) =
        (page["data"][0]["id"].as_str().unwrap(), page["data"][0]["message"]["id"].as_str().unwrap());
    let refused = Request::post("/webhooks/one").header("x-test-signature", "00").body("{}".into()).unwrap();
    world.send(refused).await;
    let paths = [
        format!("/v1/events/{id}"),
        format!("/v1/messages/{message}"),
        "/v1/recipients/a@x.example".to_owned(),
        "/v1/quarantine/1".to_owned(),
        "/openapi.json".to_owned(),
        "/docs".to_owned(),
        "/docs/style.css".to_owned(),
    ];
    for path in &paths {
        let first = world.get_as(path, ADMIN).await;
        assert_eq!(first.status, 200, "{path}");
        let tag = first.header("etag");
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 10, "{path}: {tag}");
        assert_eq!(first.header("cache-control"), "private, no-cache", "{path}");
        let again = ask(&world, path, tag).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), tag, "{path}");
        assert_eq!(
            again.header("content-security-policy"),
            first.header("content-security-policy"),
            "{path}"
        );
        let other = ask(&world, path, "\"other\"").await;
        assert_eq!((other.status.as_u16(), &other.body), (200, &first.body), "{path}");
    }
}

#[tokio::test]
async fn what_has_changed_is_sent_anew_and_nothing_is_told_without_a_token() {
    let world = World::new(source("one")).await;
    world.post(&event("1", "sent", "a@x.example", "m1")).await;
    let path = "/v1/recipients/a@x.example";
    let tag = world.get(path).await.header("etag").to_owned();
    assert_eq!(ask(&world, path, &tag).await.status, 304);
    world.post(&event("2", "delivered", "a@x.example", "m1")).await;
    let changed = ask(&world, path, &tag).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), tag);
    let request =
        Request::get(path).header("if-none-match", changed.header("etag")).body(Body::empty()).unwrap();
    world.send(request).await.problem(401);
    ask(&world, "/v1/recipients/nobody@x.example", "*").await.problem(404);
}
