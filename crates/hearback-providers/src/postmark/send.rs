//! Sending: `POST /email`, JSON, with the server's token.
//!
//! Labels are `Metadata`, which comes back with every event: at most 10 of them, names of at most 20 and values of at most 80
//! characters. Of the tags the first is taken, since a message has one. The id that is answered is the one that webhooks tell. There is no
//! idempotency key. From Postmark's "Email API", "Custom metadata FAQ" and "API error codes".

use hearback_event::{Channel, Reason, Severity};
use http::HeaderName;
use serde::Deserialize;
use serde_json::json;

use crate::send::{
    Answer, Draft, DraftError, Mailbox, Meaning, Outgoing, Sender, base_url, by_status, clear_text_warning,
    from_mailbox, json_of, key, object, read, refused,
};
use crate::{OptionError, Options, Secret, json};

const BASE_URL: &str = "https://api.postmarkapp.com";
const LABELS: usize = 10;
const NAME_LETTERS: usize = 20;
const VALUE_LETTERS: usize = 80;
const TAG_LETTERS: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendOptions {
    /// The server's API token.
    key: Option<Secret>,
    from: Option<String>,
    /// The message stream: `outbound`, if nothing is said.
    message_stream: Option<String>,
    base_url: Option<String>,
}

pub(super) struct PostmarkSender {
    key: Secret,
    url: String,
    from: Option<Mailbox>,
    stream: String,
}

impl PostmarkSender {
    pub(super) fn new(options: &Options) -> Result<Self, Vec<OptionError>> {
        let options: SendOptions = read(options)?;
        let made = || {
            let key = key(options.key, "take the server's API token from Postmark")?;
            let url = format!("{}/email", base_url(options.base_url, BASE_URL)?);
            let stream = options.message_stream.unwrap_or_else(|| "outbound".to_owned());
            Ok(Self { key, url, from: from_mailbox(options.from.as_deref())?, stream })
        };
        made().map_err(|error| vec![error])
    }
}

impl Sender for PostmarkSender {
    fn channel(&self) -> Channel {
        Channel::Email
    }

    fn request(&self, draft: &Draft) -> Result<Outgoing, DraftError> {
        let mail = draft.mail(self.from.as_ref())?;
        let embedded = draft.embedded();
        let fits = |key: &str, value: &str| {
            key.chars().count() <= NAME_LETTERS && value.chars().count() <= VALUE_LETTERS
        };
        let mut labels = embedded.within(usize::MAX, fits);
        labels.truncate(LABELS);
        let mut body = json!({
            "From": mail.from.to_string(), "To": mail.to, "Subject": mail.subject,
            "MessageStream": self.stream, "Metadata": object(&labels),
        });
        let tag = draft.tags.iter().find(|tag| tag.chars().count() <= TAG_LETTERS);
        let further = [
            ("TextBody", mail.text.map(str::to_owned)),
            ("HtmlBody", mail.html.map(str::to_owned)),
            ("ReplyTo", mail.reply_to.map(|mailbox| mailbox.to_string())),
            ("Tag", tag.cloned()),
        ];
        for (name, value) in further {
            if let Some(value) = value {
                body[name] = value.into();
            }
        }
        let token = HeaderName::from_static("x-postmark-server-token");
        Ok(Outgoing::json(self.url.clone(), &body).secret(token, self.key.expose()))
    }

    fn meaning(&self, answer: &Answer<'_>) -> Meaning {
        use Severity::{Permanent, Temporary};
        let body = json_of(answer);
        let (code, words) = (json::text(&body, "/ErrorCode"), json::text(&body, "/Message"));
        if let (200, Some("0") | None, Some(id)) =
            (answer.status, code.as_deref(), json::text(&body, "/MessageID"))
        {
            return Meaning::Accepted(id);
        }
        let (severity, reason) = match (answer.status, code.as_deref()) {
            (500.., _) | (_, None) => return by_status(answer, words),
            // The token; the sender's signature; the account that may not send (yet).
            (_, Some("10" | "400" | "401")) => (Temporary, Reason::Auth),
            (_, Some("100" | "405" | "412" | "413" | "429")) => (Temporary, Reason::Policy),
            (_, Some("406")) => (Permanent, Reason::Suppressed),
            (422, Some(_)) => (Permanent, Reason::Content),
            _ => return by_status(answer, words),
        };
        refused(severity, reason, code, words)
    }

    fn warnings(&self) -> Vec<String> {
        clear_text_warning(&self.url).into_iter().collect()
    }
}
