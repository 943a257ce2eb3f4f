//! What is known of the log besides its rows: the periods in memory, and the sealed ones on disk.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use hearback_event::{Fact, Timestamp};

use super::owed::{self, Owed};
use super::period::Period;
use super::posting::{BLOCK, Key, PERIOD, period_of, place, place_of, position_at, range, unpack};
use super::rows::{self, Sources};
use super::stage::StagedEvent;
use super::start::LogStart;
use crate::session::{Keys, Session, params};
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

    /// The first posting of each block, or the smallest that would go into it.
    pub(super) fn fences(&self) -> &[u64] {
        &self.fences
    }

    /// The same period with other first postings of its blocks.
    pub(super) const fn with_fences(&self, fences: Vec<u64>) -> Self {
        Self { number: self.number, occurred: self.occurred, received_max: self.received_max, fences }
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

    /// The rows of the blocks that may hold the key, in the order asked for.
    pub(super) fn block_ids(&self, key: Key, order: Order) -> Vec<i64> {
        let ids = self.blocks(key).map(|block| block_id(self.number, block));
        match order {
            Order::Newest => ids.rev().collect(),
            Order::Oldest => ids.collect(),
        }
    }
}

/// The row of a block.
pub(super) const fn block_id(period: u64, block: usize) -> i64 {
    (period << 20 | block as u64) as i64
}

/// Blocks of postings, each read once for a question.
pub(super) struct Blocks<'a> {
    session: &'a dyn Session,
    read: RefCell<HashMap<i64, Vec<u8>>>,
}

impl<'a> Blocks<'a> {
    /// None read yet.
    pub(super) fn new(session: &'a dyn Session) -> Self {
        Self { session, read: RefCell::default() }
    }

    /// Reads many at once: a question to a database on another machine takes as long for one as for fifty.
    pub(super) fn read_ahead(&self, mut ids: Vec<i64>) -> Result<(), StoreError> {
        let mut read = self.read.borrow_mut();
        ids.retain(|id| !read.contains_key(id));
        self.session.look_up("SELECT id, block FROM postings WHERE id", Keys::Ints(&ids), &mut |row| {
            read.insert(row.int(0)?, row.blob(1)?.to_vec());
            Ok(())
        })
    }

    /// Gives back the memory of those that were read.
    pub(super) fn forget(&self) {
        self.read.borrow_mut().clear();
    }

    /// The places of a key in one block, in the order asked for.
    pub(super) fn places_in(&self, id: i64, key: Key, order: Order) -> Result<Vec<u16>, StoreError> {
        if !self.read.borrow().contains_key(&id) {
            self.read_ahead(vec![id])?;
        }
        let read = self.read.borrow();
        let Some(bytes) = read.get(&id) else {
            let period = id as u64 >> 20;
            // The period may have been dropped since this reader learned of it.
            if LogStart::read(self.session)?.position >= first_position(period + 1) {
                return Ok(Vec::new());
            }
            let block = id & 0xf_ffff;
            return Err(StoreError::Damaged(format!("block {block} of period {period} is missing")));
        };
        let mut places: Vec<u16> = range(bytes, key.first(), key.end()).map(place).collect();
        if order == Order::Newest {
            places.reverse();
        }
        Ok(places)
    }

    /// The places of a key in the order asked for, read block by block as they are needed.
    pub(super) fn places<'b>(
        &'b self,
        sealed: &Sealed,
        key: Key,
        order: Order,
    ) -> impl Iterator<Item = Result<Vec<u16>, StoreError>> + use<'a, 'b> {
        sealed.block_ids(key, order).into_iter().map(move |id| self.places_in(id, key, order))
    }
}

/// The state of the log between rows and readers.
#[derive(Default)]
pub(super) struct Tail {
    /// Sealed periods, oldest first.
    pub(super) sealed: Vec<Arc<Sealed>>,
    /// Periods in memory, oldest first; the last one is open.
    pub(super) unsealed: Vec<Arc<Period>>,
    /// The newest position, also where its event was dropped.
    pub(super) last_position: u64,
    /// The first position that is not dropped; 0 before anything was read.
    start: u64,
    /// Changes of events where they stand that this knows of ([`LogStart::changes`]).
    pub(super) changes: u64,
    /// What periods that are still to be opened owe to events that are gone.
    owed: Owed,
}

impl Tail {
    /// Of a log of which nothing is read yet.
    pub(super) fn of(start: LogStart) -> Self {
        let mut tail = Self { changes: start.changes, ..Self::default() };
        tail.begin_at(start.position);
        tail
    }

    /// The number of the first period that is not sealed.
    pub(super) fn first_unsealed(&self) -> u64 {
        self.sealed.last().map_or(0, |sealed| sealed.number + 1).max(period_of(self.start()))
    }

    /// The first position that is not dropped.
    pub(super) fn start(&self) -> u64 {
        self.start.max(1)
    }

    /// Events before `start` are dropped: leaves out what is no more.
    pub(super) fn begin_at(&mut self, start: u64) {
        self.start = start;
        self.last_position = self.last_position.max(start - 1);
        self.sealed.retain(|sealed| sealed.number >= period_of(start));
        self.unsealed.retain(|period| period.number() >= period_of(start));
    }

    /// Takes over the periods in memory of another tail, which has read the log on from its sealed ones.
    pub(super) fn take_open(&mut self, other: Self) {
        self.unsealed = other.unsealed;
        self.owed = other.owed;
        self.last_position = other.last_position;
    }

    /// A period that is still in memory, for changing it. Copied where somebody else holds it.
    pub(super) fn unsealed_mut(&mut self, number: u64) -> Option<&mut Period> {
        self.unsealed.iter_mut().find(|period| period.number() == number).map(Arc::make_mut)
    }

    /// The sealed period of that number.
    pub(super) fn sealed(&self, number: u64) -> Option<&Arc<Sealed>> {
        let at = self.sealed.partition_point(|sealed| sealed.number < number);
        self.sealed.get(at).filter(|sealed| sealed.number == number)
    }

    /// The open period, for writing.
    pub(super) fn open(&mut self, number: u64) -> Option<&mut Period> {
        if self.unsealed.last().is_none_or(|period| period.number() < number) {
            let first = if number == period_of(self.start()) { place_of(self.start()) } else { 0 };
            let owed = self.owed.remove(&number).unwrap_or_default();
            self.unsealed.push(Arc::new(Period::new(number, first, owed)));
        }
        // Only full periods are ever shared (with the thread that sorts them), so the open one is ours alone.
        self.unsealed.last_mut().and_then(Arc::get_mut)
    }

    /// Takes in one committed event.
    pub(super) fn add(&mut self, event: &StagedEvent, fact: Fact, received_at: Timestamp) {
        self.last_position = fact.position;
        if let Some(period) = self.open(period_of(fact.position)) {
            period.add(event, fact, received_at);
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

    /// Puts a sealed period in the place of the one in memory, unless a reader has found it in the database already.
    pub(super) fn seal(&mut self, sealed: Sealed) {
        if sealed.number < self.first_unsealed() {
            return;
        }
        self.unsealed.retain(|period| period.number() != sealed.number);
        self.sealed.push(Arc::new(sealed));
    }

    /// How many events are in memory.
    pub(super) fn unsealed_events(&self) -> usize {
        self.unsealed.iter().map(|period| period.len()).sum()
    }

    /// The facts of unsealed events to an address, by position, oldest first.
    pub(super) fn facts_of(&self, address: &str) -> Vec<Fact> {
        let mut facts: Vec<Fact> =
            self.unsealed.iter().flat_map(|period| period.facts_of(address)).copied().collect();
        facts.sort_unstable_by_key(|fact| fact.position);
        facts
    }
}

/// Makes a tail that reads the log from a position on: of the period of `first`, nothing before it is there.
pub(super) fn from_position(session: &dyn Session, first: u64) -> Result<Tail, StoreError> {
    let owed = owed::read(session, period_of(first))?;
    let mut tail = Tail { start: first, last_position: first - 1, owed, ..Tail::default() };
    // Also where none of its events is left: what they were counted as is not.
    tail.open(period_of(first));
    Ok(tail)
}

/// Reads what is on disk: the sealed periods beyond those known, then the events after them, up to `last`.
pub(super) fn load(
    session: &dyn Session,
    sources: &mut Sources,
    tail: &mut Tail,
    last: u64,
) -> Result<(), StoreError> {
    let start = LogStart::read(session)?;
    if tail.changes != start.changes {
        // Events that are in memory were changed in the log.
        *tail = Tail::of(start);
    }
    tail.begin_at(start.position);
    let sql = "SELECT period, occurred_min, occurred_max, received_max, fences FROM periods WHERE period >= $1 ORDER BY period";
    session.query(sql, params![tail.first_unsealed()], &mut |row| {
        let number = row.int(0)? as u64;
        let fences = unpack(row.blob(4)?).collect();
        tail.seal(Sealed::new(number, (row.int(1)?, row.int(2)?), row.int(3)?, fences));
        tail.last_position = tail.last_position.max((number + 1) * PERIOD);
        Ok(())
    })?;
    // First how far, then the sources: those of every event up to there are committed.
    let last = last.min(session.last_position()?);
    sources.load(session)?;
    let first_unsealed = tail.first_unsealed();
    if tail.unsealed.is_empty() {
        tail.owed = owed::read(session, first_unsealed)?;
        if period_of(tail.start()) == first_unsealed {
            tail.open(first_unsealed);
        }
    }
    load_events(session, sources, tail, last)
}

/// How many events are read at a time.
const PAGE: u64 = 10_000;

/// Reads the events after the tail's last position, up to `last`.
pub(super) fn load_events(
    session: &dyn Session,
    sources: &Sources,
    tail: &mut Tail,
    last: u64,
) -> Result<(), StoreError> {
    loop {
        let after = tail.last_position;
        let tokens = bound_tokens(session, after, last.min(after + PAGE))?;
        session.query(rows::SELECT_OLDEST, params![after + 1, last.min(after + PAGE), PAGE], &mut |row| {
            let record = rows::record(row, sources)?;
            let Some((number, source)) = sources.of_row(row)? else { return Ok(()) };
            let mut staged = StagedEvent::of(&record.event, source, record.occurred_at(), record.verified);
            // As they were when it came: what an erased event says no more was counted all the same.
            staged.flags = row.int(7)? as u16;
            staged.delay = rows::delay(row.int(7)?);
            tail.add(&staged, staged.fact(record.position, number), record.received_at);
            if let Some((token, digest)) = tokens.get(&record.position) {
                tail.bind(*token, *digest, record.position);
            }
            Ok(())
        })?;
        if tail.last_position == after {
            return Ok(());
        }
    }
}

type Digest = [u8; 16];

/// The tokens that requests were bound to, by the position of their first event.
fn bound_tokens(
    session: &dyn Session,
    after: u64,
    last: u64,
) -> Result<HashMap<u64, (Digest, Digest)>, StoreError> {
    let mut tokens = HashMap::new();
    let sql = "SELECT id, token, digest FROM payloads WHERE id > $1 AND id <= $2 AND token IS NOT NULL";
    session.query(sql, params![after, last], &mut |row| {
        tokens.insert(row.int(0)? as u64, (row.digest(1)?, row.digest(2)?));
        Ok(())
    })?;
    Ok(tokens)
}

/// The first position of a period.
pub(super) const fn first_position(period: u64) -> u64 {
    position_at(period, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_sealed_once_whoever_tells_of_it_first() {
        let mut tail = Tail::default();
        for number in [0, 0, 1, 0, 1] {
            tail.seal(Sealed::new(number, (0, 0), 0, Vec::new()));
        }
        let numbers: Vec<u64> = tail.sealed.iter().map(|sealed| sealed.number).collect();
        assert_eq!(numbers, [0, 1]);
    }
}
