//! Whether a value is what a schema says: as strict as our own answers must be, so a member that is not described is an
//! error, too.

use serde_json::{Map, Value};

/// Everything that is wrong with a value; empty where it is as described.
pub(crate) fn complaints(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    check(document, schema, value, "", &mut complaints);
    complaints
}

/// What a schema or answer refers to.
pub(crate) fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{reference}"))
        }
        None => schema,
    }
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let schema = resolved(document, schema);
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let fits = |choice: &&Value| complaints(document, choice, value).is_empty();
        if choices.iter().filter(fits).count() != 1 {
            wrong.push(format!("{at}: fits none, or several, of its kinds: {value}"));
        }
        return;
    }
    if !has_type(schema, value) {
        wrong.push(format!("{at}: expected {}, found {value}", schema["type"]));
        return;
    }
    if schema.get("enum").and_then(Value::as_array).is_some_and(|words| !words.contains(value)) {
        wrong.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                check(document, &schema["items"], item, &format!("{at}/{place}"), wrong);
            }
        }
        Value::Object(members) => check_members(document, schema, members, at, wrong),
        _ => {}
    }
}

fn check_members(
    document: &Value,
    schema: &Value,
    members: &Map<String, Value>,
    at: &str,
    wrong: &mut Vec<String>,
) {
    let (mut known, mut required) = (Map::new(), Vec::new());
    gather(document, schema, &mut known, &mut required);
    for name in required.iter().filter(|name| !members.contains_key(**name)) {
        wrong.push(format!("{at}: {name} is missing"));
    }
    for (name, member) in members {
        let described = known.get(name).or_else(|| schema.get("additionalProperties"));
        match described {
            Some(described) => check(document, described, member, &format!("{at}/{name}"), wrong),
            None if known.is_empty() && schema.get("type").is_none() => {}
            None => wrong.push(format!("{at}/{name} is not described")),
        }
    }
}

/// The members of a schema and of all that it consists of.
fn gather<'a>(
    document: &'a Value,
    schema: &'a Value,
    known: &mut Map<String, Value>,
    required: &mut Vec<&'a str>,
) {
    let schema = resolved(document, schema);
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        gather(document, part, known, required);
    }
    known.extend(schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default());
    required.extend(
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str),
    );
}

fn has_type(schema: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    match &schema["type"] {
        Value::String(name) => is(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

#[test]
fn it_finds_what_is_wrong() {
    let document = serde_json::json!({"components": {"schemas": {"Row": {
        "type": "object", "required": ["id"],
        "properties": {"id": {"type": "string"}, "of": {"oneOf": [{"type": "integer"}, {"type": "null"}]}, "word": {"type": "string", "enum": ["a"]}},
    }}}});
    let schema = serde_json::json!({"type": "array", "items": {"$ref": "#/components/schemas/Row"}});
    let wrong = |value: Value| complaints(&document, &schema, &value).len();
    assert_eq!(wrong(serde_json::json!([{"id": "1"}, {"id": "2", "of": null, "word": "a"}])), 0);
    assert_eq!(wrong(serde_json::json!([{"id": 1}, {}, {"id": "1", "other": 2}])), 3);
    assert_eq!(wrong(serde_json::json!([{"id": "1", "of": "x", "word": "b"}])), 2);
    assert_eq!(wrong(serde_json::json!({})), 1);
}
