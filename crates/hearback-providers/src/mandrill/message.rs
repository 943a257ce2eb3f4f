//! Events of a sent message.
//!
//! Its lists (`opens`, `clicks`, `smtp_events`) tell the message's whole past and grow from event to event, so the key is
//! made of the fields that belong to this event alone. Two like opens within one second are one.

use hearback_event::{Actor, Address, Channel, DedupKey, Engagement, Event, Kind, labels_from_json};
use serde_json::Value;
use serde_json::value::RawValue;

use super::failure;
use super::normalise::{is_sample, raw_key};
use crate::json::{self, epoch_seconds, text, texts};

/// The event of a message.
pub(super) fn event(native: &str, value: &Value, raw: &RawValue) -> Event {
    let kind = kind(native);
    let id = json::first_text(value, &["/_id", "/msg/_id"]);
    let key = id.as_deref().map_or_else(|| raw_key(raw.get().as_bytes()), |id| dedup(native, id, value));
    let mut event = Event::new(kind, json::cut(native), Channel::Other, key);
    event.occurred_at = epoch_seconds(value, "/ts");
    event.recipient = text(value, "/msg/email").and_then(|address| Address::parse(&address).ok());
    // Mandrill sends SMS too, and how it would tell of them is not documented.
    let is_mail = event.recipient.as_ref().is_some_and(|address| address.domain().is_some());
    if kind != Kind::Unknown || is_mail {
        event.channel = Channel::Email;
    }
    event.subject = text(value, "/msg/subject");
    event.tags = texts(value, "/msg/tags");
    event.labels = value.pointer("/msg/metadata").map(labels_from_json).unwrap_or_default();
    event.test = is_sample(id.as_deref(), &event);
    event.provider_message_id = id;
    event.failure = match kind {
        Kind::Deferred => Some(failure::deferred(value)),
        Kind::Bounced => Some(failure::bounced(value, native == "soft_bounce")),
        Kind::Rejected => Some(failure::rejected(value)),
        _ => None,
    };
    if matches!(kind, Kind::Opened | Kind::Clicked) {
        event.engagement = Some(engagement(kind, value));
    }
    event
}

fn kind(native: &str) -> Kind {
    match native {
        "send" => Kind::Sent,
        "delivered" => Kind::Delivered,
        "deferral" => Kind::Deferred,
        "hard_bounce" | "soft_bounce" => Kind::Bounced,
        "reject" => Kind::Rejected,
        "open" => Kind::Opened,
        "click" => Kind::Clicked,
        "spam" => Kind::Complained,
        "unsub" => Kind::Unsubscribed,
        _ => Kind::Unknown,
    }
}

fn dedup(native: &str, id: &str, value: &Value) -> DedupKey {
    let at = |pointer: &str| text(value, pointer).unwrap_or_default();
    let mut parts = vec![native.to_owned(), id.to_owned(), at("/ts"), at("/msg/email")];
    match native {
        "click" => parts.extend([url(value).unwrap_or_default(), at("/ip"), at("/user_agent")]),
        "open" => parts.extend([at("/ip"), at("/user_agent")]),
        "deferral" => {
            let newest = newest(value, "/msg/smtp_events");
            let of = |pointer: &str| newest.and_then(|entry| text(entry, pointer)).unwrap_or_default();
            parts.extend(["/ts", "/type", "/diag", "/source_ip", "/destination_ip"].map(of));
        }
        _ => {}
    }
    let parts: Vec<&[u8]> =
        std::iter::once(b"mandrill".as_slice()).chain(parts.iter().map(String::as_bytes)).collect();
    DedupKey::of(&parts)
}

/// The entry with the latest `ts` of a list, the last of several.
pub(super) fn newest<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    value.pointer(pointer)?.as_array()?.iter().max_by_key(|entry| epoch_seconds(entry, "/ts"))
}

fn url(value: &Value) -> Option<String> {
    text(value, "/url").or_else(|| text(newest(value, "/msg/clicks")?, "/url"))
}

/// Mandrill does not mark machines; only a user agent that it took for a robot is one.
fn engagement(kind: Kind, value: &Value) -> Engagement {
    let robot = text(value, "/user_agent_parsed/type").is_some_and(|kind| kind.eq_ignore_ascii_case("robot"));
    Engagement {
        url: (kind == Kind::Clicked).then(|| url(value)).flatten(),
        user_agent: text(value, "/user_agent"),
        ip: text(value, "/ip"),
        country: text(value, "/location/country_short"),
        region: text(value, "/location/region"),
        city: text(value, "/location/city"),
        by: robot.then_some(Actor::Machine),
        why: robot.then(|| "user_agent_robot".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(native: &str, value: &Value) -> Vec<DedupKey> {
        let text = value.to_string();
        event(native, value, serde_json::from_str(&text).unwrap()).dedup
    }

    /// What a message has been through grows from event to event; the event stays the same.
    #[test]
    fn growing_lists_do_not_change_the_key() {
        let open = |opens: Value, state: &str| {
            json!({"event": "open", "_id": "a1", "ts": 1_760_000_000, "ip": "203.0.113.5", "user_agent": "x",
                "msg": {"_id": "a1", "email": "amy@example.com", "state": state, "opens": opens}})
        };
        let first = key("open", &open(json!([{"ts": 1}]), "sent"));
        assert_eq!(first, key("open", &open(json!([{"ts": 1}, {"ts": 2}]), "spam")));
        let mut other = open(json!([]), "sent");
        other["ip"] = json!("203.0.113.6");
        assert_ne!(first, key("open", &other));
    }

    #[test]
    fn each_deferral_and_each_click_counts() {
        let deferral = |diag: &str| {
            json!({"event": "deferral", "_id": "a1", "ts": 1_760_000_000, "msg": {"email": "amy@example.com",
                "smtp_events": [{"ts": 5, "diag": diag, "size": 0}, {"ts": 1, "diag": "older"}]}})
        };
        assert_eq!(key("deferral", &deferral("451 a")), key("deferral", &deferral("451 a")));
        assert_ne!(key("deferral", &deferral("451 a")), key("deferral", &deferral("451 b")));
        let click = |url: &str| json!({"event": "click", "_id": "a1", "ts": 1, "url": url, "msg": {}});
        assert_ne!(
            key("click", &click("https://example.org/a")),
            key("click", &click("https://example.org/b"))
        );
    }

    #[test]
    fn without_a_message_id_the_element_is_its_own_key() {
        let send = |email: &str| json!({"event": "send", "ts": 1, "msg": {"email": email}});
        assert_ne!(key("send", &send("amy@example.com")), key("send", &send("bob@example.com")));
    }
}
