//! The `map` table: which field of an event stands where.

use std::collections::BTreeMap;

use hearback_event::{Address, Channel, Timestamp, labels_from_json};
use serde_json::Value;

use super::field::Field;
use super::moment::Unit;
use super::source::{Scene, Source};
use super::table::{Problems, Table};
use crate::json;

/// Fields with one text (or a list, where lists make sense).
pub(super) const FIELDS: &[&str] = &[
    "event_id",
    "message_id",
    "recipient",
    "timestamp",
    "reason_code",
    "enhanced_code",
    "reason",
    "mta_response",
    "tags",
    "click_url",
    "user_agent",
    "ip",
    "machine",
    "subject",
    "from",
    "test",
];

/// Fields of the table `geo`; elsewhere called `geo.country` and so on.
const PLACES: &[(&str, &str)] = &[("country", "geo.country"), ("region", "geo.region"), ("city", "geo.city")];

const MOST_TAGS: usize = 100;

/// Where the labels stand.
#[derive(Clone, Debug)]
enum Metadata {
    /// In one object.
    Object(Field),
    /// Each label in its own place.
    Fields(Vec<(String, Field)>),
}

/// The compiled table.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    kind: Vec<Source>,
    pub(super) kind_join: String,
    fields: BTreeMap<&'static str, Field>,
    pub(super) unit: Unit,
    pub(super) tags_sep: Option<String>,
    metadata: Option<Metadata>,
    /// Whether several recipients are each meant, or nobody knows which of them.
    each_recipient: bool,
}

impl Mapping {
    pub(super) fn read(table: Option<Table>, problems: &mut Problems) -> Self {
        let mut table = table.unwrap_or_else(|| Table::new("map", serde_json::Map::new()));
        let kind = read_kind(&mut table, problems);
        let kind_join = table.text("type_join", problems).unwrap_or_else(|| ".".to_owned());
        let mut fields = BTreeMap::new();
        for name in FIELDS {
            if let Some(value) = table.take(name)
                && let Some(field) = problems.keep(&table.path(name), Field::read(&value))
            {
                fields.insert(*name, field);
            }
        }
        if let Some(mut geo) = table.table("geo", problems) {
            for (name, full_name) in PLACES {
                if let Some(value) = geo.take(name)
                    && let Some(field) = problems.keep(&geo.path(name), Field::read(&value))
                {
                    fields.insert(*full_name, field);
                }
            }
            geo.finish(problems);
        }
        let name = table.text("timestamp_unit", problems).unwrap_or_else(|| "auto".to_owned());
        let zone = table.text("timestamp_zone", problems);
        let unit = problems.keep(&table.path("timestamp_unit"), Unit::parse(&name, zone.as_deref()));
        let tags_sep = table.text("tags_sep", problems).filter(|separator| !separator.is_empty());
        let metadata = read_metadata(&mut table, problems);
        let several = [("each", true), ("ambiguous", false)];
        let each_recipient = table.choice("several_recipients", &several, problems).unwrap_or(true);
        table.finish(problems);
        Self { kind, kind_join, fields, unit: unit.unwrap_or(Unit::Auto), tags_sep, metadata, each_recipient }
    }

    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(name)
    }

    /// The place of the native type, where it is a single one.
    pub(super) fn kind_source(&self) -> Option<&Source> {
        if self.kind.len() == 1 { self.kind.first() } else { None }
    }

    pub(super) fn has_kind(&self) -> bool {
        !self.kind.is_empty()
    }

    pub(super) fn text(&self, name: &str, scene: Scene<'_>) -> Option<String> {
        self.fields.get(name)?.text(scene)
    }

    /// Whether a field says yes; `None` where it says nothing.
    pub(super) fn flag(&self, name: &str, scene: Scene<'_>) -> Option<bool> {
        let text = self.text(name, scene)?.to_lowercase();
        Some(matches!(text.as_str(), "true" | "1" | "yes"))
    }

    /// The sender's word for what happened: the parts that are there, joined.
    pub(super) fn native_type(&self, scene: Scene<'_>) -> String {
        let parts = self.kind.iter().filter_map(|source| json::scalar(source.value(scene)?.as_ref()));
        parts.collect::<Vec<_>>().join(&self.kind_join)
    }

    pub(super) fn occurred_at(&self, scene: Scene<'_>) -> Option<Timestamp> {
        self.unit.read(&self.text("timestamp", scene)?)
    }

    /// Every recipient, each once; texts that cannot be an address are left out.
    pub(super) fn recipients(&self, scene: Scene<'_>) -> Vec<Address> {
        let texts = self.fields.get("recipient").map(|field| field.texts(scene)).unwrap_or_default();
        let mut seen = std::collections::HashSet::new();
        texts
            .iter()
            .filter_map(|text| Address::parse(text).ok())
            .filter(|address| seen.insert(address.clone()))
            .collect()
    }

    pub(super) fn fans_out(&self) -> bool {
        self.each_recipient
    }

    pub(super) fn tags(&self, scene: Scene<'_>) -> Vec<String> {
        let texts = self.fields.get("tags").map(|field| field.texts(scene)).unwrap_or_default();
        let mut tags: Vec<String> = Vec::new();
        for text in &texts {
            let pieces: Vec<&str> = match &self.tags_sep {
                Some(separator) => text.split(separator.as_str()).map(str::trim).collect(),
                None => vec![text],
            };
            for piece in pieces {
                if !piece.is_empty() && tags.len() < MOST_TAGS && !tags.iter().any(|tag| tag == piece) {
                    tags.push(piece.to_owned());
                }
            }
        }
        tags
    }

    pub(super) fn labels(&self, scene: Scene<'_>) -> BTreeMap<String, String> {
        match &self.metadata {
            None => BTreeMap::new(),
            Some(Metadata::Fields(fields)) => {
                fields.iter().filter_map(|(name, field)| Some((name.clone(), field.text(scene)?))).collect()
            }
            Some(Metadata::Object(field)) => match field.value(scene).as_deref() {
                // Forms carry the object as text.
                Some(Value::String(text)) => {
                    labels_from_json(&super::numbers::read(text).unwrap_or_default())
                }
                Some(object) => labels_from_json(object),
                None => BTreeMap::new(),
            },
        }
    }

    /// The places of the labels, for the simulator: the object, or the place of each.
    pub(super) fn label_places(&self) -> Vec<(Option<&str>, &Field)> {
        match &self.metadata {
            None => Vec::new(),
            Some(Metadata::Object(field)) => vec![(None, field)],
            Some(Metadata::Fields(fields)) => {
                fields.iter().map(|(name, field)| (Some(name.as_str()), field)).collect()
            }
        }
    }

    /// Channel of a recipient, where none is configured.
    pub(super) fn channel_of(recipient: Option<&Address>) -> Channel {
        match recipient {
            Some(address) if address.is_phone() => Channel::Sms,
            Some(address) if address.domain().is_some() => Channel::Email,
            _ => Channel::Other,
        }
    }
}

/// `type`: one place, or several whose texts are joined.
fn read_kind(table: &mut Table, problems: &mut Problems) -> Vec<Source> {
    let path = table.path("type");
    let values = match table.take("type") {
        None => return Vec::new(),
        Some(Value::Array(values)) => values,
        Some(value) => vec![value],
    };
    values.iter().filter_map(|value| problems.keep(&path, Source::read(value))).collect()
}

fn read_metadata(table: &mut Table, problems: &mut Problems) -> Option<Metadata> {
    let path = table.path("metadata");
    match table.take("metadata")? {
        Value::Object(fields) => {
            let fields = fields.iter().filter_map(|(name, value)| {
                let field = problems.keep(&format!("{path}.{name}"), Field::read(value))?;
                Some((name.clone(), field))
            });
            Some(Metadata::Fields(fields.collect()))
        }
        value => problems.keep(&path, Field::read(&value)).map(Metadata::Object),
    }
}
