//! The members of a JSON object that describes a message, read strictly: each mistake is named with its field and with what was expected.

use std::collections::BTreeMap;
use std::sync::Arc;

use hearback_event::{Address, Label, labels_from_json};
use serde_json::{Map, Value};

use crate::Source;
use crate::problem::{Outcome, Problem};

/// Bounds, in bytes unless said otherwise.
pub(super) const KEY_MAX: usize = 256;
pub(super) const SUBJECT_MAX: usize = 2000;
pub(super) const USER_ID_MAX: usize = 256;
const TAG_MAX: usize = 256;
const LABEL_MAX: usize = 4096;
const TAGS: usize = 32;
const LABELS: usize = 64;
/// Longest expectation: a month.
const EXPECT_SECONDS_MAX: u64 = 31 * 86_400;

/// The members, each of which is known.
pub(super) struct Members(Map<String, Value>);

impl Members {
    /// Reads an object whose members have only these names.
    pub(super) fn read(body: &[u8], known: &[&str]) -> Outcome<Self> {
        let members = match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(members)) => Self(members),
            Ok(_) => {
                return Err(Problem::bad_field("body", "a JSON object", "the body is JSON, but no object"));
            }
            Err(error) => {
                return Err(Problem::bad_field(
                    "body",
                    "a JSON object",
                    format!("the body is no JSON: {error}"),
                ));
            }
        };
        members.are_among(known)?;
        Ok(members)
    }

    fn are_among(&self, known: &[&str]) -> Outcome<()> {
        let Some(name) = self.0.keys().find(|name| !known.contains(&name.as_str())) else { return Ok(()) };
        let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        let known = known.join(", ");
        let detail = format!("unknown member `{name}`; known are: {known}");
        Err(Problem::bad_field(&name, format!("members: {known}"), detail))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text without control characters, of at most so many bytes.
    pub(super) fn text(&self, name: &str, most: usize) -> Outcome<Option<String>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let good =
            |text: &&str| !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control);
        let text = value.as_str().filter(good).ok_or_else(|| {
            let expected = format!("a text of 1 to {most} bytes without control characters");
            Problem::bad_field(name, expected.clone(), format!("`{name}` is not {expected}"))
        })?;
        Ok(Some(text.to_owned()))
    }

    /// A text of any length that may have lines.
    pub(super) fn lines(&self, name: &str) -> Outcome<Option<String>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let odd = |letter: char| letter.is_control() && !"\n\r\t".contains(letter);
        let good = |text: &&str| !text.trim().is_empty() && !text.contains(odd);
        let text = value.as_str().filter(good).ok_or_else(|| {
            let expected = "a text that is not blank, without control characters but for the ends of lines";
            Problem::bad_field(name, expected, format!("`{name}` is not {expected}"))
        })?;
        Ok(Some(text.to_owned()))
    }

    /// Whether it is true; not, where it is left out.
    pub(super) fn flag(&self, name: &str) -> Outcome<bool> {
        let Some(value) = self.get(name) else { return Ok(false) };
        let bad = || Problem::bad_field(name, "true or false", format!("`{name}` is neither true nor false"));
        value.as_bool().ok_or_else(bad)
    }
}

/// The one of `sources` that `source` or `provider` names, or the only one.
pub(super) fn source(members: &Members, sources: &[Arc<Source>]) -> Outcome<Arc<Source>> {
    let (name, provider) = (members.text("source", 128)?, members.text("provider", 128)?);
    let (field, given) =
        if provider.is_some() && name.is_none() { ("provider", &provider) } else { ("source", &name) };
    let fits = |source: &&Arc<Source>| {
        name.as_ref().is_none_or(|name| **name == *source.reference.name)
            && provider.as_ref().is_none_or(|provider| **provider == *source.reference.provider)
    };
    let mut fitting = sources.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(source), None) => Ok(Arc::clone(source)),
        (first, _) => {
            let names: Vec<&str> = sources.iter().map(|source| &*source.reference.name).collect();
            let problem = match (first, given) {
                (None, None) => "no source is configured".to_owned(),
                (None, Some(_)) => format!("no source fits `{field}`"),
                (Some(_), None) => {
                    "there are several sources; say which one will tell of the message".to_owned()
                }
                (Some(_), Some(_)) => format!("several sources fit `{field}`; say which one with `source`"),
            };
            let expected = format!("one of the sources: {}", names.join(", "));
            Err(Problem::bad_field(field, expected, problem))
        }
    }
}

/// The address in the member of that name.
pub(super) fn recipient(members: &Members, name: &str) -> Outcome<Address> {
    let expected = "an e-mail address, a number such as +15551234567, or a messenger's id";
    let text = members.get(name).and_then(Value::as_str).unwrap_or_default();
    Address::parse(text).map_err(|error| Problem::bad_field(name, expected, format!("`{name}`: {error}")))
}

/// Within how many seconds it should be delivered.
pub(super) fn expectation(members: &Members) -> Outcome<Option<u32>> {
    const NAME: &str = "expect_delivered_within";
    let Some(value) = members.get(NAME) else { return Ok(None) };
    let seconds = value.as_u64().filter(|seconds| (1..=EXPECT_SECONDS_MAX).contains(seconds));
    let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok()).ok_or_else(|| {
        let expected = format!("whole seconds from 1 to {EXPECT_SECONDS_MAX}");
        Problem::bad_field(NAME, expected.clone(), format!("`{NAME}` is not {expected}"))
    })?;
    Ok(Some(seconds))
}

/// What is attached to it.
pub(super) fn labels(members: &Members) -> Outcome<BTreeMap<String, String>> {
    let expected = format!(
        "at most {LABELS} labels with keys of 1 to {} bytes and values of at most {LABEL_MAX} bytes",
        Label::LONGEST_KEY
    );
    let bad = |problem: &str| Problem::bad_field("labels", expected.clone(), format!("`labels`: {problem}"));
    let Some(value) = members.get("labels") else { return Ok(BTreeMap::new()) };
    let Value::Object(given) = value else { return Err(bad("no JSON object")) };
    let labels = labels_from_json(value);
    if given.len() > LABELS {
        return Err(bad("too many of them"));
    }
    if given.iter().filter(|(_, value)| !value.is_null()).count() > labels.len() {
        return Err(bad("a key is empty or too long"));
    }
    if labels.contains_key(Label::MESSAGE_ID) {
        return Err(bad(
            "`hearback_id` is for what the provider echoes; the message's own name is its `key`",
        ));
    }
    if labels.values().any(|value| value.len() > LABEL_MAX) {
        return Err(bad("a value is too long"));
    }
    Ok(labels)
}

/// Its tags, each once.
pub(super) fn tags(members: &Members) -> Outcome<Vec<String>> {
    let bad = || {
        let expected = format!("a list of at most {TAGS} texts of 1 to {TAG_MAX} bytes");
        Problem::bad_field("tags", expected.clone(), format!("`tags` is not {expected}"))
    };
    let Some(value) = members.get("tags") else { return Ok(Vec::new()) };
    let given = value.as_array().filter(|tags| tags.len() <= TAGS).ok_or_else(bad)?;
    let mut tags = Vec::with_capacity(given.len());
    for tag in given {
        let good = |tag: &&str| !tag.is_empty() && tag.len() <= TAG_MAX && !tag.chars().any(char::is_control);
        let tag = tag.as_str().filter(good).ok_or_else(bad)?;
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    Ok(tags)
}
