//! Finding events: postings where there is a key for it, the log's order where there is none, and the row decides.

use std::sync::Arc;

use hearback_event::{MessageId, Record};

use super::filter::Filters;
use super::period::Period;
use super::posting::{Key, PERIOD, position_at};
use super::rows::{self, Sources};
use super::tail::{Blocks, Sealed, Tail};
use crate::session::{Session, params};
use crate::{EventFilter, EventQuery, Order, Page, StoreError};

/// Lists up to this long are walked with a look at each row; longer ones are intersected first.
const SHORT: usize = 2000;
/// Rows that are looked at together, at most.
const LOOKS_AT_ONCE: usize = 1000;
/// A key with so many blocks in a period, or fewer, is rare in it.
const SPARSE_BLOCKS: usize = 2;
/// Sealed periods whose blocks are read together, at most.
const PERIODS_AHEAD: usize = 64;

/// Any of these keys.
type Group = Vec<Key>;

/// What must be taken from memory before rows are read.
pub(super) struct Snapshot {
    sealed: Vec<Arc<Sealed>>,
    /// Number of the period and the places of every group in it, newest first.
    unsealed: Vec<(u64, Vec<u16>)>,
    last_position: u64,
}

/// The keys that every event of the answer has, one group for each condition that has keys.
pub(super) fn groups(filter: &EventFilter, sources: &Sources) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut all = |key: Option<Key>| groups.extend(key.map(|key| vec![key]));
    all(filter.recipient.as_ref().map(|address| Key::recipient(address.as_str())));
    for (key, value) in &filter.labels {
        all(Some(Key::label(key, value)));
    }
    all(filter.tag.as_deref().map(Key::tag));
    all(filter.domain.as_deref().map(|domain| Key::domain(&domain.to_lowercase())));
    all(filter.source.as_deref().map(Key::source));
    if !filter.recipients.is_empty() {
        groups.push(filter.recipients.iter().map(|address| Key::recipient(address.as_str())).collect());
    }
    if !filter.messages.is_empty() {
        groups.push(filter.messages.iter().map(|id| Key::message(*id)).collect());
    }
    let kinds = filter.effective_kinds();
    if !kinds.is_empty() {
        groups.push(kinds.iter().map(|kind| Key::kind(*kind)).collect());
    }
    if let Some(provider) = &filter.provider {
        let names: std::collections::BTreeSet<_> = sources
            .iter()
            .filter(|source| *source.provider == **provider)
            .map(|source| &source.name)
            .collect();
        groups.push(names.into_iter().map(|name| Key::source(name)).collect());
    }
    groups
}

/// Takes what the query needs from memory.
pub(super) fn snapshot(tail: &Tail, groups: &[Group]) -> Snapshot {
    let unsealed = if groups.is_empty() {
        Vec::new()
    } else {
        tail.unsealed.iter().map(|period| (period.number(), places_in_memory(period, groups))).collect()
    };
    Snapshot { sealed: tail.sealed.clone(), unsealed, last_position: tail.last_position }
}

fn places_in_memory(period: &Period, groups: &[Group]) -> Vec<u16> {
    intersect(
        groups.iter().map(|group| descending(group.iter().flat_map(|key| period.places(*key)).collect())),
    )
}

fn descending(mut places: Vec<u16>) -> Vec<u16> {
    places.sort_unstable_by(|a, b| b.cmp(a));
    places.dedup();
    places
}

/// The places that are in every list; all descending.
fn intersect(lists: impl Iterator<Item = Vec<u16>>) -> Vec<u16> {
    let mut lists: Vec<Vec<u16>> = lists.collect();
    lists.sort_by_key(Vec::len);
    let mut lists = lists.into_iter();
    let Some(mut places) = lists.next() else { return Vec::new() };
    for other in lists {
        let mut other = other.into_iter().peekable();
        places.retain(|place| {
            while other.peek().is_some_and(|next| next > place) {
                other.next();
            }
            other.peek() == Some(place)
        });
    }
    places
}

/// Answers a query.
pub(super) fn page(
    session: &dyn Session,
    sources: &Sources,
    snapshot: &Snapshot,
    groups: &[Group],
    query: &EventQuery,
) -> Result<Page<Record>, StoreError> {
    let mut found = Found { session, sources, query, blocks: Blocks::new(session), rows: Vec::new() };
    if groups.is_empty() {
        found.scan(snapshot)?;
    } else {
        found.follow(snapshot, groups)?;
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
    blocks: Blocks<'a>,
    rows: Vec<Record>,
}

impl Snapshot {
    /// Leaves out the sealed periods in which none of the messages is.
    pub(super) fn only_with(&mut self, messages: &[MessageId], filters: &Filters) {
        let sends: Vec<u64> = messages.iter().map(|id| id.send()).collect();
        self.sealed.retain(|sealed| filters.may_hold_send(sealed.number, &sends));
    }
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
            self.rows.extend(read.into_iter().filter(|record| self.query.filter.matches(record)));
            most = (most * 2).min(LOOKS_AT_ONCE);
        }
        Ok(())
    }

    /// Walks the postings, period by period.
    fn follow(&mut self, snapshot: &Snapshot, groups: &[Group]) -> Result<(), StoreError> {
        match self.query.order {
            Order::Newest => {
                for (period, places) in snapshot.unsealed.iter().rev() {
                    self.take(*period, places.iter().copied())?;
                }
                let sealed: Vec<_> =
                    snapshot.sealed.iter().rev().filter(|sealed| self.may_hold(sealed)).collect();
                self.follow_sealed(&sealed, groups)?;
            }
            Order::Oldest => {
                let sealed: Vec<_> = snapshot.sealed.iter().filter(|sealed| self.may_hold(sealed)).collect();
                self.follow_sealed(&sealed, groups)?;
                for (period, places) in &snapshot.unsealed {
                    self.take(*period, places.iter().rev().copied())?;
                }
            }
        }
        Ok(())
    }

    /// Walks sealed periods, reading the blocks of twice as many ahead each time: what is rare must be looked for in all of
    /// them, what is common is in the first.
    fn follow_sealed(&mut self, periods: &[&Arc<Sealed>], groups: &[Group]) -> Result<(), StoreError> {
        let (mut rest, mut ahead) = (periods, 1);
        while !rest.is_empty() && !self.is_full() {
            let (now, later) = rest.split_at(ahead.min(rest.len()));
            if ahead > 1 {
                let wanted = now.iter().flat_map(|sealed| self.first_blocks(sealed, groups)).collect();
                self.blocks.read_ahead(wanted)?;
            }
            // What little such periods have is looked at together.
            let mut gathered = Vec::new();
            for sealed in now {
                if let Some(positions) = self.sparse_positions(sealed, groups)? {
                    gathered.extend(positions);
                } else {
                    self.look_at(std::mem::take(&mut gathered))?;
                    self.follow_one(sealed, groups)?;
                }
            }
            self.look_at(gathered)?;
            rest = later;
            ahead = (ahead * 2).min(PERIODS_AHEAD);
        }
        Ok(())
    }

    /// The blocks that are surely looked into, unless they are very many.
    fn first_blocks(&self, sealed: &Sealed, groups: &[Group]) -> Vec<i64> {
        let blocks = |group: &Group| -> Vec<i64> {
            group.iter().flat_map(|key| sealed.block_ids(*key, self.query.order)).collect()
        };
        let mut shortest = groups.iter().map(blocks).min_by_key(Vec::len).unwrap_or_default();
        shortest.truncate(SPARSE_BLOCKS);
        shortest
    }

    /// The positions of a key that is rare in a period, in the query's order; `None` where no key of the query is.
    fn sparse_positions(&self, sealed: &Sealed, groups: &[Group]) -> Result<Option<Vec<u64>>, StoreError> {
        let order = self.query.order;
        let keys =
            groups.iter().filter_map(|group| if let [key] = group.as_slice() { Some(*key) } else { None });
        let rarest = keys.map(|key| (key, sealed.block_ids(key, order))).min_by_key(|(_, ids)| ids.len());
        let Some((key, ids)) = rarest.filter(|(_, ids)| ids.len() <= SPARSE_BLOCKS) else { return Ok(None) };
        let mut positions = Vec::new();
        for id in ids {
            let places = self.blocks.places_in(id, key, order)?;
            positions.extend(places.into_iter().map(|place| position_at(sealed.number, place)));
        }
        Ok(Some(positions))
    }

    fn follow_one(&mut self, sealed: &Sealed, groups: &[Group]) -> Result<(), StoreError> {
        if self.is_full() {
            return Ok(());
        }
        let mut groups: Vec<(usize, &Group)> =
            groups.iter().map(|group| (group.iter().map(|key| sealed.estimate(*key)).sum(), group)).collect();
        groups.sort_by_key(|(estimate, _)| *estimate);
        let Some((_, shortest)) = groups.first() else { return Ok(()) };
        if !self.is_worth_walking(&groups) {
            let lists: Result<Vec<_>, _> =
                groups.iter().take(3).map(|(_, group)| self.read_group(sealed, group)).collect();
            let places = intersect(lists?.into_iter());
            return self.take_in_order(sealed.number, &places);
        }
        if let [key] = shortest.as_slice() {
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
    fn is_worth_walking(&self, groups: &[(usize, &Group)]) -> bool {
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
            let read = rows::at(self.session, self.sources, &next)?;
            self.rows.extend(read.into_iter().filter(|record| self.query.filter.matches(record)));
            most = (most * 2).min(LOOKS_AT_ONCE);
        }
        Ok(())
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
