//! One element of a batch, as it stands: known fields, and everything else as what the sender attached.
//!
//! SendGrid writes custom arguments flat among its own fields, so the reader is a visitor that takes the fields by name and
//! makes labels of the rest. Values are borrowed from the body and read when they are needed: a batch has up to a thousand
//! elements, most of whose fields are not kept.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use hearback_event::Label;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json;

/// Tags beyond this number are left to the raw request.
const MOST_TAGS: usize = 100;

/// SendGrid's own names that are not kept in the event; they are never labels. A custom argument of such a name is
/// overwritten by SendGrid.
const OTHER_RESERVED: &[&str] = &[
    "cert_err",
    "domain",
    "from",
    "marketing_campaign_id",
    "marketing_campaign_name",
    "marketing_campaign_split_id",
    "marketing_campaign_version",
    "newsletter",
    "nlvx_campaign_id",
    "phase_id",
    "pool",
    "post_type",
    "send_at",
    "sg_content_type",
    "sg_template_id",
    "sg_template_name",
    "sg_user_id",
    "singlesend_id",
    "singlesend_name",
    "template_hash",
    "template_id",
    "tls",
];

/// A scalar as text; empty for null, for objects and arrays, and where there is nothing.
pub(super) type Text<'a> = Cow<'a, str>;

/// The fields of an element.
#[derive(Debug, Default)]
pub(super) struct Native<'a> {
    pub(super) event: Text<'a>,
    pub(super) email: Text<'a>,
    pub(super) timestamp: Text<'a>,
    pub(super) sg_event_id: Text<'a>,
    pub(super) sg_message_id: Text<'a>,
    pub(super) smtp_id: Text<'a>,
    pub(super) kind: Text<'a>,
    pub(super) status: Text<'a>,
    pub(super) reason: Text<'a>,
    pub(super) response: Text<'a>,
    pub(super) attempt: Text<'a>,
    pub(super) bounce_classification: Text<'a>,
    pub(super) url: Text<'a>,
    /// The raw JSON of `url_offset`, an object.
    pub(super) url_offset: &'a str,
    pub(super) asm_group_id: Text<'a>,
    pub(super) ip: Text<'a>,
    pub(super) useragent: Text<'a>,
    pub(super) sg_machine_open: Text<'a>,
    pub(super) tags: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
}

impl<'a> Native<'a> {
    fn take(&mut self, key: Cow<'a, str>, value: &'a RawValue) {
        let field = match key.as_ref() {
            "event" => &mut self.event,
            "email" => &mut self.email,
            "timestamp" => &mut self.timestamp,
            "sg_event_id" => &mut self.sg_event_id,
            "sg_message_id" => &mut self.sg_message_id,
            "smtp-id" => &mut self.smtp_id,
            "type" => &mut self.kind,
            "status" => &mut self.status,
            "reason" => &mut self.reason,
            "response" => &mut self.response,
            "attempt" => &mut self.attempt,
            "bounce_classification" => &mut self.bounce_classification,
            "url" => &mut self.url,
            "asm_group_id" => &mut self.asm_group_id,
            "ip" => &mut self.ip,
            "useragent" => &mut self.useragent,
            "sg_machine_open" => &mut self.sg_machine_open,
            "url_offset" => return self.url_offset = value.get(),
            "category" => return self.tags = tags(value),
            name if OTHER_RESERVED.binary_search(&name).is_ok() => return,
            name => {
                if !name.is_empty()
                    && name.len() <= Label::LONGEST_KEY
                    && let Some(text) = label(value)
                {
                    self.labels.insert(key.into_owned(), text);
                }
                return;
            }
        };
        *field = scalar(value).unwrap_or_default();
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Native<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Native<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut native = Native::default();
                while let Some(Key(key)) = map.next_key()? {
                    native.take(key, map.next_value()?);
                }
                Ok(native)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// Whether a custom argument of this name comes back as one, and not as a field of SendGrid's own.
pub(super) fn is_free(name: &str) -> bool {
    let mut native = Native::default();
    if let Ok(value) = serde_json::from_str(r#""x""#) {
        native.take(Cow::Borrowed(name), value);
    }
    !native.labels.is_empty()
}

/// A key, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;

        impl<'de> Visitor<'de> for Borrow {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Borrow)
    }
}

/// A string without its quotes and escapes, or a number or boolean as it stands.
fn scalar(value: &RawValue) -> Option<Cow<'_, str>> {
    let raw = value.get();
    match raw.as_bytes().first() {
        Some(b'"') => {
            let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
            if inner.contains('\\') {
                // A lone surrogate is no text; then the escapes stay.
                Some(serde_json::from_str(raw).map_or(Cow::Borrowed(inner), Cow::Owned))
            } else {
                Some(Cow::Borrowed(inner))
            }
        }
        Some(b'{' | b'[' | b'n') | None => None,
        Some(_) => Some(Cow::Borrowed(raw)),
    }
}

/// A label's value: scalars as text, nested values as compact JSON.
fn label(value: &RawValue) -> Option<String> {
    let text = match value.get().as_bytes().first() {
        Some(b'{' | b'[') => {
            let nested: Option<Value> = serde_json::from_str(value.get()).ok();
            nested.map_or_else(|| Cow::Borrowed(value.get()), |nested| Cow::Owned(nested.to_string()))
        }
        _ => scalar(value)?,
    };
    Some(json::cut(&text).to_owned())
}

/// The categories: one text or an array of them, as they were sent.
fn tags(value: &RawValue) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        let text = json::cut(text);
        if !text.is_empty() && tags.len() < MOST_TAGS && !tags.iter().any(|known| known == text) {
            tags.push(text.to_owned());
        }
    };
    if let Some(one) = scalar(value) {
        add(&one);
    } else {
        let several: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap_or_default();
        several.into_iter().filter_map(scalar).for_each(|text| add(&text));
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserved_names_are_sorted() {
        assert!(OTHER_RESERVED.is_sorted());
    }

    #[test]
    fn odd_values() {
        let raw = r#"{"event":"open","timestamp":"1760000000","status":null,"ip":["a"],"useragent":"a\"b\u00e9","tls":1,
            "order":42,"big":12345678901234567890123,"vip":true,"none":null,"nested":{"b": 1, "a":[1, 2]},"\u0061bc":"d",
            "lone":"\ud800","":"x","type":"t","type":"u","category":["a",1,"a","",null,{"b":1}],"url_offset":{"index":0}}"#;
        let native: Native<'_> = serde_json::from_str(raw).unwrap();
        assert_eq!((&*native.event, &*native.timestamp, &*native.status), ("open", "1760000000", ""));
        assert_eq!((&*native.ip, &*native.useragent, &*native.kind), ("", "a\"bé", "u"));
        assert_eq!(native.tags, ["a", "1"]);
        assert_eq!(native.url_offset, r#"{"index":0}"#);
        let expected = [
            ("abc", "d"),
            ("big", "12345678901234567890123"),
            ("lone", "\\ud800"),
            ("nested", r#"{"a":[1,2],"b":1}"#),
            ("order", "42"),
            ("vip", "true"),
        ];
        assert!(
            native.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(expected),
            "{:?}",
            native.labels
        );
        assert!(serde_json::from_str::<Native<'_>>("[]").is_err());
    }
}
