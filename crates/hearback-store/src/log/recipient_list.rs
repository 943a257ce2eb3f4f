//! The list of recipients, those with the newest activity first, each exactly once though events arrive between its pages.
//!
//! The first page takes the last position of the log as the moment as of which the list is made. Then the log is walked from
//! there, newest first, along the postings of a kind or a domain where one is asked for; a recipient is listed at the event
//! that was its last at that moment. Which one that is, the row tells ([`RecipientState::last`]), unless events that came since are
//! the last ones now: then it is looked for among its own events up to that moment, where periods in which nothing
//! happened that late are left out. After the log's beginning come those whose last event was dropped, in the order of the
//! address.
//!
//! A page looks at so many events and no more; then it ends, full or not.
//!
//! [`RecipientState::last`]: hearback_event::RecipientState::last

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use hearback_event::{Address, Fact, Kind, Record, Timestamp};

use super::people::Last;
use super::posting::{Key, period_of, position_at};
use super::recipients::{self, Rows};
use super::search;
use super::snapshot::Snapshot;
use super::start::LogStart;
use super::tail::{Blocks, Sealed};
use super::{Shared, people, profiles};
use crate::session::{Keys, Session, params};
use crate::{
    EventFilter, EventQuery, Order, RecipientPage, RecipientPlace, RecipientQuery, RecipientView, StoreError,
};

/// So many events, or dropped recipients, are looked at for one page.
const LOOKED_AT_MAX: usize = 200;
/// So many are looked at together.
const AT_ONCE: std::ops::RangeInclusive<usize> = 64..=128;

/// Ends with the column that positions are compared with.
pub(super) const CANDIDATES: &str =
    "SELECT position, occurred_at, kind, recipient FROM events WHERE position";
/// The next recipients of whom events were dropped.
pub(super) const DROPPED: &str =
    "SELECT address FROM recipients_dropped WHERE address > $1 ORDER BY address LIMIT $2";

/// One page.
pub(super) fn page(
    shared: &Shared,
    session: &dyn Session,
    query: &RecipientQuery,
) -> Result<RecipientPage, StoreError> {
    if let Some(user_id) = &query.user_id {
        return of_user(shared, session, query, user_id);
    }
    let last_position = shared.tail.read().last_position;
    let place = query
        .from
        .clone()
        .unwrap_or(RecipientPlace::Log { as_of: last_position, beyond: last_position.saturating_add(1) });
    let mut list = List { shared, session, query, rows: Vec::new(), looked_at: 0, lasts: HashMap::new() };
    let next = match place {
        RecipientPlace::Log { as_of, beyond } => list.walk_log(as_of, beyond)?,
        RecipientPlace::Dropped { as_of, below, after } => list.walk_dropped(as_of, below, after)?,
        RecipientPlace::User { .. } => None,
    };
    Ok(RecipientPage { rows: list.rows, next })
}

/// The recipients of one user, in the order of the address.
fn of_user(
    shared: &Shared,
    session: &dyn Session,
    query: &RecipientQuery,
    user_id: &str,
) -> Result<RecipientPage, StoreError> {
    let after = match &query.from {
        Some(RecipientPlace::User { after }) => Some(after),
        _ => None,
    };
    let page = profiles::of_user(shared, session, user_id, after, query.limit)?;
    let rows = page.rows.into_iter().filter(|view| query.matches(view)).collect();
    Ok(RecipientPage { rows, next: page.next.map(|after| RecipientPlace::User { after }) })
}

struct List<'a> {
    shared: &'a Shared,
    session: &'a dyn Session,
    query: &'a RecipientQuery,
    rows: Vec<RecipientView>,
    looked_at: usize,
    /// The last events, as of the moment of the list, of those whose last event is a newer one now.
    lasts: HashMap<Address, Option<Last>>,
}

impl List<'_> {
    fn is_full(&self) -> bool {
        self.rows.len() == self.query.limit
    }

    /// How many are looked at next.
    fn at_once(&self) -> usize {
        let left = LOOKED_AT_MAX.saturating_sub(self.looked_at).max(1);
        (2 * self.query.limit).clamp(*AT_ONCE.start(), *AT_ONCE.end()).min(left)
    }

    /// Walks the events before `beyond`, then what was dropped. Gives where the next page goes on.
    fn walk_log(&mut self, as_of: u64, mut beyond: u64) -> Result<Option<RecipientPlace>, StoreError> {
        let filter = EventFilter {
            kinds: self.query.last_kinds.clone(),
            domain: self.query.domain.clone(),
            ..EventFilter::default()
        };
        let sources = self.shared.sources();
        let snapshot = Snapshot::for_filter(self.shared, &filter, 0);
        loop {
            let limit = self.at_once();
            let asked =
                EventQuery { filter: filter.clone(), order: Order::Newest, beyond: Some(beyond), limit };
            let found = search::page(self.session, &sources, &snapshot, &asked)?;
            if let Some(stopped) = self.take_events(&found.rows, as_of)? {
                return Ok(Some(RecipientPlace::Log { as_of, beyond: stopped }));
            }
            beyond = found.rows.last().map_or(beyond, |record| record.position);
            if found.next.is_none() {
                // Read after the walk: what was dropped before it could be seen is below.
                let below = LogStart::read(self.session)?.position.min(beyond);
                return self.walk_dropped(as_of, below, None);
            }
            if self.looked_at >= LOOKED_AT_MAX {
                return Ok(Some(RecipientPlace::Log { as_of, beyond }));
            }
        }
    }

    /// Lists the recipients of those events that were their last. Gives the position at which the page was full.
    fn take_events(&mut self, records: &[Record], as_of: u64) -> Result<Option<u64>, StoreError> {
        let own: BTreeSet<&Address> = self.may_be_last(records, as_of);
        let mut own: Vec<Address> = own.into_iter().cloned().collect();
        let states = people::states(self.shared, self.session, &own)?;
        // Most of a rare kind of event were the last one once, and are not now: those are known by little.
        let here: HashSet<u64> = records.iter().map(|record| record.position).collect();
        let may_be_listed = |(_, _, position): &Last| *position > as_of || here.contains(position);
        let last = |address: &Address| states.get(address.as_str()).and_then(|state| state.last);
        own.retain(|address| last(address).as_ref().is_some_and(may_be_listed));
        let views = people::views_of(self.shared, self.session, &own, &states)?;
        let views: HashMap<&Address, RecipientView> =
            own.iter().zip(views).filter_map(|(address, view)| Some((address, view?))).collect();
        self.looked_at += records.len();
        for record in records {
            let Some(view) = record.event.recipient.as_ref().and_then(|address| views.get(address)) else {
                continue;
            };
            let last = self.last_as_of(view, as_of)?;
            if last.is_some_and(|(_, _, position)| position == record.position) && self.query.matches(view) {
                self.rows.push(view.clone());
                if self.is_full() {
                    return Ok(Some(record.position));
                }
            }
        }
        Ok(None)
    }

    /// The recipients of those events after which nothing is in memory. Of the others nothing need be read: of the newest bounces, say,
    /// most were followed by something.
    fn may_be_last<'a>(&self, records: &'a [Record], as_of: u64) -> BTreeSet<&'a Address> {
        let tail = self.shared.tail.read();
        let may_be = |record: &'a Record| {
            let address = record.event.recipient.as_ref()?;
            let this = (record.occurred_at(), record.event.kind.number(), record.position);
            let is_later = |fact: &Fact| {
                fact.position <= as_of
                    && !fact.kind.is_alert()
                    && (fact.occurred_at, fact.kind.number(), fact.position) > this
            };
            let mut periods = tail.unsealed.iter().rev();
            let is_followed = periods.any(|period| period.facts_of(address.as_str()).any(is_later));
            (!is_followed).then_some(address)
        };
        records.iter().filter_map(may_be).collect()
    }

    /// Walks the recipients whose last event, as of the moment of the list, was dropped: it stood before `below`.
    fn walk_dropped(
        &mut self,
        as_of: u64,
        below: u64,
        mut after: Option<Address>,
    ) -> Result<Option<RecipientPlace>, StoreError> {
        loop {
            let limit = self.at_once();
            let from = after.as_ref().map_or("", Address::as_str);
            let found = self
                .session
                .all(DROPPED, params![from, limit], |row| Ok(Address::parse(row.text(0)?).ok()))?;
            let more = found.len() == limit;
            let addresses: Vec<Address> = found.into_iter().flatten().collect();
            let views = people::views(self.shared, self.session, &addresses)?;
            self.looked_at += addresses.len();
            for (address, view) in addresses.into_iter().zip(views) {
                after = Some(address);
                let Some(view) = view else { continue };
                let last = self.last_as_of(&view, as_of)?;
                let is_due = |(_, kind, position): Last| {
                    let is_asked_for =
                        |kinds: &[Kind]| kinds.is_empty() || kinds.iter().any(|one| one.number() == kind);
                    position < below && is_asked_for(&self.query.last_kinds)
                };
                if last.is_some_and(is_due) && self.query.matches(&view) {
                    self.rows.push(view);
                    if self.is_full() {
                        return Ok(Some(RecipientPlace::Dropped { as_of, below, after }));
                    }
                }
            }
            if !more {
                return Ok(None);
            }
            if self.looked_at >= LOOKED_AT_MAX {
                return Ok(Some(RecipientPlace::Dropped { as_of, below, after }));
            }
        }
    }

    /// The last event of a recipient as of the moment of the list.
    fn last_as_of(&mut self, view: &RecipientView, as_of: u64) -> Result<Option<Last>, StoreError> {
        // The greatest of all, if it was there then, was the greatest then.
        if view.state.last.is_none_or(|(_, _, position)| position <= as_of) {
            return Ok(view.state.last);
        }
        if let Some(known) = self.lasts.get(&view.address) {
            return Ok(*known);
        }
        let last = last_among(self.shared, self.session, &view.address, as_of)?;
        self.lasts.insert(view.address.clone(), last);
        Ok(last)
    }
}

/// The last event of a recipient among those up to a position.
fn last_among(
    shared: &Shared,
    session: &dyn Session,
    address: &Address,
    as_of: u64,
) -> Result<Option<Last>, StoreError> {
    let key = Key::recipient(address.as_str());
    let (in_memory, sealed) = {
        let tail = shared.tail.read();
        (tail.facts_of(address.as_str()), tail.sealed.clone())
    };
    let mut last = people::last_of(in_memory.iter().filter(|fact| fact.position <= as_of));
    let blocks = Blocks::new(session);
    let periods = shared.filters.read().periods_of(key);
    let may_hold = |sealed: &&Arc<Sealed>| sealed.number <= period_of(as_of) && periods.has(sealed.number);
    for period in sealed.iter().rev().filter(may_hold) {
        // Nothing in it happened as late as what is known already.
        if last.is_some_and(|(at, _, _)| at.as_nanos() > period.occurred.1) {
            continue;
        }
        let mut positions = positions_in(&blocks, period, key)?;
        positions.retain(|position| *position as u64 <= as_of);
        take_greatest(session, address, &positions, &mut last)?;
    }
    let dropped = recipients::look_up(session, Rows::Dropped, &[address.as_str()])?;
    let dropped = dropped.into_values().next().and_then(|(_, state)| state.last);
    Ok(last.max(dropped.filter(|(_, _, position)| *position <= as_of)))
}

fn positions_in(blocks: &Blocks<'_>, sealed: &Sealed, key: Key) -> Result<Vec<i64>, StoreError> {
    let mut positions = Vec::new();
    for places in blocks.places(sealed, key, Order::Newest) {
        positions.extend(places?.into_iter().map(|place| position_at(sealed.number, place) as i64));
    }
    Ok(positions)
}

fn take_greatest(
    session: &dyn Session,
    address: &Address,
    positions: &[i64],
    last: &mut Option<Last>,
) -> Result<(), StoreError> {
    session.look_up(CANDIDATES, Keys::Positions(positions), &mut |row| {
        let is_alert = Kind::from_number(row.int(2)? as u8).is_some_and(Kind::is_alert);
        if !is_alert && row.maybe_text(3)? == Some(address.as_str()) {
            let found = (Timestamp::from_nanos(row.int(1)?), row.int(2)? as u8, row.int(0)? as u64);
            *last = (*last).max(Some(found));
        }
        Ok(())
    })
}
