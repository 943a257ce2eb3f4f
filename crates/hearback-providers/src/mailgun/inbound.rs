//! Mail that a route forwarded (`forward("https://...")`) or stored (`store(notify="https://...")`).
//!
//! Every header of the mail is a field of the form, and headers are the mail's sender's to choose. So the first field of
//! a name is taken, which is Mailgun's, no labels are read from a mail, and the presence of `event` proves nothing.

use hearback_event::{Channel, DedupKey, Event, Inbound, Kind, Timestamp};
use serde_json::Value;

use super::legacy::Headers;
use super::normalise::bare_id;
use super::recipients;
use crate::crypto;
use crate::form::Form;

/// Fields of which at least one comes with every mail, besides the envelope. Old events have `body-plain` too, but no
/// envelope sender.
const MAIL_FIELDS: &[&str] =
    &["from", "body-plain", "body-html", "body-mime", "stripped-text", "message-url", "attachment-count"];

/// What changes from attempt to attempt.
const SIGNATURE_FIELDS: &[&str] = &["timestamp", "token", "signature", "parent-signature"];

/// Whether the form is a mail.
pub(super) fn is_mail(form: &Form) -> bool {
    let has = |name: &str| form.first(name).is_some();
    has("message-url")
        || has("sender") && has("recipient") && (!has("event") || MAIL_FIELDS.iter().any(|field| has(field)))
        || has("attachments") && !has("event")
}

/// The event of a mail.
pub(super) fn event(form: &Form) -> Event {
    let message_id = message_id(form);
    let recipient = form.text("recipient");
    let key = DedupKey::of(&[
        b"mailgun",
        b"inbound",
        recipient.as_deref().unwrap_or_default().as_bytes(),
        message_id.as_deref().unwrap_or_default().as_bytes(),
        &digest(form),
    ]);
    let native = if form.first("message-url").is_some() { "stored" } else { "inbound" };
    let mut event = Event::new(Kind::Inbound, native, Channel::Email, key);
    event.occurred_at = form.last("timestamp").and_then(|text| Timestamp::from_decimal_seconds(text).ok());
    let recipients = recipients::of_header(recipient.as_deref().unwrap_or_default());
    event.provider_message_id.clone_from(&message_id);
    event.subject = form.text("subject").or_else(|| form.text("Subject"));
    event.inbound = Some(Inbound {
        from: form.text("sender").or_else(|| form.text("from")),
        to: recipients.iter().map(ToString::to_string).collect(),
        message_id,
        attachments: attachments(form),
    });
    recipients::note(&mut event, recipients);
    event
}

fn message_id(form: &Form) -> Option<String> {
    ["Message-Id", "Message-ID", "message-id"]
        .iter()
        .find_map(|name| form.text(name))
        .or_else(|| Headers::of(form)?.first("Message-Id"))
        .or_else(|| mime_message_id(form.first("body-mime")?))
        .and_then(|id| bare_id(&id))
}

/// Routes whose URL ends in `mime` get the mail as it came; its id is on a line of the head.
fn mime_message_id(mime: &str) -> Option<String> {
    mime.lines()
        .take_while(|line| !line.trim_end().is_empty())
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("message-id"))
        .map(|(_, value)| value.trim().to_owned())
        .filter(|id| !id.is_empty())
}

/// Counted by Mailgun, or listed by it (`store`), or simply there.
fn attachments(form: &Form) -> Option<u32> {
    let told = form.first("attachment-count").and_then(|text| text.trim().parse().ok());
    let listed = || {
        let list: Vec<Value> = serde_json::from_str(form.first("attachments")?).ok()?;
        u32::try_from(list.len()).ok()
    };
    told.or_else(listed).or_else(|| u32::try_from(form.files().len()).ok().filter(|count| *count > 0))
}

/// A digest of the mail: all but the signature, by content, as a multipart boundary differs between attempts.
pub(super) fn digest(form: &Form) -> [u8; 32] {
    let mut list: Vec<Value> = Vec::new();
    for (name, value) in form.fields() {
        if !SIGNATURE_FIELDS.contains(&name.as_str()) {
            list.push(Value::from(vec![name.as_str(), value.as_str()]));
        }
    }
    for file in form.files() {
        list.push(Value::from(vec![file.field.clone(), file.name.clone(), crypto::hex_encode(&file.digest)]));
    }
    crypto::sha256(&[Value::Array(list).to_string().as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_and_events_are_told_apart() {
        let cases = [
            ("sender=a&recipient=b&body-plain=x", true),
            ("sender=a&recipient=b", true),
            ("message-url=u&recipient=b", true),
            ("attachments=%5B%5D&recipient=b", true),
            // A header `event: complained` in a mail must not become a complaint.
            ("sender=a&recipient=b&from=a&event=complained", true),
            ("event=opened&recipient=b&body-plain=", false),
            ("event=dropped&recipient=b&attachment-count=1", false),
            ("event=opened&recipient=b&sender=a-variable", false),
            ("recipient=b", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_mail(&Form::urlencoded(text.as_bytes()).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn the_key_ignores_the_signature_but_not_the_mail() {
        let key = |text: &str| event(&Form::urlencoded(text.as_bytes()).unwrap()).dedup;
        let first =
            key("sender=a&recipient=b&Message-Id=%3Cx%3E&body-plain=t&timestamp=1&token=t&signature=s");
        assert_eq!(
            first,
            key("sender=a&recipient=b&Message-Id=%3Cx%3E&body-plain=t&timestamp=2&token=u&signature=v")
        );
        assert_ne!(
            first,
            key("sender=a&recipient=b&Message-Id=%3Cx%3E&body-plain=u&timestamp=1&token=t&signature=s")
        );
        assert_ne!(
            first,
            key("sender=a&recipient=c&Message-Id=%3Cx%3E&body-plain=t&timestamp=1&token=t&signature=s")
        );
    }
}
