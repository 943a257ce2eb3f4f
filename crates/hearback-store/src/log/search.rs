//! Finding events: postings where there is a key for it, the log's order where there is none, and the row decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use hearback_event::Record;

use super::Shared;
use super::posting::{Key, PERIOD, position_at};
use super::rows::{self, Sources};
use super::snapshot::{Snapshot, descending, intersect};
use super::tail::{Blocks, Sealed};
use crate::session::{Session, params};
use crate::{EventQuery, Order, Page, StoreError};

/// Lists up to this long are walked with a look at each row; longer ones are intersected first.
const SHORT: usize = 2000;
/// Rows that are looked at together, at most.
const LOOKS_AT_ONCE: usize = 1000;
/// A key with so many blocks in a period, or fewer, is rare in it.
const SPARSE_BLOCKS: usize = 2;
/// Sealed periods whose blocks are read together, at most.
const PERIODS_AHEAD: usize = 64;
/// Blocks that are read together, about.
const BLOCKS_AHEAD: usize = 1000;

/// Answers a query.
pub(super) fn find(
    shared: &Shared,
    session: &dyn Session,
    query: &EventQuery,
) -> Result<Page<Record>, StoreError> {
    // Who follows the log asks with every commit, and not for what he has.
    let after = query.beyond.filter(|_| query.order == Order::Oldest).unwrap_or_default();
    page(session, &shared.sources(), &Snapshot::for_filter(shared, &query.filter, after), query)
}

/// Answers a query whose filter the snapshot was taken for.
pub(super) fn page(
    session: &dyn Session,
    sources: &Sources,
    snapshot: &Snapshot,
    query: &EventQuery,
) -> Result<Page<Record>, StoreError> {
    page_where(session, sources, snapshot, query, BTreeMap::new(), &mut |record| query.filter.matches(record))
}

/// As [`page`], where something else decides what is meant, and some rows were read already: those are not read once more.
pub(super) fn page_where(
    session: &dyn Session,
    sources: &Sources,
    snapshot: &Snapshot,
    query: &EventQuery,
    at_hand: BTreeMap<u64, Record>,
    means: &mut dyn FnMut(&Record) -> bool,
) -> Result<Page<Record>, StoreError> {
    let blocks = Blocks::new(session);
    let mut found = Found { session, sources, query, means, at_hand, blocks, rows: Vec::new() };
    if snapshot.groups.is_empty() {
        found.scan(snapshot)?;
    } else {
        found.follow(snapshot)?;
    }
    let full = found.rows.len() > query.limit;
    found.rows.truncate(query.limit);
    let next = full.then(|| found.rows.last().map(|record| record.position)).flatten();
    Ok(Page { rows: found.rows, next })
}

struct Found<'a> {
    session: &'a dyn Session,
    sources: &'a Sources,
    query: &'a EventQuery,
    means: &'a mut dyn FnMut(&Record) -> bool,
    /// By position.
    at_hand: BTreeMap<u64, Record>,
    blocks: Blocks<'a>,
    rows: Vec<Record>,
}

/// A sealed period, and of each group the keys that it may have.
struct Candidate<'a> {
    sealed: &'a Sealed,
    groups: Vec<Vec<Key>>,
}

impl Found<'_> {
    /// One row more than asked for tells whether there is a next page.
    fn is_full(&self) -> bool {
        self.rows.len() > self.query.limit
    }

    /// Walks the log itself, leaving out the periods that the times exclude.
    fn scan(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let span = |sealed: &Arc<Sealed>| {
            let first = position_at(sealed.number, 0);
            (first, first + PERIOD - 1)
        };
        let mut spans: Vec<(u64, u64)> =
            snapshot.sealed.iter().filter(|sealed| self.may_hold(sealed)).map(span).collect();
        spans.push((snapshot.sealed.last().map_or(1, |sealed| span(sealed).1 + 1), snapshot.last_position));
        if self.query.order == Order::Newest {
            spans.reverse();
        }
        for (first, last) in spans {
            self.scan_span(first, last)?;
        }
        Ok(())
    }

    fn scan_span(&mut self, mut first: u64, mut last: u64) -> Result<(), StoreError> {
        let (order, beyond) = (self.query.order, self.query.beyond);
        let sql = match order {
            Order::Newest => {
                last = last.min(beyond.map_or(u64::MAX, |beyond| beyond.saturating_sub(1)));
                rows::SELECT_NEWEST
            }
            Order::Oldest => {
                first = first.max(beyond.map_or(0, |beyond| beyond + 1));
                rows::SELECT_OLDEST
            }
        };
        // A page is full with the first rows where everything is wanted; where little is, more are read at a time.
        let mut most = self.query.limit + 1;
        while !self.is_full() && first <= last {
            let mut read = Vec::new();
            self.session.query(sql, params![first, last, most], &mut |row| {
                read.push(rows::record(row, self.sources)?);
                Ok(())
            })?;
            let Some(end) = read.last().map(|record| record.position) else { break };
            match order {
                Order::Newest => last = end.saturating_sub(1),
                Order::Oldest => first = end + 1,
            }
            self.keep(read);
            most = (most * 2).min(LOOKS_AT_ONCE);
        }
        Ok(())
    }

    /// Walks the postings, period by period.
    fn follow(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        let candidates = snapshot.sealed.iter().filter(|sealed| self.may_hold(sealed)).filter_map(|sealed| {
            let groups: Vec<_> = snapshot.groups.iter().map(|group| group.keys_in(sealed.number)).collect();
            (!groups.iter().any(Vec::is_empty)).then_some(Candidate { sealed, groups })
        });
        let mut candidates: Vec<Candidate<'_>> = candidates.collect();
        match self.query.order {
            Order::Newest => {
                for (period, places) in snapshot.unsealed.iter().rev() {
                    self.take(*period, places.iter().copied())?;
                }
                candidates.reverse();
                self.follow_sealed(&candidates)?;
            }
            Order::Oldest => {
                self.follow_sealed(&candidates)?;
                for (period, places) in &snapshot.unsealed {
                    self.take(*period, places.iter().rev().copied())?;
                }
            }
        }
        Ok(())
    }

    /// Walks sealed periods, reading the blocks of twice as many ahead each time: what is rare must be looked for in all of
    /// them, what is common is in the first.
    fn follow_sealed(&mut self, periods: &[Candidate<'_>]) -> Result<(), StoreError> {
        let (mut rest, mut ahead) = (periods, 1);
        while !rest.is_empty() && !self.is_full() {
            let (mut now, mut wanted) = (0, Vec::new());
            while now < ahead.min(rest.len()) && (now == 0 || wanted.len() < BLOCKS_AHEAD) {
                wanted.extend(rest.get(now).map(|period| self.first_blocks(period)).unwrap_or_default());
                now += 1;
            }
            let (now, later) = rest.split_at(now);
            if wanted.len() > 1 {
                self.blocks.read_ahead(wanted)?;
            }
            // What little such periods have is looked at together.
            let mut gathered = Vec::new();
            for period in now {
                if let Some(positions) = self.sparse_positions(period)? {
                    gathered.extend(positions);
                } else {
                    self.look_at(std::mem::take(&mut gathered))?;
                    self.follow_one(period)?;
                }
            }
            self.look_at(gathered)?;
            self.blocks.forget();
            rest = later;
            ahead = (ahead * 2).min(PERIODS_AHEAD);
        }
        Ok(())
    }

    fn block_ids(&self, sealed: &Sealed, group: &[Key]) -> Vec<i64> {
        let mut ids: Vec<i64> =
            group.iter().flat_map(|key| sealed.block_ids(*key, self.query.order)).collect();
        if group.len() > 1 {
            ids.sort_unstable();
            ids.dedup();
        }
        ids
    }

    /// The group whose keys are rare in a period, with its blocks.
    fn sparse_group<'b>(&self, period: &'b Candidate<'_>) -> Option<(&'b [Key], Vec<i64>)> {
        let blocks = |group: &'b Vec<Key>| (group.as_slice(), self.block_ids(period.sealed, group));
        let rarest = period.groups.iter().map(blocks).min_by_key(|(_, ids)| ids.len());
        rarest.filter(|(keys, ids)| ids.len() <= SPARSE_BLOCKS * keys.len())
    }

    /// The blocks that are surely looked into, unless they are very many.
    fn first_blocks(&self, period: &Candidate<'_>) -> Vec<i64> {
        if let Some((_, ids)) = self.sparse_group(period) {
            return ids;
        }
        let blocks = |group: &Vec<Key>| self.block_ids(period.sealed, group);
        let mut shortest = period.groups.iter().map(blocks).min_by_key(Vec::len).unwrap_or_default();
        shortest.truncate(SPARSE_BLOCKS);
        shortest
    }

    /// The positions of keys that are rare in a period, in the query's order; `None` where no group of the query is.
    fn sparse_positions(&self, period: &Candidate<'_>) -> Result<Option<Vec<u64>>, StoreError> {
        let Some((keys, _)) = self.sparse_group(period) else { return Ok(None) };
        let sealed = period.sealed;
        let mut positions = Vec::new();
        for key in keys {
            for places in self.blocks.places(sealed, *key, self.query.order) {
                positions.extend(places?.into_iter().map(|place| position_at(sealed.number, place)));
            }
        }
        if keys.len() > 1 {
            positions.sort_unstable();
            positions.dedup();
            if self.query.order == Order::Newest {
                positions.reverse();
            }
        }
        Ok(Some(positions))
    }

    fn follow_one(&mut self, period: &Candidate<'_>) -> Result<(), StoreError> {
        if self.is_full() {
            return Ok(());
        }
        let sealed = period.sealed;
        let estimate = |group: &[Key]| group.iter().map(|key| sealed.estimate(*key)).sum::<usize>();
        let mut groups: Vec<(usize, &[Key])> =
            period.groups.iter().map(|group| (estimate(group), group.as_slice())).collect();
        groups.sort_by_key(|(estimate, _)| *estimate);
        let Some((_, shortest)) = groups.first() else { return Ok(()) };
        if !self.is_worth_walking(&groups) {
            let lists: Result<Vec<_>, _> =
                groups.iter().take(3).map(|(_, group)| self.read_group(sealed, group)).collect();
            let places = intersect(lists?.into_iter());
            return self.take_in_order(sealed.number, &places);
        }
        if let [key] = shortest {
            for id in sealed.block_ids(*key, self.query.order) {
                let places = self.blocks.places_in(id, *key, self.query.order)?;
                self.take(sealed.number, places.into_iter())?;
                if self.is_full() {
                    break;
                }
            }
            return Ok(());
        }
        let places = self.read_group(sealed, shortest)?;
        self.take_in_order(sealed.number, &places)
    }

    /// Whether it is cheaper to look at the rows of the shortest list than to intersect the lists: the list is short, or
    /// so many of its rows are wanted that the page is soon full.
    fn is_worth_walking(&self, groups: &[(usize, &[Key])]) -> bool {
        let shortest = groups.first().map_or(0, |(estimate, _)| *estimate);
        let share: f64 =
            groups.iter().skip(1).map(|(estimate, _)| (*estimate as f64 / PERIOD as f64).min(1.0)).product();
        let looks = (self.query.limit + 1) as f64 / share.max(f64::EPSILON);
        shortest <= SHORT || looks <= SHORT as f64
    }

    /// Whether positions and times of a sealed period can be in the answer at all.
    fn may_hold(&self, sealed: &Sealed) -> bool {
        let (first, last) = (position_at(sealed.number, 0), position_at(sealed.number, 0) + PERIOD - 1);
        let beyond = match (self.query.order, self.query.beyond) {
            (_, None) => true,
            (Order::Newest, Some(beyond)) => first < beyond,
            (Order::Oldest, Some(beyond)) => last > beyond,
        };
        let filter = &self.query.filter;
        let since = filter.since.is_none_or(|since| sealed.occurred.1 >= since.as_nanos());
        let until = filter.until.is_none_or(|until| sealed.occurred.0 < until.as_nanos());
        beyond && since && until
    }

    /// Looks at the rows of places that are given newest first, in the query's order.
    fn take_in_order(&mut self, period: u64, places: &[u16]) -> Result<(), StoreError> {
        match self.query.order {
            Order::Newest => self.take(period, places.iter().copied()),
            Order::Oldest => self.take(period, places.iter().rev().copied()),
        }
    }

    fn take(&mut self, period: u64, places: impl Iterator<Item = u16>) -> Result<(), StoreError> {
        self.look_at(places.map(|place| position_at(period, place)).collect())
    }

    /// Looks at the rows of positions that are in the query's order, until the page is full.
    fn look_at(&mut self, positions: Vec<u64>) -> Result<(), StoreError> {
        let mut positions = positions.into_iter().filter(|position| is_beyond(self.query, *position));
        let mut most = self.query.limit + 1;
        while !self.is_full() {
            let next: Vec<u64> = positions.by_ref().take(most - self.rows.len().min(most - 1)).collect();
            if next.is_empty() {
                break;
            }
            let read = self.read(&next)?;
            self.keep(read);
            most = (most * 2).min(LOOKS_AT_ONCE);
        }
        Ok(())
    }

    /// Keeps those that are meant.
    fn keep(&mut self, mut read: Vec<Record>) {
        read.retain(|record| (self.means)(record));
        if self.rows.is_empty() {
            self.rows = read;
        } else {
            self.rows.append(&mut read);
        }
    }

    /// The rows of positions, in their order.
    fn read(&mut self, positions: &[u64]) -> Result<Vec<Record>, StoreError> {
        let is_lacking = |position: &u64| !self.at_hand.contains_key(position);
        let lacking: Vec<u64> = positions.iter().copied().filter(is_lacking).collect();
        let read = rows::at(self.session, self.sources, &lacking)?;
        if lacking.len() == positions.len() {
            return Ok(read);
        }
        let mut read = read.into_iter().peekable();
        let mut row = |position: &u64| {
            self.at_hand.remove(position).or_else(|| read.next_if(|record| record.position == *position))
        };
        Ok(positions.iter().filter_map(&mut row).collect())
    }

    fn read_group(&self, sealed: &Sealed, group: &[Key]) -> Result<Vec<u16>, StoreError> {
        if group.len() > 1 {
            let order = self.query.order;
            let blocks = group.iter().flat_map(|key| sealed.block_ids(*key, order)).collect();
            self.blocks.read_ahead(blocks)?;
        }
        let mut places = Vec::new();
        for key in group {
            for block in self.blocks.places(sealed, *key, Order::Newest) {
                places.extend(block?);
            }
        }
        Ok(if group.len() == 1 { places } else { descending(places) })
    }
}

fn is_beyond(query: &EventQuery, position: u64) -> bool {
    match (query.order, query.beyond) {
        (_, None) => true,
        (Order::Newest, Some(beyond)) => position < beyond,
        (Order::Oldest, Some(beyond)) => position > beyond,
    }
}
