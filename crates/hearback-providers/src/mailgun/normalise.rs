//! Mailgun's requests as events: tells the four shapes apart and reads the JSON one.

use hearback_event::{
    Actor, Channel, DedupKey, Engagement, Event, Inbound, Kind, Timestamp, labels_from_json,
};
use serde_json::value::RawValue;

use super::payload::{Body, EventData};
use super::{failure, inbound, is_form, legacy, lenient, recipients};
use crate::form::Form;
use crate::{Request, json};

/// The event in a request.
pub(super) fn event(request: &Request<'_>) -> Event {
    if is_form(request) {
        return match Form::read(request.header("content-type").unwrap_or_default(), request.body) {
            Ok(form) if inbound::is_mail(&form) => inbound::event(&form),
            Ok(form) if form.first("event").is_some() => legacy::event(&form),
            Ok(_) => unreadable(request.body, "the form holds neither an event nor a mail"),
            Err(error) => unreadable(request.body, error),
        };
    }
    let body = std::str::from_utf8(request.body)
        .map_err(|error| error.to_string())
        .and_then(|text| lenient::object::<Body<'_>>(text).map_err(|error| error.to_string()));
    match body {
        Ok(Body { event_data: Some(raw), .. }) => of_event_data(raw),
        Ok(_) => unreadable(request.body, "the body holds no event-data"),
        Err(error) => unreadable(request.body, error),
    }
}

/// An authentic request without anything that could be an event.
fn unreadable(bytes: &[u8], error: impl ToString) -> Event {
    let key = DedupKey::of(&[b"mailgun", b"raw", bytes]);
    let mut event = Event::new(Kind::Unknown, "", Channel::Email, key);
    event.error = Some(json::cut(&error.to_string()).to_owned());
    event
}

/// The event in one `event-data` object; items of the Events API have the same shape.
fn of_event_data(raw: &RawValue) -> Event {
    let data: EventData<'_> = match lenient::object(raw.get()) {
        Ok(data) => data,
        Err(error) => return with_raw(unreadable(raw.get().as_bytes(), error), raw),
    };
    let occurred_at = Timestamp::from_decimal_seconds(data.timestamp.or_empty()).ok();
    let key = dedup(data.id.get(), occurred_at, raw);
    let mut event = Event::new(Kind::Unknown, json::cut(data.event.or_empty()), Channel::Email, key);
    event.occurred_at = occurred_at;
    event.provider_event_id = data.id.kept();
    event.provider_message_id = data.message.headers.message_id.get().and_then(bare_id);
    event.subject = data.message.headers.subject.kept();
    event.tags = json::texts(&lenient::value(data.tags), "");
    event.labels = labels_from_json(&lenient::value(data.user_variables));
    event.test = is_sample(&event)
        || [&data.flags.is_test_mode, &data.flags.is_system_test]
            .iter()
            .any(|flag| flag.get() == Some("true"));
    note_recipients(&mut event, &data);
    describe(&mut event, &data);
    if data.event.get().is_none() {
        event.error = Some("the event has no name".to_owned());
        return with_raw(event, raw);
    }
    event
}

/// Sets the kind and what belongs to it.
fn describe(event: &mut Event, data: &EventData<'_>) {
    event.kind = match data.event.or_empty() {
        "accepted" => Kind::Queued,
        "delivered" => Kind::Delivered,
        "opened" => Kind::Opened,
        "clicked" => Kind::Clicked,
        "unsubscribed" => Kind::Unsubscribed,
        "complained" => Kind::Complained,
        "stored" => Kind::Inbound,
        "rejected" => Kind::Rejected,
        "failed" => {
            let (kind, failure) = failure::failed(data);
            event.failure = Some(failure);
            kind
        }
        _ => Kind::Unknown,
    };
    match event.kind {
        Kind::Opened | Kind::Clicked => event.engagement = Some(engagement(data)),
        Kind::Inbound => event.inbound = Some(stored(data)),
        Kind::Rejected if event.failure.is_none() => event.failure = Some(failure::rejected(data)),
        _ => {}
    }
}

/// An id is unique within a day only. Without one the event's bytes, which a retry repeats, stand in.
fn dedup(id: Option<&str>, occurred_at: Option<Timestamp>, raw: &RawValue) -> DedupKey {
    match (id, occurred_at) {
        (Some(id), Some(at)) => {
            let moment = at.to_string();
            let date = moment.split('T').next().unwrap_or_default();
            DedupKey::of(&[b"mailgun", id.as_bytes(), date.as_bytes()])
        }
        _ => DedupKey::of(&[b"mailgun", b"raw", raw.get().as_bytes()]),
    }
}

fn note_recipients(event: &mut Event, data: &EventData<'_>) {
    let addresses = match data.recipient.get() {
        Some(recipient) => recipients::of_header(recipient),
        None if data.message.recipients.is_some() => {
            recipients::of_list(&lenient::value(data.message.recipients))
        }
        None => recipients::of_header(data.message.headers.to.or_empty()),
    };
    recipients::note(event, addresses);
}

fn engagement(data: &EventData<'_>) -> Engagement {
    let (by, why) = match data.client_info.bot.or_empty() {
        "" => (Actor::Human, None),
        "apple" => (Actor::Machine, Some("apple_mpp".to_owned())),
        "gmail" => (Actor::Machine, Some("gmail_proxy".to_owned())),
        "generic" => (Actor::Machine, Some("bot".to_owned())),
        other => (Actor::Machine, Some(json::cut(other).to_owned())),
    };
    Engagement {
        url: data.url.kept(),
        user_agent: data.client_info.user_agent.kept(),
        ip: data.ip.kept(),
        country: known(data.geolocation.country.kept()),
        region: known(data.geolocation.region.kept()),
        city: known(data.geolocation.city.kept()),
        by: Some(by),
        why,
    }
}

fn stored(data: &EventData<'_>) -> Inbound {
    let attachments = lenient::value(data.message.attachments);
    Inbound {
        from: data.envelope.sender.kept().or_else(|| data.message.headers.from.kept()),
        to: json::texts(&lenient::value(data.message.recipients), ""),
        message_id: data.message.headers.message_id.get().and_then(bare_id),
        attachments: attachments.as_array().map(|list| list.len() as u32),
    }
}

/// Keeps the text of what could not be understood.
fn with_raw(mut event: Event, raw: &RawValue) -> Event {
    event.raw = Some(json::cut(raw.get()).to_owned());
    event
}

/// Whether this is one of the samples that the dashboard posts to try out a webhook: all carry this variable.
pub(super) fn is_sample(event: &Event) -> bool {
    event.labels.get("my_var_1").is_some_and(|value| value == "Mailgun Variable #1")
}

/// Places that Mailgun does not know are called so.
pub(super) fn known(place: Option<String>) -> Option<String> {
    place.filter(|name| !name.eq_ignore_ascii_case("unknown"))
}

/// A message id without angle brackets: events have none, the answer of the send API has them.
pub(super) fn bare_id(id: &str) -> Option<String> {
    let bare = json::cut(id.trim().trim_start_matches('<').trim_end_matches('>'));
    (!bare.is_empty()).then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::RawRequest;

    fn event_of(signature: &Value, data: &Value) -> Event {
        let body = json!({"signature": signature, "event-data": data}).to_string();
        let raw = RawRequest::post(
            "https://x.example/mailgun",
            &[("content-type", "application/json")],
            body.into_bytes(),
        );
        event(&raw.borrow(&[], None))
    }

    #[test]
    fn the_key_is_the_id_within_its_day() {
        let key = |id: &str, timestamp: Value| {
            event_of(&json!({"token": "a"}), &json!({"event": "opened", "id": id, "timestamp": timestamp}))
                .dedup
        };
        let first = key("abc", json!(1_760_000_000.25));
        assert_eq!(first, [DedupKey::of(&[b"mailgun", b"abc", b"2025-10-09"])]);
        assert_eq!(first, key("abc", json!("1760000000")), "same day");
        assert_ne!(first, key("abc", json!(1_760_086_400)), "next day");
        assert_ne!(first, key("abd", json!(1_760_000_000.25)));
    }

    #[test]
    fn without_an_id_the_event_is_its_own_key_and_the_signature_plays_no_part() {
        for data in [json!({"event": "opened"}), json!(["opened"]), json!({"id": "abc"})] {
            let first = event_of(&json!({"token": "a"}), &data);
            assert_eq!(first.dedup, event_of(&json!({"token": "b"}), &data).dedup, "{data}");
        }
    }

    #[test]
    fn message_ids_lose_their_brackets() {
        let cases = [("<a@b>", Some("a@b")), ("a@b", Some("a@b")), (" <a@b> ", Some("a@b")), ("<>", None)];
        for (text, expected) in cases {
            assert_eq!(bare_id(text).as_deref(), expected, "{text}");
        }
    }
}
