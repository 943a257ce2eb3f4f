//! What the sender attached: Resend's tags are pairs, so they are labels.
//!
//! Resend writes `data.tags` as an object, an official sample reads it as an array of `{name, value}`: both are taken.
//! Custom headers `X-Metadata` (a JSON object) and `X-Tags` (a JSON array) are where django-anymail, whose vocabulary
//! this project follows, puts what does not fit Resend's tags.

use std::collections::BTreeMap;

use hearback_event::labels_from_json;
use serde_json::Value;

use crate::json;

/// The labels in `data.tags` and in `X-Metadata`; the tags win.
pub(super) fn labels(data: &Value) -> BTreeMap<String, String> {
    let mut labels = header(data, "x-metadata").map(|value| labels_from_json(&value)).unwrap_or_default();
    labels.extend(match data.get("tags") {
        Some(Value::Array(pairs)) => labels_from_json(&pairs.iter().filter_map(pair).collect()),
        Some(other) => labels_from_json(other),
        None => BTreeMap::new(),
    });
    labels
}

/// The tags without a value: those in `X-Tags`.
pub(super) fn tags(data: &Value) -> Vec<String> {
    header(data, "x-tags").map(|value| json::texts(&value, "")).unwrap_or_default()
}

fn pair(tag: &Value) -> Option<(String, Value)> {
    Some((json::text(tag, "/name")?, tag.get("value")?.clone()))
}

/// The JSON in the custom header of that name.
fn header(data: &Value, name: &str) -> Option<Value> {
    let headers = data.get("headers")?.as_array()?;
    let found = headers.iter().find(|header| {
        header.get("name").and_then(Value::as_str).is_some_and(|found| found.eq_ignore_ascii_case(name))
    })?;
    serde_json::from_str(found.get("value")?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_shapes_of_tags_and_the_headers() {
        let expected: BTreeMap<_, _> = [("category".to_owned(), "receipt".to_owned())].into();
        assert_eq!(labels(&json!({"tags": {"category": "receipt"}})), expected);
        assert_eq!(
            labels(&json!({"tags": [{"name": "category", "value": "receipt"}, 7, {"name": "x"}]})),
            expected
        );
        for odd in [json!({"tags": null}), json!({"tags": []}), json!({"tags": "x"}), json!(null), json!([1])]
        {
            assert!(labels(&odd).is_empty(), "{odd}");
        }
        let data = json!({"tags": {"category": "receipt"}, "headers": [
            {"name": "X-Tags", "value": "[\"welcome\"]"},
            {"name": "x-metadata", "value": "{\"booking_id\":42,\"category\":\"other\"}"},
        ]});
        assert_eq!(tags(&data), ["welcome"]);
        assert_eq!(labels(&data).get("booking_id").map(String::as_str), Some("42"));
        assert_eq!(labels(&data).get("category").map(String::as_str), Some("receipt"));
        assert!(tags(&json!({"headers": [{"name": "X-Tags", "value": "not json"}]})).is_empty());
    }
}
