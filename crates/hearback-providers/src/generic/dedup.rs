//! The key under which an event counts once: a template over mapped fields, else a digest of the event.

use hearback_event::{Address, DedupKey};

use super::document::canonical;
use super::field::Field;
use super::mapping::{FIELDS, Mapping};
use super::source::{Pointer, Scene};
use super::table::{Problems, Table};
use super::template::{self, Piece};

/// How keys are made.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    template: Vec<Piece>,
    ignored: Vec<Pointer>,
}

impl Recipe {
    pub(super) fn read(table: &mut Table, mapping: &Mapping, problems: &mut Problems) -> Self {
        let text = table.text("dedup", problems);
        let template = match &text {
            Some(text) => template::parse(text).and_then(|pieces| known(pieces, mapping)),
            None if mapping.field("event_id").is_some() => template::parse("{event_id}"),
            None => Ok(Vec::new()),
        };
        let template = problems.keep("dedup", template).unwrap_or_default();
        let ignored = table.texts("dedup_ignore", problems).unwrap_or_default();
        let ignored =
            ignored.iter().filter_map(|text| problems.keep("dedup_ignore", Pointer::parse(text))).collect();
        Self { template, ignored }
    }

    /// The fields that make the key.
    pub(super) fn fields<'a>(&'a self, mapping: &'a Mapping) -> impl Iterator<Item = (&'a str, &'a Field)> {
        self.template.iter().filter_map(|piece| match piece {
            Piece::Variable(name) => Some((name.as_str(), mapping.field(name)?)),
            Piece::Text(_) => None,
        })
    }

    /// The key of an event for one recipient. `one_of_many` is set where the same element gave several events, which
    /// must not share a key.
    pub(super) fn key(
        &self,
        mapping: &Mapping,
        native: &str,
        recipient: Option<&Address>,
        one_of_many: bool,
        scene: Scene<'_>,
    ) -> DedupKey {
        let recipient = recipient.map(Address::as_str);
        let mut parts = vec![b"generic".to_vec()];
        match self.rendered(mapping, native, recipient, scene) {
            Some(rendered) => parts.extend(rendered),
            // A key with a hole in it would make different events one.
            None => parts.push(canonical(scene.event, &self.ignored).into_bytes()),
        }
        if one_of_many {
            parts.push(recipient.unwrap_or_default().as_bytes().to_vec());
        }
        DedupKey::of(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn rendered(
        &self,
        mapping: &Mapping,
        native: &str,
        recipient: Option<&str>,
        scene: Scene<'_>,
    ) -> Option<Vec<Vec<u8>>> {
        if self.template.is_empty() {
            return None;
        }
        let parts = self.template.iter().map(|piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Variable(name) => match name.as_str() {
                "type" => Some(native.to_owned()).filter(|native| !native.is_empty()),
                "recipient" => recipient.map(ToOwned::to_owned),
                name => mapping.text(name, scene),
            },
        });
        parts.map(|part| part.map(String::into_bytes)).collect()
    }
}

/// The key of what could not be read, from its bytes.
pub(super) fn key_of_bytes(bytes: &[u8]) -> DedupKey {
    DedupKey::of(&[b"generic", b"unreadable", bytes])
}

/// Refuses variables that no field gives a value.
fn known(pieces: Vec<Piece>, mapping: &Mapping) -> Result<Vec<Piece>, String> {
    let mut variables = 0;
    for piece in &pieces {
        let Piece::Variable(name) = piece else { continue };
        variables += 1;
        if name != "type" && !FIELDS.contains(&name.as_str()) {
            return Err(format!(
                "unknown variable `{{{}}}`; known are: type, {}",
                super::source::short(name),
                FIELDS.join(", ")
            ));
        }
        let is_mapped = if name == "type" { mapping.has_kind() } else { mapping.field(name).is_some() };
        if !is_mapped {
            return Err(format!("uses `{{{name}}}`, which `map` does not have"));
        }
    }
    if variables == 0 {
        return Err("a key without a variable would make all events one".to_owned());
    }
    Ok(pieces)
}
