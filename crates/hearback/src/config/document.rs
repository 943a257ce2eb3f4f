//! Reading TOML into a tree that knows lines and columns.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::{Node, Table, Value};
use super::{Place, Problem};

/// Reads a document, or says everything that is no TOML in it.
///
/// What could be read of a broken document is not looked at further: half of it would be guessed.
pub(crate) fn parse(text: &str, path: &Path) -> Result<Table, Vec<Problem>> {
    let lines = Lines { text, path };
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(lines.table(table.get_ref()));
    }
    Err(errors
        .iter()
        .map(|error| Problem {
            place: lines.place(&error.span().unwrap_or_default()),
            message: format!("this is not TOML: {}", error.message()),
        })
        .collect())
}

/// Reads one value as an environment variable holds it: TOML, or else text as it stands.
pub(crate) fn parse_value(text: &str, place: &Place) -> Value {
    let wrapped = format!("v = {}", text.trim());
    let parsed = DeTable::parse(&wrapped).ok().filter(|table| table.get_ref().len() == 1);
    let everywhere = Lines { text: "", path: Path::new("") };
    match parsed.as_ref().and_then(|table| table.get_ref().get("v")) {
        // A key may look like a date. No key wants a date.
        Some(value) if !matches!(value.get_ref(), DeValue::Datetime(_)) => {
            let mut node = everywhere.node(value);
            node.place_everywhere(place);
            node.value
        }
        _ => Value::Text(text.to_owned()),
    }
}

struct Lines<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Lines<'_> {
    fn place(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place::File {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }

    fn table(&self, source: &DeTable<'_>) -> Table {
        let mut table = Table::default();
        for (name, value) in source {
            table.set(name.get_ref(), self.place(&name.span()), self.node(value));
        }
        table
    }

    fn node(&self, source: &Spanned<DeValue<'_>>) -> Node {
        let value = match source.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                // Longer than any number that a key takes: a key or token that was not put in quotes.
                Err(_) => Value::Text(number.as_str().to_owned()),
            },
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(yes) => Value::Bool(*yes),
            DeValue::Datetime(time) => Value::Text(time.to_string()),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Node { place: self.place(&source.span()), value }
    }
}

impl Node {
    fn place_everywhere(&mut self, place: &Place) {
        self.place = place.clone();
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.place_everywhere(place)),
            Value::Table(table) => {
                for (_, entry) in table.iter_mut() {
                    entry.name_at = place.clone();
                    entry.node.place_everywhere(place);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_are_toml_or_else_text() {
        let show = |text| parse_value(text, &Place::Default).to_json().to_string();
        for (text, json) in [
            ("true", "true"),
            ("12", "12"),
            ("[\"a\", 'b']", "[\"a\",\"b\"]"),
            ("{ a = 1 }", "{\"a\":1}"),
            ("\"12\"", "\"12\""),
            ("127.0.0.1:8025", "\"127.0.0.1:8025\""),
            ("2026-01-01", "\"2026-01-01\""),
            ("123456789012345678901234567890", "\"123456789012345678901234567890\""),
            ("", "\"\""),
            ("[a", "\"[a\""),
            ("1\nw = 2", "\"1\\nw = 2\""),
        ] {
            assert_eq!(show(text), json, "{text}");
        }
    }
}
