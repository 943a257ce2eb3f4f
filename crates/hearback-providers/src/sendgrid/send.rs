//! Sending: `POST /v3/mail/send`, JSON.
//!
//! Labels are `custom_args`, which come back as fields of each event: less than 10000 bytes of them, and none under a name that
//! SendGrid's events use themselves. The id is in the header `X-Message-Id` of the answer 202; events tell it as the first
//! part of `sg_message_id`. There is no idempotency key. From SendGrid's "Mail Send", its list of errors and its limits.

use hearback_event::Channel;
use serde::Deserialize;
use serde_json::json;

use super::native;
use crate::send::{
    Answer, Draft, DraftError, Mailbox, Meaning, Outgoing, Sender, base_url, by_status, clear_text_warning,
    from_mailbox, json_of, key, object, read,
};
use crate::{OptionError, Options, Secret, json};

const BASE_URL: &str = "https://api.sendgrid.com";
/// Of the 10000; the rest is for what JSON adds.
const LABEL_BYTES: usize = 8000;
const CATEGORIES: usize = 10;
const CATEGORY_BYTES: usize = 255;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendOptions {
    /// An API key with the permission "Mail Send".
    key: Option<Secret>,
    from: Option<String>,
    /// `https://api.eu.sendgrid.com` for subusers in the EU.
    base_url: Option<String>,
}

pub(super) struct SendGridSender {
    key: Secret,
    url: String,
    from: Option<Mailbox>,
}

impl SendGridSender {
    pub(super) fn new(options: &Options) -> Result<Self, Vec<OptionError>> {
        let options: SendOptions = read(options)?;
        let made = || {
            let key = key(options.key, "make an API key with the permission \"Mail Send\" in SendGrid")?;
            let url = format!("{}/v3/mail/send", base_url(options.base_url, BASE_URL)?);
            Ok(Self { key, url, from: from_mailbox(options.from.as_deref())? })
        };
        made().map_err(|error| vec![error])
    }
}

impl Sender for SendGridSender {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn request(&self, draft: &Draft) -> Result<Outgoing, DraftError> {
        let mail = draft.mail(self.from.as_ref())?;
        let person = |mailbox: Mailbox| match mailbox.name {
            Some(name) => json!({"email": mailbox.address, "name": name}),
            None => json!({"email": mailbox.address}),
        };
        let parts = [("text/plain", mail.text), ("text/html", mail.html)];
        let content: Vec<_> = parts
            .into_iter()
            .filter_map(|(kind, value)| value.map(|value| json!({"type": kind, "value": value})))
            .collect();
        let embedded = draft.embedded();
        let mut body = json!({
            "personalizations": [{"to": [{"email": mail.to}]}],
            "from": person(mail.from),
            "subject": mail.subject,
            "content": content,
            "custom_args": object(&embedded.within(LABEL_BYTES, |key, _| native::is_free(key))),
        });
        if let Some(reply_to) = mail.reply_to {
            body["reply_to"] = person(reply_to);
        }
        let categories: Vec<_> =
            draft.tags.iter().filter(|tag| tag.len() <= CATEGORY_BYTES).take(CATEGORIES).collect();
        if !categories.is_empty() {
            body["categories"] = json!(categories);
        }
        Ok(Outgoing::json(self.url.clone(), &body).bearer(&self.key))
    }

    fn meaning(&self, answer: &Answer<'_>) -> Meaning {
        let id = answer.headers.get("x-message-id").and_then(|value| value.to_str().ok()).map(str::trim);
        match id {
            Some(id) if answer.status == 202 && !id.is_empty() => Meaning::Accepted(json::cut(id).to_owned()),
            _ => {
                let body = json_of(answer);
                let field = json::text(&body, "/errors/0/field");
                let words = json::text(&body, "/errors/0/message");
                by_status(
                    answer,
                    words.map(|words| field.map_or(words.clone(), |field| format!("{field}: {words}"))),
                )
            }
        }
    }

    fn warnings(&self) -> Vec<String> {
        clear_text_warning(&self.url).into_iter().collect()
    }
}
