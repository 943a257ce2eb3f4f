//! Lists of messages, without a table of them.
//!
//! Of the events that bear on a list's conditions, the newest of each message stands for it. So one walk over the log, newest
//! first, finds each message once, and where the walk is continues as the position it has reached. All pages of a list are
//! made as of one position: what comes in meanwhile moves nothing in it.

use std::collections::{BTreeMap, BTreeSet};

use hearback_event::{MessageId, Record};

use super::message::Messages;
use super::{Shared, search};
use crate::session::Session;
use crate::{EventQuery, MessagePage, MessageQuery, MessageView, Order, StoreError};

/// Events that are looked at for one page. A page may be short where few of them are of messages that are meant.
const MOST_LOOKED_AT: usize = 500;
/// Events that are looked at together, at least.
const LEAST_AT_ONCE: usize = 20;

/// A page of messages.
pub(super) fn page(
    shared: &Shared,
    session: &dyn Session,
    query: &MessageQuery,
) -> Result<MessagePage, StoreError> {
    let as_of = query.as_of.unwrap_or(u64::MAX).min(shared.tail.read().last_position);
    let messages = Messages { shared, session, as_of };
    let filter = query.filter.events();
    let mut known = Known::default();
    let mut page = MessagePage { rows: Vec::new(), next: None, as_of };
    let (mut beyond, mut looked_at) = (query.beyond.unwrap_or(u64::MAX).min(as_of + 1), 0);
    loop {
        // A message has some four events, of which one stands for it.
        let limit = (4 * (query.limit - page.rows.len())).max(LEAST_AT_ONCE);
        let query_of_events =
            EventQuery { filter: filter.clone(), order: Order::Newest, beyond: Some(beyond), limit };
        let groups = search::groups(&filter, &shared.sources());
        let snapshot = search::snapshot(&shared.tail.read(), &groups);
        let found = search::page(session, &shared.sources(), &snapshot, &groups, &query_of_events)?;
        known.learn(&messages, &found.rows)?;
        looked_at += found.rows.len();
        for record in found.rows {
            beyond = record.position;
            let Some(message) = known.message_of(&record) else { continue };
            let stands_for_it = message.events.iter().filter(|event| filter.matches(event));
            let newest = stands_for_it.map(|event| event.position).max();
            if newest == Some(record.position) && query.filter.matches(message) {
                page.rows.push(message.clone());
                if page.rows.len() == query.limit {
                    page.next = Some(record.position);
                    return Ok(page);
                }
            }
        }
        if found.next.is_none() || looked_at >= MOST_LOOKED_AT {
            page.next = found.next;
            return Ok(page);
        }
    }
}

/// Messages that were made for this page already.
#[derive(Default)]
struct Known {
    messages: Vec<MessageView>,
    places: BTreeMap<MessageId, usize>,
}

impl Known {
    fn learn(&mut self, messages: &Messages<'_>, records: &[Record]) -> Result<(), StoreError> {
        let ids = records.iter().filter_map(Record::message_id);
        let new: BTreeSet<MessageId> = ids.filter(|id| !self.places.contains_key(id)).collect();
        for view in messages.of_ids(new.into_iter().collect())? {
            self.places.extend(view.ids.iter().map(|id| (*id, self.messages.len())));
            self.messages.push(view);
        }
        Ok(())
    }

    fn message_of(&self, record: &Record) -> Option<&MessageView> {
        self.messages.get(*self.places.get(&record.message_id()?)?)
    }
}
