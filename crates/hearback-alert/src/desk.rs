//! What is decided: pure, of what is known and what happened.

use std::collections::{BTreeMap, BTreeSet};

use hearback_event::{Address, Alert, AlertState, Channel, Origin, Record, Share, Timestamp};
use hearback_store::AlertItem;
use serde::{Deserialize, Serialize};

use crate::letter::{Letter, Purpose};
use crate::rule::Rule;
use crate::subject::{self, Subject};
use crate::text;

/// So many reasons and domains are told of many.
const TOP: usize = 3;
/// More different reasons or domains are not counted apart.
const DIFFERENT: usize = 200;

/// What is kept from one step to the next, besides the alerts themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notes {
    /// The newest number.
    pub(crate) last_id: u64,
    /// How often was told, by rule.
    pub(crate) told: BTreeMap<String, Told>,
    /// What is to be told, in this order.
    pub(crate) letters: Vec<Letter>,
}

/// How often was told under a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// When the window began; none where there is none yet.
    window_from: Option<Timestamp>,
    /// How often in it.
    count: u32,
    /// When last.
    last_at: Option<Timestamp>,
    /// What waits to be told together.
    pub(crate) sum: Option<Sum>,
    /// The hour (since 1970) of the last text in the place of a mail, and how many were sent in it.
    texts: (i64, u32),
}

/// What waits to be told together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sum {
    /// The alert that sums it up.
    pub(crate) id: u64,
    reasons: BTreeMap<String, u64>,
    domains: BTreeMap<String, u64>,
}

/// One step.
pub(crate) struct Desk<'a> {
    rules: &'a [Rule],
    now: Timestamp,
    /// As they were, and as they are to be written down.
    pub(crate) notes: Notes,
    items: BTreeMap<u64, AlertItem>,
    changed: BTreeSet<u64>,
}

impl<'a> Desk<'a> {
    /// With whatever is known of the alerts that may be meant.
    pub(crate) fn new(rules: &'a [Rule], notes: Notes, items: Vec<AlertItem>, now: Timestamp) -> Self {
        let items = items.into_iter().map(|item| (item.id, item)).collect();
        Self { rules, now, notes, items, changed: BTreeSet::new() }
    }

    /// What is to be written down.
    pub(crate) fn finish(mut self) -> (Notes, Vec<AlertItem>) {
        let changed = self.changed.iter().filter_map(|id| self.items.remove(id)).collect();
        (self.notes, changed)
    }

    /// One more event of the log.
    pub(crate) fn take(&mut self, record: &Record) {
        let kind = record.event.kind;
        if subject::ENDS.contains(&kind) {
            for subject in subject::candidates(record) {
                let over = self.standing(|item| item.subject == subject && subject::is_end(kind, item.kind));
                for id in over {
                    self.resolve(id, kind.name(), true);
                }
            }
        }
        // What was brought in from elsewhere is old, and tests are tests.
        if record.event.test || matches!(record.origin, Origin::Import | Origin::Backfill) || kind.is_alert()
        {
            return;
        }
        for rule in self.rules {
            if rule.filter.wants(record).is_ok() {
                self.occur(rule, record);
            }
        }
    }

    fn standing(&self, is_meant: impl Fn(&AlertItem) -> bool) -> Vec<u64> {
        let standing = self.items.values().filter(|item| item.state != AlertState::Resolved);
        standing.filter(|item| is_meant(item)).map(|item| item.id).collect()
    }

    fn occur(&mut self, rule: &Rule, record: &Record) {
        let subject = subject::subject(record);
        let at = record.occurred_at();
        if let Some(id) = self.standing(|item| item.rule == rule.name && item.subject == subject).first() {
            // Told already, or about to be: never twice.
            if let Some(item) = self.change(*id) {
                item.count += 1;
                item.last_at = item.last_at.max(at);
            }
            return;
        }
        let now = self.now;
        let told = self.notes.told.entry(rule.name.clone()).or_default();
        let window_from = match told.window_from {
            Some(from) if now < text::later(from, rule.pacing.window) && now >= from => from,
            _ => {
                told.count = 0;
                now
            }
        };
        told.window_from = Some(window_from);
        let is_alone = told.sum.is_none() && told.count < rule.pacing.burst && may_tell(rule, told, now);
        if is_alone {
            told.count += 1;
            told.last_at = Some(now);
        }
        let id = self.add(rule, record, subject);
        if is_alone {
            self.raise(rule, id, Vec::new(), Vec::new());
        } else {
            self.sum_up(rule, record, id);
        }
        self.text_instead(rule, record, id);
    }

    /// A new alert.
    fn add(&mut self, rule: &Rule, record: &Record, subject: Subject) -> u64 {
        self.notes.last_id += 1;
        let id = self.notes.last_id;
        let item = AlertItem {
            id,
            rule: rule.name.clone(),
            subject,
            sums_up: false,
            part_of: None,
            urgency: rule.urgency,
            kind: record.event.kind,
            cause: record.position,
            first_at: record.occurred_at(),
            last_at: record.occurred_at(),
            count: 1,
            parts_left: 0,
            state: AlertState::Open,
            acknowledged: None,
            resolved: None,
            told: Vec::new(),
        };
        self.items.insert(id, item);
        self.changed.insert(id);
        id
    }

    /// Puts an alert under the one that sums up what waits.
    fn sum_up(&mut self, rule: &Rule, record: &Record, part: u64) {
        let waiting = self.notes.told.get(&rule.name).and_then(|told| told.sum.as_ref()).map(|sum| sum.id);
        let id = waiting.unwrap_or_else(|| {
            let id = self.add(rule, record, subject::of_sum(&rule.name, record.position));
            if let Some(item) = self.items.get_mut(&id) {
                (item.count, item.sums_up) = (0, true);
            }
            id
        });
        let told = self.notes.told.entry(rule.name.clone()).or_default();
        let sum =
            told.sum.get_or_insert_with(|| Sum { id, reasons: BTreeMap::new(), domains: BTreeMap::new() });
        count(&mut sum.reasons, text::reason(&record.event));
        count(&mut sum.domains, record.event.recipient.as_ref().and_then(Address::domain).map(str::to_owned));
        let at = record.occurred_at();
        if let Some(whole) = self.change(id) {
            whole.count += 1;
            whole.parts_left += 1;
            whole.last_at = whole.last_at.max(at);
            whole.first_at = whole.first_at.min(at);
        }
        if let Some(part) = self.change(part) {
            part.part_of = Some(id);
        }
    }

    /// A text to the recipient himself, where the rule wants it.
    fn text_instead(&mut self, rule: &Rule, record: &Record, id: u64) {
        let Some(fallback) = &rule.fallback else { return };
        let hour = self.now.hour();
        let has_label = record.event.labels.contains_key(&fallback.label);
        if record.event.channel != Channel::Email || !has_label {
            return;
        }
        let told = self.notes.told.entry(rule.name.clone()).or_default();
        let sent = if told.texts.0 == hour { told.texts.1 } else { 0 };
        if sent >= fallback.per_hour {
            tracing::warn!(rule = rule.name, "no more texts are sent in the place of mails in this hour");
            return;
        }
        told.texts = (hour, sent + 1);
        let Some(item) = self.items.get(&id) else { return };
        let alert = Alert { to: vec![fallback.to.clone()], fallback: true, ..alert_of(rule, item) };
        self.notes.letters.push(Letter {
            purpose: Purpose::Fallback,
            cause: item.cause,
            not_before: self.now,
            alert,
        });
    }

    /// Tells what waited long enough.
    pub(crate) fn settle(&mut self) {
        for rule in self.rules {
            let Some(told) = self.notes.told.get_mut(&rule.name) else { continue };
            let window_ends = told.window_from.map(|from| text::later(from, rule.pacing.window));
            let is_time = told.count < rule.pacing.burst || window_ends.is_none_or(|ends| self.now >= ends);
            if told.sum.is_none() || !is_time || !may_tell(rule, told, self.now) {
                continue;
            }
            let Some(sum) = told.sum.take() else { continue };
            // If more come, they are told together again.
            (told.window_from, told.count, told.last_at) =
                (Some(self.now), rule.pacing.burst, Some(self.now));
            let is_over = self.items.get(&sum.id).is_some_and(|item| item.parts_left == 0);
            if is_over {
                self.resolve(sum.id, "over before it was told", false);
            } else {
                self.raise(rule, sum.id, top(sum.reasons), top(sum.domains));
            }
        }
    }

    fn raise(&mut self, rule: &Rule, id: u64, reasons: Vec<Share>, domains: Vec<Share>) {
        let now = self.now;
        let Some(item) = self.change(id) else { return };
        item.told.push((now, rule.to.clone()));
        let mut alert = alert_of(rule, item);
        if alert.count > 1 {
            (alert.reasons, alert.domains) = (reasons, domains);
        }
        let cause = item.cause;
        self.notes.letters.push(Letter { purpose: Purpose::Raised, cause, not_before: now, alert });
    }

    /// An alert is over, as `by` says.
    pub(crate) fn resolve(&mut self, id: u64, by: &str, tell: bool) {
        let now = self.now;
        let Some(item) = self.change(id) else { return };
        if item.state == AlertState::Resolved {
            return;
        }
        item.state = AlertState::Resolved;
        item.resolved = Some((now, by.to_owned()));
        let item = item.clone();
        if let Some(rule) =
            self.rules.iter().find(|rule| rule.name == item.rule && rule.tell_resolved && tell)
            && !item.told.is_empty()
        {
            let not_before = rule.quiet.as_ref().and_then(|quiet| quiet.end(now)).unwrap_or(now);
            let letter = Letter {
                purpose: Purpose::Resolved,
                cause: item.cause,
                not_before,
                alert: alert_of(rule, &item),
            };
            self.notes.letters.push(letter);
        }
        let is_waiting =
            |id: u64| self.notes.told.values().any(|told| told.sum.as_ref().is_some_and(|sum| sum.id == id));
        let Some(whole) = item.part_of else { return };
        let waits = is_waiting(whole);
        let Some(whole) = self.change(whole) else { return };
        whole.parts_left = whole.parts_left.saturating_sub(1);
        if whole.parts_left == 0 && !waits {
            let id = whole.id;
            self.resolve(id, by, tell);
        }
    }

    fn change(&mut self, id: u64) -> Option<&mut AlertItem> {
        let item = self.items.get_mut(&id)?;
        self.changed.insert(id);
        Some(item)
    }
}

/// Whether anything may be told now.
fn may_tell(rule: &Rule, told: &Told, now: Timestamp) -> bool {
    let is_quiet = rule.quiet.as_ref().is_some_and(|quiet| quiet.end(now).is_some());
    // A clock that was set back must not silence anything.
    let too_soon =
        told.last_at.is_some_and(|last| now >= last && now < text::later(last, rule.pacing.interval));
    !is_quiet && !too_soon
}

fn alert_of(rule: &Rule, item: &AlertItem) -> Alert {
    Alert {
        id: item.id,
        rule: rule.name.clone(),
        urgency: item.urgency,
        count: item.count.max(1),
        first_at: item.first_at,
        last_at: item.last_at,
        to: rule.to.clone(),
        cause: None,
        reasons: Vec::new(),
        domains: Vec::new(),
        fallback: false,
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: Option<String>) {
    let Some(name) = name else { return };
    if counts.len() < DIFFERENT || counts.contains_key(&name) {
        *counts.entry(name).or_default() += 1;
    }
}

/// The most frequent.
fn top(counts: BTreeMap<String, u64>) -> Vec<Share> {
    let mut shares: Vec<Share> = counts.into_iter().map(|(name, count)| Share { name, count }).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.count));
    shares.truncate(TOP);
    shares
}
