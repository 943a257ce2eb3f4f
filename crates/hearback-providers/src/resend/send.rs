//! Sending: `POST /emails`, JSON, with a true idempotency key.
//!
//! A request with the same `Idempotency-Key` within 24 hours is answered as the first one was, and sends nothing; with other content
//! under it, or while the first is being worked on, it is refused with 409, which says nothing of what became of the first.
//!
//! Labels are tags, pairs of ASCII letters, digits, `_` and `-`, at most 256 of them each. What does not fit goes where
//! `labels.rs` beside this looks too: labels into the header `X-Metadata`, tags without a value into `X-Tags`. From
//! Resend's "Send Email", "Idempotency Keys" and "Errors"; how many tags a message may have is not documented.

use hearback_event::{Channel, Reason, Severity};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::send::{
    Answer, Draft, DraftError, Mailbox, Meaning, Outgoing, Sender, base_url, by_status, clear_text_warning,
    from_mailbox, json_of, key, object, read, refused,
};
use crate::{OptionError, Options, Secret, crypto, json};

const BASE_URL: &str = "https://api.resend.com";
/// For how long a key is remembered, less a quarter of an hour for clocks that differ.
const IDEMPOTENT_SECONDS: u32 = 24 * 3600 - 900;
const TAG_BYTES: usize = 256;
const LABEL_BYTES: usize = 8 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendOptions {
    /// An API key, `re_...`, with the permission to send: not the secret of a webhook.
    key: Option<Secret>,
    from: Option<String>,
    base_url: Option<String>,
}

pub(super) struct ResendSender {
    key: Secret,
    url: String,
    from: Option<Mailbox>,
}

impl ResendSender {
    pub(super) fn new(options: &Options) -> Result<Self, Vec<OptionError>> {
        let options: SendOptions = read(options)?;
        let made = || {
            let key = key(options.key, "make an API key, `re_...`, in Resend")?;
            let url = format!("{}/emails", base_url(options.base_url, BASE_URL)?);
            Ok(Self { key, url, from: from_mailbox(options.from.as_deref())? })
        };
        made().map_err(|error| vec![error])
    }
}

fn is_tag(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= TAG_BYTES
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// JSON in ASCII, as a header may have it.
fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for letter in value.to_string().chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let hex = crypto::hex_encode(&unit.to_be_bytes());
                text.extend(["\\u", &hex]);
            }
        }
    }
    text
}

impl Sender for ResendSender {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn request(&self, draft: &Draft) -> Result<Outgoing, DraftError> {
        let mail = draft.mail(self.from.as_ref())?;
        let embedded = draft.embedded();
        let labels = embedded.within(LABEL_BYTES, |_, _| true);
        let (fit, others): (Vec<_>, Vec<_>) =
            labels.into_iter().partition(|(key, value)| is_tag(key) && is_tag(value));
        let tags: Vec<_> = fit.iter().map(|(key, value)| json!({"name": key, "value": value})).collect();
        let mut headers = Map::new();
        if !others.is_empty() {
            headers.insert("X-Metadata".to_owned(), ascii(&object(&others)).into());
        }
        if !draft.tags.is_empty() {
            headers.insert("X-Tags".to_owned(), ascii(&json!(draft.tags)).into());
        }
        let mut body = json!({
            "from": mail.from.to_string(), "to": [mail.to], "subject": mail.subject, "tags": tags,
        });
        let further = [
            ("text", mail.text.map(Into::into)),
            ("html", mail.html.map(Into::into)),
            ("reply_to", mail.reply_to.map(|mailbox| mailbox.to_string().into())),
            ("headers", (!headers.is_empty()).then(|| headers.into())),
        ];
        for (name, value) in further {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        let request = Outgoing::json(self.url.clone(), &body).bearer(&self.key);
        Ok(request.header(http::HeaderName::from_static("idempotency-key"), &draft.idempotency_key))
    }

    fn meaning(&self, answer: &Answer<'_>) -> Meaning {
        let body = json_of(answer);
        let (name, words) = (json::text(&body, "/name"), json::text(&body, "/message"));
        match (answer.status, json::text(&body, "/id")) {
            (200..=299, Some(id)) => Meaning::Accepted(id),
            (409, _) => Meaning::Unclear(match name.as_deref() {
                Some("invalid_idempotent_request") => {
                    "it had this message before, with other content, and does not say what became of it"
                        .to_owned()
                }
                _ => "it is still working on this message, or had it before".to_owned(),
            }),
            // Content that it cannot read, where 403 and its like are about the account.
            (422, _) => refused(Severity::Permanent, Reason::Content, name, words),
            _ => by_status(answer, words),
        }
    }

    fn repeats_safely_for(&self) -> Option<u32> {
        Some(IDEMPOTENT_SECONDS)
    }

    fn warnings(&self) -> Vec<String> {
        clear_text_warning(&self.url).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_a_header_is_escaped() {
        let value = json!({"name": "Größe 😀", "b": 1});
        assert!(ascii(&value).is_ascii());
        assert_eq!(serde_json::from_str::<Value>(&ascii(&value)).unwrap(), value);
    }
}
