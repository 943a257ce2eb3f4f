//! Lists of messages, without a table of them.
//!
//! Of the events that bear on a list's conditions, the newest of each message stands for it. So one walk over the log, newest
//! first, finds each message once, and where the walk is continues as the position it has reached. All pages of a list are
//! made as of one position: what comes in meanwhile moves nothing in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hearback_event::{Address, Fact, MessageId, Record, Timestamp};

use super::message::Messages;
use super::posting::Key;
use super::rows::{self, Sources};
use super::search;
use super::snapshot::Snapshot;
use super::{Shared, expectations};
use crate::session::Session;
use crate::{
    EventFilter, EventQuery, MessageFilter, MessagePage, MessageQuery, MessageView, Order, Page, StoreError,
};

/// Events that are looked at for one page. A page may be short where few of them are of messages that are meant.
const LOOKED_AT_MAX: usize = 100;
/// Events that are looked at together, at least.
const AT_ONCE_MIN: usize = 20;
/// Events of a message's send that are looked at in each period in memory: those of a mail to many have one key.
const OF_A_SEND_MAX: usize = 500;

/// A page of messages.
pub(super) fn page(
    shared: &Shared,
    session: &dyn Session,
    query: &MessageQuery,
) -> Result<MessagePage, StoreError> {
    let as_of = query.as_of.unwrap_or(u64::MAX).min(shared.tail.read().last_position);
    let messages = Messages { shared, session, as_of };
    let candidates = Candidates::of(shared, session, &query.filter)?;
    let mut known = Known::default();
    let mut page = MessagePage { rows: Vec::new(), next: None, as_of };
    let (mut beyond, mut looked_at) = (query.beyond.unwrap_or(u64::MAX).min(as_of + 1), 0);
    loop {
        // Where all are meant, each event that is looked at is of another message.
        let found = candidates.below(beyond, (query.limit - page.rows.len()).max(AT_ONCE_MIN))?;
        looked_at += found.rows.len();
        let ruled_out = ruled_out(&messages, &query.filter, &found.rows)?;
        for (position, id) in known.learn(&messages, found.rows, &ruled_out)? {
            let Some(message) = known.message_of(id) else { continue };
            let stands_for_it = message.events.iter().filter(|event| candidates.has(event));
            let newest = stands_for_it.map(|event| event.position).max();
            if newest == Some(position) && query.filter.matches(message) {
                page.rows.push(message.clone());
                if page.rows.len() == query.limit {
                    page.next = Some(position);
                    return Ok(page);
                }
            }
        }
        page.next = found.next;
        match found.next {
            Some(next) if looked_at < LOOKED_AT_MAX => beyond = next,
            _ => return Ok(page),
        }
    }
}

/// The events of which a message's newest stands for it.
struct Candidates<'a> {
    session: &'a dyn Session,
    sources: Arc<Sources>,
    filter: EventFilter,
    snapshot: Snapshot,
    overdue: Option<Overdue>,
}

/// Overdue messages are asked for.
struct Overdue {
    at: Timestamp,
    /// Registrations up to this position are found among the expectations.
    expected_upto: u64,
}

impl Overdue {
    fn means(&self, record: &Record) -> bool {
        let within = record.event.registration.as_ref().and_then(|one| one.expect_delivered_within);
        within.is_some_and(|within| record.occurred_at().plus_seconds(i64::from(within)) <= self.at)
    }
}

impl<'a> Candidates<'a> {
    fn of(shared: &Shared, session: &'a dyn Session, filter: &MessageFilter) -> Result<Self, StoreError> {
        let overdue = match filter.overdue_at {
            Some(at) => Some(Overdue { at, expected_upto: expectations::known_upto(session)? }),
            None => None,
        };
        let filter = filter.events();
        let snapshot = Snapshot::for_filter(shared, &filter, 0);
        Ok(Self { session, sources: shared.sources(), filter, snapshot, overdue })
    }

    fn has(&self, record: &Record) -> bool {
        self.filter.matches(record) && self.overdue.as_ref().is_none_or(|overdue| overdue.means(record))
    }

    /// The newest below a position.
    fn below(&self, beyond: u64, limit: usize) -> Result<Page<Record>, StoreError> {
        if let Some(overdue) = self.overdue.as_ref().filter(|overdue| beyond <= overdue.expected_upto + 1) {
            let positions = expectations::overdue_below(self.session, beyond, overdue.at, limit)?;
            let next = positions.last().copied().filter(|_| positions.len() == limit);
            return Ok(Page { rows: rows::at(self.session, &self.sources, &positions)?, next });
        }
        let query =
            EventQuery { filter: self.filter.clone(), order: Order::Newest, beyond: Some(beyond), limit };
        let mut found = search::page(self.session, &self.sources, &self.snapshot, &query)?;
        if let Some(overdue) = &self.overdue {
            let last = found.rows.last().map_or(0, |record| record.position);
            if found.next.is_none() || last <= overdue.expected_upto {
                // The expectations know the rest.
                found.next = Some(overdue.expected_upto + 1);
            }
            found.rows.retain(|record| record.position > overdue.expected_upto);
        }
        Ok(found)
    }
}

/// The messages of these events that a later one gives another status than what is asked for, whatever else happened to them: of the newest
/// deferrals, say, most were followed by a delivery. Nothing more need be read of them.
fn ruled_out(
    messages: &Messages<'_>,
    filter: &MessageFilter,
    records: &[Record],
) -> Result<BTreeSet<MessageId>, StoreError> {
    let found = contradictions(messages, filter, records);
    let positions: Vec<u64> = found.keys().copied().collect();
    let read = rows::at(messages.session, &messages.shared.sources(), &positions)?;
    // A hash led there: the row decides.
    let confirmed = |record: &Record| {
        let id = found.get(&record.position)?;
        record.event.message_ids(&record.account).find(|other| other == id)
    };
    Ok(read.iter().filter_map(confirmed).collect())
}

/// Events in memory with which the message of one of these events cannot have a status that is asked for, if they are of that message.
fn contradictions(
    messages: &Messages<'_>,
    filter: &MessageFilter,
    records: &[Record],
) -> BTreeMap<u64, MessageId> {
    if filter.statuses.is_empty() {
        return BTreeMap::new();
    }
    let contradicts = |fact: &&Fact| {
        let is_possible = filter.statuses.iter().any(|status| status.is_possible_with(fact.kind));
        fact.position <= messages.as_of && !is_possible
    };
    let tail = messages.shared.tail.read();
    let contradiction = |record: &Record| {
        let id = record.message_id()?;
        let to = record.event.recipient.as_ref().map(Address::as_str);
        let mut facts = tail.unsealed.iter().rev().flat_map(|period| {
            let places = period.places(Key::message(id)).take(OF_A_SEND_MAX);
            places.filter(|place| period.recipient(*place) == to).filter_map(|place| period.fact(place))
        });
        Some((facts.find(contradicts)?.position, id))
    };
    records.iter().filter_map(contradiction).collect()
}

/// Messages that were made for this page already.
#[derive(Default)]
struct Known {
    messages: Vec<MessageView>,
    places: BTreeMap<MessageId, usize>,
}

impl Known {
    /// Makes the messages of these events, but for those that are ruled out. Gives the position of each event, and which message it is of.
    fn learn(
        &mut self,
        messages: &Messages<'_>,
        records: Vec<Record>,
        ruled_out: &BTreeSet<MessageId>,
    ) -> Result<Vec<(u64, MessageId)>, StoreError> {
        let named = |record: &Record| Some((record.position, record.message_id()?));
        let named: Vec<(u64, MessageId)> = records.iter().filter_map(named).collect();
        let ids = named.iter().map(|(_, id)| *id);
        let is_new = |id: &MessageId| !self.places.contains_key(id) && !ruled_out.contains(id);
        let new: BTreeSet<MessageId> = ids.filter(is_new).collect();
        for view in messages.of_events(new.into_iter().collect(), records)? {
            self.places.extend(view.ids.iter().map(|id| (*id, self.messages.len())));
            self.messages.push(view);
        }
        Ok(named)
    }

    fn message_of(&self, id: MessageId) -> Option<&MessageView> {
        self.messages.get(*self.places.get(&id)?)
    }
}
