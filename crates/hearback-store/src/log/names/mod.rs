//! Counts by name (tags, recipient domains): of each period and day one row, in which all counts are packed. Who asks for some
//! months of them reads few rows.

mod packed;
mod sums;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hearback_event::Kind;
use packed::{Counts, pack, unpack};
pub(super) use sums::Sums;

use super::rollup::Cell;
use crate::StoreError;
use crate::session::{Column, Param, Session, Table, WALKS, params};

/// More different tags or domains of one period and day are counted together, so that a sender who tags every
/// message with a number of its own does not fill the table.
const MOST_NAMES: usize = 10_000;
pub(super) const OTHERS: &str = "(others)";

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

    /// Counts one event.
    pub(super) fn count(&mut self, day: i64, name: &str, kind: Kind, machine: bool) {
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

    /// The rows that are kept: the day, and its counts packed.
    pub(super) fn rows(&self) -> Vec<(i64, Vec<u8>)> {
        let mut days = BTreeMap::<i64, Counts<'_>>::new();
        for ((day, name, kind, machine), count) in &self.cells {
            days.entry(*day).or_default().entry(name).or_default().insert((*kind, *machine), *count);
        }
        days.into_iter().map(|(day, counts)| (day, pack(&counts))).collect()
    }
}

/// What is counted by name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ByName {
    Tag,
    Domain,
}

const TAGS: Table = Table {
    name: "daily_tags",
    columns: &[("day", Column::Int), ("period", Column::Int), ("counts", Column::Blob)],
    key: &["day", "period"],
};
const DOMAINS: Table = Table { name: "daily_domains", ..TAGS };

impl ByName {
    const fn table(self) -> &'static Table {
        match self {
            Self::Tag => &TAGS,
            Self::Domain => &DOMAINS,
        }
    }
}

/// Writes rows of a period ([`Names::rows`]).
pub(super) fn write(
    session: &dyn Session,
    by: ByName,
    period: u64,
    rows: &[(i64, Vec<u8>)],
) -> Result<(), StoreError> {
    let values: Vec<Param<'_>> =
        rows.iter().flat_map(|(day, counts)| [(*day).into(), period.into(), Param::Blob(counts)]).collect();
    session.write(by.table(), &values)
}

/// Adds the counts of sealed periods before `before`, of the days of a range.
pub(super) fn sum(
    session: &dyn Session,
    by: ByName,
    range: (i64, i64),
    before: u64,
    sums: &mut Sums,
) -> Result<(), StoreError> {
    let table = by.table().name;
    let sql = format!("SELECT day, counts FROM {table} WHERE day BETWEEN $1 AND $2 AND period < $3");
    session
        .query(&sql, params![range.0, range.1, before], &mut |row| sums.add_packed(row.int(0)?, row.blob(1)?))
}

/// Whether the rows of a period differ from what the log gives, told in words.
pub(super) fn difference(
    session: &dyn Session,
    by: ByName,
    period: u64,
    expected: &[(i64, Vec<u8>)],
) -> Result<Option<String>, StoreError> {
    let table = by.table().name;
    let sql = format!("SELECT {WALKS} day, counts FROM {table} WHERE period = $1 ORDER BY day");
    let found = session.all(&sql, params![period], |row| Ok((row.int(0)?, row.blob(1)?.to_vec())))?;
    Ok((found != expected).then(|| format!("{table}, period {period}: counts differ")))
}

/// Whether a name has counts of its own in a sealed period.
pub(super) fn has_cell(
    session: &dyn Session,
    by: ByName,
    period: u64,
    (day, name, kind, machine): (i64, &str, Kind, bool),
) -> Result<bool, StoreError> {
    let sql = format!("SELECT counts FROM {} WHERE day = $1 AND period = $2", by.table().name);
    let mut found = false;
    session.query(&sql, params![day, period], &mut |row| {
        unpack(row.blob(0)?, &mut |known, counts| {
            found |= known == name && counts.iter().any(|(of, by, _)| (*of, *by) == (kind, machine));
        })
    })?;
    Ok(found)
}

/// Every tag that is counted, in counts of every age.
pub(super) fn tags(session: &dyn Session) -> Result<Vec<String>, StoreError> {
    let mut tags = BTreeSet::new();
    session.query("SELECT /* walks */ counts FROM daily_tags", params![], &mut |row| {
        unpack(row.blob(0)?, &mut |name, _| {
            if !tags.contains(name) {
                tags.insert(name.to_owned());
            }
        })
    })?;
    Ok(tags.into_iter().collect())
}

/// Counts among the others what is counted under a tag, in counts of every age.
pub(super) fn forget_tag(session: &dyn Session, tag: &str) -> Result<(), StoreError> {
    let rows = session.all("SELECT /* walks */ day, period, counts FROM daily_tags", params![], |row| {
        let (day, period) = (row.int(0)?, row.int(1)?);
        let (mut names, mut is_named) = (Names::default(), false);
        unpack(row.blob(2)?, &mut |name, counts| {
            is_named |= name == tag;
            for (kind, machine, count) in counts {
                names.add((day, name.into(), *kind, *machine), *count);
            }
        })?;
        Ok(is_named.then_some((period as u64, names)))
    })?;
    for (period, mut names) in rows.into_iter().flatten() {
        names.forget(tag);
        write(session, ByName::Tag, period, &names.rows())?;
    }
    Ok(())
}
