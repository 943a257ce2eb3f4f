//! Reading JSON that may have any shape.

use hearback_event::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

/// Deeper nesting is refused by the parser (`serde_json`), however high the configured limit is.
pub const MOST_DEPTH: usize = 127;

/// Longer texts in fields that are kept are cut (a remote server's answer can be a novel).
pub const LONGEST_TEXT: usize = 4096;

/// The text at `pointer` (RFC 6901): strings as they are, numbers and booleans as text; `None` for anything else, for
/// empty strings and where there is nothing.
pub fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(scalar)
}

/// The first of several pointers under which there is a text.
pub fn first_text(value: &Value, pointers: &[&str]) -> Option<String> {
    pointers.iter().find_map(|pointer| text(value, pointer))
}

/// A scalar as text, cut to [`LONGEST_TEXT`]; `None` for null, empty strings, arrays and objects.
pub fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(cut(text).to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// At most [`LONGEST_TEXT`] bytes of a text, ending at a character.
pub fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST_TEXT)).unwrap_or(text)
}

/// Whether the value at `pointer` is true (`true`, `1`, `"true"`, `"1"`).
pub fn truthy(value: &Value, pointer: &str) -> bool {
    matches!(text(value, pointer).as_deref(), Some("true" | "True" | "1"))
}

/// The texts in the array at `pointer`, or the one text there. Empty texts and duplicates are left out; at most 100.
pub fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |value: &Value| {
        if let Some(text) = scalar(value)
            && !found.contains(&text)
            && found.len() < 100
        {
            found.push(text);
        }
    };
    match value.pointer(pointer) {
        Some(Value::Array(items)) => items.iter().for_each(&mut add),
        Some(other) => add(other),
        None => {}
    }
    found
}

/// The moment at `pointer`, given as seconds since the epoch, whole or with a fraction, number or text.
pub fn epoch_seconds(value: &Value, pointer: &str) -> Option<Timestamp> {
    Timestamp::from_decimal_seconds(&text(value, pointer)?).ok()
}

/// The moment at `pointer`, given as ISO 8601 text.
pub fn iso8601(value: &Value, pointer: &str) -> Option<Timestamp> {
    Timestamp::parse_iso8601(&text(value, pointer)?).ok()
}

/// Splits a JSON array into its elements without reading them, so that each keeps its exact bytes and a strange one
/// does not spoil the others. An error where the whole is not an array.
pub fn elements(body: &[u8]) -> Result<Vec<&RawValue>, serde_json::Error> {
    serde_json::from_slice(body)
}
