//! The configuration before it is checked: a tree of values, each of which knows where it was written.
//!
//! None of these types is `Debug`: they hold secrets as the user wrote them.

use std::collections::BTreeMap;

use serde_json::Number;

use super::Place;

/// A value and where it was written.
#[derive(Clone)]
pub(crate) struct Node {
    /// Where.
    pub(crate) place: Place,
    /// What.
    pub(crate) value: Value,
}

/// What can be written.
#[derive(Clone)]
pub(crate) enum Value {
    /// Text. Dates and times of TOML are texts, too: no key wants them otherwise.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// A list.
    List(Vec<Node>),
    /// A table.
    Table(Table),
}

/// Names and values.
#[derive(Clone, Default)]
pub(crate) struct Table(BTreeMap<String, Entry>);

/// A value, and where its name was written.
#[derive(Clone)]
pub(crate) struct Entry {
    /// Where the name stands.
    pub(crate) name_at: Place,
    /// The value.
    pub(crate) node: Node,
}

impl Value {
    /// What it is, for messages about wrong types.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// As JSON, as providers take their options.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Integer(number) => (*number).into(),
            Self::Float(number) => Number::from_f64(*number).map_or(serde_json::Value::Null, Into::into),
            Self::Bool(yes) => (*yes).into(),
            Self::List(items) => items.iter().map(|item| item.value.to_json()).collect(),
            Self::Table(table) => table.to_json().into(),
        }
    }

    /// From JSON, every value with the same place.
    pub(crate) fn from_json(json: &serde_json::Value, place: &Place) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Text(String::new()),
            Json::Bool(yes) => Self::Bool(*yes),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Self::Integer(whole),
                None => Self::Float(number.as_f64().unwrap_or_default()),
            },
            Json::String(text) => Self::Text(text.clone()),
            Json::Array(items) => Self::List(
                items
                    .iter()
                    .map(|item| Node { place: place.clone(), value: Self::from_json(item, place) })
                    .collect(),
            ),
            Json::Object(fields) => {
                let mut table = Table::default();
                for (name, value) in fields {
                    table.set(
                        name,
                        place.clone(),
                        Node { place: place.clone(), value: Self::from_json(value, place) },
                    );
                }
                Self::Table(table)
            }
        }
    }
}

impl Table {
    /// Sets one value.
    pub(crate) fn set(&mut self, name: &str, name_at: Place, node: Node) {
        self.0.insert(name.to_owned(), Entry { name_at, node });
    }

    /// Sets a value further down; tables on the way are made. Whatever stood on the way and is no table is replaced.
    pub(crate) fn set_path(&mut self, path: &[String], node: Node) {
        let Some((name, rest)) = path.split_first() else { return };
        if rest.is_empty() {
            let place = node.place.clone();
            return self.set(name, place, node);
        }
        let place = node.place.clone();
        let entry = self.0.entry(name.clone()).or_insert_with(|| Entry {
            name_at: place.clone(),
            node: Node { place: place.clone(), value: Value::Table(Self::default()) },
        });
        if !matches!(entry.node.value, Value::Table(_)) {
            entry.node = Node { place, value: Value::Table(Self::default()) };
        }
        if let Value::Table(table) = &mut entry.node.value {
            table.set_path(rest, node);
        }
    }

    /// One value.
    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    /// Takes one value out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Entry> {
        self.0.remove(name)
    }

    /// All values by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.0.iter()
    }

    /// All values by name, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&String, &mut Entry)> {
        self.0.iter_mut()
    }

    /// The names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// As JSON.
    pub(crate) fn to_json(&self) -> serde_json::Map<String, serde_json::Value> {
        self.0.iter().map(|(name, entry)| (name.clone(), entry.node.value.to_json())).collect()
    }

    /// The place of a value that a provider names: `keys`, `auth[0].secrets`, `map.type`. As far down as can be found.
    pub(crate) fn place_of(&self, path: &str) -> Option<&Place> {
        let mut steps = path.split(['.', '[', ']']).filter(|step| !step.is_empty());
        let entry = self.get(steps.next()?)?;
        let mut node = &entry.node;
        for step in steps {
            let next = match &node.value {
                Value::Table(table) => table.get(step).map(|entry| &entry.node),
                Value::List(items) => step.parse().ok().and_then(|index: usize| items.get(index)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        // A table's own place is where its first key stands; its name says more.
        Some(if matches!(node.value, Value::Table(_)) { &entry.name_at } else { &node.place })
    }
}
