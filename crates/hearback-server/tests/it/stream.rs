//! Following the log as it grows: streams, and consumers that keep their place on the server.

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::Request;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::world::{READ, WRITE, World, event, source};

/// The events of a stream, as they come.
struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(world: &World, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = Request::get(format!("/v1/events/stream{query}"));
        request = request.header("authorization", format!("Bearer {READ}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let answer = world.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { body: answer.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event: its id, and what it says.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some((id, data)) =
                    block.strip_prefix("id: ").and_then(|block| block.split_once("\ndata: "))
                {
                    let data: Value = serde_json::from_str(data).unwrap();
                    assert_eq!(data["id"], id);
                    return (id.to_owned(), data);
                }
                continue;
            }
            let piece = self.body.next().await.unwrap().unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    async fn serials(&mut self, count: usize) -> Vec<String> {
        let mut serials = Vec::new();
        for _ in 0..count {
            serials.push(self.next().await.1["message"]["provider_id"].as_str().unwrap().to_owned());
        }
        serials
    }
}

async fn tell(world: &World, serials: std::ops::Range<u32>) {
    for serial in serials {
        let kind = if serial.is_multiple_of(2) { "sent" } else { "bounced" };
        let body = event(&serial.to_string(), kind, "a@b.example", &serial.to_string());
        assert_eq!(world.post(&body).await.status, 200);
    }
}

fn numbers(range: impl Iterator<Item = u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn a_stream_begins_now_or_after_an_event_and_misses_nothing() {
    let world = World::new(source("one")).await;
    tell(&world, 0..5).await;
    let mut now = Stream::open(&world, "", None).await;
    let all = world.get("/v1/events?order=oldest").await.json();
    let third = all["data"][2]["id"].as_str().unwrap().to_owned();
    let mut later = Stream::open(&world, &format!("?after={third}"), None).await;
    // The header of a browser that connects again goes before the address that it once was given.
    let mut again = Stream::open(&world, "?after=end", Some(&third)).await;
    tell(&world, 5..8).await;
    assert_eq!(now.serials(3).await, numbers(5..8));
    assert_eq!(later.serials(5).await, numbers(3..8));
    assert_eq!(again.serials(5).await, numbers(3..8));
    tell(&world, 8..20).await;
    for stream in [&mut now, &mut later, &mut again] {
        assert_eq!(stream.serials(12).await, numbers(8..20));
    }
}

#[tokio::test]
async fn a_stream_is_filtered_as_the_list_is() {
    let world = World::new(source("one")).await;
    let mut bounced = Stream::open(&world, "?type=bounced", None).await;
    tell(&world, 0..10).await;
    assert_eq!(bounced.serials(5).await, numbers((0..10).filter(|serial| serial % 2 == 1)));
}

/// Whoever does not read for a while is behind, and reads the rest from the store.
#[tokio::test]
async fn a_listener_that_does_not_listen_misses_nothing() {
    let world = World::new(source("one")).await;
    let mut slow = Stream::open(&world, "", None).await;
    let mut quick = Stream::open(&world, "", None).await;
    for round in 0..100 {
        tell(&world, round * 3..round * 3 + 3).await;
        assert_eq!(quick.serials(3).await, numbers(round * 3..round * 3 + 3));
    }
    assert_eq!(slow.serials(300).await, numbers(0..300));
    tell(&world, 300..303).await;
    assert_eq!(slow.serials(3).await, numbers(300..303));
}

#[tokio::test]
async fn a_consumer_goes_on_where_it_said_it_was_with_any_filter() {
    let world = World::new(source("one")).await;
    tell(&world, 0..10).await;
    let page = world.get("/v1/events?order=oldest&limit=4").await.json();
    let last = page["data"][3]["id"].as_str().unwrap();
    world.get("/v1/consumers/billing").await.problem(404);
    let path = format!("/v1/consumers/billing/ack?event={last}");
    world.call("POST", &path, READ).await.problem(403);
    let acknowledged = world.call("POST", &path, WRITE).await.json();
    let known = world.get("/v1/consumers/billing").await.json();
    assert_eq!(known, acknowledged);
    assert_eq!(known["lag_events"], 6);
    let after = known["after"].as_str().unwrap();
    let rest = world.get(&format!("/v1/events?after={after}&type=bounced")).await.json();
    let serials: Vec<_> = rest["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["message"]["provider_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(serials, ["5", "7", "9"]);
    // Back, so as to get them again.
    let first = page["data"][0]["id"].as_str().unwrap();
    world.call("POST", &format!("/v1/consumers/billing/ack?event={first}"), WRITE).await;
    assert_eq!(world.get("/v1/consumers").await.json()["data"][0]["lag_events"], 9);
    assert_eq!(world.call("DELETE", "/v1/consumers/billing", WRITE).await.status, 204);
    world.get("/v1/consumers/billing").await.problem(404);
}
