//! A period whose indexes are still in memory: a pure function of its committed rows, made anew at start.

use std::collections::BTreeSet;

use hashbrown::HashMap;
use hearback_event::{Address, Fact, Kind, Timestamp};

use super::addresses::Addresses;
use super::filter::entry_of;
use super::posting::{Key, PERIOD, place_of};
use super::rollup::Rollups;
use super::stage::StagedEvent;

/// Hashes that are spread already need no further hashing.
#[derive(Clone, Copy, Default)]
pub(super) struct Spread(u64);

impl std::hash::Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().take(8) {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        // A key's low 16 bits are always zero, and the table looks at the lowest and the highest bits.
        self.0 = (value >> 16).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn write_usize(&mut self, _length: usize) {}
}

type SpreadMap<K, V> = HashMap<K, V, std::hash::BuildHasherDefault<Spread>>;

/// A digest that is spread evenly by itself.
type Digest = [u8; 16];

/// No link before this one.
const END: u32 = u32::MAX;

/// One period in memory.
#[derive(Clone, Default)]
pub(super) struct Period {
    number: u64,
    /// The place of the first fact: what stood before it was dropped before the period was read.
    first: u16,
    facts: Vec<Fact>,
    /// The recipients of the same events.
    recipients: Addresses,
    /// When the last of them came in, in nanoseconds.
    received_max: i64,
    unique: SpreadMap<Digest, u16>,
    tokens: SpreadMap<Digest, (Digest, u16)>,
    /// For each key, its newest link.
    heads: SpreadMap<u64, u32>,
    /// Place and the link before it.
    links: Vec<(u16, u32)>,
    /// What its filter knows besides unique keys: messages and recipients.
    filtered: Vec<Key>,
    /// Recipients whose suppression may have changed in this period.
    pub(super) touched: BTreeSet<Address>,
    pub(super) rollups: Rollups,
}

impl Period {
    /// An empty period that begins at a place, with what it owes to events that are gone.
    pub(super) fn new(number: u64, first: u16, owed: Rollups) -> Self {
        Self { number, first, rollups: owed, ..Self::default() }
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) const fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether no further event goes into it.
    pub(super) const fn is_full(&self) -> bool {
        self.first as u64 + self.facts.len() as u64 == PERIOD
    }

    /// The place of its first fact.
    pub(super) const fn first(&self) -> u16 {
        self.first
    }

    /// Takes in one committed event.
    pub(super) fn add(&mut self, event: &StagedEvent, fact: Fact, received_at: Timestamp) {
        let place = place_of(fact.position);
        for key in &event.unique {
            self.unique.insert(*key.as_bytes(), place);
        }
        let new = |key: &&Key| !self.heads.contains_key(&key.first());
        self.filtered.extend(event.filtered.iter().filter(new));
        self.link_newest(place, event.keys.iter().copied());
        // Deliveries and removals only clear what an earlier event set; readers of the list look those up themselves.
        if fact.flags & (Fact::BAD_ADDRESS | Fact::LISTED) != 0
            || matches!(fact.kind, Kind::Complained | Kind::Unsubscribed)
        {
            self.touched.extend(event.event_recipient.clone());
        }
        self.rollups.add(&fact, event);
        self.recipients.push(event.event_recipient.as_ref());
        self.received_max = self.received_max.max(received_at.as_nanos());
        self.facts.push(fact);
    }

    /// Takes in a token bound to a body by the event at `position`.
    pub(super) fn bind(&mut self, token: Digest, body: Digest, position: u64) {
        self.tokens.insert(token, (body, place_of(position)));
    }

    /// Whether an event with this key is in the period.
    pub(super) fn knows(&self, key: &Digest) -> bool {
        self.unique.contains_key(key)
    }

    /// The body that a token is bound to.
    pub(super) fn body_of(&self, token: &Digest) -> Option<Digest> {
        self.tokens.get(token).map(|(body, _)| *body)
    }

    /// The places of a key, newest first.
    pub(super) fn places(&self, key: Key) -> impl Iterator<Item = u16> + '_ {
        let mut next = self.heads.get(&key.first()).copied().unwrap_or(END);
        std::iter::from_fn(move || {
            let (place, before) = *self.links.get(next as usize)?;
            next = before;
            Some(place)
        })
    }

    /// The fact at a place.
    pub(super) fn fact(&self, place: u16) -> Option<&Fact> {
        self.facts.get(place.checked_sub(self.first)? as usize)
    }

    /// Who the event at a place went to.
    pub(super) fn recipient(&self, place: u16) -> Option<&str> {
        self.recipients.get(place.checked_sub(self.first)? as usize)
    }

    /// The facts of events to an address, newest first. Ambiguous events, which are found by it too, are nobody's own.
    pub(super) fn facts_of(&self, address: &str) -> impl Iterator<Item = &Fact> {
        self.places(Key::recipient(address))
            .filter(move |place| self.recipient(*place) == Some(address))
            .filter_map(|place| self.fact(place))
    }

    /// Who the event at a place went to is known no more.
    pub(super) fn forget_recipient(&mut self, place: u16) {
        if let Some(index) = place.checked_sub(self.first) {
            self.recipients.forget(index as usize);
        }
    }

    /// When the last of its events came in, in nanoseconds.
    pub(super) const fn received_max(&self) -> i64 {
        self.received_max
    }

    /// An event is found by these keys no more.
    pub(super) fn unlink(&mut self, place: u16, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            let (mut after, mut at) = (END, self.heads.get(&key.first()).copied().unwrap_or(END));
            while let Some((found, before)) = self.links.get(at as usize).copied() {
                if found != place {
                    (after, at) = (at, before);
                    continue;
                }
                if let Some(link) = self.links.get_mut(after as usize) {
                    link.1 = before;
                } else if before == END {
                    self.heads.remove(&key.first());
                } else {
                    self.heads.insert(key.first(), before);
                }
                break;
            }
        }
    }

    /// The newest event is found by these keys.
    fn link_newest(&mut self, place: u16, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            let link = self.links.len() as u32;
            let before = self.heads.insert(key.first(), link).unwrap_or(END);
            self.links.push((place, before));
        }
    }

    /// An event is found by this key as well. It goes where it belongs among the others: who reads newest first stops at what he has.
    pub(super) fn link(&mut self, place: u16, key: Key) {
        let link = self.links.len() as u32;
        let (mut after, mut at) = (END, self.heads.get(&key.first()).copied().unwrap_or(END));
        while let Some((_, before)) = self.links.get(at as usize).filter(|(newer, _)| *newer > place) {
            (after, at) = (at, *before);
        }
        self.links.push((place, at));
        if let Some(newer) = self.links.get_mut(after as usize) {
            newer.1 = link;
        } else {
            self.heads.insert(key.first(), link);
        }
    }

    /// Takes out an event that is in the log no more. Its fact stays: what was counted stays counted.
    pub(super) fn remove(&mut self, place: u16, event: &StagedEvent) {
        self.unlink(place, event.keys.iter().copied());
        for key in &event.unique {
            if self.unique.get(key.as_bytes()) == Some(&place) {
                self.unique.remove(key.as_bytes());
            }
        }
    }

    /// The facts in the order of the log.
    pub(super) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Every posting, unsorted, those of unique keys and tokens included.
    pub(super) fn postings(&self) -> Vec<u64> {
        let mut postings = Vec::with_capacity(self.links.len() + self.unique.len() + self.tokens.len());
        for (key, head) in &self.heads {
            let mut next = *head;
            while let Some((place, before)) = self.links.get(next as usize) {
                postings.push(key | u64::from(*place));
                next = *before;
            }
        }
        postings.extend(self.unique.iter().map(|(key, place)| Key::unique(key).at(*place)));
        postings.extend(self.tokens.iter().map(|(key, (_, place))| Key::unique(key).at(*place)));
        postings
    }

    /// What its filter knows: every key that makes an event or a token unique, every message, recipient and kind.
    pub(super) fn filter_entries(&self) -> impl Iterator<Item = Digest> + '_ {
        let kinds: BTreeSet<Kind> = self.facts.iter().map(|fact| fact.kind).collect();
        let keys = self.filtered.iter().copied().chain(kinds.into_iter().map(Key::kind));
        self.unique.keys().chain(self.tokens.keys()).copied().chain(keys.map(entry_of))
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher as _;

    use super::*;

    #[test]
    fn keys_that_differ_in_their_hash_differ_in_both_ends() {
        let build = std::hash::BuildHasherDefault::<Spread>::default();
        let (a, b) = (build.hash_one(1_u64 << 16), build.hash_one(2_u64 << 16));
        assert!(a & 0xffff != b & 0xffff && a >> 57 != b >> 57);
        assert_ne!(build.hash_one([1_u8; 16]), build.hash_one([2_u8; 16]));
    }

    #[test]
    fn places_are_newest_first_in_whatever_order_they_are_linked() {
        let key = Key::recipient("a@b.example");
        for order in [[1, 2, 3, 4], [4, 3, 2, 1], [3, 1, 4, 2], [2, 4, 1, 3]] {
            let mut period = Period::default();
            for place in order {
                period.link(place, key);
            }
            assert_eq!(period.places(key).collect::<Vec<_>>(), [4, 3, 2, 1], "{order:?}");
            period.unlink(4, [key]);
            period.unlink(2, [key]);
            period.link(2, key);
            assert_eq!(period.places(key).collect::<Vec<_>>(), [3, 2, 1], "{order:?}");
        }
    }
}
