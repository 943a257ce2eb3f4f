//! Projections made anew from the log: to compare with what is kept, or to replace it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use hearback_event::{Address, RecipientState};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::Shared;
use super::filter::Filters;
use super::period::Period;
use super::posting::{PERIOD, period_of};
use super::recipients;
use super::rows::{self, Sources};
use super::seal::{Prepared, Sealing, prepare};
use super::tail::{self, Tail, first_position};
use crate::{RebuildReport, StoreError};

/// How many differences are told one by one.
const MOST_TOLD: usize = 100;

/// Reads one whole period of the log into memory; `None` where it is not full.
fn read_period(
    connection: &Connection,
    sources: &Sources,
    number: u64,
) -> Result<Option<Arc<Period>>, StoreError> {
    let mut tail = Tail { last_position: first_position(number) - 1, ..Tail::default() };
    tail.unsealed.push(Arc::new(Period::new(number)));
    tail::load_events(connection, sources, &mut tail, first_position(number) + PERIOD - 1)?;
    Ok(tail.unsealed.pop().filter(|period| period.len() as u64 == PERIOD && period.number() == number))
}

/// Compares every projection with what the log gives.
pub(super) fn check(
    connection: &Connection,
    sources: &Sources,
    progress: &dyn Fn(u64, u64),
) -> Result<RebuildReport, StoreError> {
    // One read transaction: a server may be writing meanwhile.
    let snapshot = connection.unchecked_transaction()?;
    let last: i64 =
        snapshot.query_row("SELECT coalesce(max(position), 0) FROM events", [], |row| row.get(0))?;
    let sealed: i64 =
        snapshot.query_row("SELECT coalesce(max(period) + 1, 0) FROM periods", [], |row| row.get(0))?;
    let mut checker = Checker::default();
    checker.count_log(&snapshot, last as u64, progress)?;
    for number in 0..sealed as u64 {
        match read_period(&snapshot, sources, number)? {
            Some(period) => checker.period(&snapshot, &prepare(&snapshot, &period)?)?,
            None => checker.differs(format!("period {number} is sealed but its events are not complete")),
        }
    }
    // A period on its way to disk has told some recipients already.
    let next = match read_period(&snapshot, sources, sealed as u64)? {
        Some(period) => prepare(&snapshot, &period)?.into_recipients(),
        None => Vec::new(),
    };
    checker.recipients(&snapshot, next, first_position(sealed as u64 + 1) - 1)?;
    Ok(checker.report)
}

#[derive(Default)]
struct Checker {
    report: RebuildReport,
    recipients: BTreeMap<Address, RecipientState>,
}

impl Checker {
    fn differs(&mut self, difference: String) {
        self.report.different += 1;
        if self.report.differences.len() < MOST_TOLD {
            self.report.differences.push(difference);
        }
    }

    fn checked(&mut self, projection: &str, rows: usize) {
        match self.report.rows.iter_mut().find(|(name, _)| name == projection) {
            Some((_, count)) => *count += rows as u64,
            None => self.report.rows.push((projection.to_owned(), rows as u64)),
        }
    }

    /// The log itself: no gap, and no key twice.
    fn count_log(
        &mut self,
        connection: &Connection,
        last: u64,
        progress: &dyn Fn(u64, u64),
    ) -> Result<(), StoreError> {
        let mut seen: HashSet<[u8; 16]> = HashSet::new();
        let mut statement = connection.prepare("SELECT position, dedup FROM events ORDER BY position")?;
        let mut rows = statement.query([])?;
        let mut expected = None;
        while let Some(row) = rows.next()? {
            let position = row.get::<_, i64>(0)? as u64;
            if expected.is_some_and(|expected| expected != position) {
                self.differs(format!("the log has a gap before position {position}"));
            }
            expected = Some(position + 1);
            self.report.events += 1;
            for key in rows::keys(row.get_ref(1)?.as_blob().unwrap_or_default()) {
                if !seen.insert(*key.as_bytes()) {
                    self.differs(format!("event {position} is in the log twice"));
                }
            }
            if self.report.events.is_multiple_of(4096) {
                progress(position, last);
            }
        }
        progress(last, last);
        Ok(())
    }

    fn period(&mut self, connection: &Connection, prepared: &Prepared) -> Result<(), StoreError> {
        for difference in prepared.differences(connection)? {
            self.differs(difference);
        }
        for (projection, rows) in prepared.sizes() {
            self.checked(projection, rows);
        }
        for (address, state) in prepared.recipients() {
            let merged = self.recipients.get(address).map_or(*state, |before| before.merge(state));
            self.recipients.insert(address.clone(), merged);
        }
        Ok(())
    }

    fn recipients(
        &mut self,
        connection: &Connection,
        next: Vec<(Address, RecipientState)>,
        next_upto: u64,
    ) -> Result<(), StoreError> {
        let next: BTreeMap<_, _> = next.into_iter().collect();
        let mut expected = std::mem::take(&mut self.recipients);
        let mut rows = 0;
        let mut wrong = Vec::new();
        recipients::for_each_row(connection, |address, upto, found| {
            rows += 1;
            let parsed = Address::parse(address).ok();
            let mut state = parsed.as_ref().and_then(|address| expected.remove(address));
            if upto >= next_upto
                && let Some(more) = parsed.as_ref().and_then(|address| next.get(address))
            {
                state = Some(state.unwrap_or_default().merge(more));
            }
            if state.as_ref() != Some(found) {
                wrong.push(format!("recipient {}: counters or status differ", hearback_event::mask(address)));
            }
        })?;
        self.checked("recipients", rows);
        for difference in wrong {
            self.differs(difference);
        }
        for address in expected.keys() {
            let masked = address.masked();
            self.report.different += 1;
            if self.report.differences.len() < MOST_TOLD {
                self.report.differences.push(format!("recipient {masked}: has events but no row"));
            }
        }
        Ok(())
    }
}

/// Throws every projection away and makes it anew. Only the one writer may do this.
pub(super) fn replace(
    connection: &mut Connection,
    shared: &Shared,
    filters: &mut Filters,
    progress: &dyn Fn(u64, u64),
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for table in ["periods", "postings", "recipients", "hourly", "daily_tags", "daily_domains"] {
        transaction.execute(&format!("DELETE FROM {table}"), [])?;
    }
    transaction.commit()?;
    let first: Option<i64> =
        connection.query_row("SELECT min(position) FROM events", [], |row| row.get(0)).optional()?.flatten();
    let last: i64 =
        connection.query_row("SELECT coalesce(max(position), 0) FROM events", [], |row| row.get(0))?;
    *shared.tail.write() = Tail::default();
    let mut number = first.map_or(0, |first| period_of(first as u64));
    loop {
        let period = read_period(connection, &shared.sources.read(), number)?;
        let Some(period) = period else { break };
        let mut sealing = Sealing::new(prepare(connection, &period)?);
        let (sealed, filter) = loop {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            sealing.write(&transaction, 10_000)?;
            transaction.commit()?;
            if let Some(done) = sealing.committed() {
                break done;
            }
        };
        filters.add(sealed.number, &filter);
        shared.tail.write().seal(sealed);
        progress(first_position(number + 1) - 1, last as u64);
        number += 1;
    }
    let mut tail = shared.tail.write();
    tail.last_position = first_position(number) - 1;
    tail::load_events(connection, &shared.sources.read(), &mut tail, i64::MAX as u64)?;
    progress(last as u64, last as u64);
    Ok(())
}

/// Whether a count of a rollup row differs from what the log gives, told in words.
pub(super) fn rollup_difference(
    connection: &Connection,
    table: &str,
    period: u64,
    expected: &BTreeMap<(i64, String, u8, bool), u64>,
) -> Result<Vec<String>, StoreError> {
    let (step, name) = match table {
        "hourly" => ("hour", "CAST(source AS TEXT)"),
        "daily_tags" => ("day", "tag"),
        _ => ("day", "domain"),
    };
    let sql = format!("SELECT {step}, {name}, kind, machine, count FROM {table} WHERE period = ?1");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params![period as i64])?;
    let mut found = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let cell: (i64, String, u8, bool) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        found.insert(cell, row.get::<_, i64>(4)? as u64);
    }
    if found == *expected {
        return Ok(Vec::new());
    }
    let different = expected.iter().filter(|(cell, count)| found.get(*cell) != Some(count)).count()
        + found.keys().filter(|cell| !expected.contains_key(*cell)).count();
    Ok(vec![format!("{table}, period {period}: {different} counts differ")])
}
