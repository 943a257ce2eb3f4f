//! From what Twilio tells to events.
//!
//! An event counts once by its content: account, message, status, error code and event type, because a message
//! reaches each status once. The idempotency token that comes in a header is no key: the signature does not cover
//! it, so whoever repeats a genuine request could spoil the token of a later one.

use hearback_event::{Channel, DedupKey, Event, Failure, Kind, Reason, Severity};

use super::payload::{self, Callback, Shape};
use super::verify::joined;
use super::{cloud_event, errors, inbound};
use crate::Request;

/// The events of a request.
pub(super) fn events(request: &Request<'_>) -> Vec<Event> {
    let mut events = match Shape::of(request) {
        Shape::Json => cloud_event::events(request.body),
        Shape::Query | Shape::Form => match payload::parameters(request) {
            Some(form) => {
                let fields =
                    if Shape::of(request) == Shape::Query { String::new() } else { joined(form.fields()) };
                callback(&Callback::from_form(&form), whole(request, fields.as_bytes()))
            }
            None => vec![Event {
                error: Some("the form has too many fields".to_owned()),
                ..Event::new(Kind::Unknown, "", Channel::Other, whole(request, request.body))
            }],
        },
    };
    let labels = payload::labels(request);
    for event in &mut events {
        for (name, value) in &labels {
            event.labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    events
}

/// The key of a request that names no message: all that its signature covers, as it is covered, so that writing the
/// same fields in another way does not make another event of them.
fn whole(request: &Request<'_>, fields: &[u8]) -> DedupKey {
    DedupKey::of(&[b"twilio", b"raw", request.query().as_bytes(), fields])
}

/// The events of one callback; `fallback` is the key where it names no message or no status.
pub(super) fn callback(callback: &Callback, fallback: DedupKey) -> Vec<Event> {
    if callback.is_inbound() { inbound::events(callback, fallback) } else { vec![status(callback, fallback)] }
}

fn status(callback: &Callback, fallback: DedupKey) -> Event {
    let native = callback.status.clone().unwrap_or_default();
    let kind = kind(callback);
    let key = match (&callback.message, &callback.status) {
        (Some(message), Some(status)) => content_key(callback, message, status),
        _ => fallback,
    };
    let mut event = Event::new(kind, native, callback.channel(), key);
    event.occurred_at = callback.occurred_at;
    event.recipient = callback.receiver();
    event.provider_message_id.clone_from(&callback.message);
    event.labels.clone_from(&callback.labels);
    event.failure = failure(kind, callback);
    if callback.status.is_none() {
        event.error = Some("neither a status nor an inbound message".to_owned());
        event.native_type = callback.event_type.clone().unwrap_or_default();
    }
    event
}

fn content_key(callback: &Callback, message: &str, status: &str) -> DedupKey {
    let part = |text: &Option<String>| text.clone().unwrap_or_default().into_bytes();
    DedupKey::of(&[
        b"twilio",
        &part(&callback.account),
        message.as_bytes(),
        status.to_ascii_lowercase().as_bytes(),
        &part(&callback.error_code),
        &part(&callback.event_type),
    ])
}

/// A message to somebody who opted out fails without ever being handed over: a refusal, not a breakdown.
const OPTED_OUT: &str = "21610";

fn kind(callback: &Callback) -> Kind {
    match callback.status.as_deref().unwrap_or_default().to_ascii_lowercase().as_str() {
        "accepted" | "scheduled" | "queued" | "sending" => Kind::Queued,
        "sent" => Kind::Sent,
        "delivered" => Kind::Delivered,
        "undelivered" => Kind::Bounced,
        "failed" if callback.error_code.as_deref() == Some(OPTED_OUT) => Kind::Rejected,
        "failed" | "canceled" => Kind::Failed,
        "read" => Kind::Opened,
        _ => Kind::Unknown,
    }
}

fn failure(kind: Kind, callback: &Callback) -> Option<Failure> {
    if !matches!(kind, Kind::Bounced | Kind::Rejected | Kind::Failed) {
        return None;
    }
    let meaning = callback.error_code.as_deref().and_then(errors::meaning);
    let (severity, reason) = match (&meaning, callback.error_code.as_deref()) {
        (Some(meaning), _) => (meaning.severity, meaning.reason),
        (None, Some(code)) if is_carrier_code(code) => (by_status(kind), Reason::Carrier),
        (None, _) => (by_status(kind), Reason::Other),
    };
    let words = callback.error_message.clone().or_else(|| meaning.map(|meaning| meaning.words.to_owned()));
    Some(Failure {
        severity: Some(severity),
        reason: Some(reason),
        code: callback.error_code.clone(),
        enhanced_code: None,
        response: callback.channel_status.clone(),
        description: words,
    })
}

/// Undelivered once may be delivered another time; failed will fail again.
fn by_status(kind: Kind) -> Severity {
    if kind == Kind::Bounced { Severity::Temporary } else { Severity::Permanent }
}

fn is_carrier_code(code: &str) -> bool {
    code.len() == 5 && code.starts_with('3') && code.bytes().all(|byte| byte.is_ascii_digit())
}
