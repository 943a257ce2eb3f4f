//! Sending: `POST /v3/{domain}/messages`, a form.
//!
//! Labels are custom variables (`v:`), which come back as `user-variables`; all parameters of this kind together have 16 KB of room.
//! Mailgun knows no idempotency key: a repeat is another message. The id that is answered has angle brackets, the one that webhooks
//! tell has none. From Mailgun's "Messages" (API), "Attaching metadata" and "Tagging"; that a tag of other letters than ASCII
//! is refused is not confirmed, and such tags are left out.

use hearback_event::Channel;
use serde::Deserialize;

use crate::send::{
    Answer, Draft, DraftError, Mailbox, Meaning, Outgoing, Sender, base_url, by_status, clear_text_warning,
    from_mailbox, json_of, key, read,
};
use crate::{OptionError, Options, Secret, json};

const BASE_URL: &str = "https://api.mailgun.net";
/// Of the 16 KB; the rest is for what JSON adds.
const LABEL_BYTES: usize = 12 << 10;
const TAGS: usize = 10;
const TAG_BYTES: usize = 128;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendOptions {
    /// An API key that may send: not the one that signs webhooks.
    key: Option<Secret>,
    /// The domain that sends, `mg.example.com`.
    domain: Option<String>,
    from: Option<String>,
    /// `https://api.eu.mailgun.net` for domains in the EU.
    base_url: Option<String>,
}

pub(super) struct MailgunSender {
    key: Secret,
    url: String,
    from: Option<Mailbox>,
}

impl MailgunSender {
    pub(super) fn new(options: &Options) -> Result<Self, Vec<OptionError>> {
        let options: SendOptions = read(options)?;
        let made = || {
            let key = key(options.key, "make a sending key under \"API security\" in Mailgun")?;
            let base_url = base_url(options.base_url, BASE_URL)?;
            let good = |domain: &String| {
                domain.contains('.')
                    && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
            };
            let domain = options.domain.filter(good);
            let domain = domain.ok_or_else(|| {
                OptionError::new("domain", "expected the sending domain, such as mg.example.com")
            })?;
            let from = from_mailbox(options.from.as_deref())?;
            Ok(Self { key, url: format!("{base_url}/v3/{domain}/messages"), from })
        };
        made().map_err(|error| vec![error])
    }
}

impl Sender for MailgunSender {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn request(&self, draft: &Draft) -> Result<Outgoing, DraftError> {
        let mail = draft.mail(self.from.as_ref())?;
        let from = mail.from.to_string();
        let reply_to = mail.reply_to.map(|mailbox| mailbox.to_string());
        let embedded = draft.embedded();
        let labels: Vec<(String, &str)> = embedded
            .within(LABEL_BYTES, |_, _| true)
            .into_iter()
            .map(|(key, value)| (format!("v:{key}"), value))
            .collect();
        let good = |tag: &&String| tag.len() <= TAG_BYTES && tag.is_ascii();
        let mut fields = vec![("from", from.as_str()), ("to", mail.to), ("subject", mail.subject)];
        fields.extend(mail.text.map(|text| ("text", text)));
        fields.extend(mail.html.map(|html| ("html", html)));
        fields.extend(reply_to.as_deref().map(|reply_to| ("h:Reply-To", reply_to)));
        fields.extend(draft.tags.iter().filter(good).take(TAGS).map(|tag| ("o:tag", tag.as_str())));
        fields.extend(labels.iter().map(|(key, value)| (key.as_str(), *value)));
        Ok(Outgoing::form(self.url.clone(), fields).basic("api", &self.key))
    }

    fn meaning(&self, answer: &Answer<'_>) -> Meaning {
        let body = json_of(answer);
        let id = json::text(&body, "/id")
            .map(|id| id.trim().trim_start_matches('<').trim_end_matches('>').to_owned());
        match id {
            Some(id) if answer.status == 200 && !id.is_empty() => Meaning::Accepted(id),
            _ => by_status(answer, json::text(&body, "/message")),
        }
    }

    fn warnings(&self) -> Vec<String> {
        clear_text_warning(&self.url).into_iter().collect()
    }
}
