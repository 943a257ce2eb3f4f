//! `[watchdog]`: what is looked for, and by when messages are expected that say nothing themselves.

use std::time::Duration;

use hearback_server::{ExpectRule, ExpectWhich};
use hearback_watchdog::Limits;
use serde_json::{Value as Json, json};

use super::node::{Node, Table, Value};
use super::section::{Report, Section};

/// Longest expectation, in seconds: a month, as for a registered message.
const WITHIN_MAX: u64 = 31 * 86_400;

/// What `[watchdog]` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct WatchdogConfig {
    /// What is told of sources and rates.
    pub(crate) limits: Limits,
    /// By when registered messages are expected; the first that fits a message holds.
    pub(crate) expect: Vec<ExpectRule>,
}

/// Reads it.
pub(crate) fn section(root: &mut Table, report: &mut Report) -> WatchdogConfig {
    let mut section = Section::of(root, "watchdog", report);
    let default = Limits::default();
    let mut limits = Limits {
        silence: section.flag("silence").map_or(default.silence, |(on, _)| on),
        refused: section.number("refused_min", 0..=1000).map_or(default.refused, |count| count as u32),
        refused_within: section
            .number("refused_within_s", 60..=86_400)
            .map_or(default.refused_within, Duration::from_secs),
        rates: default.rates,
    };
    let rates = &mut limits.rates;
    rates.bounced = section.text("bounced_max", percent).map_or(rates.bounced, |(share, _)| share);
    rates.complained = section.text("complained_max", percent).map_or(rates.complained, |(share, _)| share);
    rates.messages_min = section.number("messages_min", 1..=1_000_000_000).unwrap_or(rates.messages_min);
    let expect = expectations(&mut section);
    section.finish();
    WatchdogConfig { limits, expect }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    let share = number.filter(|share| (0.0..=100.0).contains(share));
    share
        .map(|share| share / 100.0)
        .ok_or_else(|| "expected a percentage such as \"5 %\" or \"0.1 %\"".to_owned())
}

/// `expect = [{ label = "purpose=pre_arrival", within_s = 900 }, ...]`
fn expectations(section: &mut Section<'_>) -> Vec<ExpectRule> {
    let Some(Node { place, value }) = section.take("expect") else { return Vec::new() };
    let example = "`expect`: expected a list such as [{ label = \"purpose=pre_arrival\", within_s = 900 }, \
                   { source = \"mailgun\", within_s = 3600 }]";
    let Value::List(items) = value else {
        section.report().problem(&place, example);
        return Vec::new();
    };
    items.into_iter().filter_map(|item| expectation(item, example, section)).collect()
}

fn expectation(Node { place, value }: Node, example: &str, section: &mut Section<'_>) -> Option<ExpectRule> {
    let Value::Table(table) = value else {
        section.report().problem(&place, example);
        return None;
    };
    let mut inner = Section::new("`expect` of [watchdog]".to_owned(), place.clone(), table, section.report());
    let text = |text: &str| Ok(text.to_owned());
    let source = inner.text("source", text).map(|(name, _)| ExpectWhich::Source(name));
    let tag = inner.text("tag", text).map(|(tag, _)| ExpectWhich::Tag(tag));
    let label = inner.text("label", |text| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(ExpectWhich::Label(key.to_owned(), value.to_owned())),
        _ => Err("expected a label and its value, such as \"purpose=pre_arrival\"".to_owned()),
    });
    let within = inner.number("within_s", 1..=WITHIN_MAX);
    inner.finish();
    let mut which: Vec<ExpectWhich> =
        [source, tag, label.map(|(label, _)| label)].into_iter().flatten().collect();
    if which.len() != 1 || within.is_none() {
        section.report().problem(&place, example);
        return None;
    }
    Some(ExpectRule { which: which.pop()?, within_seconds: within? as u32 })
}

impl WatchdogConfig {
    /// As it is printed.
    pub(crate) fn to_shown(&self) -> Json {
        let Limits { silence, refused, refused_within, rates } = self.limits;
        let percent = |share: f64| format!("{} %", (share * 1e6).round() / 1e4);
        let expect: Vec<Json> = self
            .expect
            .iter()
            .map(|rule| match &rule.which {
                ExpectWhich::Source(name) => json!({ "source": name, "within_s": rule.within_seconds }),
                ExpectWhich::Tag(tag) => json!({ "tag": tag, "within_s": rule.within_seconds }),
                ExpectWhich::Label(key, value) => {
                    json!({ "label": format!("{key}={value}"), "within_s": rule.within_seconds })
                }
            })
            .collect();
        json!({
            "silence": silence,
            "refused_min": refused,
            "refused_within_s": refused_within.as_secs(),
            "bounced_max": percent(rates.bounced),
            "complained_max": percent(rates.complained),
            "messages_min": rates.messages_min,
            "expect": expect,
        })
    }
}
