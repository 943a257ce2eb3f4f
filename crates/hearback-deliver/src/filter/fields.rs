//! The fields of an event as expressions know them.

use serde_json::{Map, Value, json};

/// Every field of an event, with values such as the field may have; `labels` has whatever the sender attached.
pub(super) fn sample() -> Value {
    json!({
        "id": "evt_01JD", "type": "message.bounced", "source": "mailgun-eu", "provider": "mailgun",
        "native_type": "failed", "channel": "email", "origin": "webhook",
        "occurred_at": "2026-11-20T10:02:11Z", "occurred_at_approximate": false,
        "received_at": "2026-11-20T10:02:12Z", "verified": true, "recipient": "alice@example.com",
        "ambiguous_recipients": ["alice@example.com"],
        "message": {"id": "msg_01JD", "provider_id": "1@mg.example.com", "subject": "Your stay"},
        "failure": {"severity": "permanent", "reason": "invalid_recipient", "code": "550", "enhanced_code": "5.1.1",
                    "response": "550 5.1.1 user unknown", "description": "no such user"},
        "engagement": {"url": "https://example.com", "user_agent": "Mozilla", "ip": "203.0.113.9", "country": "US",
                       "region": "CA", "city": "Mountain View", "by": "machine", "why": "apple_mpp"},
        "suppression": {"action": "added", "reason": "hard-bounce", "scope": "newsletter", "by": "support"},
        "inbound": {"from": "alice@example.com", "to": ["desk@example.com"], "message_id": "1@example.com",
                    "attachments": 1},
        "registration": {"key": "42", "expect_delivered_within": 600, "user_id": "7", "attempt": 1},
        "notice": "not delivered within 15 min",
        "alert": {"id": 17, "rule": "bounces", "urgency": "warning", "count": 1, "first_at": "2026-11-20T10:02:11Z",
                  "last_at": "2026-11-20T10:02:11Z", "to": ["ops"], "cause": "evt_01JD",
                  "reasons": [{"name": "rate_limited", "count": 3}], "domains": [{"name": "example.com", "count": 3}],
                  "fallback": false},
        "tags": ["pre-arrival"], "labels": {"booking_id": "42", "purpose": "pre_arrival"},
        "provider_event_id": "q1W2e3R4", "test": false, "error": "not understood", "raw": "{}",
    })
}

/// Puts `null` where an event says nothing, and `false` where it leaves out that something is not so.
pub(super) fn complete(event: &mut Map<String, Value>, sample: &Map<String, Value>) {
    for (name, example) in sample {
        match (event.get_mut(name), example) {
            (Some(Value::Object(_)), Value::Object(_)) if name == "labels" => {}
            (Some(Value::Object(inner)), Value::Object(example)) => complete(inner, example),
            (Some(Value::Null) | None, Value::Object(example)) => {
                let mut inner = Map::new();
                complete(&mut inner, example);
                event.insert(name.clone(), inner.into());
            }
            (Some(_), _) => {}
            (None, Value::Bool(_)) => drop(event.insert(name.clone(), false.into())),
            (None, Value::Array(_)) => drop(event.insert(name.clone(), Value::Array(Vec::new()))),
            (None, _) => drop(event.insert(name.clone(), Value::Null)),
        }
    }
}
