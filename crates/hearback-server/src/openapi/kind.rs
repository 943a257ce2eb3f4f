//! A schema in a few words.

use serde_json::Value;

/// What a value is: words around the name of a schema, which has its own place on the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) before: String,
    pub(super) schema: Option<String>,
    pub(super) after: String,
}

impl Kind {
    /// Something that has a name.
    pub(super) fn named(name: String) -> Self {
        Self { schema: Some(name), ..Self::default() }
    }

    fn words(words: impl Into<String>) -> Self {
        Self { before: words.into(), ..Self::default() }
    }

    fn within(mut self, before: &str, after: &str) -> Self {
        self.before.insert_str(0, before);
        self.after.push_str(after);
        self
    }
}

/// What a schema takes.
pub(super) fn kind(schema: &Value) -> Kind {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return Kind::named(name.rsplit('/').next().unwrap_or_default().to_owned());
    }
    if let Some(several) = schema.get("oneOf").or_else(|| schema.get("allOf")).and_then(Value::as_array) {
        let is_null = |schema: &&Value| schema.get("type").and_then(Value::as_str) == Some("null");
        let one = several.iter().find(|schema| !is_null(schema)).map(kind).unwrap_or_default();
        return if several.iter().any(|schema| is_null(&schema)) { one.within("", " or null") } else { one };
    }
    match schema.get("type") {
        Some(Value::String(name)) => of_type(name, schema),
        Some(Value::Array(names)) => {
            let name = names.iter().filter_map(Value::as_str).find(|name| *name != "null");
            let one = name.map(|name| of_type(name, schema)).unwrap_or_default();
            if names.iter().any(|name| name == "null") { one.within("", " or null") } else { one }
        }
        _ => Kind::words("any JSON"),
    }
}

fn of_type(name: &str, schema: &Value) -> Kind {
    match name {
        "array" => schema.get("items").map(kind).unwrap_or_default().within("list of ", ""),
        "object" => match schema.get("additionalProperties") {
            Some(Value::Object(values)) => {
                kind(&Value::Object(values.clone())).within("map of texts to ", "")
            }
            _ => Kind::words("object"),
        },
        "string" => Kind::words("text"),
        "integer" => Kind::words("whole number"),
        "boolean" => Kind::words("true or false"),
        other => Kind::words(other),
    }
}

/// What a value is held to.
pub(super) fn bounds(schema: &Value) -> String {
    let of = |name: &str| schema.get(name).filter(|value| !value.is_null()).map(plain);
    let mut parts = Vec::new();
    match (of("minimum"), of("maximum")) {
        (Some(least), Some(most)) => parts.push(format!("{least} to {most}")),
        (Some(least), None) if least != "0" => parts.push(format!("at least {least}")),
        (None, Some(most)) => parts.push(format!("at most {most}")),
        _ => {}
    }
    parts.extend(of("maxLength").map(|most| format!("at most {most} characters")));
    parts.extend(of("maxItems").map(|most| format!("at most {most}")));
    parts.extend(of("default").map(|default| format!("{default}, if nothing is said")));
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        parts.push(words.iter().map(plain).collect::<Vec<_>>().join(", "));
    }
    parts.join("; ")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn schemas_in_words() {
        let shown = |schema: &Value| {
            let kind = kind(schema);
            format!("{}{}{}", kind.before, kind.schema.unwrap_or_default(), kind.after)
        };
        let cases = [
            (json!({"type": "string"}), "text"),
            (json!({"type": ["integer", "null"]}), "whole number or null"),
            (json!({"$ref": "#/components/schemas/Event"}), "Event"),
            (json!({"oneOf": [{"type": "null"}, {"$ref": "#/x/Failure"}]}), "Failure or null"),
            (json!({"type": "array", "items": {"$ref": "#/x/Event"}}), "list of Event"),
            (
                json!({"type": "object", "additionalProperties": {"type": "integer"}}),
                "map of texts to whole number",
            ),
            (json!({}), "any JSON"),
        ];
        for (schema, words) in cases {
            assert_eq!(shown(&schema), words, "{schema}");
        }
        assert_eq!(
            bounds(&json!({"minimum": 1, "maximum": 9, "default": 5})),
            "1 to 9; 5, if nothing is said"
        );
        assert_eq!(bounds(&json!({"enum": ["a", "b"]})), "a, b");
        assert_eq!(bounds(&json!({"minimum": 0})), "");
    }
}
