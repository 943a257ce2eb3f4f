//! Filters, pages and cursors of the event list.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::world::{World, event, source};

async fn with_events(count: usize) -> World {
    let world = World::new(source("one")).await;
    for n in 1..=count {
        let kind = if n % 2 == 0 { "bounced" } else { "delivered" };
        let got = world.post(&event(&n.to_string(), kind, "A@x.example", "m1")).await;
        assert_eq!(got.status, 200);
    }
    world
}

fn types(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|row| row["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn filters_name_what_is_wrong_with_them() {
    let world = with_events(0).await;
    let cases = [
        ("colour=red", "colour", "known are: type, source"),
        ("type=bouncd", "type", "known are: queued, sent"),
        ("limit=0", "limit", "1 to 1000"),
        ("limit=1001", "limit", "1 to 1000"),
        ("limit=x", "limit", "1 to 1000"),
        ("order=up", "order", "newest"),
        ("label=booking", "label", "key=value"),
        ("label=a={}", "label", "nested"),
        ("message=evt_1", "message", "msg_"),
        ("severity=bad", "severity", "permanent"),
        ("since=yesterday", "since", "2026-11-20T10:00:00Z"),
        ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "until", "not after"),
        ("source=a&source=b", "source", "more than once"),
        ("cursor=zzz", "cursor", "not a cursor"),
        ("reason=bad", "reason", "known are: invalid_recipient"),
        ("order=newest&after=zzz", "after", "order=oldest"),
        ("after=zzz", "after", "not a cursor"),
        ("order=newest&wait=5", "wait", "order=oldest"),
        ("wait=x", "wait", "0 to 60"),
        ("order=oldest&wait=61", "wait", "60"),
        ("order=oldest&after=end&cursor=x", "after", "either"),
    ];
    for (query, field, said) in cases {
        let got = world.get(&format!("/v1/events?{query}")).await;
        assert_eq!(got.problem(400), "bad_request", "{query}");
        let problem = got.json();
        assert_eq!(problem["field"], field, "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{query}: {problem}");
    }
}

#[tokio::test]
async fn filters_are_handed_to_the_store() {
    let world = with_events(4).await;
    let count = async |query: &str| {
        world.get(&format!("/v1/events?{query}")).await.json()["data"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 4);
    assert_eq!(count("type=bounced").await, 2);
    assert_eq!(count("type=message.bounced,delivered").await, 4);
    assert_eq!(count("type=bounced&type=opened").await, 2);
    assert_eq!(count("source=two").await, 0);
    assert_eq!(count("recipient=a%40X.example").await, 4);
    assert_eq!(count("label=booking_id%3D42").await, 0);
    assert_eq!(
        count("reason=mailbox_full,blocked&reason=spam").await,
        2,
        "the test provider says mailbox_full"
    );
    assert_eq!(count("reason=blocked,spam").await, 0);
}

#[tokio::test]
async fn pages_follow_each_other() {
    let world = with_events(5).await;
    for order in ["newest", "oldest"] {
        let mut positions = Vec::new();
        let mut path = format!("/v1/events?order={order}&limit=2&type=bounced,delivered");
        loop {
            let page = world.get(&path).await.json();
            let rows = page["data"].as_array().unwrap();
            if rows.is_empty() {
                break;
            }
            positions.extend(rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/v1/events?order={order}&limit=2&type=delivered,bounced&cursor={cursor}");
        }
        assert_eq!(positions.len(), 5, "{order}");
        positions.dedup();
        assert_eq!(positions.len(), 5, "{order}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_filter_is_a_clear_error() {
    let world = with_events(3).await;
    let page = world.get("/v1/events?limit=1").await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    for query in ["type=bounced", "order=oldest"] {
        let got = world.get(&format!("/v1/events?{query}&cursor={cursor}")).await;
        got.problem(400);
        assert!(got.json()["detail"].as_str().unwrap().contains("another list, filter or order"));
    }
}

#[tokio::test]
async fn following_waits_for_the_next_event() {
    let world = with_events(2).await;
    let end = world.get("/v1/events?order=oldest&after=end").await.json();
    assert!(types(&end).is_empty());
    let cursor = end["next_cursor"].as_str().unwrap().to_owned();
    let path = format!("/v1/events?after={cursor}&wait=1");
    let begun = Instant::now();
    let empty = world.get(&path).await.json();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert!(types(&empty).is_empty() && empty["next_cursor"].is_string());

    let path = path.replace("wait=1", "wait=30");
    let late = async {
        tokio::time::sleep(Duration::from_millis(120)).await;
        world.post(&event("9", "opened", "b@x.example", "m2")).await
    };
    let (page, _) = tokio::join!(world.get(&path), late);
    let page = page.json();
    assert_eq!(types(&page), ["message.opened"]);
    let next = page["next_cursor"].as_str().unwrap();
    let after = world.get(&format!("/v1/events?order=oldest&after={next}")).await.json();
    assert!(types(&after).is_empty());
}

#[tokio::test]
async fn following_skips_what_the_filter_leaves_out() {
    let world = with_events(3).await;
    let page = world.get("/v1/events?order=oldest&type=clicked").await.json();
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let path = format!("/v1/events?order=oldest&type=clicked&after={cursor}&wait=20");
    let late = async {
        world.post(&event("8", "opened", "b@x.example", "m2")).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.post(&event("9", "clicked", "b@x.example", "m2")).await
    };
    let (page, _) = tokio::join!(world.get(&path), late);
    assert_eq!(types(&page.json()), ["message.clicked"]);
}
