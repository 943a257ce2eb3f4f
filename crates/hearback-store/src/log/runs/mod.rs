//! What sealed events say about recipients, in **runs**: of each period its recipients in the order of their keys, packed into
//! blocks that are written one after the other, and changed only to forget somebody. A recipient is what all runs say of him
//! together; filters tell which of them he may be in. When there are enough runs of a size, one is made of them ([`merge`]), so
//! that there are few.
//!
//! A table with a row per recipient would have to be changed all over by every period, at a cost that grows with it.

mod block;
pub(super) mod merge;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use hearback_event::{Address, RecipientState};
use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64;

use self::block::{Entry, Filling};
use self::merge::Cursor;
use super::Shared;
use super::filter::Periods;
use super::posting::{self, Key, period_of};
use super::recipients::{pack, unpack};
use super::tail::first_position;
use crate::StoreError;
use crate::session::{Column, Keys, Param, Session, Table, params};

/// Blocks of all runs.
const BLOCKS: Table =
    Table { name: "recipient_blocks", columns: &[("id", Column::Int), ("block", Column::Blob)], key: &[] };

/// The bits of a block's id that are its number.
const NUMBER_BITS: u32 = 32;
/// The bits of a run's id that are its level.
const LEVEL_BITS: u32 = 3;

/// Which runs there are to be read.
const CURRENT: &str = "SELECT id, first_period, last_period, digest FROM recipient_runs WHERE id >= 0 AND merged = 0 ORDER BY id";
/// Some blocks.
const BLOCKS_BY_ID: &str = "SELECT id, block FROM recipient_blocks WHERE id";
/// How often who reads looks again because runs were merged meanwhile, before he takes it for damage.
const TRIES: usize = 5;

/// The id of a run: of the last of its periods, and how often what is in it was merged.
const fn id_of(last: u64, level: u32) -> u64 {
    last << LEVEL_BITS | level as u64
}

const fn level_of(id: u64) -> u32 {
    (id & ((1 << LEVEL_BITS) - 1)) as u32
}

/// The id of a block.
const fn block_id(run: u64, number: usize) -> i64 {
    (run << NUMBER_BITS | number as u64) as i64
}

/// A run as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    id: u64,
    /// The periods of which it is.
    first: u64,
    last: u64,
    /// Of its fences.
    digest: i64,
}

fn list(session: &dyn Session) -> Result<Vec<Run>, StoreError> {
    session.all(CURRENT, params![], |row| {
        let number = |column| row.int(column).map(|number| number as u64);
        Ok(Run { id: number(0)?, first: number(1)?, last: number(2)?, digest: row.int(3)? })
    })
}

/// The first key of each block of runs that were read from. What a run has is never changed, but a rebuild makes runs anew under
/// the same ids, hence the digest.
#[derive(Default)]
pub(super) struct Fences(Mutex<HashMap<RunKey, Arc<[u64]>>>);

/// Id and digest.
type RunKey = (u64, i64);

impl Fences {
    /// Those of all runs that there are; nothing where one of them is gone since it was listed.
    fn of(&self, session: &dyn Session, runs: &[Run]) -> Result<Option<Vec<Arc<[u64]>>>, StoreError> {
        let mut known = self.0.lock();
        let lacking: Vec<i64> = runs
            .iter()
            .filter(|run| !known.contains_key(&(run.id, run.digest)))
            .map(|run| run.id as i64)
            .collect();
        if !lacking.is_empty() {
            known.retain(|(id, digest), _| runs.iter().any(|run| (run.id, run.digest) == (*id, *digest)));
            let sql = "SELECT id, digest, fences FROM recipient_runs WHERE id";
            session.look_up(sql, Keys::Ints(&lacking), &mut |row| {
                known.insert((row.int(0)? as u64, row.int(1)?), posting::unpack(row.blob(2)?).collect());
                Ok(())
            })?;
        }
        Ok(runs.iter().map(|run| known.get(&(run.id, run.digest)).cloned()).collect())
    }
}

/// How many blocks a run has, by its fences as they are stored.
fn count_blocks(fences: &[u8]) -> usize {
    posting::unpack(fences).len()
}

/// The numbers of the blocks that may have a key.
fn blocks_of(fences: &[u64], key: u64) -> Range<usize> {
    let end = fences.partition_point(|fence| *fence <= key);
    let start = fences.partition_point(|fence| *fence < key).saturating_sub(1);
    start..end.max(start)
}

/// What runs say about some recipients.
#[derive(Default)]
pub(super) struct Found {
    /// The last position of which they say anything.
    pub(super) upto: u64,
    pub(super) states: HashMap<String, RecipientState>,
}

/// What the runs say about each of these addresses that is in any.
pub(super) fn look_up(
    shared: &Shared,
    session: &dyn Session,
    addresses: &[&str],
) -> Result<Found, StoreError> {
    for _ in 0..TRIES {
        let may_be = may_be_in(shared, addresses);
        if let Some(found) = try_look_up(&shared.fences, session, addresses, &may_be)? {
            return Ok(found);
        }
    }
    Err(StoreError::Damaged("a block of recipients is missing; `hearback rebuild` makes it anew".to_owned()))
}

/// `None` where a run or a block is gone since the runs were listed: they were merged, and there are others in their place.
fn try_look_up(
    fences: &Fences,
    session: &dyn Session,
    addresses: &[&str],
    may_be: &[MayBe],
) -> Result<Option<Found>, StoreError> {
    let runs = list(session)?;
    let Some(fences) = fences.of(session, &runs)? else { return Ok(None) };
    let mut wanted = Vec::new();
    for (address, may_be) in addresses.iter().zip(may_be) {
        let key = Key::recipient(address).first();
        for (run, fences) in runs.iter().zip(&fences).filter(|(run, _)| may_be.has(run)) {
            wanted.extend(blocks_of(fences, key).map(|number| (block_id(run.id, number), *address)));
        }
    }
    let ids: BTreeSet<i64> = wanted.iter().map(|(id, _)| *id).collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    let mut blocks = HashMap::with_capacity(ids.len());
    session.look_up(BLOCKS_BY_ID, Keys::Ints(&ids), &mut |row| {
        blocks.insert(row.int(0)?, row.blob(1)?.to_vec());
        Ok(())
    })?;
    let mut found = Found { upto: upto(&runs), states: HashMap::with_capacity(addresses.len()) };
    for (id, address) in wanted {
        let Some(block) = blocks.get(&id) else { return Ok(None) };
        let Some(state) = block::find(block, address)? else { continue };
        let state = unpack(state)?;
        let known = found.states.entry(address.to_owned()).or_default();
        *known = known.merge(&state);
    }
    Ok(Some(found))
}

fn upto(runs: &[Run]) -> u64 {
    runs.iter().map(|run| first_position(run.last + 1) - 1).max().unwrap_or_default()
}

/// Which runs an address may be in.
struct MayBe {
    periods: Periods,
    /// Before this period the log is dropped, and its filters with it; what it said is in runs all the same.
    begins: u64,
}

impl MayBe {
    fn has(&self, run: &Run) -> bool {
        run.first < self.begins || (run.first..=run.last).any(|period| self.periods.has(period))
    }
}

fn may_be_in(shared: &Shared, addresses: &[&str]) -> Vec<MayBe> {
    // The tail is held, so that no filter goes of which it does not say that it is gone.
    let tail = shared.tail.read();
    let filters = shared.filters.read();
    let begins = period_of(tail.start());
    let may_be = |address: &&str| MayBe { periods: filters.periods_of(Key::recipient(address)), begins };
    addresses.iter().map(may_be).collect()
}

/// A run that is to be written: of one period.
pub(super) struct Prepared {
    period: u64,
    blocks: Vec<Vec<u8>>,
    fences: Vec<u64>,
}

impl Prepared {
    /// Packs what a period says about its recipients.
    pub(super) fn new(
        period: u64,
        recipients: impl IntoIterator<Item = (Address, RecipientState)>,
    ) -> Result<Self, StoreError> {
        let entry =
            |(address, state): (Address, RecipientState)| Ok(Entry::new(address.as_str(), pack(&state)?));
        let mut entries = recipients.into_iter().map(entry).collect::<Result<Vec<Entry>, StoreError>>()?;
        entries.sort_unstable();
        let mut filling = Filling::default();
        for entry in &entries {
            filling.push(entry);
        }
        filling.close();
        Ok(Self { period, blocks: filling.take_full(), fences: filling.fences().to_vec() })
    }

    pub(super) const fn blocks(&self) -> &Vec<Vec<u8>> {
        &self.blocks
    }

    /// Removes what an interrupted attempt left behind.
    pub(super) fn begin(&self, session: &dyn Session) -> Result<(), StoreError> {
        delete_blocks(session, id_of(self.period, 0))
    }

    /// Writes some blocks, from the one of that number on.
    pub(super) fn write(
        &self,
        session: &dyn Session,
        from: usize,
        blocks: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        write_blocks(session, id_of(self.period, 0), from, blocks)
    }

    /// Makes the run one of those that are read.
    pub(super) fn finish(&self, session: &dyn Session) -> Result<(), StoreError> {
        write_run(session, id_of(self.period, 0), (self.period, self.period), &self.fences)
    }
}

fn delete_blocks(session: &dyn Session, run: u64) -> Result<(), StoreError> {
    let sql = "DELETE FROM recipient_blocks WHERE id BETWEEN $1 AND $2";
    session.execute(sql, params![block_id(run, 0), block_id(run + 1, 0) - 1]).map(|_| ())
}

fn write_blocks(session: &dyn Session, run: u64, from: usize, blocks: &[Vec<u8>]) -> Result<(), StoreError> {
    let values: Vec<Param<'_>> = (from..)
        .zip(blocks)
        .flat_map(|(number, block)| [block_id(run, number).into(), Param::Blob(block)])
        .collect();
    session.write(&BLOCKS, &values)
}

fn write_run(
    session: &dyn Session,
    id: u64,
    (first, last): (u64, u64),
    fences: &[u64],
) -> Result<(), StoreError> {
    let fences = posting::pack(fences);
    let digest = xxh3_64(&fences) as i64;
    let sql = "INSERT INTO recipient_runs (id, first_period, last_period, merged, digest, fences) VALUES ($1, $2, $3, 0, $4, $5)";
    session.execute(sql, params![id, first, last, digest, &fences]).map(|_| ())
}

/// Throws all runs away.
pub(super) fn clear(session: &dyn Session) -> Result<(), StoreError> {
    session.execute("DELETE FROM recipient_runs", params![])?;
    session.execute("DELETE FROM recipient_blocks", params![]).map(|_| ())
}

/// Takes an address out of all runs, also out of those that are merged and not yet thrown away. Whether it was in any.
pub(super) fn erase(session: &dyn Session, address: &Address) -> Result<bool, StoreError> {
    let key = Key::recipient(address.as_str()).first();
    let mut ids = Vec::new();
    session.query(
        "SELECT id, fences FROM recipient_runs WHERE id >= 0 ORDER BY id",
        params![],
        &mut |row| {
            let (run, fences) = (row.int(0)? as u64, posting::unpack(row.blob(1)?).collect::<Vec<u64>>());
            ids.extend(blocks_of(&fences, key).map(|number| block_id(run, number)));
            Ok(())
        },
    )?;
    let mut changed = Vec::new();
    session.look_up(BLOCKS_BY_ID, Keys::Ints(&ids), &mut |row| {
        let (id, left) = (row.int(0)?, block::without(row.blob(1)?, address.as_str())?);
        changed.extend(left.map(|left| (id, left)));
        Ok(())
    })?;
    for (id, left) in &changed {
        session.execute("UPDATE recipient_blocks SET block = $1 WHERE id = $2", params![left, *id])?;
    }
    Ok(!changed.is_empty())
}

/// Calls `each` with every recipient that is in a run, with what all runs say about it, unless that cannot be read. Gives what is
/// damaged, in words.
pub(super) fn for_each(
    session: &dyn Session,
    mut each: impl FnMut(&str, Option<RecipientState>),
) -> Result<Vec<String>, StoreError> {
    let mut cursors = Vec::new();
    let sql = "SELECT id, fences FROM recipient_runs WHERE id >= 0 AND merged = 0 ORDER BY id";
    session.query(sql, params![], &mut |row| {
        cursors.push(Cursor::new(row.int(0)? as u64, count_blocks(row.blob(1)?)));
        Ok(())
    })?;
    while let Some(together) = merge::next(session, &mut cursors)? {
        each(&together.address, together.state().ok());
    }
    Ok(cursors.into_iter().flat_map(Cursor::into_damage).collect())
}
