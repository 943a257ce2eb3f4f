//! JSON read field by field, so that one field of an unexpected type costs that field only.
//!
//! Each field is first cut out as the raw text that it is, which allocates nothing, and read by itself afterwards. That is
//! as forgiving as a `serde_json::Value` and several times cheaper, and numbers keep their digits.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json;

/// A scalar as text: a string, or the literal of a number or boolean. Nothing for null, arrays, objects, empty strings.
#[derive(Debug, Default)]
pub(super) struct Text<'a>(Option<Cow<'a, str>>);

impl<'a> Text<'a> {
    /// The text, if there is one.
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The text, or an empty one.
    pub(super) fn or_empty(&self) -> &str {
        self.get().unwrap_or_default()
    }

    /// The text as an event keeps it: cut to a bearable length.
    pub(super) fn kept(&self) -> Option<String> {
        self.get().map(|text| json::cut(text).to_owned())
    }

    /// The text itself.
    pub(super) fn into_inner(self) -> Option<Cow<'a, str>> {
        self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let literal = <&'de RawValue>::deserialize(deserializer)?.get();
        let text = match literal.as_bytes().first() {
            Some(b'"') => string(literal),
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => Some(Cow::Borrowed(literal)),
            _ => None,
        };
        Ok(Self(text.filter(|text| !text.is_empty())))
    }
}

/// A string's content, borrowed where it has no escapes.
fn string(literal: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<&str>(literal)
        .map(Cow::Borrowed)
        .or_else(|_| serde_json::from_str::<String>(literal).map(Cow::Owned))
        .ok()
}

/// An object inside another: empty where there is none or where something else stands.
#[derive(Debug, Default)]
pub(super) struct Part<T>(T);

impl<T> std::ops::Deref for Part<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Part<T> {
    /// The object itself.
    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        Ok(Self(object(raw.get()).unwrap_or_default()))
    }
}

/// Reads an object. Derived readers would also take an array, field by field in the order of declaration: not here.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<T> {
    if text.trim_start().starts_with('{') {
        serde_json::from_str(text)
    } else {
        Err(serde_json::Error::custom("not an object"))
    }
}

/// Any value; null where there is none or where it cannot be read.
pub(super) fn value(raw: Option<&RawValue>) -> Value {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    struct Inner<'a> {
        #[serde(borrow, default)]
        text: Text<'a>,
    }

    #[derive(Debug, Default, Deserialize)]
    struct Outer<'a> {
        #[serde(borrow, default)]
        first: Text<'a>,
        #[serde(borrow, default)]
        inner: Part<Inner<'a>>,
    }

    #[test]
    fn a_wrong_type_costs_one_field() {
        let cases = [
            (r#"{"first":"a","inner":{"text":"b"}}"#, Some("a"), Some("b")),
            (r#"{"first":1759999998.412305,"inner":{"text":true}}"#, Some("1759999998.412305"), Some("true")),
            (r#"{"first":[1],"inner":{"text":"b"}}"#, None, Some("b")),
            (r#"{"first":"a","inner":["b"]}"#, Some("a"), None),
            (r#"{"first":"a","inner":null}"#, Some("a"), None),
            (r#"{"first":null,"inner":{"text":{"x":1}}}"#, None, None),
            (r#"{"first":"\ud800","inner":{"text":"\u00e9"}}"#, None, Some("é")),
            ("{}", None, None),
        ];
        for (text, first, inner) in cases {
            let outer: Outer<'_> = object(text).unwrap();
            assert_eq!((outer.first.get(), outer.inner.text.get()), (first, inner), "{text}");
        }
        assert!(object::<Outer<'_>>(r#"["a"]"#).is_err());
    }
}
