//! From a batch to events, element by element.
//!
//! An event's key is its content: `sg_event_id` is not part of it, because SendGrid re-sends the same event under a new
//! one (issue 1435 of sendgrid-nodejs). Two opens or clicks that agree in everything within one second count as one.
//! Elements that are no known event are keyed by all their bytes, so that none is taken for another.

use hearback_event::{
    Actor, Address, Channel, DedupKey, Engagement, Event, Kind, ListAction, SuppressionChange, Timestamp,
};
use serde_json::value::RawValue;

use super::failure::{self, kept};
use super::native::Native;
use crate::json;

/// The base message id of the samples in SendGrid's documents and of its "Test your integration".
const SAMPLE_MESSAGE: &str = "14c5d75ce93.dfd.64b469";

/// More events than fit in the 768 KB at which SendGrid flushes. What goes beyond is one `unknown` event, so that a source
/// that accepts unsigned requests cannot be made to build millions of events out of `[0,0,0,...]`.
const MOST_ELEMENTS: usize = 20_000;

/// What a batch says; at least one event.
pub(super) fn normalise(body: &[u8]) -> Vec<Event> {
    // Bytes that are no UTF-8 spoil only the text they stand in.
    let text = String::from_utf8_lossy(body);
    match json::elements(text.as_bytes()) {
        Ok(elements) if elements.is_empty() => vec![broken("the batch is empty", &text, body)],
        Ok(elements) => {
            let mut events: Vec<Event> =
                elements.iter().take(MOST_ELEMENTS).map(|one| event_of(one)).collect();
            if elements.len() > MOST_ELEMENTS {
                events.push(broken("the batch has more elements than were read", "", body));
            }
            events
        }
        Err(_) => vec![broken("the body is not a JSON array", &text, body)],
    }
}

fn event_of(element: &RawValue) -> Event {
    let raw = element.get();
    match serde_json::from_str::<Native<'_>>(raw) {
        Ok(native) if native.event.is_empty() => broken("the element names no event", raw, raw.as_bytes()),
        Ok(native) => known(native, raw),
        Err(_) => broken("the element is not an object", raw, raw.as_bytes()),
    }
}

fn broken(error: &str, text: &str, bytes: &[u8]) -> Event {
    Event {
        error: Some(error.to_owned()),
        raw: Some(json::cut(text).to_owned()),
        ..Event::new(Kind::Unknown, "", Channel::Email, raw_key(bytes))
    }
}

fn known(mut native: Native<'_>, raw: &str) -> Event {
    let kind = kind_of(&native.event);
    let key = if kind == Kind::Unknown { raw_key(raw.as_bytes()) } else { content_key(&native) };
    Event {
        occurred_at: Timestamp::from_decimal_seconds(&native.timestamp).ok(),
        recipient: Address::parse(&native.email).ok(),
        provider_message_id: kept(base_id(&native.sg_message_id)),
        provider_event_id: kept(&native.sg_event_id),
        failure: match kind {
            Kind::Bounced => Some(failure::bounced(&native)),
            Kind::Deferred => Some(failure::deferred(&native)),
            Kind::Rejected => Some(failure::dropped(&native)),
            _ => None,
        },
        engagement: engagement(kind, &native),
        suppression: suppression(&native),
        test: is_sample(&native),
        tags: std::mem::take(&mut native.tags),
        labels: std::mem::take(&mut native.labels),
        ..Event::new(kind, json::cut(&native.event), Channel::Email, key)
    }
}

fn kind_of(native: &str) -> Kind {
    match native {
        "processed" => Kind::Queued,
        "deferred" => Kind::Deferred,
        "delivered" => Kind::Delivered,
        "bounce" => Kind::Bounced,
        "dropped" => Kind::Rejected,
        "open" => Kind::Opened,
        "click" => Kind::Clicked,
        "spamreport" => Kind::Complained,
        "unsubscribe" | "group_unsubscribe" => Kind::Unsubscribed,
        "group_resubscribe" => Kind::Subscribed,
        _ => Kind::Unknown,
    }
}

/// The part of `sg_message_id` that the sender knows as `X-Message-Id`: in modern ids what stands before the first dot; in
/// those of old, which have dots of their own, what stands before the name of the filter machine.
fn base_id(id: &str) -> &str {
    let id = id.trim_start();
    let end = [".filter", ".stfilter", ".recvd"].iter().filter_map(|machine| id.find(machine)).min();
    end.or_else(|| id.find('.')).and_then(|end| id.get(..end)).unwrap_or(id)
}

/// The IP and user agent are the person's here; those of other events are SendGrid's.
fn engagement(kind: Kind, native: &Native<'_>) -> Option<Engagement> {
    if !matches!(kind, Kind::Opened | Kind::Clicked) && !native.event.starts_with("group_") {
        return None;
    }
    let by = match (kind, native.sg_machine_open.as_ref()) {
        (Kind::Opened, "true" | "1") => Some(Actor::Machine),
        (Kind::Opened, "false" | "0") => Some(Actor::Human),
        _ => None,
    };
    let engagement = Engagement {
        url: kept(&native.url),
        user_agent: kept(&native.useragent),
        ip: kept(&native.ip),
        by,
        why: (by == Some(Actor::Machine)).then(|| "apple_mpp".to_owned()),
        ..Engagement::default()
    };
    (engagement != Engagement::default()).then_some(engagement)
}

/// An unsubscribe from one group, or its taking back.
fn suppression(native: &Native<'_>) -> Option<SuppressionChange> {
    let action = match native.event.as_ref() {
        "group_unsubscribe" => ListAction::Added,
        "group_resubscribe" => ListAction::Removed,
        _ => return None,
    };
    // A group event is never global, even if it should name no group.
    let scope = kept(&native.asm_group_id).unwrap_or_else(|| "unnamed".to_owned());
    Some(SuppressionChange { action, reason: None, scope: Some(scope), by: None })
}

fn is_sample(native: &Native<'_>) -> bool {
    native.sg_event_id == "sg_event_id"
        || native.sg_message_id == "sg_message_id"
        || base_id(&native.sg_message_id) == SAMPLE_MESSAGE
        || native.email == "example@test.com"
}

fn content_key(native: &Native<'_>) -> DedupKey {
    let reason = if native.reason.is_empty() { &native.response } else { &native.reason };
    DedupKey::of(&[
        b"sendgrid",
        native.event.as_bytes(),
        native.email.as_bytes(),
        native.timestamp.as_bytes(),
        native.sg_message_id.as_bytes(),
        native.smtp_id.as_bytes(),
        native.kind.as_bytes(),
        native.status.as_bytes(),
        reason.as_bytes(),
        native.attempt.as_bytes(),
        native.url.as_bytes(),
        native.url_offset.as_bytes(),
        native.asm_group_id.as_bytes(),
        native.ip.as_bytes(),
        native.useragent.as_bytes(),
    ])
}

fn raw_key(bytes: &[u8]) -> DedupKey {
    DedupKey::of(&[b"sendgrid", b"raw", bytes])
}

#[cfg(test)]
mod tests;
