//! Sealing a full period: its indexes are sorted on another thread, then written a little with each later batch, and in
//! the end one row makes them valid. Whatever a crash leaves half written is written again.

use std::collections::BTreeMap;
use std::sync::Arc;

use hearback_event::{Address, RecipientState};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::filter;
use super::period::Period;
use super::posting::{BLOCK, PERIOD, pack};
use super::rebuild::rollup_difference;
use super::recipients;
use super::rollup::{Cell, Table};
use super::tail::{Sealed, block_id, first_position};
use crate::StoreError;

/// Everything that a period will write, in the order in which it is written.
pub(super) struct Prepared {
    period: u64,
    blocks: Vec<Vec<u8>>,
    fences: Vec<u64>,
    filter: Vec<u8>,
    recipients: Vec<(Address, RecipientState)>,
    hourly: Vec<(Cell<u32>, u64)>,
    tags: Vec<(Cell<Box<str>>, u64)>,
    domains: Vec<(Cell<Box<str>>, u64)>,
    occurred: (i64, i64),
    received_max: i64,
}

/// Sorts what a full period holds. The addresses, which are not in memory, are read from the log.
pub(super) fn prepare(connection: &Connection, period: &Arc<Period>) -> Result<Prepared, StoreError> {
    let mut postings = period.postings();
    postings.sort_unstable();
    let blocks: Vec<Vec<u8>> = postings.chunks(BLOCK).map(pack).collect();
    let fences = postings.chunks(BLOCK).filter_map(|block| block.first().copied()).collect();
    drop(postings);
    let (recipients, received_max) = fold_recipients(connection, period)?;
    let times = period.facts().iter().map(|fact| fact.occurred_at.as_nanos());
    let occurred = (times.clone().min().unwrap_or_default(), times.max().unwrap_or_default());
    let rollups = &period.rollups;
    Ok(Prepared {
        period: period.number(),
        blocks,
        fences,
        filter: filter::bitmap(period.unique_keys()),
        recipients: recipients.into_iter().collect(),
        hourly: rollups.hourly.iter().map(|(cell, count)| (*cell, *count)).collect(),
        tags: rollups.tags.iter().map(|(cell, count)| (cell.clone(), *count)).collect(),
        domains: rollups.domains.iter().map(|(cell, count)| (cell.clone(), *count)).collect(),
        occurred,
        received_max,
    })
}

type Folded = (BTreeMap<Address, RecipientState>, i64);

fn fold_recipients(connection: &Connection, period: &Period) -> Result<Folded, StoreError> {
    let mut states = BTreeMap::<Address, RecipientState>::new();
    let mut received_max = i64::MIN;
    let first = first_position(period.number());
    let mut statement = connection.prepare_cached(
        "SELECT position, recipient, received_at FROM events WHERE position BETWEEN ?1 AND ?2 ORDER BY position",
    )?;
    let mut rows = statement.query(params![first as i64, (first + PERIOD - 1) as i64])?;
    for fact in period.facts() {
        let row = rows.next()?.ok_or_else(|| StoreError::Damaged("the log has a gap".to_owned()))?;
        received_max = received_max.max(row.get(2)?);
        if let Ok(Some(text)) = row.get_ref(1)?.as_str_or_null()
            && let Ok(address) = Address::parse(text)
        {
            states.entry(address).or_default().add(fact);
        }
    }
    Ok((states, received_max))
}

impl Prepared {
    /// What it says about recipients.
    pub(super) fn recipients(&self) -> &[(Address, RecipientState)] {
        &self.recipients
    }

    /// As [`Prepared::recipients`], taken.
    pub(super) fn into_recipients(self) -> Vec<(Address, RecipientState)> {
        self.recipients
    }

    /// How many rows of which projection it has.
    pub(super) fn sizes(&self) -> [(&'static str, usize); 4] {
        [
            ("index blocks", self.blocks.len()),
            ("hourly counts", self.hourly.len()),
            ("daily counts by tag", self.tags.len()),
            ("daily counts by domain", self.domains.len()),
        ]
    }

    /// How the rows on disk differ from these.
    pub(super) fn differences(&self, connection: &Connection) -> Result<Vec<String>, StoreError> {
        let mut differences = Vec::new();
        let mut statement = connection.prepare_cached("SELECT block FROM postings WHERE id = ?1")?;
        for (number, block) in self.blocks.iter().enumerate() {
            let found: Option<Vec<u8>> =
                statement.query_row(params![block_id(self.period, number)], |row| row.get(0)).optional()?;
            if found.as_ref() != Some(block) {
                differences.push(format!("index block {number} of period {} differs", self.period));
            }
        }
        let found: Option<(Vec<u8>, Vec<u8>)> = connection
            .prepare_cached("SELECT fences, filter FROM periods WHERE period = ?1")?
            .query_row(params![self.period as i64], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if found != Some((pack(&self.fences), self.filter.clone())) {
            differences.push(format!("fences or filter of period {} differ", self.period));
        }
        let texts = |cells: &[(Cell<Box<str>>, u64)]| {
            cells
                .iter()
                .map(|((day, name, kind, machine), count)| {
                    ((*day, name.to_string(), kind.number(), *machine), *count)
                })
                .collect()
        };
        let hourly = self
            .hourly
            .iter()
            .map(|((hour, source, kind, machine), count)| {
                ((*hour, source.to_string(), kind.number(), *machine), *count)
            })
            .collect();
        for (table, expected) in
            [("hourly", hourly), ("daily_tags", texts(&self.tags)), ("daily_domains", texts(&self.domains))]
        {
            differences.extend(rollup_difference(connection, table, self.period, &expected)?);
        }
        Ok(differences)
    }
}

/// A period under way to disk. The progress lies in the transactions: it is taken over only after a commit.
pub(super) struct Sealing {
    prepared: Prepared,
    /// How much is committed.
    committed: usize,
    /// How much is written in the transaction that is open.
    written: usize,
    complete: bool,
}

impl Sealing {
    /// Begins to write.
    pub(super) const fn new(prepared: Prepared) -> Self {
        Self { prepared, committed: 0, written: 0, complete: false }
    }

    /// Writes the next rows, `budget` of them at most.
    pub(super) fn write(&mut self, transaction: &Transaction<'_>, budget: usize) -> Result<(), StoreError> {
        let p = &self.prepared;
        if self.written == 0 {
            // What an interrupted attempt left behind.
            transaction.execute(
                "DELETE FROM postings WHERE id BETWEEN ?1 AND ?2",
                params![block_id(p.period, 0), block_id(p.period + 1, 0) - 1],
            )?;
        }
        for _ in 0..budget {
            if self.complete {
                break;
            }
            self.complete = write_step(transaction, p, self.written)?;
            self.written += 1;
        }
        Ok(())
    }

    /// What was written is committed. Gives the sealed period when that was the last of it.
    pub(super) fn committed(&mut self) -> Option<(Sealed, Vec<u8>)> {
        self.committed = self.written;
        self.complete.then(|| {
            let p = &mut self.prepared;
            let sealed = Sealed::new(p.period, p.occurred, p.received_max, std::mem::take(&mut p.fences));
            (sealed, std::mem::take(&mut p.filter))
        })
    }

    /// What was written since the last commit is lost.
    pub(super) const fn rolled_back(&mut self) {
        self.written = self.committed;
        self.complete = false;
    }
}

/// Writes the step of that number; whether it was the last.
fn write_step(transaction: &Transaction<'_>, p: &Prepared, step: usize) -> Result<bool, StoreError> {
    let mut at = step;
    if let Some(block) = p.blocks.get(at) {
        transaction
            .prepare_cached("INSERT INTO postings (id, block) VALUES (?1, ?2)")?
            .execute(params![block_id(p.period, at), block])?;
        return Ok(false);
    }
    at -= p.blocks.len();
    if let Some((address, state)) = p.recipients.get(at) {
        recipients::merge(transaction, address, state, first_position(p.period + 1) - 1)?;
        return Ok(false);
    }
    at -= p.recipients.len();
    if let Some(((hour, source, kind, machine), count)) = p.hourly.get(at) {
        transaction.prepare_cached(Table::Hourly.insert())?.execute(params![
            hour,
            source,
            kind.number(),
            machine,
            p.period as i64,
            *count as i64
        ])?;
        return Ok(false);
    }
    at -= p.hourly.len();
    for (table, cells) in [(Table::Tags, &p.tags), (Table::Domains, &p.domains)] {
        if let Some(((day, name, kind, machine), count)) = cells.get(at) {
            transaction.prepare_cached(table.insert())?.execute(params![
                day,
                name,
                kind.number(),
                machine,
                p.period as i64,
                *count as i64
            ])?;
            return Ok(false);
        }
        at -= cells.len();
    }
    transaction
        .prepare_cached(
            "INSERT INTO periods (period, occurred_min, occurred_max, received_max, fences, filter) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![p.period as i64, p.occurred.0, p.occurred.1, p.received_max, pack(&p.fences), p.filter])?;
    Ok(true)
}
