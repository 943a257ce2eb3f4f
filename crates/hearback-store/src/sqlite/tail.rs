//! What is known of the log besides its rows: the periods in memory, and the sealed ones on disk.

use std::sync::Arc;

use hearback_event::Fact;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::period::Period;
use super::posting::{BLOCK, Key, PERIOD, period_of, place, position_at, range, unpack};
use super::rows::{self, Sources};
use super::stage::StagedEvent;
use crate::{Order, StoreError};

/// A sealed period: what has to be in memory to find its blocks.
pub(super) struct Sealed {
    pub(super) number: u64,
    pub(super) occurred: (i64, i64),
    pub(super) received_max: i64,
    /// The first posting of each block.
    fences: Vec<u64>,
}

impl Sealed {
    pub(super) fn new(number: u64, occurred: (i64, i64), received_max: i64, fences: Vec<u64>) -> Self {
        Self { number, occurred, received_max, fences }
    }

    /// The numbers of the blocks that may hold the key.
    fn blocks(&self, key: Key) -> std::ops::Range<usize> {
        let end = self.fences.partition_point(|fence| *fence < key.end());
        let start = self.fences.partition_point(|fence| *fence < key.first()).saturating_sub(1);
        start..end.max(start)
    }

    /// About how many places the key has, at most.
    pub(super) fn estimate(&self, key: Key) -> usize {
        self.blocks(key).len() * BLOCK
    }

    /// The places of a key in the order asked for, read block by block as they are needed.
    pub(super) fn places<'a>(
        &self,
        connection: &'a Connection,
        key: Key,
        order: Order,
    ) -> impl Iterator<Item = Result<Vec<u16>, StoreError>> + use<'a> {
        let (period, blocks) = (self.number, self.blocks(key));
        let (count, first, last) = (blocks.len(), blocks.start, blocks.end.saturating_sub(1));
        (0..count).map(move |n| {
            let block = match order {
                Order::Newest => last - n,
                Order::Oldest => first + n,
            };
            read_block(connection, period, block, key, order)
        })
    }
}

/// The row of a block.
pub(super) const fn block_id(period: u64, block: usize) -> i64 {
    (period << 20 | block as u64) as i64
}

/// The places of a key in one block.
fn read_block(
    connection: &Connection,
    period: u64,
    block: usize,
    key: Key,
    order: Order,
) -> Result<Vec<u16>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT block FROM postings WHERE id = ?1")?;
    let mut rows = statement.query(params![block_id(period, block)])?;
    let row = rows
        .next()?
        .ok_or_else(|| StoreError::Damaged(format!("block {block} of period {period} is missing")))?;
    let bytes =
        row.get_ref(0)?.as_blob().map_err(|_| StoreError::Damaged("a block is not binary".to_owned()))?;
    let mut places: Vec<u16> = range(bytes, key.first(), key.end()).map(place).collect();
    if order == Order::Newest {
        places.reverse();
    }
    Ok(places)
}

/// The state of the log between rows and readers.
#[derive(Default)]
pub(super) struct Tail {
    /// Sealed periods, oldest first.
    pub(super) sealed: Vec<Arc<Sealed>>,
    /// Periods in memory, oldest first; the last one is open.
    pub(super) unsealed: Vec<Arc<Period>>,
    /// The newest position.
    pub(super) last_position: u64,
}

impl Tail {
    /// The number of the first period that is not sealed.
    pub(super) fn first_unsealed(&self) -> u64 {
        self.sealed.last().map_or(0, |sealed| sealed.number + 1)
    }

    /// The sealed period of that number.
    pub(super) fn sealed(&self, number: u64) -> Option<&Arc<Sealed>> {
        let at = self.sealed.partition_point(|sealed| sealed.number < number);
        self.sealed.get(at).filter(|sealed| sealed.number == number)
    }

    /// The open period, for writing.
    pub(super) fn open(&mut self, number: u64) -> Option<&mut Period> {
        if self.unsealed.last().is_none_or(|period| period.number() < number) {
            self.unsealed.push(Arc::new(Period::new(number)));
        }
        // Only full periods are ever shared (with the thread that sorts them), so the open one is ours alone.
        self.unsealed.last_mut().and_then(Arc::get_mut)
    }

    /// Takes in one committed event.
    pub(super) fn add(&mut self, event: &StagedEvent, fact: Fact) {
        self.last_position = fact.position;
        if let Some(period) = self.open(period_of(fact.position)) {
            period.add(event, fact);
        }
    }

    /// Takes in a token that the event at `position` binds to a body.
    pub(super) fn bind(&mut self, token: Digest, body: Digest, position: u64) {
        // The batch may have opened the next period meanwhile.
        let number = period_of(position);
        if let Some(period) =
            self.unsealed.iter_mut().find(|period| period.number() == number).and_then(Arc::get_mut)
        {
            period.bind(token, body, position);
        }
    }

    /// Puts a sealed period in the place of the one in memory.
    pub(super) fn seal(&mut self, sealed: Sealed) {
        self.unsealed.retain(|period| period.number() != sealed.number);
        self.sealed.push(Arc::new(sealed));
    }

    /// How many events are in memory.
    pub(super) fn unsealed_events(&self) -> usize {
        self.unsealed.iter().map(|period| period.len()).sum()
    }

    /// The facts of unsealed events with a key, by position, oldest first.
    pub(super) fn facts(&self, key: Key) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self
            .unsealed
            .iter()
            .flat_map(|period| period.places(key).filter_map(|place| period.fact(place).copied()))
            .collect();
        facts.sort_unstable_by_key(|fact| fact.position);
        facts
    }
}

/// Reads what is on disk: the sealed periods beyond those known, then the events after them. Gives back the numbers and
/// filters of the periods that are new, for those who look for duplicates.
pub(super) fn load(
    connection: &Connection,
    sources: &mut Sources,
    tail: &mut Tail,
    mut on_sealed: impl FnMut(u64, &[u8]),
) -> Result<(), StoreError> {
    let first = tail.first_unsealed();
    let mut statement = connection.prepare_cached(
        "SELECT period, occurred_min, occurred_max, received_max, fences, filter FROM periods WHERE period >= ?1 ORDER BY period",
    )?;
    let mut rows = statement.query(params![first as i64])?;
    while let Some(row) = rows.next()? {
        let number = row.get::<_, i64>(0)? as u64;
        let fences = unpack(&row.get::<_, Vec<u8>>(4)?).collect();
        on_sealed(number, &row.get::<_, Vec<u8>>(5)?);
        tail.seal(Sealed::new(number, (row.get(1)?, row.get(2)?), row.get(3)?, fences));
        tail.last_position = tail.last_position.max((number + 1) * PERIOD);
    }
    sources.load(connection)?;
    load_events(connection, sources, tail, i64::MAX as u64)
}

/// Reads the events after the tail's last position, up to `last`.
pub(super) fn load_events(
    connection: &Connection,
    sources: &Sources,
    tail: &mut Tail,
    last: u64,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(rows::SELECT_OLDEST)?;
    let mut found = statement.query(params![tail.last_position as i64 + 1, last as i64])?;
    while let Some(row) = found.next()? {
        let record = rows::record(row, sources)?;
        let Some((number, source)) = sources.of_row(row)? else { continue };
        let staged = StagedEvent::of(&record.event, source, record.occurred_at(), record.verified);
        tail.add(&staged, staged.fact(record.position, number));
        if let Some(token) = bound_token(connection, &record)? {
            tail.bind(token.0, token.1, record.position);
        }
    }
    Ok(())
}

type Digest = [u8; 16];

/// The token that the request of an event was bound to, told by its first event.
fn bound_token(
    connection: &Connection,
    record: &hearback_event::Record,
) -> Result<Option<(Digest, Digest)>, StoreError> {
    if record.payload != Some(record.position) {
        return Ok(None);
    }
    let mut statement = connection
        .prepare_cached("SELECT token, digest FROM payloads WHERE id = ?1 AND token IS NOT NULL")?;
    Ok(statement
        .query_row(params![record.position as i64], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// The first position of a period.
pub(super) const fn first_position(period: u64) -> u64 {
    position_at(period, 0)
}
