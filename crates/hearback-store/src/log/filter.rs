//! "Was this key seen in any sealed period?", answered from memory.
//!
//! Bloom filters of all periods, sliced by bit: word `i` of a group holds bit `i` of the filters of up to 64 periods, so one
//! look-up of six words answers for 64 periods at once. A yes never decides; the stored key does. 16 MiB for four million
//! events, and about one look-up in a thousand per period asks in vain.

use super::posting::Key;
use crate::StoreError;
use crate::session::{Session, params};

/// Bits of one period's filter, as a power of two: 2 million for 65536 events with up to two keys each, their messages and
/// recipients.
const FILTER_BITS: u32 = 21;
/// Bytes of one period's filter as it is stored.
pub(super) const FILTER_BYTES: usize = 1 << (FILTER_BITS - 3);
const PROBES: u64 = 6;
const GROUP: u64 = 64;

/// The bits of a key.
fn bits(key: &[u8; 16]) -> impl Iterator<Item = usize> + use<> {
    let (left, right) = key.split_at(8);
    let number = |half: &[u8]| half.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let (start, step) = (number(left), number(right) | 1);
    (0..PROBES).map(move |i| (start.wrapping_add(i.wrapping_mul(step)) >> (64 - FILTER_BITS)) as usize)
}

/// The filter of one period, as it is stored.
pub(super) fn bitmap(keys: impl Iterator<Item = [u8; 16]>) -> Vec<u8> {
    let mut bytes = vec![0_u8; FILTER_BYTES];
    for bit in keys.flat_map(|key| bits(&key)) {
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte |= 1 << (bit % 8);
        }
    }
    bytes
}

/// Whether a stored filter has every bit of another.
pub(super) fn holds(stored: &[u8], other: &[u8]) -> bool {
    stored.len() == other.len() && stored.iter().zip(other).all(|(stored, other)| stored & other == *other)
}

/// The filters of all sealed periods.
#[derive(Default)]
pub(super) struct Filters {
    groups: Vec<Vec<u64>>,
    /// The first period that is not known.
    upto: u64,
}

/// What stands in a filter for a key of postings.
pub(super) fn entry_of(key: Key) -> [u8; 16] {
    let mut entry = [0; 16];
    let (left, right) = entry.split_at_mut(8);
    left.copy_from_slice(&(key.first() << 1).to_be_bytes());
    right.copy_from_slice(&key.first().wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    entry
}

/// The sealed periods in which a key may be.
pub(super) struct Periods {
    /// One bit for each period that is known.
    words: Vec<u64>,
    /// From this period on nothing is known, and anything may be.
    upto: u64,
}

impl Periods {
    /// Whether this is one of them.
    pub(super) fn has(&self, period: u64) -> bool {
        let word = self.words.get((period / GROUP) as usize).copied().unwrap_or_default();
        period >= self.upto || word >> (period % GROUP) & 1 == 1
    }
}

impl Filters {
    /// The first period that is not known.
    pub(super) const fn upto(&self) -> u64 {
        self.upto
    }

    /// Reads those of the periods before `end` that are not known yet.
    pub(super) fn load(&mut self, session: &dyn Session, end: u64) -> Result<(), StoreError> {
        let sql = "SELECT period, filter FROM periods WHERE period >= $1 AND period < $2 ORDER BY period";
        session.query(sql, params![self.upto, end], &mut |row| {
            self.add(row.int(0)? as u64, row.blob(1)?);
            Ok(())
        })?;
        // Of periods that are dropped there is no filter, and nothing to look for.
        self.upto = self.upto.max(end);
        Ok(())
    }

    /// Takes in the filter of one period, which is the next.
    pub(super) fn add(&mut self, period: u64, bitmap: &[u8]) {
        self.upto = self.upto.max(period + 1);
        let (group, slot) = ((period / GROUP) as usize, period % GROUP);
        while self.groups.len() <= group {
            self.groups.push(Vec::new());
        }
        let Some(words) = self.groups.get_mut(group) else { return };
        if words.is_empty() {
            words.resize(1 << FILTER_BITS, 0);
        }
        for (byte, eight) in bitmap.iter().zip(words.chunks_exact_mut(8)) {
            if *byte != 0 {
                for (bit, word) in eight.iter_mut().enumerate() {
                    *word |= u64::from(*byte >> bit & 1) << slot;
                }
            }
        }
    }

    /// Gives back the memory of periods before `period`, as far as whole groups of them are done with. What is left of the
    /// others finds nothing: their periods are known to be gone.
    pub(super) fn forget(&mut self, period: u64) {
        for words in self.groups.iter_mut().take((period / GROUP) as usize) {
            *words = Vec::new();
        }
    }

    /// The periods that may hold an event with a key. It must be of those that are put into filters.
    pub(super) fn periods_of(&self, key: Key) -> Periods {
        let entry = entry_of(key);
        Periods { words: self.groups.iter().map(|words| hits(words, &entry)).collect(), upto: self.upto }
    }

    /// The periods from `oldest` on that may hold the key, newest first.
    pub(super) fn periods_with(&self, key: &[u8; 16], oldest: u64) -> Vec<u64> {
        let mut found = Vec::new();
        for (group, words) in self.groups.iter().enumerate().rev().filter(|(_, words)| !words.is_empty()) {
            let mut hits = hits(words, key);
            while hits != 0 {
                let slot = 63 - u64::from(hits.leading_zeros());
                hits &= !(1 << slot);
                let period = group as u64 * GROUP + slot;
                if period >= oldest {
                    found.push(period);
                }
            }
        }
        found
    }
}

/// The periods of a group that may hold the key; none where their words were given back.
fn hits(words: &[u64], key: &[u8; 16]) -> u64 {
    bits(key).fold(u64::MAX, |all, bit| all & words.get(bit).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> [u8; 16] {
        *hearback_event::DedupKey::of(&[&n.to_be_bytes()]).as_bytes()
    }

    #[test]
    fn no_key_is_missed_and_few_are_found_in_vain() {
        let mut filters = Filters::default();
        for period in 0..70 {
            let keys: Vec<_> = (0..2000).map(|n| key(period * 1_000_000 + n)).collect();
            filters.add(period, &bitmap(keys.iter().copied()));
        }
        for period in 0..70 {
            assert!(filters.periods_with(&key(period * 1_000_000 + 7), 0).contains(&period));
        }
        assert!(!filters.periods_with(&key(7), 1).contains(&0), "the horizon leaves older periods out");
        let vain: usize = (0..1000).map(|n| filters.periods_with(&key(u64::MAX - n), 0).len()).sum();
        assert!(vain < 50, "{vain}");
        let somewhere = filters.periods_of(Key::send(1));
        assert!(!somewhere.has(69) && somewhere.has(70), "of a period that is not known, anything may be");
    }

    #[test]
    fn keys_of_postings_are_found_where_they_are() {
        let mut filters = Filters::default();
        filters.add(0, &bitmap([entry_of(Key::send(7)), key(1)].into_iter()));
        filters.add(1, &bitmap([entry_of(Key::recipient("ann@example.com"))].into_iter()));
        let send = filters.periods_of(Key::send(7));
        let recipient = filters.periods_of(Key::recipient("ann@example.com"));
        assert!(send.has(0) && !send.has(1) && recipient.has(1) && !recipient.has(0));
        assert_eq!(filters.periods_with(&key(1), 0), [0]);
        filters.forget(64);
        assert!(!filters.periods_of(Key::send(7)).has(0));
    }
}
