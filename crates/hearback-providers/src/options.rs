//! What the user configures for one endpoint of a provider.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::Secret;

/// The options of one endpoint, secrets already resolved: a table of names and values that the provider reads into a
/// type of its own.
#[derive(Clone, Default)]
pub struct Options(Map<String, Value>);

/// Something is wrong with an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct OptionError {
    /// The option, where it is known which one (`keys`).
    pub option: Option<String>,
    /// What is wrong and what to write instead. Never holds a secret.
    pub problem: String,
}

impl OptionError {
    /// A problem with one option.
    pub fn new(option: &str, problem: impl Into<String>) -> Self {
        Self { option: Some(option.to_owned()), problem: problem.into() }
    }
}

impl Options {
    /// From a table.
    pub fn new(table: Map<String, Value>) -> Self {
        Self(table)
    }

    /// From a JSON value; anything but an object gives no options.
    pub fn from_value(value: Value) -> Self {
        match value {
            Value::Object(table) => Self(table),
            _ => Self::default(),
        }
    }

    /// Reads the options into `T`, which should deny unknown fields.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, OptionError> {
        T::deserialize(Value::Object(self.0.clone())).map_err(|error| OptionError {
            option: None,
            // serde_json names the field or the expected type here; values of the wrong type are shown by serde, so
            // a text where something else is expected is cut out.
            problem: without_quoted_values(&error.to_string()),
        })
    }

    /// The value of one option.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// serde quotes an unexpected value as `string "…"`: that may be a secret.
fn without_quoted_values(message: &str) -> String {
    match message.split_once("string \"") {
        Some((head, tail)) => {
            let rest = tail.rsplit_once("\", ").map_or("", |(_, rest)| rest);
            format!("{head}text, {rest}")
        }
        None => message.to_owned(),
    }
}

/// One value or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// `key = "a"`
    One(T),
    /// `key = ["a", "b"]`
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All of them.
    pub fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

/// One or several keys, all valid at once, so that a key can be changed without losing an event. Empty ones are dropped,
/// so that an unset variable of an old key does no harm.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Secret>);

impl Keys {
    /// The keys.
    pub fn iter(&self) -> std::slice::Iter<'_, Secret> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first key, with which the simulator signs.
    pub fn first(&self) -> Option<&Secret> {
        self.0.first()
    }

    /// An error naming `option` where there is no key.
    pub fn required(self, option: &str, hint: &str) -> Result<Self, OptionError> {
        if self.is_empty() {
            Err(OptionError::new(option, format!("no key is set; {hint}")))
        } else {
            Ok(self)
        }
    }

    /// Warnings about keys too short to be safe.
    pub fn warnings(&self) -> Vec<String> {
        let short = self.iter().filter(|key| key.expose().len() < 16).count();
        if short == 0 {
            Vec::new()
        } else {
            vec![format!("{short} key(s) shorter than 16 bytes: easily guessed")]
        }
    }
}

impl<'a> IntoIterator for &'a Keys {
    type Item = &'a Secret;
    type IntoIter = std::slice::Iter<'a, Secret>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keys = OneOrMany::<Secret>::deserialize(deserializer)
            .map_err(|_| serde::de::Error::custom("expected a text or a list of texts"))?;
        Ok(Self(keys.into_vec().into_iter().filter(|key| !key.is_empty()).collect()))
    }
}
