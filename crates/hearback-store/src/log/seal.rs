//! Sealing a full period: its indexes are sorted on another thread, then written a little with each later batch, and in
//! the end one row makes them valid. Whatever a crash leaves half written is written again.

use std::collections::BTreeMap;

use hearback_event::{Address, RecipientState};

use super::filter;
use super::names::{self, ByName};
use super::period::Period;
use super::posting::{BLOCK, pack, place, position_at, unpack};
use super::rebuild::rollup_difference;
use super::recipients::{may_suppress, note_candidates};
use super::rollup::{Cell, DELAYS, HOURLY};
use super::runs;
use super::tail::{Sealed, block_id};
use crate::StoreError;
use crate::session::{Column, Param, Session, Table, params};

const POSTINGS: Table =
    Table { name: "postings", columns: &[("id", Column::Int), ("block", Column::Blob)], key: &[] };

/// Everything that a period will write, in the order in which it is written.
pub(super) struct Prepared {
    period: u64,
    /// The place of the first event that is still there.
    first: u16,
    blocks: Vec<Vec<u8>>,
    fences: Vec<u64>,
    filter: Vec<u8>,
    run: runs::Prepared,
    /// Recipients who may be suppressed by what it says.
    candidates: Vec<Address>,
    hourly: Vec<(Cell<u32>, u64)>,
    /// Days, and their counts packed.
    tags: Vec<(i64, Vec<u8>)>,
    domains: Vec<(i64, Vec<u8>)>,
    delays: Vec<(Cell<Box<str>>, u64)>,
    occurred: (i64, i64),
    received_max: i64,
}

/// Sorts what a full period holds of events from `start` on, where the log begins.
pub(super) fn prepare(period: &Period, start: u64) -> Result<Prepared, StoreError> {
    let mut postings = period.postings();
    postings.sort_unstable();
    let blocks: Vec<Vec<u8>> = postings.chunks(BLOCK).map(pack).collect();
    let fences = postings.chunks(BLOCK).filter_map(|block| block.first().copied()).collect();
    drop(postings);
    let times = period.facts().iter().map(|fact| fact.occurred_at.as_nanos());
    let occurred = (times.clone().min().unwrap_or_default(), times.max().unwrap_or_default());
    let rollups = &period.rollups;
    let recipients = recipients_of(period, start)?;
    let candidates = recipients.iter().filter(|(_, state)| may_suppress(state));
    Ok(Prepared {
        period: period.number(),
        blocks,
        fences,
        filter: filter::bitmap(period.filter_entries()),
        candidates: candidates.map(|(address, _)| address.clone()).collect(),
        run: runs::Prepared::new(period.number(), recipients)?,
        first: period.first(),
        hourly: rollups.hourly.iter().map(|(cell, count)| (*cell, *count)).collect(),
        tags: rollups.tags.rows(),
        domains: rollups.domains.rows(),
        delays: rollups.delays.cells().iter().map(|(cell, count)| (cell.clone(), *count)).collect(),
        occurred,
        received_max: period.received_max(),
    })
}

/// What events from `start` on say about each recipient, in the order of the address.
pub(super) fn recipients_of(
    period: &Period,
    start: u64,
) -> Result<Vec<(Address, RecipientState)>, StoreError> {
    let mut states = BTreeMap::<&str, RecipientState>::new();
    for (place, fact) in (period.first()..=u16::MAX).zip(period.facts()) {
        if fact.position != position_at(period.number(), place) {
            return Err(StoreError::Damaged("the log has a gap".to_owned()));
        }
        if fact.position >= start
            && let Some(address) = period.recipient(place)
        {
            states.entry(address).or_default().add(fact);
        }
    }
    let parsed = |(address, state)| Address::parse(address).ok().map(|address| (address, state));
    Ok(states.into_iter().filter_map(parsed).collect())
}

impl Prepared {
    /// The number of the period.
    pub(super) const fn period(&self) -> u64 {
        self.period
    }

    /// How many rows are written before the last one, which makes them valid.
    fn rows(&self) -> usize {
        self.blocks.len()
            + self.run.blocks().len()
            + self.candidates.len()
            + self.hourly.len()
            + self.tags.len()
            + self.domains.len()
            + self.delays.len()
    }

    /// How many rows of which projection it has.
    pub(super) fn sizes(&self) -> [(&'static str, usize); 5] {
        [
            ("index blocks", self.blocks.len()),
            ("hourly counts", self.hourly.len()),
            ("daily counts by tag", self.tags.len()),
            ("daily counts by domain", self.domains.len()),
            ("hourly counts by time to delivery", self.delays.len()),
        ]
    }

    /// How the rows on disk differ from these.
    pub(super) fn differences(&self, session: &dyn Session) -> Result<Vec<String>, StoreError> {
        let mut differences = Vec::new();
        differences.extend(self.index_difference(session)?);
        let texts = |cells: &[(Cell<Box<str>>, u64)]| {
            cells
                .iter()
                .map(|((hour, name, kind, machine), count)| {
                    ((*hour, name.to_string(), kind.number(), *machine), *count)
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
        for (table, expected) in [("hourly", hourly), ("delivery_times", texts(&self.delays))] {
            differences.extend(rollup_difference(session, table, self.period, &expected)?);
        }
        for (by, expected) in [(ByName::Tag, &self.tags), (ByName::Domain, &self.domains)] {
            differences.extend(names::difference(session, by, self.period, expected)?);
        }
        Ok(differences)
    }
}

impl Prepared {
    /// How index and filter on disk differ from these.
    fn index_difference(&self, session: &dyn Session) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT fences, filter FROM periods WHERE period = $1";
        let found = session.one(sql, params![self.period], |row| {
            Ok((unpack(row.blob(0)?).collect::<Vec<u64>>(), row.blob(1)?.to_vec()))
        })?;
        let (fences, filter) = found.unwrap_or_default();
        let mut differences = Vec::new();
        // Of a period that is dropped in part, index and filter still have all; the rows are gone, and they decide.
        // What was erased is still in the filter: a yes never decides.
        if !filter::holds(&filter, &self.filter) {
            differences.push(format!("the filter of period {} differs", self.period));
        }
        let mut blocks = Vec::new();
        session.query(
            "SELECT id, block FROM postings WHERE id BETWEEN $1 AND $2 ORDER BY id",
            params![block_id(self.period, 0), block_id(self.period + 1, 0) - 1],
            &mut |row| {
                blocks.push((row.int(0)?, unpack(row.blob(1)?).collect::<Vec<u64>>()));
                Ok(())
            },
        )?;
        // What was erased is missing in the middle of a block; the others stay where they are.
        let in_place = blocks.len() == fences.len()
            && fences.is_sorted()
            && blocks.iter().enumerate().all(|(number, (id, block))| {
                let end = fences.get(number + 1).copied().unwrap_or(u64::MAX);
                let within = |posting: &u64| fences.get(number) <= Some(posting) && *posting < end;
                *id == block_id(self.period, number) && block.is_sorted() && block.iter().all(within)
            });
        if !in_place {
            differences.push(format!("the index blocks of period {} are not as its fences say", self.period));
        }
        let found = blocks.iter().flat_map(|(_, block)| block).copied();
        let expected = self.blocks.iter().flat_map(|block| unpack(block));
        if !found.filter(|posting| place(*posting) >= self.first).eq(expected) {
            differences.push(format!("the index of period {} differs", self.period));
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

    /// Writes the next rows, about `budget` of them.
    pub(super) fn write(&mut self, session: &dyn Session, budget: usize) -> Result<(), StoreError> {
        let p = &self.prepared;
        if self.written == 0 {
            // What an interrupted attempt left behind.
            session.execute(
                "DELETE FROM postings WHERE id BETWEEN $1 AND $2",
                params![block_id(p.period, 0), block_id(p.period + 1, 0) - 1],
            )?;
            p.run.begin(session)?;
        }
        let end = self.written + budget;
        while self.written < end && !self.complete {
            self.written += write_some(session, p, self.written, end - self.written)?;
            self.complete = self.written > p.rows();
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

/// The rows of one list that lie between two numbers of the whole.
fn part<T>(list: &[T], from: usize, most: usize) -> &[T] {
    list.get(from..list.len().min(from.saturating_add(most))).unwrap_or_default()
}

/// Writes rows from the one of that number on, `most` of them, all of one table; how many they were.
fn write_some(session: &dyn Session, p: &Prepared, from: usize, most: usize) -> Result<usize, StoreError> {
    let mut at = from;
    let blocks = part(&p.blocks, at, most);
    if !blocks.is_empty() {
        let values: Vec<Param<'_>> = (at..)
            .zip(blocks)
            .flat_map(|(number, block)| [block_id(p.period, number).into(), Param::Blob(block)])
            .collect();
        session.write(&POSTINGS, &values)?;
        return Ok(blocks.len());
    }
    at -= p.blocks.len();
    let of_run = part(p.run.blocks(), at, most);
    if !of_run.is_empty() {
        p.run.write(session, at, of_run)?;
        return Ok(of_run.len());
    }
    at -= p.run.blocks().len();
    let candidates = part(&p.candidates, at, most);
    if !candidates.is_empty() {
        note_candidates(session, candidates.iter().map(Address::as_str))?;
        return Ok(candidates.len());
    }
    at -= p.candidates.len();
    let hourly = part(&p.hourly, at, most);
    if !hourly.is_empty() {
        let values: Vec<Param<'_>> = hourly
            .iter()
            .flat_map(|((hour, source, kind, machine), count)| {
                let (hour, source) = (Param::from(*hour), Param::from(*source));
                [hour, source, kind.number().into(), (*machine).into(), p.period.into(), (*count).into()]
            })
            .collect();
        session.write(&HOURLY, &values)?;
        return Ok(hourly.len());
    }
    at -= p.hourly.len();
    let delays = part(&p.delays, at, most);
    if !delays.is_empty() {
        let values: Vec<Param<'_>> = delays
            .iter()
            .flat_map(|((hour, name, kind, machine), count)| {
                let (hour, name) = (Param::from(*hour), Param::from(&**name));
                [hour, name, kind.number().into(), (*machine).into(), p.period.into(), (*count).into()]
            })
            .collect();
        session.write(&DELAYS, &values)?;
        return Ok(delays.len());
    }
    at -= p.delays.len();
    for (by, days) in [(ByName::Tag, &p.tags), (ByName::Domain, &p.domains)] {
        let rows = part(days, at, most);
        if !rows.is_empty() {
            names::write(session, by, p.period, rows)?;
            return Ok(rows.len());
        }
        at -= days.len();
    }
    p.run.finish(session)?;
    session.execute(
        "INSERT INTO periods (period, occurred_min, occurred_max, received_max, fences, filter) VALUES ($1, $2, $3, $4, $5, $6)",
        params![p.period, p.occurred.0, p.occurred.1, p.received_max, &pack(&p.fences), &p.filter],
    )?;
    Ok(1)
}
