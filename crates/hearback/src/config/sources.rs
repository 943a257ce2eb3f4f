//! The sources: from `[sources.NAME]`, from well-known environment variables, or trial sources where there is neither.

use std::collections::BTreeMap;
use std::path::Path;

use hearback_providers::{PROVIDERS, Provider, provider};
use hearback_server::{Mode, UnknownMessage};
use hearback_store::SourceRef;

use super::load::warn_clear_text;
use super::node::{Entry, Node, Table, Value};
use super::section::{Report, Section, join, nearest};
use super::{Inputs, Place, SourceConfig, Trial, endpoint, parse, secrets, sending};
use crate::trial;

/// Longest body of a webhook that carries events only.
const EVENT_BODY: usize = 5 << 20;
/// Longest body where mail with attachments comes in.
const MAIL_BODY: usize = 25 << 20;

/// What the sources depend on besides their own tables.
pub(crate) struct SourceRules<'a> {
    /// Everything that has a say.
    pub(crate) inputs: &'a Inputs,
    /// Whether the server's public URL is configured.
    pub(crate) has_public_url: bool,
    /// The data folder.
    pub(crate) data: &'a Path,
}

/// Reads all sources. The flag says that they are trial sources.
pub(crate) fn read(
    root: &mut Table,
    rules: &SourceRules<'_>,
    report: &mut Report,
) -> (Vec<SourceConfig>, bool) {
    let mut tables = written(root, report);
    from_environment(&mut tables, &rules.inputs.environment, report);
    let trial = tables.is_empty();
    if trial {
        tables = trial_tables(rules, report);
    } else {
        warn_of_open_file(&tables, rules.inputs, report);
    }
    // Nobody but `hearback simulate` sends to trial sources, and it signs the local URL.
    let rules = &SourceRules { has_public_url: rules.has_public_url || trial, ..*rules };
    let mut sources = Vec::new();
    let mut paths = BTreeMap::new();
    for (name, Entry { name_at, node }) in tables {
        let Value::Table(table) = node.value else {
            let message = format!("`{name}` is a table: write `[sources.{name}]` and its keys below");
            report.problem(&name_at, message);
            continue;
        };
        let source = source(&name, name_at, table, rules, &mut paths, report);
        sources.extend(source);
    }
    if trial {
        let place = |source: &SourceConfig| {
            PROVIDERS.iter().position(|provider| provider.name() == &*source.reference.name)
        };
        sources.sort_by_key(place);
    }
    (sources, trial)
}

type Tables = BTreeMap<String, Entry>;

fn written(root: &mut Table, report: &mut Report) -> Tables {
    match root.take("sources") {
        None => Tables::new(),
        Some(Entry { node: Node { value: Value::Table(table), .. }, .. }) => {
            table.iter().map(|(name, entry)| (name.clone(), entry.clone())).collect()
        }
        Some(Entry { name_at, .. }) => {
            report.problem(&name_at, "write one table per source: `[sources.mailgun]` and its keys below");
            Tables::new()
        }
    }
}

/// Adds a source for each provider whose well-known variables are set, unless one of it is configured.
fn from_environment(tables: &mut Tables, environment: &BTreeMap<String, String>, report: &mut Report) {
    let configured: Vec<String> = tables
        .values()
        .filter_map(|entry| match &entry.node.value {
            Value::Table(table) => match &table.get("provider")?.node.value {
                Value::Text(provider) => Some(provider.clone()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    for provider in PROVIDERS {
        let set = |variable: &str| environment.get(variable).filter(|value| !value.trim().is_empty());
        let Some((first, _)) = provider.environment().first().filter(|(first, _)| set(first).is_some())
        else {
            continue;
        };
        let name = provider.name();
        if configured.iter().any(|configured| configured == name) {
            continue;
        }
        let place = Place::Environment((*first).to_owned());
        if let Some(taken) = tables.get(name) {
            let message = format!(
                "`{first}` is set, but the source `{name}` is of another provider and no source of {name} is \
                 configured; name that source otherwise, or unset the variable"
            );
            report.warning(&taken.name_at, message);
            continue;
        }
        let mut table = Table::default();
        table.set(
            "provider",
            place.clone(),
            Node { place: place.clone(), value: Value::Text(name.to_owned()) },
        );
        for (variable, option) in provider.environment() {
            if let Some(value) = set(variable) {
                let place = Place::Environment((*variable).to_owned());
                table.set(option, place.clone(), Node { place, value: Value::Text(value.clone()) });
            }
        }
        let node = Node { place: place.clone(), value: Value::Table(table) };
        tables.insert(name.to_owned(), Entry { name_at: place, node });
    }
}

fn trial_tables(rules: &SourceRules<'_>, report: &mut Report) -> Tables {
    let path = rules.data.join(trial::FILE);
    let place = Place::Path(rules.inputs.shown(&path));
    let keys = match rules.inputs.trial {
        Trial::Ignore => return Tables::new(),
        Trial::Existing => trial::read(&path),
        Trial::Make => trial::read_or_make(&path),
    };
    let keys = keys.unwrap_or_else(|problem| {
        report.problem(&place, problem);
        trial::TrialKeys::default()
    });
    let mut tables = Tables::new();
    for (name, mut options) in keys {
        options.insert("provider".to_owned(), name.as_str().into());
        let value = Value::from_json(&options.into(), &place);
        let node = Node { place: place.clone(), value };
        tables.insert(name, Entry { name_at: place.clone(), node });
    }
    tables
}

/// Warns where keys stand in a file that everybody can read.
fn warn_of_open_file(tables: &Tables, inputs: &Inputs, report: &mut Report) {
    fn holds_secret(table: &Table) -> bool {
        table.iter().any(|(name, entry)| {
            secrets::is_secret_name(name) && written_here(&entry.node)
                || match &entry.node.value {
                    Value::Table(table) => holds_secret(table),
                    Value::List(items) => items
                        .iter()
                        .any(|item| matches!(&item.value, Value::Table(table) if holds_secret(table))),
                    _ => false,
                }
        })
    }
    fn written_here(node: &Node) -> bool {
        matches!(node.place, Place::File { .. })
            && match &node.value {
                Value::Text(text) => !text.is_empty() && !secrets::is_reference(text),
                Value::List(items) => items.iter().any(written_here),
                Value::Table(table) => table.iter().any(|(_, entry)| written_here(&entry.node)),
                _ => false,
            }
    }
    let secret =
        tables.values().any(|entry| matches!(&entry.node.value, Value::Table(table) if holds_secret(table)));
    if let (true, Some(file)) = (secret, inputs.file_in_use()) {
        let place = Place::Path(inputs.shown(&file));
        secrets::warn_if_readable_by_all(&file, "the keys in this file", &place, report);
    }
}

fn source(
    name: &str,
    name_at: Place,
    table: Table,
    rules: &SourceRules<'_>,
    taken: &mut BTreeMap<String, String>,
    report: &mut Report,
) -> Option<SourceConfig> {
    if let Err(message) = parse::source_name(name) {
        report.problem(&name_at, message);
    }
    let mut section = Section::new(format!("[sources.{name}]"), name_at, table, report);
    let provider = provider_of(&mut section);
    let account = section.text("account", not_empty).map_or(name.to_owned(), |(account, _)| account);
    let mode = mode(&mut section, rules.inputs.insecure_no_verify);
    let paths = paths(name, &mut section, taken);
    let unknown_message = section.text("unknown_message", parse::unknown_message);
    let public_url = section.text("public_url", parse::full_url).map(|(url, place)| {
        warn_clear_text(&url, &place, section.report());
        url
    });
    let requests_per_second = section.number("requests_per_second", 1..=1_000_000).map(|rate| rate as u32);
    let body_max = section.size("body_max", parse::body_size);
    // Without the provider nothing can be said about the rest.
    let provider = provider?;
    let mail = takes_mail(provider, &mut section);
    if provider.signs_url() && public_url.is_none() && !rules.has_public_url {
        let message = format!(
            "{} signs the URL to which it sends: set `public_url` in [server] or [sources.{name}] to the one that it \
             is given, or every request will be refused",
            provider.title()
        );
        let place = section.place.clone();
        section.report().warning(&place, message);
    }
    let send = sending::read(name, provider, &mut section, rules.inputs);
    let title = format!("[sources.{name}]");
    let made = endpoint::make(title, section, rules.inputs, |options| {
        let endpoint = provider.endpoint(options)?;
        let warnings = endpoint.warnings();
        Ok((endpoint, warnings))
    })?;
    Some(SourceConfig {
        reference: SourceRef { name: name.into(), provider: provider.name().into(), account: account.into() },
        provider,
        options: made.options,
        printable_options: made.printable,
        keys: made.keys,
        endpoint: made.built,
        paths,
        mode,
        unknown_message: unknown_message.map_or(UnknownMessage::Store, |(rule, _)| rule),
        body_bytes_max: body_max.unwrap_or(if mail { MAIL_BODY } else { EVENT_BODY }),
        requests_per_second,
        public_url,
        send,
    })
}

fn provider_of(section: &mut Section<'_>) -> Option<&'static dyn Provider> {
    let names: Vec<&str> = PROVIDERS.iter().map(|provider| provider.name()).collect();
    if !section.has("provider") {
        let place = section.place.clone();
        let message = format!("`provider` is missing; it is one of {}", join(&names));
        section.report().problem(&place, message);
    }
    let known = |text: &str| {
        provider(text).ok_or_else(|| match nearest(text, &names) {
            Some(nearest) => format!("there is no such provider; did you mean \"{nearest}\"?"),
            None => format!("there is no such provider; known are {}", join(&names)),
        })
    };
    section.text("provider", known).map(|(provider, _)| provider)
}

fn mode(section: &mut Section<'_>, insecure: bool) -> Mode {
    let Some((mode, place)) = section.text("mode", parse::mode) else { return Mode::Enforce };
    if mode == Mode::Off && !insecure {
        let message = "`mode = \"off\"` accepts whatever anybody sends; \"shadow\" accepts and still checks. If you mean \
                       it, start with `--insecure-no-verify` on the command line";
        section.report().problem(&place, message);
    }
    mode
}

fn takes_mail(provider: &dyn Provider, section: &mut Section<'_>) -> bool {
    match section.flag("inbound") {
        Some((true, place)) if !provider.takes_inbound_mail() => {
            let message = format!("{} sends no inbound mail here; leave `inbound` out", provider.title());
            section.report().problem(&place, message);
            false
        }
        Some((inbound, _)) => inbound,
        None => provider.takes_inbound_mail(),
    }
}

/// The further paths, after making sure that no other source answers on any of the source's paths.
fn paths(name: &str, section: &mut Section<'_>, taken: &mut BTreeMap<String, String>) -> Vec<String> {
    let own = (format!("/webhooks/{name}"), section.place.clone());
    let further = section.list("paths", parse::http_path);
    for (path, place) in std::iter::once(&own).chain(&further) {
        let key = path.trim_end_matches('/').to_owned();
        match taken.get(&key) {
            // Listed twice, or its own: said twice, and true.
            Some(other) if other == name => {}
            Some(other) => {
                let message =
                    format!("`{path}` is a path of the source `{other}` already; every source needs its own");
                section.report().problem(place, message);
            }
            None => drop(taken.insert(key, name.to_owned())),
        }
    }
    further.into_iter().map(|(path, _)| path).collect()
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("is empty; leave it out".to_owned()) } else { Ok(text.trim().to_owned()) }
}
