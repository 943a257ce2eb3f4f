//! `POST /v1/send`: what is refused, and by which name.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hearback_event::Channel;
use hearback_providers::{Answer, Draft, DraftError, Meaning, Outgoing, Sender};
use hearback_send::Outlet;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::fake_store::Fault;
use crate::world::{READ, WRITE, World, settings, source};

/// Takes every message, under the name that it has here.
struct TestSender;

impl Sender for TestSender {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn request(&self, draft: &Draft) -> Result<Outgoing, DraftError> {
        if draft.text.is_none() {
            return Err(DraftError {
                field: "text",
                problem: "there is none".to_owned(),
                expected: "a text",
            });
        }
        Ok(Outgoing { url: PROVIDER.clone(), headers: HeaderMap::new(), body: draft.id.to_string().into() })
    }

    fn meaning(&self, answer: &Answer<'_>) -> Meaning {
        Meaning::Accepted(String::from_utf8(answer.body.to_vec()).unwrap())
    }
}

/// A server that answers every request with `taken`.
static PROVIDER: LazyLock<String> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut read = Vec::new();
            let mut piece = [0; 4096];
            // The body is short and has no empty line in it.
            while !read.windows(8).any(|window| window == b"\r\n\r\nmsg_") {
                let count = stream.read(&mut piece).unwrap();
                read.extend_from_slice(&piece[..count]);
            }
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\ntaken")
                .unwrap();
        }
    });
    url
});

/// What the source of every world sends through.
pub(crate) fn outlet() -> Arc<Outlet> {
    Arc::new(Outlet::new(Box::new(TestSender), Duration::from_mins(1)).unwrap())
}

fn good() -> Value {
    json!({"key": "k", "to": "a@x.example", "subject": "s", "text": "line\none"})
}

async fn send(world: &World, change: &Value) -> crate::world::Got {
    let mut body = good();
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    world.give("POST", "/v1/send", WRITE, body.to_string()).await
}

#[tokio::test]
async fn every_mistake_in_a_message_is_named() {
    let table: &[(Value, &str, &str)] = &[
        (json!({"to": ""}), "to", "e-mail address"),
        (json!({"to": null}), "to", "e-mail address"),
        (json!({"recipient": "a@x.example"}), "recipient", "members: source"),
        (json!({"key": null}), "key", "your own name"),
        (json!({"key": "k\n"}), "key", "without control characters"),
        (json!({"text": null}), "text", "a text"),
        (json!({"text": "a\u{0}b"}), "text", "control characters"),
        (json!({"text": " \n"}), "text", "not blank"),
        (json!({"html": 7}), "html", "not blank"),
        (json!({"subject": "a\r\nBcc: b@y.example"}), "subject", "without control characters"),
        (json!({"from": "x".repeat(601)}), "from", "1 to 600 bytes"),
        (json!({"reply_to": ""}), "reply_to", "1 to 600 bytes"),
        (json!({"labels": {"hearback_id": "x"}}), "labels", "at most 64"),
        (json!({"tags": [1]}), "tags", "a list"),
        (json!({"send_to_suppressed": "yes"}), "send_to_suppressed", "true or false"),
        (json!({"retry_unknown": 1}), "retry_unknown", "true or false"),
        (json!({"source": "nobody"}), "source", "one of the sources: one"),
        (json!({"expect_delivered_within": 0}), "expect_delivered_within", "1 to 2678400"),
    ];
    let world = World::new(source("one")).await;
    for (change, field, expected) in table {
        let got = send(&world, change).await;
        got.problem(400);
        let problem = got.json();
        assert_eq!(problem["field"], *field, "{problem}");
        assert!(problem["expected"].as_str().unwrap().contains(expected), "{problem}");
    }
    assert!(world.store.state().submissions.is_empty(), "nothing was begun");
    let long = json!({"text": "x".repeat(6 << 20)});
    assert_eq!(send(&world, &long).await.problem(413), "too_large");
    let sent = send(&world, &json!({"labels": {"booking_id": 42}, "html": "<p>\n"})).await;
    assert_eq!(sent.status, 202, "{}", String::from_utf8_lossy(&sent.body));
    assert_eq!(sent.json()["provider_message_id"], "taken");
    let message = world.get(&format!("/v1/messages/{}", sent.json()["id"].as_str().unwrap())).await.json();
    assert_eq!(
        (&message["labels"]["booking_id"], &message["sending"]["outcome"]),
        (&"42".into(), &"accepted".into())
    );
    assert_eq!(world.give("POST", "/v1/send", READ, good().to_string()).await.problem(403), "forbidden");
}

#[tokio::test]
async fn a_source_that_cannot_send_says_what_is_missing() {
    let mute = |name| hearback_server::Source { outlet: None, ..source(name) };
    let world = World::new(mute("one")).await;
    let got = send(&world, &json!({})).await;
    got.problem(400);
    assert_eq!(got.json()["field"], "source");
    assert!(got.json()["detail"].as_str().unwrap().contains("[sources.NAME.send]"));
    // Of two, the one that can is meant, unless the other one is named.
    let world = World::with(settings(vec![mute("one"), source("two")])).await;
    assert_eq!(send(&world, &json!({})).await.json()["source"], "two");
    let got = send(&world, &json!({"source": "one"})).await;
    assert!(got.json()["detail"].as_str().unwrap().contains("[sources.one.send]"));
}

#[tokio::test]
async fn what_cannot_be_registered_is_not_sent() {
    let world = World::new(source("one")).await;
    for fault in [Fault::Overloaded, Fault::Write, Fault::Stopped] {
        world.store.state().fail_submit = Some(fault);
        assert_eq!(send(&world, &json!({})).await.problem(503), "try_again");
    }
    world.store.state().fail_submit = None;
    let sent = send(&world, &json!({})).await;
    assert_eq!((sent.status.as_u16(), &sent.json()["attempt"]), (202, &1.into()));
}
