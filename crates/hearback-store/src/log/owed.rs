//! What the counts of a period owe to events that were dropped or erased: kept beside, so that counts can be made anew from
//! the events that are left.

use std::collections::{BTreeMap, HashMap};

use hearback_event::Kind;

use super::names::ByName;
use super::rollup::{Cell, Rollup, Rollups};
use crate::StoreError;
use crate::session::{Column, Param, Row, Session, Table, params};

/// What is owed, by period.
pub(super) type Owed = BTreeMap<u64, Rollups>;

/// Rows that are written with all that they count.
const OWED: Table = Table {
    name: "owed_counts",
    columns: &[
        ("period", Column::Int),
        ("rollup", Column::Int),
        ("step", Column::Int),
        ("name", Column::Text),
        ("kind", Column::Int),
        ("machine", Column::Int),
        ("count", Column::Int),
    ],
    key: &["period", "rollup", "step", "name", "kind", "machine"],
};

/// Adds to what a row counts.
const ADD: &str = "INSERT INTO owed_counts (period, rollup, step, name, kind, machine, count)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (period, rollup, step, name, kind, machine) DO UPDATE SET count = owed_counts.count + excluded.count";

/// What periods from `period` on owe.
pub(super) fn read(session: &dyn Session, period: u64) -> Result<Owed, StoreError> {
    let mut owed = Owed::new();
    let sql = "SELECT period, rollup, step, name, kind, machine, count FROM owed_counts WHERE period >= $1";
    session.query(sql, params![period], &mut |row| add(&mut owed, row))?;
    Ok(owed)
}

/// What one period owes.
pub(super) fn of_period(session: &dyn Session, period: u64) -> Result<Rollups, StoreError> {
    let mut owed = Owed::new();
    let sql = "SELECT period, rollup, step, name, kind, machine, count FROM owed_counts WHERE period = $1";
    session.query(sql, params![period], &mut |row| add(&mut owed, row))?;
    Ok(owed.remove(&period).unwrap_or_default())
}

fn add(owed: &mut Owed, row: &dyn Row) -> Result<(), StoreError> {
    let damaged = || StoreError::Damaged("a count that is owed is of no known kind".to_owned());
    let rollups = owed.entry(row.int(0)? as u64).or_default();
    let (step, name, count) = (row.int(2)?, row.text(3)?, row.int(6)? as u64);
    let kind = Kind::from_number(row.int(4)? as u8).ok_or_else(damaged)?;
    let machine = row.int(5)? != 0;
    match Rollup::of_number(row.int(1)?) {
        Some(Rollup::Hourly) => {
            let source = name.parse().map_err(|_| damaged())?;
            *rollups.hourly.entry((step, source, kind, machine)).or_default() += count;
        }
        Some(Rollup::ByName(ByName::Tag)) => rollups.tags.add((step, name.into(), kind, machine), count),
        Some(Rollup::ByName(ByName::Domain)) => {
            rollups.domains.add((step, name.into(), kind, machine), count);
        }
        Some(Rollup::Delays) => rollups.delays.add((step, name.into(), kind, machine), count),
        None => return Err(damaged()),
    }
    Ok(())
}

/// Adds to what a period owes.
pub(super) fn owe(
    session: &dyn Session,
    period: u64,
    rollup: Rollup,
    cell: &Cell<&str>,
    count: u64,
) -> Result<(), StoreError> {
    let (step, name, kind, machine) = cell;
    let values = params![period, rollup.number(), *step, *name, kind.number(), *machine, count];
    session.execute(ADD, values).map(|_| ())
}

/// Writes what is more in `after` than in `before`, which is what the period owed so far.
pub(super) fn owe_more(
    session: &dyn Session,
    period: u64,
    before: &Rollups,
    after: &Rollups,
) -> Result<(), StoreError> {
    let sources: Vec<(Cell<String>, u64)> = grown(&before.hourly, &after.hourly)
        .map(|((hour, source, kind, machine), count)| ((*hour, source.to_string(), *kind, *machine), count))
        .collect();
    let mut values = Vec::new();
    for ((hour, source, kind, machine), count) in &sources {
        values.extend(row(period, Rollup::Hourly, &(*hour, source.as_str(), *kind, *machine), *count));
    }
    for (rollup, before, after) in [
        (Rollup::ByName(ByName::Tag), &before.tags, &after.tags),
        (Rollup::ByName(ByName::Domain), &before.domains, &after.domains),
        (Rollup::Delays, &before.delays, &after.delays),
    ] {
        for ((step, name, kind, machine), count) in grown(before.cells(), after.cells()) {
            values.extend(row(period, rollup, &(*step, &**name, *kind, *machine), count));
        }
    }
    session.write(&OWED, &values)
}

fn row<'a>(period: u64, rollup: Rollup, cell: &Cell<&'a str>, count: u64) -> [Param<'a>; 7] {
    let (step, name, kind, machine) = *cell;
    let (rollup, kind) = (rollup.number(), kind.number());
    [period.into(), rollup.into(), step.into(), name.into(), kind.into(), machine.into(), count.into()]
}

/// The cells that count more than they did, with all that they count.
fn grown<'a, C: Eq + std::hash::Hash>(
    before: &'a HashMap<C, u64>,
    after: &'a HashMap<C, u64>,
) -> impl Iterator<Item = (&'a C, u64)> {
    after
        .iter()
        .filter(|(cell, count)| before.get(cell).is_none_or(|before| before < count))
        .map(|(cell, count)| (cell, *count))
}

/// Forgets what periods before `period` owe: nothing of them is left to be counted anew.
pub(super) fn settle(session: &dyn Session, period: u64) -> Result<u64, StoreError> {
    session.execute("DELETE FROM owed_counts WHERE period < $1", params![period])
}
