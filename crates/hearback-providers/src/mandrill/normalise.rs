//! Mandrill's batches as events, element by element.

use hearback_event::{Channel, DedupKey, Event, Kind};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{FIELD, form, inbound, message, sync};
use crate::{Request, json};

/// The events in a request, in its order.
pub(super) fn events(request: &Request<'_>) -> Vec<Event> {
    let form = match form(request) {
        Ok(form) => form,
        Err(error) => return vec![unreadable(request.body, error)],
    };
    let Some(batch) = form.first(FIELD) else {
        return vec![unreadable(request.body, "the form has no field mandrill_events")];
    };
    match json::elements(batch.as_bytes()) {
        Ok(elements) => elements.into_iter().map(element).collect(),
        Err(error) => vec![unreadable(batch.as_bytes(), error)],
    }
}

/// One element of a batch. Families are told apart one by one, as nothing promises that a batch never mixes them.
fn element(raw: &RawValue) -> Event {
    let value: Value = match serde_json::from_str(raw.get()) {
        Ok(value) => value,
        Err(error) => return not_understood(raw, error),
    };
    if !value.is_object() {
        return not_understood(raw, "not an object");
    }
    match (value.get("event").and_then(Value::as_str), value.get("type").and_then(Value::as_str)) {
        (Some("inbound"), _) => inbound::event(&value, raw),
        (Some(native), _) => message::event(native, &value, raw),
        (None, Some(list)) => sync::event(list, &value),
        (None, None) => not_understood(raw, "neither a message event nor a sync event"),
    }
}

fn not_understood(raw: &RawValue, error: impl ToString) -> Event {
    let mut event = unreadable(raw.get().as_bytes(), error);
    event.raw = Some(json::cut(raw.get()).to_owned());
    event
}

fn unreadable(bytes: &[u8], error: impl ToString) -> Event {
    let mut event = Event::new(Kind::Unknown, "", Channel::Other, raw_key(bytes));
    event.error = Some(json::cut(&error.to_string()).to_owned());
    event
}

/// The key of what names no message: its bytes, which a retry repeats.
pub(super) fn raw_key(bytes: &[u8]) -> DedupKey {
    DedupKey::of(&[b"mandrill", b"raw", bytes])
}

/// Whether this is one of the samples that the dashboard's "send test" posts: made-up ids, Mandrill's own domain.
pub(super) fn is_sample(id: Option<&str>, event: &Event) -> bool {
    let made_up = id.and_then(|id| id.strip_prefix("example")).is_some_and(|rest| {
        let letters = rest.strip_suffix(|last: char| last.is_ascii_digit()).unwrap_or(rest);
        letters.len() >= 10 && letters.bytes().all(|letter| letter == b'a')
    });
    made_up || event.recipient.as_ref().is_some_and(|address| address.domain() == Some("mandrillapp.com"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_known_by_their_ids() {
        let event = unreadable(b"", "");
        let cases = [
            ("exampleaaaaaaaaaaaaaaaaaaaaaaaaa", true),
            ("exampleaaaaaaaaaaaaaaaaaaaaaaaaa7", true),
            ("exampleaaaaaaaaaaaaaaaaaaaaaaaa42", false),
            ("example", false),
            ("e1f2a3b4c5d6e7f8a9b0c1d2e3f4a5b6", false),
        ];
        for (id, expected) in cases {
            assert_eq!(is_sample(Some(id), &event), expected, "{id}");
        }
        assert!(!is_sample(None, &event));
    }
}
