//! Inbound mail: a payload without `RecordType`. Only the envelope is kept; its date is what the sender claims, so the
//! time of receipt stands.

use hearback_event::{Address, Channel, DedupKey, Event, Inbound, Kind};
use serde_json::Value;

use super::payload;
use crate::{Request, json};

/// Whether the payload is inbound mail: today without a record type, perhaps with one tomorrow.
pub(super) fn is_inbound(payload: &Value, record: &str) -> bool {
    record == "Inbound"
        || (record.is_empty()
            && payload.get("FromFull").is_some()
            && payload.get("OriginalRecipient").is_some())
}

/// The event of an inbound mail.
pub(super) fn event(payload: &Value, request: &Request<'_>) -> Event {
    let recipient = json::text(payload, "/OriginalRecipient");
    let message = payload::message(payload);
    let key = match &message {
        Some(message) => {
            let to = recipient.clone().unwrap_or_default().to_lowercase();
            DedupKey::of(&[b"postmark", b"Inbound", message.as_bytes(), to.as_bytes()])
        }
        None => payload::raw_key(request.body),
    };
    Event {
        recipient: recipient.as_deref().and_then(|text| Address::parse(text).ok()),
        provider_message_id: message,
        subject: json::text(payload, "/Subject"),
        tags: json::texts(payload, "/Tag"),
        test: payload::is_sample(payload),
        inbound: Some(Inbound {
            // The header that the receiving server writes holds the envelope sender; a bounce has an empty one.
            from: header(payload, "Return-Path")
                .or_else(|| json::first_text(payload, &["/FromFull/Email", "/From"])),
            to: recipient.into_iter().collect(),
            message_id: header(payload, "Message-ID"),
            attachments: payload
                .get("Attachments")
                .and_then(Value::as_array)
                .and_then(|files| u32::try_from(files.len()).ok()),
        }),
        ..Event::new(Kind::Inbound, "Inbound", Channel::Email, key)
    }
}

/// A header of the mail, without angle brackets; `None` where nothing is left.
fn header(payload: &Value, name: &str) -> Option<String> {
    let headers = payload.get("Headers")?.as_array()?;
    let value = headers
        .iter()
        .find(|header| json::text(header, "/Name").is_some_and(|found| found.eq_ignore_ascii_case(name)))
        .and_then(|header| json::text(header, "/Value"))?;
    let inner = value.trim().trim_start_matches('<').trim_end_matches('>').trim();
    (!inner.is_empty()).then(|| inner.to_owned())
}
