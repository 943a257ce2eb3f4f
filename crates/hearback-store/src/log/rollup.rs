//! Counts by hour and source, by day and tag, by day and recipient domain: kept per period, summed on reading.

use std::collections::HashMap;

use hearback_event::{Fact, Kind, Timestamp};

use super::names::{self, ByName, Names, Sums};
use super::period::Period;
use super::stage::StagedEvent;
use crate::session::{Column, Session, Table, params};
use crate::{RollupRow, StoreError};

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

impl Rollups {
    /// The counts by one kind of names.
    pub(super) const fn by_name(&self, by: ByName) -> &Names {
        match by {
            ByName::Tag => &self.tags,
            ByName::Domain => &self.domains,
        }
    }

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
    ByName(ByName),
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

/// Counts by hour and source.
pub(super) const HOURLY: Table = table!("hourly", "hour", "source", Int);
/// Counts of deliveries by how long they took.
pub(super) const DELAYS: Table = table!("delivery_times", "hour", "step", Text);

impl Rollup {
    /// The number under which it is kept where all kinds are kept together.
    pub(super) const fn number(self) -> i64 {
        match self {
            Self::Hourly => 1,
            Self::ByName(ByName::Tag) => 2,
            Self::ByName(ByName::Domain) => 3,
            Self::Delays => 4,
        }
    }

    /// The one of a number.
    pub(super) fn of_number(number: i64) -> Option<Self> {
        [Self::Hourly, Self::ByName(ByName::Tag), Self::ByName(ByName::Domain), Self::Delays]
            .into_iter()
            .find(|rollup| rollup.number() == number)
    }

    /// Seconds of one step of the table.
    const fn seconds(self) -> i64 {
        match self {
            Self::Hourly | Self::Delays => 3600,
            Self::ByName(_) => 86_400,
        }
    }
}

/// Adds the counts of `period` that lie between two steps to `into`, with the source's number replaced by its name.
pub(super) fn collect(
    rollup: Rollup,
    period: &Period,
    range: (i64, i64),
    name_of: &dyn Fn(u32) -> String,
    into: &mut Sums,
) {
    let counts = &period.rollups;
    let within = |step: i64| (range.0..=range.1).contains(&step);
    let names = match rollup {
        Rollup::Hourly => {
            for ((hour, source, kind, machine), count) in
                counts.hourly.iter().filter(|((hour, ..), _)| within(*hour))
            {
                into.add((*hour, &name_of(*source), *kind, *machine), *count);
            }
            return;
        }
        Rollup::ByName(by) => counts.by_name(by),
        Rollup::Delays => &counts.delays,
    };
    for ((step, name, kind, machine), count) in names.cells().iter().filter(|((step, ..), _)| within(*step)) {
        into.add((*step, name, *kind, *machine), *count);
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
    mut sums: Sums,
) -> Result<Vec<RollupRow>, StoreError> {
    let sql = match rollup {
        Rollup::Hourly => {
            "SELECT hour, name, kind, machine, CAST(sum(count) AS BIGINT) FROM hourly JOIN sources ON sources.id = source
             WHERE hour BETWEEN $1 AND $2 AND period < $3 GROUP BY hour, name, kind, machine"
        }
        Rollup::Delays => {
            "SELECT hour, step, kind, machine, CAST(sum(count) AS BIGINT) FROM delivery_times
             WHERE hour BETWEEN $1 AND $2 AND period < $3 GROUP BY hour, step, kind, machine"
        }
        Rollup::ByName(by) => {
            names::sum(session, by, range, unsealed, &mut sums)?;
            return Ok(rows(rollup, sums));
        }
    };
    session.query(sql, params![range.0, range.1, unsealed], &mut |row| {
        let kind = Kind::from_number(row.int(2)? as u8).unwrap_or_default();
        sums.add((row.int(0)?, row.text(1)?, kind, row.int(3)? != 0), row.int(4)? as u64);
        Ok(())
    })?;
    Ok(rows(rollup, sums))
}

fn rows(rollup: Rollup, sums: Sums) -> Vec<RollupRow> {
    let mut rows = Vec::new();
    for (step, names) in sums.into_steps() {
        let start = step.checked_mul(rollup.seconds()).and_then(Timestamp::from_seconds);
        let Some(start) = start else { continue };
        for (name, mut counts) in names {
            counts.sort_unstable();
            rows.extend(counts.into_iter().map(|(kind, machine, count)| RollupRow {
                start,
                of: name.clone(),
                kind,
                machine,
                count,
            }));
        }
    }
    rows
}
