//! Postings: the one kind of index that everything is found by.
//!
//! A posting says "an event at this place of its period has this key", packed into 63 bits: 47 bits of the key's hash,
//! then 16 bits of the place. Sorted, all places of one key stand together. A hash never decides: whoever follows a
//! posting compares the row.

use hearback_event::{Event, Kind, MessageId};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How many events make a period, as a power of two.
pub(super) const PERIOD_BITS: u32 = 16;
/// How many events make a period.
pub(super) const PERIOD: u64 = 1 << PERIOD_BITS;
/// How many postings fill a block: 4000 bytes, so that a row takes one page and no overflow.
pub(super) const BLOCK: usize = 500;

/// More labels or tags of one event are kept but cannot be searched by.
const MOST_SEARCHED: usize = 32;

/// The hash of a key, in the upper 47 of 63 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(u64);

/// What a key stands for. The numbers are part of the format.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Family {
    Send = 1,
    Recipient = 2,
    Domain = 3,
    Kind = 4,
    Source = 5,
    Label = 6,
    Tag = 7,
    Unique = 8,
}

impl Key {
    const fn new(family: Family, hash: u64) -> Self {
        // The family is mixed in, so that equal hashes of different families are different keys.
        let mixed =
            (hash ^ (family as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        Self(mixed >> 1 & !(PERIOD - 1))
    }

    fn of_text(family: Family, text: &str) -> Self {
        Self::new(family, xxh3_64_with_seed(text.as_bytes(), 0))
    }

    /// All messages of one send, by the upper half of their ids.
    pub(super) const fn send(half: u64) -> Self {
        Self::new(Family::Send, half)
    }

    /// One message, together with the other recipients of its send.
    pub(super) const fn message(id: MessageId) -> Self {
        Self::send(id.send())
    }

    /// Events to one recipient.
    pub(super) fn recipient(address: &str) -> Self {
        Self::of_text(Family::Recipient, address)
    }

    /// Events to recipients of one domain.
    pub(super) fn domain(domain: &str) -> Self {
        Self::of_text(Family::Domain, domain)
    }

    /// Events of one kind.
    pub(super) const fn kind(kind: Kind) -> Self {
        Self::new(Family::Kind, kind.number() as u64)
    }

    /// Events of one source.
    pub(super) fn source(name: &str) -> Self {
        Self::of_text(Family::Source, name)
    }

    /// Events with one label.
    pub(super) fn label(key: &str, value: &str) -> Self {
        Self::new(Family::Label, xxh3_64_with_seed(value.as_bytes(), xxh3_64_with_seed(key.as_bytes(), 0)))
    }

    /// Events with one tag.
    pub(super) fn tag(tag: &str) -> Self {
        Self::of_text(Family::Tag, tag)
    }

    /// What makes an event or a token unique.
    pub(super) fn unique(key: &[u8; 16]) -> Self {
        let mut half = [0; 8];
        half.copy_from_slice(&key[..8]);
        Self::new(Family::Unique, u64::from_be_bytes(half))
    }

    /// Greater than every posting.
    pub(super) const BEYOND: u64 = u64::MAX >> 1;

    /// The key of a posting.
    pub(super) const fn of_posting(posting: u64) -> Self {
        Self(posting & !(PERIOD - 1))
    }

    /// The posting that says the key is at `place`.
    pub(super) const fn at(self, place: u16) -> u64 {
        self.0 | place as u64
    }

    /// The smallest posting of this key.
    pub(super) const fn first(self) -> u64 {
        self.0
    }

    /// The smallest posting beyond this key.
    pub(super) const fn end(self) -> u64 {
        self.0 + PERIOD
    }
}

/// The place of a posting within its period.
pub(super) const fn place(posting: u64) -> u16 {
    (posting & (PERIOD - 1)) as u16
}

/// The period of a position (positions begin at 1).
pub(super) const fn period_of(position: u64) -> u64 {
    (position - 1) >> PERIOD_BITS
}

/// The place of a position within its period.
pub(super) const fn place_of(position: u64) -> u16 {
    ((position - 1) & (PERIOD - 1)) as u16
}

/// The position at a place of a period.
pub(super) const fn position_at(period: u64, place: u16) -> u64 {
    (period << PERIOD_BITS) + place as u64 + 1
}

/// Every key that an event is found by, each once.
pub(super) fn keys_of(event: &Event, source: &str, account: &str) -> Vec<Key> {
    let mut keys = Vec::with_capacity(12);
    keys.push(Key::kind(event.kind));
    keys.push(Key::source(source));
    keys.extend(event.message_ids(account).map(Key::message));
    for address in event.recipient.iter().chain(&event.ambiguous_recipients) {
        keys.push(Key::recipient(address.as_str()));
        keys.extend(address.domain().map(Key::domain));
    }
    for (key, value) in
        event.labels.iter().filter(|(_, value)| hearback_event::Label::is_indexed(value)).take(MOST_SEARCHED)
    {
        keys.push(Key::label(key, value));
    }
    keys.extend(event.tags.iter().take(MOST_SEARCHED).map(|tag| Key::tag(tag)));
    if !event.ambiguous_recipients.is_empty() || !event.tags.is_empty() {
        keys.sort_unstable();
        keys.dedup();
    }
    keys
}

/// Those keys of an event that the filters of sealed periods know, besides its kind: most periods have nothing of one message or
/// recipient. Of the sends that its message's ids are of.
pub(super) fn filtered_keys_of(event: &Event, sends: &[u64]) -> Vec<Key> {
    let addresses = event.recipient.iter().chain(&event.ambiguous_recipients);
    let recipients = addresses.map(|address| Key::recipient(address.as_str()));
    sends.iter().map(|half| Key::send(*half)).chain(recipients).collect()
}

/// Packs sorted postings into a block.
pub(super) fn pack(postings: &[u64]) -> Vec<u8> {
    postings.iter().flat_map(|posting| posting.to_le_bytes()).collect()
}

/// Reads a block.
pub(super) fn unpack(block: &[u8]) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator {
    block.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

/// The postings of a block from `first` up to, not including, `end`.
pub(super) fn range(block: &[u8], first: u64, end: u64) -> impl Iterator<Item = u64> {
    let postings = block.as_chunks::<8>().0;
    let from = postings.partition_point(|bytes| u64::from_le_bytes(*bytes) < first);
    let to = postings.partition_point(|bytes| u64::from_le_bytes(*bytes) < end);
    postings.get(from..to).unwrap_or_default().iter().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_posting_fits_a_signed_integer_and_gives_back_its_place() {
        for hash in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
            let key = Key::send(hash);
            for at in [0, 1, u16::MAX] {
                let posting = key.at(at);
                assert!(i64::try_from(posting).is_ok());
                assert_eq!(place(posting), at);
                assert!((key.first()..key.end()).contains(&posting));
            }
        }
        assert_eq!((period_of(1), place_of(1)), (0, 0));
        assert_eq!((period_of(PERIOD), place_of(PERIOD)), (0, u16::MAX));
        assert_eq!((period_of(PERIOD + 1), position_at(1, 0)), (1, PERIOD + 1));
    }

    #[test]
    fn packing_round_trips() {
        let postings: Vec<u64> = (0..BLOCK as u64).map(|n| n * 77_777).collect();
        assert!(unpack(&pack(&postings)).eq(postings.iter().copied()));
    }
}
