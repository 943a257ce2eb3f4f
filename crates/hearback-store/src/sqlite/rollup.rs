//! Counts by hour and source, by day and tag, by day and recipient domain: kept per period, summed on reading.

use std::collections::HashMap;

use hearback_event::{Fact, Kind, Timestamp};
use rusqlite::{Connection, params};

use super::period::Period;
use super::stage::StagedEvent;
use crate::{RollupRow, StoreError};

/// More different tags or domains of one period and day are counted together, so that a sender who tags every
/// message with a number of its own does not fill the table.
const MOST_NAMES: usize = 10_000;
const OTHERS: &str = "(others)";

/// What is counted by: an hour or day, a name, the kind, and whether a machine did it.
pub(super) type Cell<N> = (i64, N, Kind, bool);

/// The counts of one period.
#[derive(Default)]
pub(super) struct Rollups {
    pub(super) hourly: HashMap<Cell<u32>, u64>,
    pub(super) tags: HashMap<Cell<Box<str>>, u64>,
    pub(super) domains: HashMap<Cell<Box<str>>, u64>,
}

impl Rollups {
    /// Counts one event.
    pub(super) fn add(&mut self, fact: &Fact, event: &StagedEvent) {
        let machine = fact.has(Fact::MACHINE);
        *self.hourly.entry((fact.occurred_at.hour(), fact.source, fact.kind, machine)).or_default() += 1;
        let day = fact.occurred_at.day();
        for tag in &event.tags {
            count(&mut self.tags, day, tag, fact.kind, machine);
        }
        if let Some(domain) = event.event_recipient.as_ref().and_then(|address| address.domain()) {
            count(&mut self.domains, day, domain, fact.kind, machine);
        }
    }
}

fn count(cells: &mut HashMap<Cell<Box<str>>, u64>, day: i64, name: &str, kind: Kind, machine: bool) {
    let cell = (day, Box::<str>::from(name), kind, machine);
    if let Some(count) = cells.get_mut(&cell) {
        *count += 1;
    } else if cells.len() < MOST_NAMES {
        cells.insert(cell, 1);
    } else {
        *cells.entry((day, OTHERS.into(), kind, machine)).or_default() += 1;
    }
}

/// The tables of rollups.
#[derive(Clone, Copy)]
pub(super) enum Table {
    Hourly,
    Tags,
    Domains,
}

impl Table {
    const fn select(self) -> &'static str {
        match self {
            Self::Hourly => {
                "SELECT hour, name, kind, machine, sum(count) FROM hourly JOIN sources ON sources.id = source
                 WHERE hour BETWEEN ?1 AND ?2 AND period < ?3 GROUP BY hour, name, kind, machine"
            }
            Self::Tags => {
                "SELECT day, tag, kind, machine, sum(count) FROM daily_tags
                 WHERE day BETWEEN ?1 AND ?2 AND period < ?3 GROUP BY day, tag, kind, machine"
            }
            Self::Domains => {
                "SELECT day, domain, kind, machine, sum(count) FROM daily_domains
                 WHERE day BETWEEN ?1 AND ?2 AND period < ?3 GROUP BY day, domain, kind, machine"
            }
        }
    }

    /// Seconds of one step of the table.
    const fn seconds(self) -> i64 {
        match self {
            Self::Hourly => 3600,
            Self::Tags | Self::Domains => 86_400,
        }
    }

    /// The statement that writes one count of a period.
    pub(super) const fn insert(self) -> &'static str {
        match self {
            Self::Hourly => {
                "INSERT OR REPLACE INTO hourly (hour, source, kind, machine, period, count) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            }
            Self::Tags => {
                "INSERT OR REPLACE INTO daily_tags (day, tag, kind, machine, period, count) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            }
            Self::Domains => {
                "INSERT OR REPLACE INTO daily_domains (day, domain, kind, machine, period, count) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            }
        }
    }
}

/// Counts of unsealed periods, by cell with the source's number replaced by its name.
pub(super) type TailCounts = HashMap<Cell<String>, u64>;

/// The counts of `period` that lie between two steps, added to `into`.
pub(super) fn collect(
    table: Table,
    period: &Period,
    range: (i64, i64),
    name_of: &dyn Fn(u32) -> String,
    into: &mut TailCounts,
) {
    let rollups = &period.rollups;
    let within = |step: i64| (range.0..=range.1).contains(&step);
    let texts = match table {
        Table::Hourly => {
            for ((hour, source, kind, machine), count) in
                rollups.hourly.iter().filter(|((hour, ..), _)| within(*hour))
            {
                *into.entry((*hour, name_of(*source), *kind, *machine)).or_default() += count;
            }
            return;
        }
        Table::Tags => &rollups.tags,
        Table::Domains => &rollups.domains,
    };
    for ((day, name, kind, machine), count) in texts.iter().filter(|((day, ..), _)| within(*day)) {
        *into.entry((*day, name.to_string(), *kind, *machine)).or_default() += count;
    }
}

/// The first and last step that a time range touches.
pub(super) fn steps(table: Table, since: Timestamp, until: Timestamp) -> (i64, i64) {
    let step = |moment: Timestamp| moment.as_seconds().div_euclid(table.seconds());
    (step(since), step(until.plus_seconds(0)))
}

/// Adds the sealed counts (of periods before `unsealed`) to those of the tail and puts them in order.
pub(super) fn read(
    connection: &Connection,
    table: Table,
    range: (i64, i64),
    unsealed: u64,
    mut counts: TailCounts,
) -> Result<Vec<RollupRow>, StoreError> {
    let mut statement = connection.prepare_cached(table.select())?;
    let mut rows = statement.query(params![range.0, range.1, unsealed as i64])?;
    while let Some(row) = rows.next()? {
        let kind = Kind::from_number(row.get(2)?).unwrap_or_default();
        *counts.entry((row.get(0)?, row.get(1)?, kind, row.get(3)?)).or_default() +=
            row.get::<_, i64>(4)? as u64;
    }
    let mut rows: Vec<RollupRow> = counts
        .into_iter()
        .filter_map(|((step, of, kind, machine), count)| {
            let start = Timestamp::from_seconds(step.checked_mul(table.seconds())?)?;
            Some(RollupRow { start, of, kind, machine, count })
        })
        .collect();
    rows.sort_by(|a, b| (a.start, &a.of, a.kind, a.machine).cmp(&(b.start, &b.of, b.kind, b.machine)));
    Ok(rows)
}
