//! Counts of one day, packed: looked through faster than rows of single counts are found.
//!
//! Of each name: the length of its text, its text, how many counts it has, and of each count a byte for what is counted and the count.
//! Numbers have seven bits in each byte, the lowest first; the highest bit says that another byte follows.

use std::collections::BTreeMap;

use hearback_event::Kind;

use crate::StoreError;

/// A kind, whether a machine did it, and how often.
pub(super) type Count = (Kind, bool, u64);

/// The counts of one day.
pub(super) type Counts<'a> = BTreeMap<&'a str, BTreeMap<(Kind, bool), u64>>;

/// The same counts give the same bytes.
pub(super) fn pack(counts: &Counts<'_>) -> Vec<u8> {
    let mut packed = Vec::new();
    for (name, counts) in counts {
        put(&mut packed, name.len() as u64);
        packed.extend(name.as_bytes());
        put(&mut packed, counts.len() as u64);
        for ((kind, machine), count) in counts {
            packed.push(kind.number() << 1 | u8::from(*machine));
            put(&mut packed, *count);
        }
    }
    packed
}

fn put(packed: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        packed.push(number as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

/// Packed counts that are still to be read.
struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    /// `None` where the bytes are not counts.
    fn read(mut self, each: &mut dyn FnMut(&str, &[Count])) -> Option<()> {
        let mut counts = Vec::new();
        while !self.0.is_empty() {
            let name = self.text()?;
            counts.clear();
            for _ in 0..self.number()? {
                let what = self.byte()?;
                counts.push((Kind::from_number(what >> 1)?, what & 1 == 1, self.number()?));
            }
            each(name, &counts);
        }
        Some(())
    }
}

/// Calls `each` with every name and its counts.
pub(super) fn unpack(packed: &[u8], each: &mut dyn FnMut(&str, &[Count])) -> Result<(), StoreError> {
    Packed(packed).read(each).ok_or_else(|| StoreError::Damaged("packed counts cannot be read".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_round_trips() {
        let mut expected = Counts::new();
        let long = "x".repeat(300);
        for (n, name) in (0..).zip(["", "receipt", "größe", &long, "(others)"]) {
            for (kind, count) in [(Kind::Delivered, 1), (Kind::Opened, 127), (Kind::Bounced, u64::MAX - 7)] {
                expected.entry(name).or_default().insert((kind, kind == Kind::Opened), count + n);
            }
        }
        let packed = pack(&expected);
        let mut found = BTreeMap::new();
        unpack(&packed, &mut |name, counts| {
            let counts: BTreeMap<_, _> =
                counts.iter().map(|(kind, machine, n)| ((*kind, *machine), *n)).collect();
            assert!(found.insert(name.to_owned(), counts).is_none());
        })
        .unwrap();
        assert!(
            found
                .iter()
                .map(|(name, counts)| (name.as_str(), counts))
                .eq(expected.iter().map(|(name, counts)| (*name, counts)))
        );
    }

    #[test]
    fn what_is_cut_off_or_wrong_is_refused() {
        let packed = pack(&Counts::from([("receipt", BTreeMap::from([((Kind::Delivered, false), 1000)]))]));
        for end in 1..packed.len() {
            assert!(unpack(&packed[..end], &mut |_, _| ()).is_err(), "{end}");
        }
        for wrong in [&[0xff; 12][..], &[1, 0xff, 0], &[0, 1, 0xff, 1], &[0x80; 20]] {
            assert!(unpack(wrong, &mut |_, _| ()).is_err(), "{wrong:?}");
        }
    }
}
