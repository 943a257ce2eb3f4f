//! Environment variables over the file.
//!
//! Every key has a variable: `HEARBACK__SERVER__LISTEN` is `[server] listen`, `HEARBACK__SOURCES__MAILGUN_EU__KEYS` is
//! `keys` of `[sources.mailgun-eu]`. A value is read as TOML (`true`, `12`, `["a", "b"]`), and as text where it is none.
//! Some keys have a short variable besides ([`SHORT`]); the long one wins.

use std::collections::BTreeMap;

use super::Place;
use super::document::parse_value;
use super::node::{Node, Table, Value};

/// What the long variables begin with.
pub(crate) const PREFIX: &str = "HEARBACK__";

/// Short variables and the keys that they set.
pub(crate) const SHORT: &[(&str, [&str; 2])] =
    &[("HEARBACK_PUBLIC_URL", ["server", "public_url"]), ("HEARBACK_LISTEN", ["server", "listen"])];

/// Lays the variables over the table.
pub(crate) fn apply(table: &mut Table, environment: &BTreeMap<String, String>) {
    for (name, path) in SHORT {
        if let Some(text) = environment.get(*name).filter(|text| !text.is_empty()) {
            let place = Place::Environment((*name).to_owned());
            let path = path.map(str::to_owned);
            table.set_path(&path, Node { place, value: Value::Text(text.clone()) });
        }
    }
    for (name, text) in environment {
        if let Some(path) = name.strip_prefix(PREFIX) {
            let place = Place::Environment(name.clone());
            let path = path_of(path, table);
            let value = value_of(&path, text, &place);
            table.set_path(&path, Node { place, value });
        }
    }
}

fn path_of(variable: &str, table: &Table) -> Vec<String> {
    let mut path: Vec<String> = variable.split("__").map(str::to_lowercase).collect();
    if let [first, name, ..] = path.as_mut_slice()
        && ["sources", "destinations"].contains(&first.as_str())
    {
        *name = own_name(first, name, table);
    }
    path
}

/// Variables cannot hold hyphens, names of sources and destinations can: the one that is meant is the one that is there; a new
/// one gets hyphens.
fn own_name(section: &str, written: &str, table: &Table) -> String {
    let tables = table.get(section).map(|entry| &entry.node.value);
    let known = match tables {
        Some(Value::Table(tables)) => tables.names().find(|name| name.replace(['-', '.'], "_") == written),
        _ => None,
    };
    known.map_or_else(|| written.replace('_', "-"), str::to_owned)
}

/// Keys and passwords stay texts, whatever they look like; a list of them may be written in TOML.
fn value_of(path: &[String], text: &str, place: &Place) -> Value {
    let is_key = path.last().is_some_and(|name| super::secrets::is_secret_name(name));
    match parse_value(text, place) {
        value @ (Value::Text(_) | Value::List(_) | Value::Table(_)) => value,
        _ if is_key => Value::Text(text.to_owned()),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The variable of a key.
    fn variable(path: &[&str]) -> String {
        let parts: Vec<String> =
            path.iter().map(|part| part.to_uppercase().replace(['-', '.'], "_")).collect();
        format!("{PREFIX}{}", parts.join("__"))
    }

    fn name() -> impl Strategy<Value = String> {
        "[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4}){0,2}"
    }

    proptest! {
        /// A variable named after a key sets exactly this key, over whatever the file says.
        #[test]
        fn a_variable_sets_its_key_and_no_other(
            source in name(), other in name(), option in "[a-z]{1,8}(_[a-z]{1,5})?", number: i64,
        ) {
            prop_assume!(source != other && !super::super::secrets::is_secret_name(&option));
            let mut table = Table::default();
            for name in [&source, &other] {
                let node = Node { place: Place::Default, value: Value::Text("file".to_owned()) };
                table.set_path(&["sources".to_owned(), name.clone(), option.clone()], node);
            }
            let variable = variable(&["sources", &source, &option]);
            let environment = BTreeMap::from([(variable, number.to_string())]);
            apply(&mut table, &environment);
            let json = serde_json::Value::from(table.to_json());
            prop_assert_eq!(&json["sources"][&source][&option], &serde_json::json!(number));
            prop_assert_eq!(&json["sources"][&other][&option], &serde_json::json!("file"));
        }

        /// Whatever a variable holds, nothing panics, and a text that is no TOML comes through unchanged.
        #[test]
        fn any_value_is_taken(text in "\\PC{0,40}", path in "[A-Z_]{0,20}") {
            let environment = BTreeMap::from([(format!("{PREFIX}{path}"), text)]);
            apply(&mut Table::default(), &environment);
        }

        #[test]
        fn plain_words_stay_as_they_are(text in "[a-z:/.@-]{1,30}") {
            prop_assume!(!matches!(text.as_str(), "true" | "false" | "nan" | "inf" | "-nan" | "-inf"));
            let mut table = Table::default();
            apply(&mut table, &BTreeMap::from([("HEARBACK__LOG__LEVEL".to_owned(), text.clone())]));
            prop_assert_eq!(&serde_json::Value::from(table.to_json())["log"]["level"], &serde_json::json!(text));
        }
    }

    #[test]
    fn short_variables_lose_against_long_ones_and_keys_stay_texts() {
        let mut table = Table::default();
        let environment = [
            ("HEARBACK_LISTEN", "127.0.0.1:1"),
            ("HEARBACK__SERVER__LISTEN", "127.0.0.1:2"),
            ("HEARBACK__SOURCES__MAILGUN_EU__KEYS", "12345678"),
            ("HEARBACK__SOURCES__MAILGUN_EU__MAX_AGE", "900"),
        ];
        apply(&mut table, &environment.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
        assert_eq!(
            serde_json::Value::from(table.to_json()),
            serde_json::json!({
                "server": {"listen": "127.0.0.1:2"},
                "sources": {"mailgun-eu": {"keys": "12345678", "max_age": 900}},
            })
        );
    }
}
