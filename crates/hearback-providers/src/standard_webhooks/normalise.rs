//! From a body of the sender's own shape to an event, by pointers.
//!
//! The event counts once by the id header, which is the same on every attempt and replay; the store scopes it by
//! account, because two senders may use the same ids. One request is one event.

use hearback_event::{
    Address, Channel, DedupKey, Engagement, Event, Failure, Inbound, Kind, Timestamp, labels_from_json,
};
use serde_json::Value;

use super::kinds::Meaning;
use super::options::StandardOptions;
use super::signature::{self, SignedHeaders};
use crate::{Request, json, smtp};

/// What the request says.
pub(super) fn normalise(
    request: &Request<'_>,
    options: &StandardOptions,
    meanings: &[(String, Meaning)],
) -> Event {
    let headers = SignedHeaders::of(request);
    let key = dedup_key(headers.as_ref(), request.body);
    let mut event = match serde_json::from_slice::<Value>(request.body) {
        Ok(body) => event_of(&body, options, meanings, key),
        Err(error) => Event {
            error: Some(format!("the body is not JSON: {error}")),
            raw: Some(json::cut(&String::from_utf8_lossy(request.body)).to_owned()),
            ..Event::new(Kind::Unknown, "", Channel::Other, key)
        },
    };
    event.provider_event_id = headers.map(|headers| json::cut(headers.id).to_owned());
    if event.occurred_at.is_none() {
        // The time of the attempt, which for all but retries is close to that of the event.
        event.occurred_at = headers.and_then(|headers| signature::seconds(headers.timestamp));
    }
    event
}

fn dedup_key(headers: Option<&SignedHeaders<'_>>, body: &[u8]) -> DedupKey {
    match headers {
        Some(headers) => DedupKey::of(&[b"sw", headers.id.as_bytes()]),
        // Only where a source accepts requests without a signature.
        None => DedupKey::of(&[b"sw", b"body", body]),
    }
}

fn event_of(body: &Value, options: &StandardOptions, meanings: &[(String, Meaning)], key: DedupKey) -> Event {
    let text = |pointers: &super::options::Pointers| pointers.find(body).and_then(json::scalar);
    let native = text(&options.native_type).unwrap_or_default();
    let meaning = meaning_of(&native, meanings);
    let recipients = recipients(options.recipient.find(body));
    let mut event = Event {
        occurred_at: options.time.find(body).and_then(moment),
        provider_message_id: text(&options.message_id).map(|id| without_brackets(&id).to_owned()),
        subject: text(&options.subject),
        tags: options.tags.find(body).map(|tags| json::texts(tags, "")).unwrap_or_default(),
        labels: options.labels.find(body).map(labels_from_json).unwrap_or_default(),
        failure: failure(meaning, text(&options.reason)),
        ..Event::new(meaning.kind, native, channel(recipients.first()), key)
    };
    if matches!(meaning.kind, Kind::Opened | Kind::Clicked) {
        let engagement = Engagement {
            url: text(&options.url),
            user_agent: text(&options.user_agent),
            ip: text(&options.ip),
            ..Engagement::default()
        };
        event.engagement = (engagement != Engagement::default()).then_some(engagement);
    }
    if meaning.kind == Kind::Inbound {
        event.inbound = Some(Inbound {
            from: json::text(body, "/data/from"),
            to: recipients.iter().map(|address| address.as_str().to_owned()).collect(),
            ..Inbound::default()
        });
    }
    if event.native_type.is_empty() {
        event.error = Some("the body names no event type".to_owned());
    }
    match <[Address; 1]>::try_from(recipients) {
        Ok([only]) => event.recipient = Some(only),
        Err(several) => event.ambiguous_recipients = several,
    }
    event
}

fn meaning_of(native: &str, meanings: &[(String, Meaning)]) -> Meaning {
    let find = |same: &dyn Fn(&str) -> bool| meanings.iter().find(|(name, _)| same(name));
    find(&|name| name == native)
        .or_else(|| find(&|name| name.eq_ignore_ascii_case(native)))
        .map_or_else(|| Meaning::guess(native), |(_, meaning)| *meaning)
}

/// The one recipient, or all that are named; each once.
fn recipients(found: Option<&Value>) -> Vec<Address> {
    let texts = found.map(|value| json::texts(value, "")).unwrap_or_default();
    let mut recipients = Vec::new();
    for address in texts.iter().filter_map(|text| Address::parse(text).ok()) {
        if !recipients.contains(&address) {
            recipients.push(address);
        }
    }
    recipients
}

fn channel(recipient: Option<&Address>) -> Channel {
    match recipient {
        Some(address) if address.is_phone() => Channel::Sms,
        Some(address) if address.domain().is_some() => Channel::Email,
        _ => Channel::Other,
    }
}

fn failure(meaning: Meaning, words: Option<String>) -> Option<Failure> {
    let fails = matches!(meaning.kind, Kind::Deferred | Kind::Bounced | Kind::Rejected | Kind::Failed);
    if !fails || (meaning.severity.is_none() && words.is_none()) {
        return None;
    }
    let Some(words) = words else {
        return Some(Failure { severity: meaning.severity, ..Failure::default() });
    };
    let (enhanced, reply) = (smtp::enhanced_code(&words), smtp::reply_code(&words));
    Some(Failure {
        severity: meaning.severity,
        reason: Some(smtp::reason(enhanced.as_deref(), reply.as_deref(), &words)),
        code: reply,
        enhanced_code: enhanced,
        response: None,
        description: Some(words),
    })
}

/// A time as senders write it; numbers by their size as seconds or milliseconds.
fn moment(value: &Value) -> Option<Timestamp> {
    const LEAST_MILLISECONDS: i64 = 100_000_000_000;
    let text = json::scalar(value)?;
    if let Ok(moment) = Timestamp::parse_iso8601(&text) {
        return Some(moment);
    }
    match text.parse::<i64>() {
        Ok(millis) if millis >= LEAST_MILLISECONDS => {
            millis.checked_mul(1_000_000).map(Timestamp::from_nanos)
        }
        _ => Timestamp::from_decimal_seconds(&text).ok(),
    }
}

fn without_brackets(id: &str) -> &str {
    id.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(body: &Value) -> Event {
        let options = StandardOptions::default();
        event_of(body, &options, &[], DedupKey::of(&[]))
    }

    #[test]
    fn several_recipients_are_ambiguous() {
        let one = event(&json!({"type": "email.bounced", "data": {"to": ["A@x.example", "a@x.example"]}}));
        assert_eq!(one.recipient.unwrap().as_str(), "a@x.example");
        let two = event(&json!({"type": "email.bounced", "data": {"to": ["a@x.example", "b@x.example"]}}));
        assert_eq!((two.recipient, two.ambiguous_recipients.len()), (None, 2));
        let text = event(&json!({"type": "sms.delivered", "data": {"to": "+1 555 000 1111"}}));
        assert_eq!((text.recipient.unwrap().as_str(), text.channel), ("+15550001111", Channel::Sms));
        assert_eq!(event(&json!([1, 2])).kind, Kind::Unknown);
    }

    #[test]
    fn times() {
        let cases = [
            (json!("2026-01-01T00:00:00Z"), Some("2026-01-01T00:00:00Z")),
            (json!("2026-01-01 00:00:00.5+00"), Some("2026-01-01T00:00:00.5Z")),
            (json!(1_767_225_600), Some("2026-01-01T00:00:00Z")),
            (json!(1_767_225_600_250_i64), Some("2026-01-01T00:00:00.25Z")),
            (json!("1767225600.5"), Some("2026-01-01T00:00:00.5Z")),
            (json!("soon"), None),
            (json!({}), None),
            (json!(i64::MAX), None),
        ];
        for (value, expected) in cases {
            assert_eq!(moment(&value).map(|at| at.to_string()).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn the_users_types_go_before_the_guess() {
        let meaning = |text| Meaning::parse(text).unwrap();
        let table =
            [("Mail.Soft".to_owned(), meaning("bounced temporary")), ("a.sent".into(), meaning("queued"))];
        assert_eq!(meaning_of("mail.soft", &table), meaning("bounced temporary"));
        assert_eq!(meaning_of("a.sent", &table), meaning("queued"));
        assert_eq!(meaning_of("b.sent", &table), meaning("sent"));
    }
}
