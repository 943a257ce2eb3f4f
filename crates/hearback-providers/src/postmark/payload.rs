//! What the payloads of all record types have in common.

use hearback_event::{Address, DedupKey, Timestamp};
use serde_json::Value;

use crate::json;

/// The message id of Postmark's sample payloads (the dashboard's "send test").
const SAMPLE_MESSAGE: &str = "883953f4-6105-42a2-a16a-77a8eac79483";
/// Stands where a change was made by hand and belongs to no message.
const NO_MESSAGE: &str = "00000000-0000-0000-0000-000000000000";
/// The transactional stream that every server has: what holds for it holds for the address as a whole.
const DEFAULT_STREAM: &str = "outbound";

pub(super) fn recipient(payload: &Value) -> Option<Address> {
    Address::parse(&json::first_text(payload, &["/Recipient", "/Email"])?).ok()
}

/// The message, if there is one.
pub(super) fn message(payload: &Value) -> Option<String> {
    json::text(payload, "/MessageID").filter(|id| id != NO_MESSAGE)
}

pub(super) fn is_sample(payload: &Value) -> bool {
    json::text(payload, "/MessageID").is_some_and(|id| id.eq_ignore_ascii_case(SAMPLE_MESSAGE))
}

const TIMES: [&str; 4] = ["/DeliveredAt", "/BouncedAt", "/ReceivedAt", "/ChangedAt"];

pub(super) fn occurred_at(payload: &Value) -> Option<Timestamp> {
    TIMES.iter().find_map(|pointer| json::iso8601(payload, pointer))
}

/// Postmark keeps one suppression list for each message stream.
pub(super) fn scope(payload: &Value) -> Option<String> {
    json::text(payload, "/MessageStream").filter(|stream| stream != DEFAULT_STREAM)
}

/// The keys of an event: bounces and complaints have an id, all others are known by their content. `trace` is the same
/// in every attempt of one webhook, but servers on the older rule and the API do not give it.
pub(super) fn keys(payload: &Value, record: &str, trace: Option<&str>, body: &[u8]) -> Vec<DedupKey> {
    let mut keys = vec![content_key(payload, record, body)];
    keys.extend(trace.map(|trace| DedupKey::of(&[b"postmark", b"trace", trace.as_bytes()])));
    keys
}

fn content_key(payload: &Value, record: &str, body: &[u8]) -> DedupKey {
    let text = |pointer: &str| json::text(payload, pointer).unwrap_or_default();
    let id = text("/ID");
    match record {
        "Bounce" | "SpamComplaint" if !id.is_empty() => {
            let server = json::first_text(payload, &["/ServerID", "/ServerId"]).unwrap_or_default();
            DedupKey::of(&[b"postmark", server.as_bytes(), record.as_bytes(), id.as_bytes()])
        }
        "Delivery" | "Open" | "Click" | "SubscriptionChange" if !text("/MessageID").is_empty() => {
            let time = json::first_text(payload, &TIMES).unwrap_or_default();
            DedupKey::of(&[
                b"postmark",
                record.as_bytes(),
                text("/MessageID").as_bytes(),
                text("/Recipient").to_lowercase().as_bytes(),
                time.as_bytes(),
                text("/OriginalLink").as_bytes(),
                text("/UserAgent").as_bytes(),
                text("/Geo/IP").as_bytes(),
                text("/SuppressSending").as_bytes(),
            ])
        }
        _ => raw_key(body),
    }
}

/// The key of what cannot be told apart by anything but its bytes.
pub(super) fn raw_key(body: &[u8]) -> DedupKey {
    DedupKey::of(&[b"postmark", b"raw", body])
}
