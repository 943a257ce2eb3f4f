//! Reading a table of options so that every problem in it is found in one pass.
//!
//! serde stops at the first mistake; whoever writes a long configuration by hand wants all of them. Each value is
//! taken by name, and what nobody took is an unknown key.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::{OptionError, Secret};

/// What was found wrong, or worth a warning.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) errors: Vec<OptionError>,
    pub(super) warnings: Vec<String>,
}

impl Problems {
    /// Notes an error in the option at `path`.
    pub(super) fn error(&mut self, path: &str, problem: impl Into<String>) {
        self.errors.push(OptionError::new(path, problem));
    }

    /// Notes something that works and is unwise.
    pub(super) fn warn(&mut self, path: &str, warning: &str) {
        self.warnings.push(format!("`{path}`: {warning}"));
    }

    /// Takes the value out of a result and notes its error.
    pub(super) fn keep<T>(&mut self, path: &str, result: Result<T, String>) -> Option<T> {
        result.map_err(|problem| self.error(path, problem)).ok()
    }
}

/// One table of options; its path (`auth[0]`) stands before the names in every error.
pub(super) struct Table {
    path: String,
    fields: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Table {
    pub(super) fn new(path: &str, fields: Map<String, Value>) -> Self {
        Self { path: path.to_owned(), fields, known: Vec::new() }
    }

    fn read(path: &str, value: Value, problems: &mut Problems) -> Option<Self> {
        if let Value::Object(fields) = value {
            Some(Self::new(path, fields))
        } else {
            problems.error(path, "expected a table");
            None
        }
    }

    /// The whole name of an option in this table.
    pub(super) fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The path of the table itself.
    pub(super) fn own_path(&self) -> &str {
        &self.path
    }

    /// Takes the value of `name`; null counts as not set.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    /// Takes everything that is left, for tables whose names the user chooses.
    pub(super) fn take_all(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.fields)
    }

    pub(super) fn text(&mut self, name: &'static str, problems: &mut Problems) -> Option<String> {
        if let Value::String(text) = self.take(name)? {
            Some(text)
        } else {
            problems.error(&self.path(name), "expected a text");
            None
        }
    }

    /// A text without which nothing works.
    pub(super) fn required(
        &mut self,
        name: &'static str,
        hint: &str,
        problems: &mut Problems,
    ) -> Option<String> {
        let present = self.fields.get(name).is_some_and(|value| !value.is_null());
        let text = self.text(name, problems);
        if !present || text.as_deref() == Some("") {
            problems.error(&self.path(name), format!("is not set; {hint}"));
        }
        text.filter(|text| !text.is_empty())
    }

    /// A list of texts; one text is a list of one.
    pub(super) fn texts(&mut self, name: &'static str, problems: &mut Problems) -> Option<Vec<String>> {
        let value = self.take(name)?;
        let texts = match value {
            Value::String(text) => Some(vec![text]),
            Value::Array(items) => items.into_iter().map(into_text).collect(),
            _ => None,
        };
        if texts.is_none() {
            problems.error(&self.path(name), "expected a text or a list of texts");
        }
        texts
    }

    pub(super) fn flag(&mut self, name: &'static str, problems: &mut Problems) -> Option<bool> {
        let flag = self.take(name)?.as_bool();
        if flag.is_none() {
            problems.error(&self.path(name), "expected true or false");
        }
        flag
    }

    pub(super) fn integer(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
        problems: &mut Problems,
    ) -> Option<u64> {
        let found = self.take(name)?.as_u64().filter(|number| range.contains(number));
        if found.is_none() {
            let wanted = format!("expected a whole number from {} to {}", range.start(), range.end());
            problems.error(&self.path(name), wanted);
        }
        found
    }

    /// One of several words; the first is the default.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        words: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let default = words.first().map(|(_, value)| *value);
        let Some(word) = self.text(name, problems) else { return default };
        let found = words.iter().find(|(known, _)| *known == word).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            problems.error(&self.path(name), format!("expected one of: {}", known.join(", ")));
        }
        found.or(default)
    }

    /// Secrets that are all valid at once. Empty ones are dropped, so that an unset variable of an old key does no
    /// harm, but one must be left.
    pub(super) fn secrets(&mut self, name: &'static str, problems: &mut Problems) -> Vec<Secret> {
        let before = problems.errors.len();
        let texts = self.texts(name, problems).unwrap_or_default();
        let secrets: Vec<_> =
            texts.iter().map(|text| Secret::new(text)).filter(|secret| !secret.is_empty()).collect();
        if secrets.is_empty() && problems.errors.len() == before {
            problems.error(&self.path(name), "no secret is set, or it is empty");
        }
        secrets
    }

    pub(super) fn table(&mut self, name: &'static str, problems: &mut Problems) -> Option<Self> {
        let value = self.take(name)?;
        Self::read(&self.path(name), value, problems)
    }

    /// A list of tables; one table is a list of one.
    pub(super) fn tables(&mut self, name: &'static str, problems: &mut Problems) -> Vec<Self> {
        let path = self.path(name);
        match self.take(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items
                .into_iter()
                .enumerate()
                .filter_map(|(n, item)| Self::read(&format!("{path}[{n}]"), item, problems))
                .collect(),
            Some(value) => Self::read(&path, value, problems).into_iter().collect(),
        }
    }

    /// Reports every name that nobody asked for.
    pub(super) fn finish(self, problems: &mut Problems) {
        let known = self.known.join(", ");
        for name in self.fields.keys() {
            problems.error(&self.path(name), format!("unknown option; known here are: {known}"));
        }
    }
}

fn into_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
