//! What the user configures: keys, and where in the sender's own body the fields are.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::kinds::Meaning;
use super::signature::KeyEncoding;
use crate::{Keys, OneOrMany, OptionError};

/// The options of an endpoint. Every field option is one JSON Pointer or a list of them; the first one under which there
/// is a value wins, and an empty list turns the field off.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct StandardOptions {
    /// `whsec_` secrets and `whpk_` public keys, all valid at once.
    pub(super) keys: Keys,
    /// How the text of a secret stands for its bytes.
    pub(super) key_encoding: KeyEncoding,
    /// How old a signature may be, in seconds.
    pub(super) max_age: u32,
    /// What the sender's types mean, before the usual guess: `"mail.soft" = "bounced temporary"`.
    pub(super) types: BTreeMap<String, String>,
    /// The sender's own event type.
    #[serde(rename = "type")]
    pub(super) native_type: Pointers,
    /// When it happened: ISO 8601, or seconds or milliseconds since the epoch.
    pub(super) time: Pointers,
    /// The sender's name for the message.
    pub(super) message_id: Pointers,
    /// To whom the message went; an array with several entries is kept as ambiguous.
    pub(super) recipient: Pointers,
    /// The subject line.
    pub(super) subject: Pointers,
    /// Tags: a text or an array of texts.
    pub(super) tags: Pointers,
    /// What the application attached: an object.
    pub(super) labels: Pointers,
    /// Why it did not arrive, in words.
    pub(super) reason: Pointers,
    /// The link that was followed.
    pub(super) url: Pointers,
    /// The user agent of an open or a click.
    pub(super) user_agent: Pointers,
    /// The address of an open or a click.
    pub(super) ip: Pointers,
}

impl Default for StandardOptions {
    fn default() -> Self {
        let pointers = Pointers::of;
        Self {
            keys: Keys::default(),
            key_encoding: KeyEncoding::default(),
            max_age: 300,
            types: BTreeMap::new(),
            native_type: pointers(&["/type"]),
            time: pointers(&["/timestamp"]),
            message_id: pointers(&["/data/email_id", "/data/message_id", "/data/id"]),
            recipient: pointers(&["/data/to", "/data/email", "/data/recipient"]),
            subject: pointers(&["/data/subject"]),
            tags: pointers(&["/data/tags"]),
            labels: pointers(&["/data/metadata"]),
            reason: pointers(&[]),
            url: pointers(&["/data/click/link", "/data/url"]),
            user_agent: pointers(&[]),
            ip: pointers(&[]),
        }
    }
}

impl StandardOptions {
    /// The user's table of types, read.
    pub(super) fn meanings(&self) -> Result<Vec<(String, Meaning)>, Vec<OptionError>> {
        let mut errors = Vec::new();
        let mut meanings = Vec::new();
        for (native, text) in &self.types {
            match Meaning::parse(text) {
                Ok(meaning) => meanings.push((native.clone(), meaning)),
                Err(problem) => errors.push(OptionError::new(&format!("types.{native}"), problem)),
            }
        }
        if errors.is_empty() { Ok(meanings) } else { Err(errors) }
    }
}

/// JSON Pointers (RFC 6901) to try in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pointers(Vec<String>);

impl Pointers {
    fn of(pointers: &[&str]) -> Self {
        Self(pointers.iter().map(ToString::to_string).collect())
    }

    /// The first value that is there and not null or an empty text.
    pub(super) fn find<'v>(&self, body: &'v Value) -> Option<&'v Value> {
        let values = self.0.iter().filter_map(|pointer| body.pointer(pointer));
        values.into_iter().find(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// The pointer that goes first.
    pub(super) fn first(&self) -> Option<&str> {
        self.0.first().map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for Pointers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let pointers = OneOrMany::<String>::deserialize(deserializer)
            .map_err(|_| D::Error::custom("expected a JSON Pointer or a list of them"))?
            .into_vec();
        match pointers.iter().find(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
            Some(wrong) => {
                Err(D::Error::custom(format!("`{wrong}` is no JSON Pointer: it must begin with `/`")))
            }
            None => Ok(Self(pointers)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Options;

    #[test]
    fn fields_are_one_pointer_or_several() {
        let options: StandardOptions = Options::from_value(json!({
            "keys": "whsec_AA==", "type": "/event/name", "recipient": ["/user/email", "/user/phone"], "tags": []
        }))
        .read()
        .unwrap();
        assert_eq!(options.native_type, Pointers::of(&["/event/name"]));
        let body = json!({"user": {"email": "", "phone": "+15550001111"}, "data": {"tags": ["x"]}});
        assert_eq!(options.recipient.find(&body), Some(&json!("+15550001111")));
        assert_eq!(options.tags.find(&body), None);
        assert_eq!(options.max_age, 300);
    }

    #[test]
    fn mistakes_are_named() {
        let read = |value: Value| Options::from_value(value).read::<StandardOptions>().unwrap_err().problem;
        assert!(read(json!({"type": "event"})).contains("no JSON Pointer"));
        assert!(read(json!({"key": "x"})).contains("unknown field `key`"));
        assert!(read(json!({"key_encoding": "hex"})).contains("`base64` or `text`"));
        let options = StandardOptions {
            types: [("a.b".to_owned(), "bouncd".to_owned())].into(),
            ..StandardOptions::default()
        };
        assert_eq!(options.meanings().unwrap_err()[0].option.as_deref(), Some("types.a.b"));
    }
}
