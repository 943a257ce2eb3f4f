//! Labels: what the sender attached to a message.

use serde_json::Value;

/// One label, `booking_id=42`. Scalars are text; nested values are compact JSON text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// The key, up to [`Label::LONGEST_KEY`] bytes.
    pub key: String,
    /// The value.
    pub value: String,
    /// Whether the value is a scalar: only scalars are indexed as timelines.
    pub indexed: bool,
}

impl Label {
    /// The label under which the application embeds the id of a message that it registered, or the key under which it did, so
    /// that the provider's events say to which message they belong.
    pub const MESSAGE_ID: &str = "hearback_id";
    /// The label by which the events of an alert are found: its number.
    pub const ALERT: &str = "hearback_alert";
    /// Longer keys are not labels and are left to the raw request.
    pub const LONGEST_KEY: usize = 128;
    /// Longer values are kept but not indexed.
    pub const LONGEST_INDEXED_VALUE: usize = 256;

    /// Whether a timeline can be asked for this value. Nested JSON and very long texts cannot.
    pub fn is_indexed(value: &str) -> bool {
        value.len() <= Self::LONGEST_INDEXED_VALUE && !value.starts_with(['{', '['])
    }
}

/// The labels in a JSON object of a provider. Null and empty keys are left out; numbers keep their digits; an
/// array (PHP's empty object) or anything else gives none.
pub fn labels_from_json(value: &Value) -> std::collections::BTreeMap<String, String> {
    let Value::Object(fields) = value else { return std::collections::BTreeMap::new() };
    fields
        .iter()
        .filter(|(key, value)| !key.is_empty() && key.len() <= Label::LONGEST_KEY && !value.is_null())
        .map(|(key, value)| (key.clone(), scalar_text(value)))
        .collect()
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_text() {
        let labels = labels_from_json(&serde_json::json!({
            "booking_id": 42, "purpose": "pre_arrival", "vip": true, "none": null, "nested": {"a": [1]}
        }));
        let expected =
            [("booking_id", "42"), ("nested", "{\"a\":[1]}"), ("purpose", "pre_arrival"), ("vip", "true")];
        assert!(labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(expected));
        assert!(labels_from_json(&serde_json::json!([])).is_empty());
        assert!(!Label::is_indexed("{\"a\":1}") && Label::is_indexed("42"));
    }
}
