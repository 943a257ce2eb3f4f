//! A source's own options as they may be printed.

use serde_json::{Map, Value as Json};

use super::node::{Node, Table, Value};
use super::secrets;

/// What stands for a secret.
pub(crate) const HIDDEN: &str = "(hidden)";

/// The table before references are resolved, without secrets: `env:MG_KEY` is shown, a key is not.
pub(crate) fn options(table: &Table) -> Map<String, Json> {
    masked_table(table, false)
}

fn masked_table(table: &Table, secret: bool) -> Map<String, Json> {
    table
        .iter()
        .map(|(name, entry)| {
            let shown = if secrets::is_description(name) {
                entry.node.value.to_json()
            } else {
                masked(&entry.node, secret || secrets::is_secret_name(name))
            };
            (name.clone(), shown)
        })
        .collect()
}

fn masked(node: &Node, secret: bool) -> Json {
    match &node.value {
        Value::Text(text) if secret && !secrets::is_reference(text) => HIDDEN.into(),
        Value::List(items) => items.iter().map(|item| masked(item, secret)).collect(),
        Value::Table(table) => masked_table(table, secret).into(),
        Value::Integer(_) | Value::Float(_) if secret => HIDDEN.into(),
        other => other.to_json(),
    }
}

/// How many secrets there are in the options that requests are checked against.
pub(crate) fn count_keys(options: &Map<String, Json>) -> usize {
    let is_key = |name: &str| {
        secrets::is_secret_name(name) && !name.starts_with("user") && !name.starts_with("simulate_")
    };
    options
        .iter()
        .filter(|(name, _)| !secrets::is_description(name))
        .map(|(name, value)| count(value, is_key(name)))
        .sum()
}

fn count(value: &Json, secret: bool) -> usize {
    match value {
        Json::String(text) => usize::from(secret && !text.is_empty()),
        Json::Array(items) => items.iter().map(|item| count(item, secret)).sum(),
        Json::Object(fields) if secret => fields.values().map(|value| count(value, true)).sum(),
        Json::Object(fields) => count_keys(fields),
        _ => 0,
    }
}
