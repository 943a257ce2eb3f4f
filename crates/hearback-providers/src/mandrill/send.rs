//! Sending: `POST /messages/send`, JSON with the key in it.
//!
//! Labels are `metadata`, which comes back with every event. The answer names each recipient with the message's id, which webhooks tell
//! as `_id`, and may refuse one there and then (`rejected`, `invalid`). Errors come with status 500 and a name; of those, only
//! `GeneralError` leaves open whether anything was sent. There is no idempotency key. From Mandrill's "Messages" (API 1.4); that values of
//! metadata longer than 500 bytes and tags longer than 50 are refused is from its guides, and not confirmed for version 1.4.

use hearback_event::{Channel, Reason, Severity};
use serde::Deserialize;
use serde_json::json;

use super::failure::reason_of_rejection;
use crate::send::{
    Answer, Draft, DraftError, Mailbox, Meaning, Outgoing, Sender, base_url, by_status, clear_text_warning,
    from_mailbox, json_of, key, object, read, refused,
};
use crate::{OptionError, Options, Secret, json};

const BASE_URL: &str = "https://mandrillapp.com/api/1.4";
const LABEL_BYTES: usize = 8 << 10;
const VALUE_BYTES: usize = 500;
const TAG_BYTES: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendOptions {
    /// An API key: not the one that signs webhooks.
    key: Option<Secret>,
    from: Option<String>,
    /// The subaccount under which it is sent.
    subaccount: Option<String>,
    base_url: Option<String>,
}

pub(super) struct MandrillSender {
    key: Secret,
    url: String,
    from: Option<Mailbox>,
    subaccount: Option<String>,
}

impl MandrillSender {
    pub(super) fn new(options: &Options) -> Result<Self, Vec<OptionError>> {
        let options: SendOptions = read(options)?;
        let made = || {
            let key = key(options.key, "take an API key from the settings of Mandrill")?;
            let url = format!("{}/messages/send", base_url(options.base_url, BASE_URL)?);
            Ok(Self {
                key,
                url,
                from: from_mailbox(options.from.as_deref())?,
                subaccount: options.subaccount,
            })
        };
        made().map_err(|error| vec![error])
    }
}

impl Sender for MandrillSender {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn request(&self, draft: &Draft) -> Result<Outgoing, DraftError> {
        let mail = draft.mail(self.from.as_ref())?;
        let mut message = json!({
            "from_email": mail.from.address,
            "to": [{"email": mail.to, "type": "to"}],
            "subject": mail.subject,
            "metadata": object(&draft.embedded().within(LABEL_BYTES, |_, value| value.len() <= VALUE_BYTES)),
        });
        // Names that begin with an underscore are Mandrill's own.
        let good = |tag: &&String| tag.len() <= TAG_BYTES && !tag.starts_with('_');
        let tags: Vec<&String> = draft.tags.iter().filter(good).collect();
        let further = [
            ("from_name", mail.from.name.map(Into::into)),
            ("text", mail.text.map(Into::into)),
            ("html", mail.html.map(Into::into)),
            ("headers", mail.reply_to.map(|mailbox| json!({"Reply-To": mailbox.to_string()}))),
            ("tags", (!tags.is_empty()).then(|| json!(tags))),
            ("subaccount", self.subaccount.clone().map(Into::into)),
        ];
        for (name, value) in further {
            if let Some(value) = value {
                message[name] = value;
            }
        }
        Ok(Outgoing::json(self.url.clone(), &json!({"key": self.key.expose(), "message": message})))
    }

    fn meaning(&self, answer: &Answer<'_>) -> Meaning {
        use Severity::{Permanent, Temporary};
        let body = json_of(answer);
        let words = json::text(&body, "/message");
        match json::text(&body, "/name").as_deref() {
            Some("Invalid_Key" | "Unknown_Subaccount") => {
                return refused(Temporary, Reason::Auth, json::text(&body, "/name"), words);
            }
            Some("PaymentRequired" | "PoorReputation") => {
                return refused(Temporary, Reason::Policy, json::text(&body, "/name"), words);
            }
            Some("ServiceUnavailable") => {
                return refused(Temporary, Reason::Other, json::text(&body, "/name"), words);
            }
            Some("ValidationError") => {
                return refused(Permanent, Reason::Other, json::text(&body, "/name"), words);
            }
            _ => {}
        }
        match (json::text(&body, "/0/status").as_deref(), json::text(&body, "/0/_id")) {
            (Some("rejected" | "invalid"), _) => {
                let word = json::text(&body, "/0/reject_reason");
                let invalid = json::text(&body, "/0/status").filter(|status| status == "invalid");
                let reason = reason_of_rejection(word.as_deref().or(invalid.as_deref()));
                refused(Permanent, reason, word.or(invalid), None)
            }
            (Some(_), Some(id)) if answer.status == 200 => Meaning::Accepted(id),
            _ => by_status(answer, words),
        }
    }

    fn warnings(&self) -> Vec<String> {
        clear_text_warning(&self.url).into_iter().collect()
    }
}
