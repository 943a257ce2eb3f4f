//! What is embedded in a message, within what the provider takes.

use std::collections::BTreeMap;

use hearback_event::{Label, MessageId};

/// The label `hearback_id`, then the sender's own. What a provider would refuse is left out: the message is known with all of its labels
/// here, and is found by the first one.
pub(crate) struct Labels<'a> {
    id: String,
    labels: &'a BTreeMap<String, String>,
}

impl<'a> Labels<'a> {
    pub(super) fn new(id: MessageId, labels: &'a BTreeMap<String, String>) -> Self {
        Self { id: id.to_string(), labels }
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        std::iter::once((Label::MESSAGE_ID, self.id.as_str())).chain(own)
    }

    /// Those that fit, as many as there is room for: `bytes` of names and values.
    pub(crate) fn within(&self, mut bytes: usize, fits: impl Fn(&str, &str) -> bool) -> Vec<(&str, &str)> {
        let mut kept = Vec::new();
        for (key, value) in self.all().filter(|(key, value)| fits(key, value)) {
            if let Some(left) = bytes.checked_sub(key.len() + value.len()) {
                bytes = left;
                kept.push((key, value));
            }
        }
        kept
    }
}

/// As a JSON object.
pub(crate) fn object(labels: &[(&str, &str)]) -> serde_json::Value {
    labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
