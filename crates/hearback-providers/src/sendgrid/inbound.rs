//! Inbound Parse: a form with one mail, parsed (the default) or raw.
//!
//! There is no event id and no time. The mail counts once by its Message-ID, the envelope's recipients and its text, all
//! of which a retry repeats; the multipart boundary does not. Facts: SendGrid's "Inbound Parse Webhook".

use hearback_event::{Address, Channel, DedupKey, Event, Inbound, Kind};
use serde::Deserialize;

use crate::form::Form;
use crate::{Request, json};

/// More envelope recipients than a mail has.
const MOST_RECIPIENTS: usize = 100;

/// `{"to": ["..."], "from": "..."}`
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope {
    to: Vec<String>,
    from: Option<String>,
}

/// What the form says.
pub(super) fn normalise(request: &Request<'_>) -> Event {
    let content_type = request.header("content-type").unwrap_or_default();
    match Form::multipart(content_type, request.body) {
        Ok(form) => event_of(&form),
        Err(error) => Event {
            error: Some(error.to_string()),
            raw: Some(json::cut(&String::from_utf8_lossy(request.body)).to_owned()),
            ..Event::new(
                Kind::Unknown,
                "",
                Channel::Email,
                DedupKey::of(&[b"sendgrid", b"raw", request.body]),
            )
        },
    }
}

fn event_of(form: &Form) -> Event {
    let mime = form.first("email");
    // A post of another kind has neither the mail nor any part of it.
    if mime.is_none() && form.first("envelope").is_none() && form.first("from").is_none() {
        return Event {
            error: Some("the form holds no mail".to_owned()),
            ..Event::new(Kind::Unknown, "", Channel::Email, key(form, None, &[]))
        };
    }
    let envelope: Envelope =
        form.first("envelope").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let head = mime.or_else(|| form.first("headers")).unwrap_or_default();
    let message_id = header(head, "message-id").map(|id| without_brackets(&id).to_owned());
    let key = key(form, message_id.as_deref(), &envelope.to);
    let to: Vec<String> = if envelope.to.is_empty() {
        form.text("to").into_iter().collect()
    } else {
        envelope.to.iter().take(MOST_RECIPIENTS).map(|to| json::cut(to).to_owned()).collect()
    };
    Event {
        recipient: to.first().and_then(|to| Address::parse(to).ok()),
        provider_message_id: message_id.clone(),
        subject: form.text("subject").or_else(|| header(head, "subject")),
        inbound: Some(Inbound {
            from: envelope.from.filter(|from| !from.is_empty()).or_else(|| form.text("from")),
            to,
            message_id,
            attachments: attachments(form, mime.is_some()),
        }),
        ..Event::new(Kind::Inbound, "inbound", Channel::Email, key)
    }
}

/// How many came with it; a raw mail does not tell.
fn attachments(form: &Form, raw: bool) -> Option<u32> {
    let told = form.first("attachments").and_then(|count| count.trim().parse().ok());
    told.or_else(|| (!raw).then_some(form.files().len() as u32))
}

fn key(form: &Form, message_id: Option<&str>, to: &[String]) -> DedupKey {
    let field = |name: &str| form.first(name).unwrap_or_default().as_bytes();
    let recipients = to.join("\n");
    DedupKey::of(&[
        b"sendgrid",
        b"inbound",
        message_id.unwrap_or_default().as_bytes(),
        recipients.as_bytes(),
        field("email"),
        field("text"),
        field("html"),
    ])
}

/// The value of a header in the head of a mail, unfolded.
fn header(head: &str, wanted: &str) -> Option<String> {
    let mut lines = head.lines().take_while(|line| !line.trim_end().is_empty()).peekable();
    while let Some(line) = lines.next() {
        let Some((name, first)) = line.split_once(':') else { continue };
        if !name.trim().eq_ignore_ascii_case(wanted) {
            continue;
        }
        let mut value = first.trim().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(more.trim());
        }
        return (!value.is_empty()).then(|| json::cut(&value).to_owned());
    }
    None
}

fn without_brackets(id: &str) -> &str {
    id.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_and_unfolded() {
        let head = "Received: by x\r\n for y\r\nMESSAGE-ID:\r\n <abc@example.com>\r\nSubject: One\r\n\ttwo\r\n\r\nmessage-id: in the body\r\n";
        assert_eq!(header(head, "message-id").as_deref(), Some("<abc@example.com>"));
        assert_eq!(header(head, "subject").as_deref(), Some("One two"));
        assert_eq!(header(head, "date"), None);
        assert_eq!(header("", "date"), None);
        assert_eq!(header("no colon\n: \n", "date"), None);
    }
}
