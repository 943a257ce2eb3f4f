//! The destinations: `[destinations.NAME]`.

mod kinds;

use std::num::NonZeroU32;
use std::time::Duration;

use hearback_deliver::{BreakerRules, Destination, Filter, FilterError, Guard, Pace, Pages, Schedule};
use hearback_store::Begin;
use serde_json::{Map, Value as Json};

use super::node::{Entry, Node, Table, Value};
use super::section::{Report, Section};
use super::{DestinationConfig, Inputs, mask, parse, secrets};

/// Longest pause between two tries of one push: a week.
const PAUSE_MAX: u64 = 7 * 86_400;
/// Most tries of one push.
const TRIES_MAX: usize = 50;

/// Reads all destinations.
pub(crate) fn read(
    root: &mut Table,
    inputs: &Inputs,
    pages: &Pages,
    report: &mut Report,
) -> Vec<DestinationConfig> {
    let tables = match root.take("destinations") {
        None => return Vec::new(),
        Some(Entry { node: Node { value: Value::Table(table), .. }, .. }) => table,
        Some(Entry { name_at, .. }) => {
            report.problem(
                &name_at,
                "write one table per destination: `[destinations.crm]` and its keys below",
            );
            return Vec::new();
        }
    };
    let mut destinations = Vec::new();
    for (name, Entry { name_at, node }) in tables.iter() {
        let Value::Table(table) = &node.value else {
            let message = format!("`{name}` is a table: write `[destinations.{name}]` and its keys below");
            report.problem(name_at, message);
            continue;
        };
        if let Err(message) = parse::destination_name(name) {
            report.problem(name_at, message);
        }
        let mut table = table.clone();
        let printable = printable(&table);
        let surroundings =
            secrets::Surroundings { environment: &inputs.environment, folder: &inputs.base_folder() };
        let unresolved = secrets::resolve(&mut table, &surroundings, report);
        // Complaints about what could not be found would only repeat that.
        for path in &unresolved {
            drop(path.split(['.', '[']).next().and_then(|option| table.take(option)));
        }
        let section = Section::new(format!("[destinations.{name}]"), name_at.clone(), table, report);
        let read = destination(name, section, inputs, pages, &unresolved);
        destinations.extend(read.map(|(destination, gets_alerts)| DestinationConfig {
            destination,
            gets_alerts,
            printable,
        }));
    }
    destinations
}

/// The options as they may be printed.
fn printable(table: &Table) -> Map<String, Json> {
    let mut shown = mask::options(table);
    let is_chat = shown.get("kind").and_then(Json::as_str) == Some("slack");
    if let Some(Json::String(url)) = shown.get_mut("url")
        && !secrets::is_reference(url)
    {
        // Of a chat the path is the secret.
        *url = if is_chat { mask::HIDDEN.to_owned() } else { parse::printable_url(url) };
    }
    if let Some(Json::Object(headers)) = shown.get_mut("headers") {
        for value in headers.values_mut() {
            if !value.as_str().is_some_and(secrets::is_reference) {
                *value = mask::HIDDEN.into();
            }
        }
    }
    shown
}

fn destination(
    name: &str,
    mut section: Section<'_>,
    inputs: &Inputs,
    pages: &Pages,
    unresolved: &[String],
) -> Option<(Destination, bool)> {
    let kind = kinds::kind_of(&mut section);
    let gets_alerts = section.flag("alerts").is_some_and(|(alerts, _)| alerts);
    let alerts_only = gets_alerts && !section.has("events");
    if kind.is_some_and(kinds::can_feed_itself) && !alerts_only && !section.has("events") {
        let message = "`events` is missing: without it every event is sent on, also those of the messages that are sent here, \
                       without end; write for example events = [\"message.bounced\", \"message.complained\"], or \
                       alerts = true for alerts only";
        let place = section.place.clone();
        section.report().problem(&place, message);
    }
    let filter = filter(&mut section);
    let pace = pace(&mut section);
    let schedule = schedule(&mut section);
    let breaker = breaker(&mut section);
    let begin = section
        .text("start", |text| parse::word(text, &[("end", Begin::End), ("beginning", Begin::Beginning)]));
    // Without the kind nothing can be said about the rest.
    let kind = kind?;
    let pace = Pace { batch: kinds::batch(kind, pace.ordered, &mut section), ..pace };
    let carrier = kinds::carrier(kind, pace.batch > 1, &mut section, inputs, pages, unresolved);
    section.finish();
    let destination = Destination {
        name: name.to_owned(),
        filter,
        pace,
        schedule,
        breaker,
        begin: begin.map_or(Begin::End, |(begin, _)| begin),
        alerts_only,
        carrier: carrier?,
    };
    Some((destination, gets_alerts))
}

pub(super) fn filter(section: &mut Section<'_>) -> Filter {
    let mut filter = Filter::default();
    let explain = |error: FilterError| error.problem;
    let mut single = Filter::default();
    let types = section.list("events", |text| {
        single_type(&mut Filter::default(), text).map_err(explain)?;
        Ok(text.to_owned())
    });
    let types: Vec<String> = types.into_iter().map(|(pattern, _)| pattern).collect();
    // Each was read by itself already.
    drop(filter.set_types(&types));
    if let Some((when, _)) = section.text("when", |text| {
        single.set_when(text).map_err(explain)?;
        Ok(text.to_owned())
    }) {
        drop(filter.set_when(&when));
    }
    filter
}

fn single_type(filter: &mut Filter, text: &str) -> Result<(), FilterError> {
    filter.set_types(&[text.to_owned()])
}

fn pace(section: &mut Section<'_>) -> Pace {
    let default = Pace::default();
    let per_second = section.number("pushes_per_second", 1..=1_000_000);
    Pace {
        concurrency: section.number("concurrency", 1..=256).map_or(default.concurrency, |most| most as usize),
        per_second: per_second.and_then(|rate| NonZeroU32::new(rate as u32)),
        timeout: section.number("timeout_s", 1..=300).map_or(default.timeout, Duration::from_secs),
        ordered: section.flag("ordered").is_some_and(|(ordered, _)| ordered),
        batch: default.batch,
    }
}

fn schedule(section: &mut Section<'_>) -> Schedule {
    let Some(Node { place, value }) = section.take("retry_s") else { return Schedule::default() };
    let pause = |node: &Node| match node.value {
        Value::Integer(seconds) => u64::try_from(seconds).ok().filter(|seconds| *seconds <= PAUSE_MAX),
        _ => None,
    };
    let pauses: Option<Vec<Duration>> = match &value {
        Value::List(items) if items.len() < TRIES_MAX => {
            items.iter().map(|item| pause(item).map(Duration::from_secs)).collect()
        }
        _ => None,
    };
    pauses.map_or_else(
        || {
            let message = format!(
                "`retry_s`: expected a list of fewer than {TRIES_MAX} whole numbers from 0 to {PAUSE_MAX}, the seconds before \
                 the second try, the third and so on, such as [5, 300, 1800]"
            );
            section.report().problem(&place, message);
            Schedule::default()
        },
        Schedule::new,
    )
}

fn breaker(section: &mut Section<'_>) -> BreakerRules {
    let default = BreakerRules::default();
    let failures = section.number("failing_after", 1..=100_000);
    let probe_max =
        section.number("probe_every_s", 1..=86_400).map_or(default.probe_max, Duration::from_secs);
    BreakerRules {
        failures: failures.map_or(default.failures, |failures| failures as u32),
        probe_min: default.probe_min.min(probe_max),
        probe_max,
    }
}

/// Networks that may be connected to besides the public internet.
fn guard(section: &mut Section<'_>) -> Guard {
    let networks = section.list("allow_networks", parse::network);
    Guard::new(networks.into_iter().map(|(network, _)| network).collect())
}
