//! What is taken from memory to find events: of periods in memory the places that have all keys, of sealed ones where to look.

use std::sync::Arc;

use super::Shared;
use super::groups::{self, Group};
use super::period::Period;
use super::posting::position_at;
use super::tail::Sealed;
use crate::EventFilter;

/// What must be taken from memory before rows are read.
pub(super) struct Snapshot {
    pub(super) groups: Vec<Group>,
    pub(super) sealed: Vec<Arc<Sealed>>,
    /// Number of the period and the places of every group in it, newest first.
    pub(super) unsealed: Vec<(u64, Vec<u16>)>,
    pub(super) last_position: u64,
}

impl Snapshot {
    /// For events after a position that every group has a key of.
    pub(super) fn of(shared: &Shared, groups: Vec<Group>, after: u64) -> Self {
        let tail = shared.tail.read();
        let places = |period: &Arc<Period>| (period.number(), places_in_memory(period, &groups, after));
        let unsealed =
            if groups.is_empty() { Vec::new() } else { tail.unsealed.iter().map(places).collect() };
        Self { unsealed, sealed: tail.sealed.clone(), last_position: tail.last_position, groups }
    }

    /// For events after a position that a filter means.
    pub(super) fn for_filter(shared: &Shared, filter: &EventFilter, after: u64) -> Self {
        let groups = groups::groups(filter, &shared.sources(), &shared.filters.read());
        Self::of(shared, groups, after)
    }
}

fn places_in_memory(period: &Period, groups: &[Group], after: u64) -> Vec<u16> {
    let is_after = |place: &u16| position_at(period.number(), *place) > after;
    intersect(groups.iter().map(|group| {
        descending(group.keys().iter().flat_map(|key| period.places(*key).take_while(is_after)).collect())
    }))
}

/// Places in the order of [`intersect`].
pub(super) fn descending(mut places: Vec<u16>) -> Vec<u16> {
    places.sort_unstable_by(|a, b| b.cmp(a));
    places.dedup();
    places
}

/// The places that are in every list; all descending.
pub(super) fn intersect(lists: impl Iterator<Item = Vec<u16>>) -> Vec<u16> {
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
