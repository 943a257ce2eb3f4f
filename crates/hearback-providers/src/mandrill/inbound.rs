//! Mail that came in. There is no event id and no envelope sender; the mail itself makes the key.

use hearback_event::{Address, Channel, DedupKey, Event, Inbound, Kind};
use serde_json::Value;
use serde_json::value::RawValue;

use super::normalise::is_sample;
use crate::crypto::sha256;
use crate::json::{epoch_seconds, text, texts};

/// The event of a mail.
pub(super) fn event(value: &Value, raw: &RawValue) -> Event {
    let message_id = message_id(value);
    let recipient = text(value, "/msg/email");
    let mail = value.pointer("/msg/raw_msg").and_then(Value::as_str).unwrap_or(raw.get());
    let key = DedupKey::of(&[
        b"mandrill",
        b"inbound",
        message_id.as_deref().unwrap_or_default().as_bytes(),
        recipient.as_deref().unwrap_or_default().as_bytes(),
        &sha256(&[mail.as_bytes()]),
    ]);
    let mut event = Event::new(Kind::Inbound, "inbound", Channel::Email, key);
    event.occurred_at = epoch_seconds(value, "/ts");
    event.recipient = recipient.as_deref().and_then(|address| Address::parse(address).ok());
    event.provider_message_id.clone_from(&message_id);
    event.subject = text(value, "/msg/subject");
    event.tags = texts(value, "/msg/tags");
    event.test = is_sample(text(value, "/_id").as_deref(), &event);
    event.inbound = Some(Inbound {
        from: text(value, "/msg/from_email"),
        to: recipient.into_iter().collect(),
        message_id,
        attachments: u32::try_from(count(value, "/msg/attachments") + count(value, "/msg/images")).ok(),
    });
    event
}

/// Headers are an object; one that repeats is an array.
fn message_id(value: &Value) -> Option<String> {
    let headers = value.pointer("/msg/headers")?.as_object()?;
    let (_, id) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("message-id"))?;
    let id = texts(id, "").into_iter().next()?;
    let bare = id.trim().trim_start_matches('<').trim_end_matches('>');
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// Objects by file name; left out where there are none.
fn count(value: &Value, pointer: &str) -> usize {
    match value.pointer(pointer) {
        Some(Value::Object(files)) => files.len(),
        Some(Value::Array(files)) => files.len(),
        _ => 0,
    }
}
