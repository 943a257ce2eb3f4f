//! Where a value is found: a place in the event, a header, a query parameter, or a fixed text.

use std::borrow::Cow;

use http::HeaderName;
use serde_json::Value;

use crate::Request;

/// A JSON Pointer (RFC 6901) that is known to be well-formed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pointer(String);

impl Pointer {
    /// Reads a pointer: empty for the whole document, otherwise it starts with `/`, and `~` is followed by 0 or 1.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let escapes_are_right = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !(text.is_empty() || text.starts_with('/')) {
            return Err(format!("`{}` is not a JSON pointer: it must start with `/`", short(text)));
        }
        if !escapes_are_right {
            return Err(format!("`{}` is not a JSON pointer: `~` is written `~0`, `/` is `~1`", short(text)));
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The decoded names on the way.
    pub(super) fn steps(&self) -> impl Iterator<Item = String> + '_ {
        self.0.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"))
    }

    /// What is there.
    pub(super) fn get<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        value.pointer(&self.0)
    }
}

/// At most the first letters of a text, for messages.
pub(super) fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// One event and the request that it came in.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) event: &'a Value,
}

/// A place where a value may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A place in the event.
    Pointer(Pointer),
    /// A header of the request.
    Header(HeaderName),
    /// A query parameter of the request.
    Query(String),
    /// A fixed text.
    Fixed(String),
}

impl Source {
    /// Reads `/pointer`, `header:Name` or `query:name`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("header:") {
            header_name(name).map(Self::Header)
        } else if let Some(name) = text.strip_prefix("query:") {
            query_name(name).map(Self::Query)
        } else {
            Pointer::parse(text)
                .map(Self::Pointer)
                .map_err(|problem| format!("{problem} (or write `header:Name`, `query:name`)"))
        }
    }

    /// Reads what [`Source::parse`] does, or `{const = "text"}`.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Object(table) => match (table.get("const"), table.len()) {
                (Some(Value::String(text)), 1) => Ok(Self::Fixed(text.clone())),
                _ => Err("expected a text or `{const = \"...\"}`".to_owned()),
            },
            _ => Err("expected a pointer such as `/id`, `header:Name`, `query:name`".to_owned()),
        }
    }

    /// The value, unless it is null or empty.
    pub(super) fn value<'a>(&self, scene: Scene<'a>) -> Option<Cow<'a, Value>> {
        let value = match self {
            Self::Pointer(pointer) => pointer.get(scene.event).map(Cow::Borrowed),
            Self::Header(name) => {
                scene.request.header(name.as_str()).map(|text| Cow::Owned(Value::from(text)))
            }
            Self::Query(name) => scene.request.query_value(name).map(|text| Cow::Owned(Value::from(text))),
            Self::Fixed(text) => Some(Cow::Owned(Value::from(text.as_str()))),
        };
        value.filter(|value| !is_empty(value))
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A header's name.
pub(super) fn header_name(text: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| format!("`{}` is not a header name", short(text)))
}

/// A query parameter's name.
pub(super) fn query_name(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("the query parameter has no name".to_owned()) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers() {
        for good in ["", "/", "/a/0/b", "/a~1b/~0"] {
            assert!(Pointer::parse(good).is_ok(), "{good}");
        }
        for bad in ["a", "a/b", "/~", "/~2", "/a~"] {
            assert!(Pointer::parse(bad).is_err(), "{bad}");
        }
        let steps: Vec<_> = Pointer::parse("/a~1b/~01").unwrap().steps().collect();
        assert_eq!(steps, ["a/b", "~1"]);
    }
}
