//! Counts by hour and source, by day and tag, by day and recipient domain: kept per period, summed on reading.

use std::collections::HashMap;

use hearback_event::{Fact, Kind, Timestamp};

use super::period::Period;
use super::stage::StagedEvent;
use crate::session::{Column, Session, Table, params};
use crate::{RollupRow, StoreError};

/// More different tags or domains of one period and day are counted together, so that a sender who tags every
/// message with a number of its own does not fill the table.
const MOST_NAMES: usize = 10_000;
pub(super) const OTHERS: &str = "(others)";

/// What is counted by: an hour or day, a name, the kind, and whether a machine did it.
pub(super) type Cell<N> = (i64, N, Kind, bool);

/// The counts of one period.
#[derive(Clone, Default)]
pub(super) struct Rollups {
    pub(super) hourly: HashMap<Cell<u32>, u64>,
    pub(super) tags: Names,
    pub(super) domains: Names,
    /// Deliveries by how long they took: under the number of the source, a colon, and the step.
    pub(super) delays: Names,
}

/// Counts by name, of which there are so many at most.
///
/// A name that has a cell has all of its events there, and one that has none has them among the others. So counts of some
/// events, taken out and put in first, leave everybody else in his place.
#[derive(Clone, Default)]
pub(super) struct Names {
    cells: HashMap<Cell<Box<str>>, u64>,
    /// Cells that do not count against the bound.
    others: usize,
}

impl Names {
    /// The counts.
    pub(super) const fn cells(&self) -> &HashMap<Cell<Box<str>>, u64> {
        &self.cells
    }

    /// Puts counts in, whatever the bound.
    pub(super) fn add(&mut self, cell: Cell<Box<str>>, count: u64) {
        let is_others = *cell.1 == *OTHERS;
        *self.cells.entry(cell).or_insert_with(|| {
            self.others += usize::from(is_others);
            0
        }) += count;
    }

    fn count(&mut self, day: i64, name: &str, kind: Kind, machine: bool) {
        let cell = (day, Box::<str>::from(name), kind, machine);
        if let Some(count) = self.cells.get_mut(&cell) {
            *count += 1;
        } else if self.cells.len() - self.others < MOST_NAMES {
            self.add(cell, 1);
        } else {
            self.add((day, OTHERS.into(), kind, machine), 1);
        }
    }

    /// Counts what was counted under a name among the others.
    pub(super) fn forget(&mut self, name: &str) {
        let of_name: Vec<_> = self.cells.extract_if(|(_, known, ..), _| **known == *name).collect();
        for ((day, _, kind, machine), count) in of_name {
            self.add((day, OTHERS.into(), kind, machine), count);
        }
    }
}

impl Rollups {
    /// Counts one event.
    pub(super) fn add(&mut self, fact: &Fact, event: &StagedEvent) {
        let machine = fact.has(Fact::MACHINE);
        *self.hourly.entry((fact.occurred_at.hour(), fact.source, fact.kind, machine)).or_default() += 1;
        if fact.kind == Kind::Delivered {
            let name = format!("{}:{}", fact.source, fact.delay);
            self.delays.count(fact.occurred_at.hour(), &name, fact.kind, machine);
        }
        let day = fact.occurred_at.day();
        for tag in &event.tags {
            self.tags.count(day, tag, fact.kind, machine);
        }
        if let Some(domain) = event.event_recipient.as_ref().and_then(|address| address.domain()) {
            self.domains.count(day, domain, fact.kind, machine);
        }
    }
}

/// The kinds of counts.
#[derive(Clone, Copy)]
pub(super) enum Rollup {
    Hourly,
    Tags,
    Domains,
    Delays,
}

macro_rules! table {
    ($name:literal, $step:literal, $of:literal, $kind:ident) => {
        Table {
            name: $name,
            columns: &[
                ($step, Column::Int),
                ($of, Column::$kind),
                ("kind", Column::Int),
                ("machine", Column::Int),
                ("period", Column::Int),
                ("count", Column::Int),
            ],
            key: &[$step, $of, "kind", "machine", "period"],
        }
    };
}

const HOURLY: Table = table!("hourly", "hour", "source", Int);
const TAGS: Table = table!("daily_tags", "day", "tag", Text);
const DOMAINS: Table = table!("daily_domains", "day", "domain", Text);
const DELAYS: Table = table!("delivery_times", "hour", "step", Text);

impl Rollup {
    /// Where its counts are kept: step, name, kind, machine, period, count.
    pub(super) const fn table(self) -> &'static Table {
        match self {
            Self::Hourly => &HOURLY,
            Self::Tags => &TAGS,
            Self::Domains => &DOMAINS,
            Self::Delays => &DELAYS,
        }
    }

    /// The number under which it is kept where all kinds are kept together.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Hourly => 1,
            Self::Tags => 2,
            Self::Domains => 3,
            Self::Delays => 4,
        }
    }

    /// The one of a number.
    pub(super) fn of_number(number: i64) -> Option<Self> {
        [Self::Hourly, Self::Tags, Self::Domains, Self::Delays]
            .into_iter()
            .find(|rollup| rollup.number() == number)
    }

    const fn select(self) -> &'static str {
        match self {
            Self::Hourly => {
                "SELECT hour, name, kind, machine, CAST(sum(count) AS BIGINT) FROM hourly JOIN sources ON sources.id = source
                 WHERE hour BETWEEN $1 AND $2 AND period < $3 GROUP BY hour, name, kind, machine"
            }
            Self::Tags => {
                "SELECT day, tag, kind, machine, CAST(sum(count) AS BIGINT) FROM daily_tags
                 WHERE day BETWEEN $1 AND $2 AND period < $3 GROUP BY day, tag, kind, machine"
            }
            Self::Delays => {
                "SELECT hour, step, kind, machine, CAST(sum(count) AS BIGINT) FROM delivery_times
                 WHERE hour BETWEEN $1 AND $2 AND period < $3 GROUP BY hour, step, kind, machine"
            }
            Self::Domains => {
                "SELECT day, domain, kind, machine, CAST(sum(count) AS BIGINT) FROM daily_domains
                 WHERE day BETWEEN $1 AND $2 AND period < $3 GROUP BY day, domain, kind, machine"
            }
        }
    }

    /// Seconds of one step of the table.
    const fn seconds(self) -> i64 {
        match self {
            Self::Hourly | Self::Delays => 3600,
            Self::Tags | Self::Domains => 86_400,
        }
    }
}

/// Counts of unsealed periods, by cell with the source's number replaced by its name.
pub(super) type TailCounts = HashMap<Cell<String>, u64>;

/// The counts of `period` that lie between two steps, added to `into`.
pub(super) fn collect(
    rollup: Rollup,
    period: &Period,
    range: (i64, i64),
    name_of: &dyn Fn(u32) -> String,
    into: &mut TailCounts,
) {
    let counts = &period.rollups;
    let within = |step: i64| (range.0..=range.1).contains(&step);
    let texts = match rollup {
        Rollup::Hourly => {
            for ((hour, source, kind, machine), count) in
                counts.hourly.iter().filter(|((hour, ..), _)| within(*hour))
            {
                *into.entry((*hour, name_of(*source), *kind, *machine)).or_default() += count;
            }
            return;
        }
        Rollup::Tags => counts.tags.cells(),
        Rollup::Domains => counts.domains.cells(),
        Rollup::Delays => counts.delays.cells(),
    };
    for ((day, name, kind, machine), count) in texts.iter().filter(|((day, ..), _)| within(*day)) {
        *into.entry((*day, name.to_string(), *kind, *machine)).or_default() += count;
    }
}

/// The first and last step that a time range touches.
pub(super) fn steps(rollup: Rollup, since: Timestamp, until: Timestamp) -> (i64, i64) {
    let step = |moment: Timestamp| moment.as_seconds().div_euclid(rollup.seconds());
    (step(since), step(until.plus_seconds(0)))
}

/// Adds the sealed counts (of periods before `unsealed`) to those of the tail and puts them in order.
pub(super) fn read(
    session: &dyn Session,
    rollup: Rollup,
    range: (i64, i64),
    unsealed: u64,
    mut counts: TailCounts,
) -> Result<Vec<RollupRow>, StoreError> {
    session.query(rollup.select(), params![range.0, range.1, unsealed], &mut |row| {
        let kind = Kind::from_number(row.int(2)? as u8).unwrap_or_default();
        let cell = (row.int(0)?, row.text(1)?.to_owned(), kind, row.int(3)? != 0);
        *counts.entry(cell).or_default() += row.int(4)? as u64;
        Ok(())
    })?;
    let mut rows: Vec<RollupRow> = counts
        .into_iter()
        .filter_map(|((step, of, kind, machine), count)| {
            let start = Timestamp::from_seconds(step.checked_mul(rollup.seconds())?)?;
            Some(RollupRow { start, of, kind, machine, count })
        })
        .collect();
    rows.sort_by(|a, b| (a.start, &a.of, a.kind, a.machine).cmp(&(b.start, &b.of, b.kind, b.machine)));
    Ok(rows)
}
