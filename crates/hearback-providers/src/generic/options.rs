//! From the table of options to a compiled endpoint, with every problem in it reported at once.

use hearback_event::Channel;

use super::answers::Answers;
use super::auth::Auth;
use super::dedup::Recipe;
use super::document::{Format, Shape};
use super::mapping::Mapping;
use super::normalise::Reading;
use super::source::Source;
use super::table::{Problems, Table};
use super::types::Types;
use super::{auth_options, handshake};
use crate::{Contract, OptionError, Options};

/// Everything that is configured for one endpoint, compiled.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) methods: Vec<String>,
    pub(super) max_body: usize,
    pub(super) handshakes: Vec<handshake::Rule>,
    pub(super) auth: Auth,
    pub(super) reading: Reading,
    pub(super) answers: Answers,
    pub(super) warnings: Vec<String>,
}

const DEFAULT_MAX_BODY: u64 = 1 << 20;
const LARGEST_MAX_BODY: u64 = 64 << 20;

impl Config {
    /// Reads the options.
    pub(super) fn read(options: &Options, contract: &Contract) -> Result<Self, Vec<OptionError>> {
        let fields = options.read::<serde_json::Map<_, _>>().map_err(|error| vec![error])?;
        let mut table = Table::new("", fields);
        let mut problems = Problems::default();
        let config = Self::compile(&mut table, contract, &mut problems);
        table.finish(&mut problems);
        if problems.errors.is_empty() {
            Ok(Self { warnings: problems.warnings, ..config })
        } else {
            Err(problems.errors)
        }
    }

    fn compile(table: &mut Table, contract: &Contract, problems: &mut Problems) -> Self {
        let shape = Shape::read(table, problems);
        let methods = read_methods(table, shape.format, problems);
        let max_body = table.integer("max_body", 1..=LARGEST_MAX_BODY, problems).unwrap_or(DEFAULT_MAX_BODY);
        let rules = table.tables("handshake", problems);
        let handshakes = rules.into_iter().filter_map(|rule| handshake::Rule::read(rule, problems)).collect();
        let by_query = methods.iter().any(|method| method == "GET");
        let auth = auth_options::read(table, by_query, problems);
        let map = table.table("map", problems);
        let mapping = Mapping::read(map, problems);
        let names = table.table("types", problems);
        let rules = table.tables("refine", problems);
        let types = Types::read(names, rules, problems);
        let dedup = Recipe::read(table, &mapping, problems);
        let channel = read_channel(table, problems);
        warn_of_unsigned_key(&dedup, &mapping, &auth, problems);
        let answers = Answers::read(table, contract, problems);
        for words_for_people in ["docs_url", "notes"] {
            table.text(words_for_people, problems);
        }
        warn_of_gaps(&mapping, &types, problems);
        let reading = Reading { shape, mapping, types, dedup, channel };
        let max_body = usize::try_from(max_body).unwrap_or(usize::MAX);
        Self { methods, max_body, handshakes, auth, reading, answers, warnings: Vec::new() }
    }
}

/// What works and tells nothing.
fn warn_of_gaps(mapping: &Mapping, types: &Types, problems: &mut Problems) {
    if types.is_empty() {
        problems.warn("types", "nothing is mapped: every event is stored as `unknown`");
    }
    if !types.is_empty() && !mapping.has_kind() {
        problems.warn("map.type", "is not set, so the names in `types` are never found");
    }
    for (name, lack) in [
        ("message_id", "events cannot be joined to messages"),
        ("recipient", "no recipient's state is known"),
    ] {
        if mapping.field(name).is_none() {
            problems.warn(&format!("map.{name}"), &format!("is not set: {lack}"));
        }
    }
}

/// A key that anybody can change lets a captured request count again.
fn warn_of_unsigned_key(dedup: &Recipe, mapping: &Mapping, auth: &Auth, problems: &mut Problems) {
    for (name, field) in dedup.fields(mapping) {
        let outside = |source: &&Source| matches!(source, Source::Header(_) | Source::Query(_));
        if field.sources().iter().filter(outside).any(|source| !auth.signs(source)) {
            let warning =
                "makes the key of an event and is not signed: a captured request counts again under another";
            problems.warn(&format!("map.{name}"), warning);
        }
    }
}

fn read_methods(table: &mut Table, format: Format, problems: &mut Problems) -> Vec<String> {
    let default = if format == Format::Query { "GET" } else { "POST" };
    let methods = table.texts("methods", problems).unwrap_or_else(|| vec![default.to_owned()]);
    let methods: Vec<_> = methods.into_iter().map(|method| method.to_ascii_uppercase()).collect();
    let known = ["POST", "GET", "PUT"];
    if methods.is_empty() || methods.iter().any(|method| !known.contains(&method.as_str())) {
        problems.error("methods", format!("expected some of: {}", known.join(", ")));
    }
    methods
}

fn read_channel(table: &mut Table, problems: &mut Problems) -> Option<Channel> {
    let name = table.text("channel", problems)?;
    problems.keep("channel", name.parse::<Channel>().map_err(|error| error.to_string()))
}
