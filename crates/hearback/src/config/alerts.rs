//! The rules of alerts: `[alerts.NAME]`, over those that there are by default.

use std::time::Duration;

use hearback_alert::{Fallback, QuietError, QuietHours, Rule, default_rules};
use hearback_deliver::{Filter, FilterError, Template};
use hearback_event::Urgency;
use serde_json::{Value as Json, json};

use super::node::{Entry, Node, Table, Value};
use super::section::{Report, Section, nearest};
use super::{DestinationConfig, destinations, parse};

/// What a rule names that has no time zone.
const UTC: &str = "UTC";
/// A week, in seconds.
const WEEK: u64 = 7 * 86_400;

/// Reads all rules.
pub(crate) fn read(root: &mut Table, known: &[DestinationConfig], report: &mut Report) -> Vec<Rule> {
    let to: Vec<String> =
        known.iter().filter(|one| one.gets_alerts).map(|one| one.destination.name.clone()).collect();
    let mut rules = default_rules();
    for rule in &mut rules {
        rule.to.clone_from(&to);
    }
    let tables = match root.take("alerts") {
        None => return rules,
        Some(Entry { node: Node { value: Value::Table(table), .. }, .. }) => table,
        Some(Entry { name_at, .. }) => {
            report.problem(&name_at, "write one table per rule: `[alerts.bounces]` and its keys below");
            return rules;
        }
    };
    for (name, Entry { name_at, node }) in tables.iter() {
        let Value::Table(table) = &node.value else {
            let message = format!("`{name}` is a table: write `[alerts.{name}]` and its keys below");
            report.problem(name_at, message);
            continue;
        };
        if let Err(message) = parse::destination_name(name) {
            report.problem(name_at, message);
        }
        let before = rules.iter().position(|rule| rule.name == *name).map(|at| rules.remove(at));
        let section = Section::new(format!("[alerts.{name}]"), name_at.clone(), table.clone(), report);
        rules.extend(rule(name, before, &to, known, section));
    }
    rules
}

fn rule(
    name: &str,
    before: Option<Rule>,
    everybody: &[String],
    known: &[DestinationConfig],
    mut section: Section<'_>,
) -> Option<Rule> {
    let is_on = section.flag("enabled").is_none_or(|(on, _)| on);
    let is_new = before.is_none();
    let mut rule = before.or_else(|| Rule::new(name, &[], None, Urgency::default()).ok())?;
    if is_new && is_on && !section.has("events") {
        let message =
            "`events` is missing: which events raise the alert, such as events = [\"message.failed\"]";
        let place = section.place.clone();
        section.report().problem(&place, message);
    }
    if section.has("events") || section.has("when") {
        rule.filter = filter(&mut section, &rule.filter);
    }
    rule.to = if section.has("to") {
        section.list("to", |text| destination(text, known)).into_iter().map(|(to, _)| to).collect()
    } else {
        everybody.to_vec()
    };
    let words = [("info", Urgency::Info), ("warning", Urgency::Warning), ("critical", Urgency::Critical)];
    if let Some((urgency, _)) = section.text("urgency", |text| parse::word(text, &words)) {
        rule.urgency = urgency;
    }
    rule.text = section.text("text", template).map(|(text, _)| text);
    let pacing = &mut rule.pacing;
    pacing.burst = section.number("burst", 0..=100_000).map_or(pacing.burst, |burst| burst as u32);
    pacing.window = section.number("window_s", 1..=WEEK).map_or(pacing.window, Duration::from_secs);
    pacing.interval = section.number("interval_s", 0..=WEEK).map_or(pacing.interval, Duration::from_secs);
    rule.quiet = quiet(&mut section);
    if let Some(hours) = section.number("resolve_after_h", 1..=24 * 90) {
        rule.resolve_after = Duration::from_hours(hours);
    }
    rule.tell_resolved = section.flag("tell_resolved").is_none_or(|(tell, _)| tell);
    rule.fallback = fallback(name, known, &mut section);
    section.finish();
    is_on.then_some(rule)
}

/// The types and the condition; what is not said stays as it was.
fn filter(section: &mut Section<'_>, before: &Filter) -> Filter {
    let (has_events, has_when) = (section.has("events"), section.has("when"));
    let mut filter = destinations::filter(section);
    if !has_events {
        // Each was read already.
        drop(filter.set_types(before.types()));
    }
    if let Some(when) = before.when().filter(|_| !has_when && !has_events) {
        drop(filter.set_when(when));
    }
    filter
}

fn template(text: &str) -> Result<Template, String> {
    Template::parse(text).map_err(|FilterError { problem }| problem)
}

fn destination(text: &str, known: &[DestinationConfig]) -> Result<String, String> {
    let names: Vec<&str> = known.iter().map(|one| one.destination.name.as_str()).collect();
    if names.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(match nearest(text, &names) {
        Some(nearest) => format!("there is no destination `{text}`; did you mean `{nearest}`?"),
        None => format!("there is no destination `{text}`: it needs a table [destinations.{text}]"),
    })
}

fn quiet(section: &mut Section<'_>) -> Option<QuietHours> {
    let zone_at = section.place_of("time_zone");
    let zone = section.text("time_zone", |text| Ok(text.to_owned())).map_or(UTC.to_owned(), |(zone, _)| zone);
    let (hours, place) = section.text("quiet_hours", |text| Ok(text.to_owned()))?;
    match QuietHours::parse(&hours, &zone) {
        Ok(quiet) => Some(quiet),
        Err(QuietError::Hours) => {
            section
                .report()
                .problem(&place, "`quiet_hours`: expected two times of the day such as \"22:00-07:00\"");
            None
        }
        Err(QuietError::Zone) => {
            let message = format!(
                "`time_zone`: there is no time zone `{zone}`; expected one such as \"Europe/Berlin\""
            );
            section.report().problem(&zone_at, message);
            None
        }
    }
}

fn fallback(name: &str, known: &[DestinationConfig], section: &mut Section<'_>) -> Option<Fallback> {
    let Node { place, value } = section.take("fallback")?;
    let Value::Table(table) = value else {
        let message = "`fallback` is a table: { to = \"sms\", label = \"booking_id\", text = \"...\" }";
        section.report().problem(&place, message);
        return None;
    };
    let mut inner = Section::new(format!("[alerts.{name}.fallback]"), place, table, section.report());
    let of_kind = |text: &str| {
        let name = destination(text, known)?;
        let found = known.iter().find(|one| one.destination.name == name);
        match found.map(|one| one.destination.carrier.kind()) {
            Some("sms") => Ok(name),
            _ => Err(format!("`{text}` is no destination of the kind sms")),
        }
    };
    let missing: Vec<&str> = ["to", "label", "text"].into_iter().filter(|key| !inner.has(key)).collect();
    if !missing.is_empty() {
        let message = format!("`fallback` lacks {}", super::section::join(&missing));
        let place = inner.place.clone();
        inner.report().problem(&place, message);
    }
    let to = inner.text("to", of_kind);
    let label = inner.text("label", |text| Ok(text.to_owned()));
    let text = inner.text("text", template);
    let per_hour = inner.number("per_hour", 1..=100_000).unwrap_or(100) as u32;
    inner.finish();
    Some(Fallback { to: to?.0, label: label?.0, text: text?.0, per_hour })
}

/// A rule as it is printed.
pub(crate) fn shown(rule: &Rule) -> Json {
    json!({
        "events": rule.filter.types(),
        "when": rule.filter.when(),
        "to": rule.to,
        "urgency": rule.urgency.name(),
        "text": rule.text.as_ref().map(Template::source),
        "burst": rule.pacing.burst,
        "window_s": rule.pacing.window.as_secs(),
        "interval_s": rule.pacing.interval.as_secs(),
        "quiet_hours": rule.quiet.as_ref().map(QuietHours::hours),
        "time_zone": rule.quiet.as_ref().map(QuietHours::zone),
        "resolve_after_h": rule.resolve_after.as_secs() / 3600,
        "tell_resolved": rule.tell_resolved,
        "fallback": rule.fallback.as_ref().map(|fallback| json!({
            "to": fallback.to, "label": fallback.label, "text": fallback.text.source(), "per_hour": fallback.per_hour,
        })),
    })
}
