//! From Resend's body to events: `{"type", "created_at", "data"}`, one event, or one per topic of a contact.
//!
//! `data.to` may name several recipients without saying whose event it is; then the event names none and keeps all as
//! ambiguous, so that one bounce never suppresses all of them. The event's time is the root `created_at` (for clicks
//! that of the click); `data.created_at` is when the mail was made.

use hearback_event::{
    Address, Channel, DedupKey, Engagement, Event, Inbound, Kind, ListAction, SuppressionChange,
};
use serde_json::Value;

use super::failure::failure;
use super::labels;
use crate::standard_webhooks::signature::SignedHeaders;
use crate::{Request, json};

/// More topics than a contact has; the rest is left to the raw request.
const MOST_TOPICS: usize = 1000;

/// What the request says.
pub(super) fn normalise(request: &Request<'_>) -> Vec<Event> {
    let id = SignedHeaders::of(request).map(|headers| headers.id);
    let identity = match id {
        Some(id) => [b"resend".as_slice(), b"id", id.as_bytes()],
        // Only where a source accepts requests without a signature.
        None => [b"resend".as_slice(), b"body", request.body],
    };
    let mut events = match serde_json::from_slice::<Value>(request.body) {
        Ok(body) => events_of(&body, identity),
        Err(error) => vec![Event {
            error: Some(format!("the body is not JSON: {error}")),
            raw: Some(json::cut(&String::from_utf8_lossy(request.body)).to_owned()),
            ..Event::new(Kind::Unknown, "", Channel::Email, DedupKey::of(&identity))
        }],
    };
    for event in &mut events {
        event.provider_event_id = id.map(|id| json::cut(id).to_owned());
    }
    events
}

fn events_of(body: &Value, identity: [&[u8]; 3]) -> Vec<Event> {
    let native = json::text(body, "/type").unwrap_or_default();
    let data = body.get("data").unwrap_or(&Value::Null);
    let base = Event {
        occurred_at: json::iso8601(body, "/created_at"),
        ..Event::new(kind_of(&native, data), native, Channel::Email, DedupKey::of(&identity))
    };
    let topics = match data.get("topics") {
        Some(Value::Array(topics)) if base.native_type == "contact.topics.updated" => topics.as_slice(),
        _ => &[],
    };
    if !topics.is_empty() {
        return topics.iter().take(MOST_TOPICS).map(|topic| of_topic(&base, data, topic, identity)).collect();
    }
    let family = base.native_type.split('.').next().unwrap_or_default().to_owned();
    vec![match family.as_str() {
        "email" => of_email(base, body, data),
        "contact" | "suppression" => of_list(base, data),
        "" => Event { error: Some("the body names no event type".to_owned()), ..base },
        _ => base,
    }]
}

fn kind_of(native: &str, data: &Value) -> Kind {
    match native {
        "email.sent" => Kind::Sent,
        "email.scheduled" => Kind::Queued,
        "email.delivered" => Kind::Delivered,
        "email.delivery_delayed" => Kind::Deferred,
        "email.bounced" => Kind::Bounced,
        "email.suppressed" => Kind::Rejected,
        "email.failed" => Kind::Failed,
        "email.complained" => Kind::Complained,
        "email.opened" => Kind::Opened,
        "email.clicked" => Kind::Clicked,
        "email.received" => Kind::Inbound,
        "suppression.added" | "suppression.removed" => Kind::SuppressionChanged,
        "contact.created" | "contact.updated" => match data.get("unsubscribed") {
            Some(Value::Bool(true)) => Kind::Unsubscribed,
            Some(Value::Bool(false)) => Kind::Subscribed,
            _ => Kind::Unknown,
        },
        _ => Kind::Unknown,
    }
}

fn of_email(base: Event, body: &Value, data: &Value) -> Event {
    let (kind, failure) = failure(base.kind, data);
    let mut event = Event {
        kind,
        failure,
        provider_message_id: json::text(data, "/email_id"),
        subject: json::text(data, "/subject"),
        labels: labels::labels(data),
        tags: labels::tags(data),
        ..base
    };
    event.dedup.extend(content_key(body, data));
    match kind {
        Kind::Clicked => {
            event.occurred_at = json::iso8601(data, "/click/timestamp").or(event.occurred_at);
            event.engagement = Some(Engagement {
                url: json::text(data, "/click/link"),
                user_agent: json::text(data, "/click/userAgent"),
                ip: json::text(data, "/click/ipAddress"),
                ..Engagement::default()
            });
        }
        Kind::Inbound => return of_inbound(event, data),
        _ => {}
    }
    match <[Address; 1]>::try_from(addresses(data, "/to")) {
        Ok([only]) => event.recipient = Some(only),
        Err(several) => event.ambiguous_recipients = several,
    }
    event
}

/// Of a message that came in all recipients are meant, so the first stands for it.
fn of_inbound(event: Event, data: &Value) -> Event {
    let envelope = addresses(data, "/received_for");
    let to = if envelope.is_empty() { addresses(data, "/to") } else { envelope };
    let attachments = data.get("attachments").and_then(Value::as_array).map(|all| all.len() as u32);
    Event {
        inbound: Some(Inbound {
            from: json::text(data, "/from"),
            to: to.iter().map(|address| address.as_str().to_owned()).collect(),
            message_id: json::text(data, "/message_id").map(|id| without_brackets(&id).to_owned()),
            attachments,
        }),
        recipient: to.into_iter().next(),
        ..event
    }
}

fn of_list(base: Event, data: &Value) -> Event {
    let action = match base.native_type.as_str() {
        "suppression.added" => Some(ListAction::Added),
        "suppression.removed" => Some(ListAction::Removed),
        _ => None,
    };
    Event {
        recipient: recipient(data),
        suppression: action.map(|action| SuppressionChange {
            action,
            reason: json::text(data, "/origin"),
            scope: None,
            by: None,
        }),
        ..base
    }
}

/// One topic of a contact: an unsubscribe from that topic only.
fn of_topic(base: &Event, data: &Value, topic: &Value, identity: [&[u8]; 3]) -> Event {
    let id = json::text(topic, "/id").unwrap_or_default();
    let subscription = json::text(topic, "/subscription").unwrap_or_default();
    let [provider, what, value] = identity;
    let key = DedupKey::of(&[provider, what, value, b"topic", id.as_bytes(), subscription.as_bytes()]);
    let (kind, action) = match subscription.as_str() {
        "opt_out" => (Kind::Unsubscribed, ListAction::Added),
        "opt_in" => (Kind::Subscribed, ListAction::Removed),
        _ => (Kind::Unknown, ListAction::Changed),
    };
    Event {
        occurred_at: base.occurred_at,
        recipient: recipient(data),
        suppression: Some(SuppressionChange { action, reason: None, scope: Some(id), by: None }),
        error: (kind == Kind::Unknown).then(|| "the topic names no known subscription".to_owned()),
        raw: (kind == Kind::Unknown).then(|| json::cut(&topic.to_string()).to_owned()),
        ..Event::new(kind, base.native_type.clone(), base.channel, key)
    }
}

/// The same event under another id: a second webhook of the account. Only where the content tells events apart.
fn content_key(body: &Value, data: &Value) -> Option<DedupKey> {
    let text = |value: &Value, pointer: &str| json::text(value, pointer);
    let mut to = json::texts(data, "/to");
    to.sort_unstable();
    let parts = [
        text(body, "/type")?,
        text(data, "/email_id")?,
        text(body, "/created_at")?,
        to.join("\n"),
        text(data, "/click/link").unwrap_or_default(),
        text(data, "/click/timestamp").unwrap_or_default(),
    ];
    let mut bytes: Vec<&[u8]> = vec![b"resend", b"content"];
    bytes.extend(parts.iter().map(String::as_bytes));
    Some(DedupKey::of(&bytes))
}

fn recipient(data: &Value) -> Option<Address> {
    Address::parse(&json::text(data, "/email")?).ok()
}

fn addresses(data: &Value, pointer: &str) -> Vec<Address> {
    let mut found = Vec::new();
    for address in json::texts(data, pointer).iter().filter_map(|text| Address::parse(text).ok()) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

fn without_brackets(id: &str) -> &str {
    id.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const IDENTITY: [&[u8]; 3] = [b"resend", b"id", b"msg_1"];

    fn clicked(to: &Value, link: &str, email_id: &str) -> Event {
        let body = json!({"type": "email.clicked", "created_at": "2025-10-09T09:01:02.300Z",
            "data": {"email_id": email_id, "to": to, "click": {"link": link, "timestamp": "2025-10-09T09:01:02.200Z"}}});
        events_of(&body, IDENTITY).remove(0)
    }

    #[test]
    fn the_content_key_tells_events_apart_whatever_their_id() {
        let to = json!(["a@x.example", "b@x.example"]);
        let key = |event: &Event| event.dedup[1];
        let one = clicked(&to, "https://x.example/1", "e1");
        assert_eq!(one.dedup.len(), 2);
        assert_eq!(
            key(&one),
            key(&clicked(&json!(["b@x.example", "a@x.example"]), "https://x.example/1", "e1"))
        );
        assert_ne!(key(&one), key(&clicked(&to, "https://x.example/2", "e1")));
        assert_ne!(key(&one), key(&clicked(&to, "https://x.example/1", "e2")));
        assert_ne!(key(&one), key(&clicked(&json!(["a@x.example"]), "https://x.example/1", "e1")));
        assert_eq!(clicked(&to, "https://x.example/1", "").dedup.len(), 1, "no id, no content key");
    }

    #[test]
    fn contacts() {
        let kind = |native: &str, data: Value| {
            events_of(&json!({"type": native, "data": data}), IDENTITY)
                .into_iter()
                .map(|e| e.kind)
                .collect::<Vec<_>>()
        };
        let cases = [
            (
                "contact.updated",
                json!({"email": "a@x.example", "unsubscribed": true}),
                vec![Kind::Unsubscribed],
            ),
            (
                "contact.updated",
                json!({"email": "a@x.example", "unsubscribed": false}),
                vec![Kind::Subscribed],
            ),
            ("contact.updated", json!({"email": "a@x.example"}), vec![Kind::Unknown]),
            ("contact.created", json!({"unsubscribed": false}), vec![Kind::Subscribed]),
            ("contact.deleted", json!({"unsubscribed": true}), vec![Kind::Unknown]),
            ("contact.topics.updated", json!({"topics": []}), vec![Kind::Unknown]),
            (
                "contact.topics.updated",
                json!({"topics": [{"id": "t1", "subscription": "opt_in"}, {"id": "t2", "subscription": "opt_out"}, 5]}),
                vec![Kind::Subscribed, Kind::Unsubscribed, Kind::Unknown],
            ),
        ];
        for (native, data, expected) in cases {
            assert_eq!(kind(native, data.clone()), expected, "{native} {data}");
        }
    }

    #[test]
    fn each_topic_has_a_key_of_its_own() {
        let topics =
            json!([{"id": "t1", "subscription": "opt_out"}, {"id": "t2", "subscription": "opt_out"}]);
        let events =
            events_of(&json!({"type": "contact.topics.updated", "data": {"topics": topics}}), IDENTITY);
        assert_ne!(events[0].dedup, events[1].dedup);
    }
}
