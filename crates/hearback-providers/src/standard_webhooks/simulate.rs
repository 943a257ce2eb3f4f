//! Requests as a sender that follows the specification would make them, with the fields where the options say.

use hearback_event::{Kind, Timestamp};
use serde_json::{Value, json};

use super::kinds::Meaning;
use super::options::{Pointers, StandardOptions};
use super::signature::Signer;
use crate::{Happening, OptionError, Options, RawRequest, SimulatedRequest, Simulator, Tamper};

/// Kinds with the word that the usual guess reads.
const WORDS: &[(Kind, &str)] = &[
    (Kind::Queued, "queued"),
    (Kind::Sent, "sent"),
    (Kind::Delivered, "delivered"),
    (Kind::Deferred, "delivery_delayed"),
    (Kind::Bounced, "bounced"),
    (Kind::Rejected, "rejected"),
    (Kind::Failed, "failed"),
    (Kind::Opened, "opened"),
    (Kind::Clicked, "clicked"),
    (Kind::Complained, "complained"),
    (Kind::Unsubscribed, "unsubscribed"),
    (Kind::Subscribed, "subscribed"),
    (Kind::Inbound, "received"),
];

const KINDS: &[Kind] = &[
    Kind::Queued,
    Kind::Sent,
    Kind::Delivered,
    Kind::Deferred,
    Kind::Bounced,
    Kind::Rejected,
    Kind::Failed,
    Kind::Opened,
    Kind::Clicked,
    Kind::Complained,
    Kind::Unsubscribed,
    Kind::Subscribed,
    Kind::Inbound,
];

/// A sender.
pub(super) struct StandardSimulator {
    options: StandardOptions,
    meanings: Vec<(String, Meaning)>,
    signer: Signer,
}

impl StandardSimulator {
    /// A sender with the first secret of the options.
    pub(super) fn new(options: &Options) -> Result<Self, Vec<OptionError>> {
        let options: StandardOptions = options.read().map_err(|error| vec![error])?;
        let meanings = options.meanings()?;
        let signer = Signer::new(&options.keys, options.key_encoding).map_err(|error| vec![error])?;
        Ok(Self { options, meanings, signer })
    }

    fn native_type(&self, kind: Kind) -> String {
        let configured = self.meanings.iter().find(|(_, meaning)| meaning.kind == kind);
        let word = || WORDS.iter().find(|(known, _)| *known == kind).map_or("sent", |(_, word)| *word);
        configured.map_or_else(|| format!("email.{}", word()), |(native, _)| native.clone())
    }

    fn body(&self, happening: &Happening) -> Value {
        let mut body = json!({});
        let mut put = |pointers: &Pointers, value: Value| {
            if let Some(pointer) = pointers.first() {
                place(&mut body, pointer, value);
            }
        };
        put(&self.options.native_type, json!(self.native_type(happening.kind)));
        put(&self.options.time, json!(happening.occurred_at));
        put(&self.options.message_id, json!(self.provider_message_id(happening)));
        put(&self.options.recipient, json!(happening.recipient));
        put(&self.options.subject, json!(happening.subject));
        put(&self.options.tags, json!(happening.tags));
        put(&self.options.labels, json!(happening.labels));
        if happening.kind == Kind::Clicked {
            put(&self.options.url, json!("https://example.org/stay"));
        }
        body
    }
}

impl Simulator for StandardSimulator {
    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn provider_message_id(&self, happening: &Happening) -> String {
        format!("em_{}", happening.message)
    }

    fn request(
        &self,
        happenings: &[Happening],
        url: &str,
        now: Timestamp,
        tamper: Tamper,
    ) -> SimulatedRequest {
        let told = happenings.first();
        let id = format!("msg_{:026}", told.map_or(0, |happening| happening.serial));
        let body = match (told, tamper) {
            (Some(happening), Tamper::None | Tamper::Forged) => self.body(happening),
            _ => json!(["not", "an", "event"]),
        }
        .to_string()
        .into_bytes();
        let timestamp = now.as_seconds().to_string();
        let signature = self.signer.sign(&id, &timestamp, &body, tamper);
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", &id),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
        ];
        RawRequest::post(url, &headers, body)
    }
}

/// Puts a value where a pointer leads, making objects on the way, and an array of one for `0`.
fn place(body: &mut Value, pointer: &str, value: Value) {
    let mut here = body;
    for segment in pointer.split('/').skip(1) {
        let name = segment.replace("~1", "/").replace("~0", "~");
        if name == "0" && !here.is_object() {
            *here = json!([null]);
        } else if !here.is_object() {
            *here = json!({});
        }
        here = match here {
            Value::Array(items) => match items.first_mut() {
                Some(first) => first,
                None => return,
            },
            Value::Object(fields) => fields.entry(name).or_insert(Value::Null),
            _ => return,
        };
    }
    *here = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_placed_where_pointers_lead() {
        let mut body = json!({});
        place(&mut body, "/data/to/0", json!("a@x.example"));
        place(&mut body, "/data/a~1b", json!(1));
        place(&mut body, "/type", json!("email.sent"));
        assert_eq!(body, json!({"type": "email.sent", "data": {"to": ["a@x.example"], "a/b": 1}}));
        assert_eq!(body.pointer("/data/a~1b"), Some(&json!(1)));
    }
}
