//! JSON bodies: the CloudEvents of Event Streams, one or an array. Those about messages are understood, all others are
//! kept as `unknown`. Unlike callbacks they have a time.

use hearback_event::{Channel, DedupKey, Event, Kind};
use serde_json::Value;
use serde_json::value::RawValue;

use super::normalise;
use super::payload::Callback;
use crate::json;

const OUTBOUND: &str = "com.twilio.messaging.message.";
const INBOUND: &str = "com.twilio.messaging.inbound-message.received";
/// What the "test" of a sink sends.
const SINK_TEST: &str = "com.twilio.eventstreams.test-event";

/// The events of a JSON body.
pub(super) fn events(body: &[u8]) -> Vec<Event> {
    match json::elements(body) {
        Ok(elements) => elements.into_iter().map(RawValue::get).flat_map(element).collect(),
        // Bytes that are not UTF-8 are no JSON either, however they are shown.
        Err(_) => element(&String::from_utf8_lossy(body)),
    }
}

fn element(text: &str) -> Vec<Event> {
    // The id is no key by itself: test events all carry the account's.
    let digest = DedupKey::of(&[b"twilio", b"element", text.as_bytes()]);
    let event: Value = match serde_json::from_str(text) {
        Ok(event) => event,
        Err(error) => return vec![broken(text, &format!("not JSON: {error}"), digest)],
    };
    if !event.is_object() {
        return vec![broken(text, "not an object", digest)];
    }
    let Some(native) = json::text(&event, "/type") else {
        return vec![broken(text, "no event type", digest)];
    };
    let status = if native == INBOUND { Some("received") } else { native.strip_prefix(OUTBOUND) };
    match status {
        Some(_) if json::text(&event, "/data/messageSid").is_none() => {
            vec![Event { native_type: native, ..broken(text, "the event names no message", digest) }]
        }
        Some(status) => message(&event, &native, status, digest),
        None => vec![Event {
            provider_event_id: json::text(&event, "/id"),
            occurred_at: json::iso8601(&event, "/time"),
            test: native == SINK_TEST,
            ..Event::new(Kind::Unknown, native, Channel::Other, digest)
        }],
    }
}

fn message(event: &Value, native: &str, status: &str, digest: DedupKey) -> Vec<Event> {
    let id = json::text(event, "/id");
    let mut events = normalise::callback(&Callback::from_cloud_event(event, status), digest);
    for found in &mut events {
        native.clone_into(&mut found.native_type);
        if let Some(id) = &id {
            found.dedup.push(DedupKey::of(&[
                b"twilio",
                b"cloud-event",
                id.as_bytes(),
                found.kind.name().as_bytes(),
            ]));
            found.provider_event_id = Some(id.clone());
        }
    }
    events
}

fn broken(text: &str, error: &str, key: DedupKey) -> Event {
    Event {
        error: Some(json::cut(error).to_owned()),
        raw: Some(json::cut(text).to_owned()),
        ..Event::new(Kind::Unknown, "", Channel::Other, key)
    }
}
