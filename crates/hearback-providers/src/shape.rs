//! Bounds on the shape of a body, looked at before anything parses it: how deep its JSON is, how many fields its form has.

use memchr::memmem;

use crate::form::{self, MOST_FIELDS};
use crate::json::MOST_DEPTH;

/// The bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeLimits {
    /// Deepest nesting of arrays and objects in a JSON body; at most [`ShapeLimits::MOST_DEPTH`].
    pub json_depth: usize,
    /// Most fields (and files) of a form; at most [`ShapeLimits::MOST_FIELDS`].
    pub form_fields: usize,
}

impl Default for ShapeLimits {
    fn default() -> Self {
        Self { json_depth: 64, form_fields: 500 }
    }
}

/// What is beyond the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Of a JSON body.
    #[error("the JSON is nested deeper than {0} levels (`json_depth_max`)")]
    TooDeep(usize),
    /// Of a form.
    #[error("the form has more than {0} fields (`form_fields_max`)")]
    TooManyFields(usize),
}

impl ShapeLimits {
    /// The parser's own bound, however high the limit is set.
    pub const MOST_DEPTH: usize = MOST_DEPTH;
    /// The parser's own bound, however high the limit is set.
    pub const MOST_FIELDS: usize = MOST_FIELDS;

    /// Looks at a body without parsing it. A body that is neither JSON nor a form passes.
    pub fn check(&self, content_type: &str, body: &[u8]) -> Result<(), ShapeError> {
        let fields = match form::kind(content_type) {
            Some(form::Kind::Urlencoded) => memchr::memchr_iter(b'&', body).count() + 1,
            Some(form::Kind::Multipart) => parts(content_type, body),
            None if is_deeper(body, self.json_depth) => return Err(ShapeError::TooDeep(self.json_depth)),
            None => 0,
        };
        if fields > self.form_fields { Err(ShapeError::TooManyFields(self.form_fields)) } else { Ok(()) }
    }
}

/// How many parts a multipart body has, at most.
fn parts(content_type: &str, body: &[u8]) -> usize {
    let Some(boundary) = form::boundary(content_type) else { return 0 };
    // The last delimiter ends the form.
    memmem::find_iter(body, format!("--{boundary}").as_bytes()).count().saturating_sub(1)
}

/// Whether a JSON text is nested deeper than so many levels.
fn is_deeper(body: &[u8], most: usize) -> bool {
    if !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return false;
    }
    // Most bodies have fewer brackets in all, and these are counted many at a time.
    if memchr::memchr2_iter(b'{', b'[', body).count() <= most {
        return false;
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const LIMITS: ShapeLimits = ShapeLimits { json_depth: 3, form_fields: 3 };

    #[test]
    fn depth_and_fields_are_bounded() {
        let form = "application/x-www-form-urlencoded";
        let multipart = "multipart/form-data; boundary=xx";
        let part = "--xx\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n";
        for (content_type, body, expected) in [
            ("application/json", "[[[1]]]".to_owned(), Ok(())),
            ("application/json", " [[[[1]]]]".to_owned(), Err(ShapeError::TooDeep(3))),
            ("text/plain", "{\"a\":{\"b\":{\"c\":{}}}}".to_owned(), Err(ShapeError::TooDeep(3))),
            ("", "[[],[],[],[],[\"[[[[\\\"[[[[\"]]".to_owned(), Ok(())),
            ("application/json", "no json [[[[[[".to_owned(), Ok(())),
            (form, "a=1&b=2&c=3".to_owned(), Ok(())),
            (form, "a=1&b=2&c=3&d".to_owned(), Err(ShapeError::TooManyFields(3))),
            (form, "[[[[[".to_owned(), Ok(())),
            (multipart, format!("{}--xx--", part.repeat(3)), Ok(())),
            (multipart, format!("{}--xx--", part.repeat(4)), Err(ShapeError::TooManyFields(3))),
            ("multipart/form-data", part.repeat(4), Ok(())),
        ] {
            assert_eq!(LIMITS.check(content_type, body.as_bytes()), expected, "{content_type}: {body}");
        }
    }

    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn depth_is_that_of_the_parsed_value(text in "[\\[\\]{}\":,\\\\1a]{0,60}", most in 1_usize..6) {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                prop_assert_eq!(is_deeper(text.as_bytes(), most), depth(&value) > most);
            }
        }

        #[test]
        fn depth_of_nested_arrays(levels in 0_usize..40, most in 1_usize..40, text in "[\\[{\\\\\"]{0,9}") {
            let inner = serde_json::to_string(&text).unwrap();
            let body = format!("{}{inner}{}", "[".repeat(levels), "]".repeat(levels));
            prop_assert_eq!(is_deeper(body.as_bytes(), most), levels > most);
        }
    }
}
