//! Sending text messages: `POST /2010-04-01/Accounts/{sid}/Messages.json`, a form.
//!
//! A message carries no labels of its own, so they go into the query of its `StatusCallback`, which Twilio calls for every change
//! and whose URL its signature covers; the part behind `#` asks it to try again where we could not answer. There is no
//! idempotency key. From Twilio's "Message resource" and "Connection overrides"; how long a callback URL may be is not documented.

use hearback_event::{Channel, Reason, Severity};
use serde::Deserialize;

use super::errors;
use crate::send::{
    Answer, Draft, DraftError, Meaning, Outgoing, Sender, base_url, by_status, clear_text_warning, json_of,
    key, read, refused,
};
use crate::{OptionError, Options, Secret, json};

const BASE_URL: &str = "https://api.twilio.com";
/// Overrides of a callback's connection: five tries, on our errors too.
const TRIES: &str = "#rc=5&rp=5xx,ct,rt";
/// A callback URL gets no longer by labels than servers commonly take.
const LABEL_BYTES: usize = 1200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendOptions {
    /// The account's auth token, or the secret of the API key that `api_key_sid` names.
    key: Option<Secret>,
    /// `AC...`
    account_sid: Option<String>,
    /// `SK...`, where `key` is the secret of an API key.
    api_key_sid: Option<String>,
    /// `MG...`: the Messaging Service that chooses the sender.
    messaging_service_sid: Option<String>,
    /// The number or name that sends.
    from: Option<String>,
    base_url: Option<String>,
}

pub(super) struct TwilioSender {
    key: Secret,
    user: String,
    url: String,
    service: Option<String>,
    from: Option<String>,
}

impl TwilioSender {
    pub(super) fn new(options: &Options) -> Result<Self, Vec<OptionError>> {
        let options: SendOptions = read(options)?;
        let made = || {
            let key = key(options.key, "take the account's auth token from the Twilio console")?;
            let account = sid("account_sid", "AC", options.account_sid)?;
            let account = account.ok_or_else(|| {
                OptionError::new(
                    "account_sid",
                    "is missing; take it from the Twilio console: `AC` and 32 letters and digits",
                )
            })?;
            let user = sid("api_key_sid", "SK", options.api_key_sid)?.unwrap_or_else(|| account.clone());
            let base_url = base_url(options.base_url, BASE_URL)?;
            let url = format!("{base_url}/2010-04-01/Accounts/{account}/Messages.json");
            let service = sid("messaging_service_sid", "MG", options.messaging_service_sid)?;
            let from = options.from.map(|from| from.trim().to_owned()).filter(|from| !from.is_empty());
            Ok(Self { key, user, url, service, from })
        };
        made().map_err(|error| vec![error])
    }
}

/// One of Twilio's names, which stand in URLs.
fn sid(option: &str, prefix: &str, text: Option<String>) -> Result<Option<String>, OptionError> {
    let good =
        |text: &String| text.starts_with(prefix) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let Some(text) = text else { return Ok(None) };
    if good(&text) {
        Ok(Some(text))
    } else {
        Err(OptionError::new(option, format!("expected `{prefix}` followed by letters and digits")))
    }
}

/// Where Twilio is to tell of the message, with its labels.
fn callback(url: &str, draft: &Draft) -> String {
    let embedded = draft.embedded();
    let labels = embedded.within(LABEL_BYTES, |key, _| key != "bodySHA256");
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(labels).finish();
    let url = url.split('#').next().unwrap_or(url);
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{query}{TRIES}")
}

impl Sender for TwilioSender {
    fn channel(&self) -> Channel {
        Channel::Sms
    }

    fn request(&self, draft: &Draft) -> Result<Outgoing, DraftError> {
        let (to, text) = draft.sms()?;
        let callback = draft.callback_url.as_deref().map(|url| callback(url, draft));
        let mut fields = vec![("To", to), ("Body", text)];
        match (draft.from.as_deref(), self.service.as_deref(), self.from.as_deref()) {
            (Some(from), service, _) => {
                fields.push(("From", from));
                fields.extend(service.map(|service| ("MessagingServiceSid", service)));
            }
            (None, Some(service), _) => fields.push(("MessagingServiceSid", service)),
            (None, None, Some(from)) => fields.push(("From", from)),
            (None, None, None) => {
                return Err(DraftError {
                    field: "from",
                    problem: "there is no sender; the source has no default".to_owned(),
                    expected: "one of your numbers, such as +15005550006",
                });
            }
        }
        fields.extend(callback.as_deref().map(|callback| ("StatusCallback", callback)));
        Ok(Outgoing::form(self.url.clone(), fields).basic(&self.user, &self.key))
    }

    fn meaning(&self, answer: &Answer<'_>) -> Meaning {
        let body = json_of(answer);
        if let (200..=299, Some(id)) = (answer.status, json::text(&body, "/sid")) {
            return Meaning::Accepted(id);
        }
        let (code, words) = (json::text(&body, "/code"), json::text(&body, "/message"));
        let known = code.as_deref().and_then(errors::meaning);
        match (answer.status, known) {
            (400..=499, Some(known)) => refused(known.severity, known.reason, code, words),
            // 20003: not authenticated; 20429: too many requests.
            (400, None) if code.is_some() => refused(Severity::Permanent, Reason::Other, code, words),
            _ => by_status(answer, words),
        }
    }

    fn warnings(&self) -> Vec<String> {
        clear_text_warning(&self.url).into_iter().collect()
    }
}
