//! Blocks of recipients, in the order of their keys: of each its address and its packed state, both after their lengths.

use std::collections::VecDeque;

use super::super::posting::Key;
use crate::StoreError;

/// A block has no more bytes than this, unless it has but one recipient: some ten. Whoever asks for one recipient reads a block, and
/// of each block eight bytes are in memory.
const BYTES_MAX: usize = 1000;

/// One recipient in a block, by the order in which they stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// [`Key::first`] of the address.
    pub(super) key: u64,
    pub(super) address: String,
    pub(super) state: Vec<u8>,
}

impl Entry {
    pub(super) fn new(address: &str, state: Vec<u8>) -> Self {
        Self { key: Key::recipient(address).first(), address: address.to_owned(), state }
    }

    fn write(&self, block: &mut Vec<u8>) {
        for part in [self.address.as_bytes(), &self.state] {
            block.extend((part.len() as u16).to_le_bytes());
            block.extend(part);
        }
    }

    const fn bytes(&self) -> usize {
        4 + self.address.len() + self.state.len()
    }
}

/// Fills blocks with entries that come in order.
#[derive(Default)]
pub(super) struct Filling {
    open: Vec<u8>,
    full: Vec<Vec<u8>>,
    /// The first key of each block.
    fences: Vec<u64>,
}

impl Filling {
    pub(super) fn push(&mut self, entry: &Entry) {
        if self.open.len() + entry.bytes() > BYTES_MAX {
            self.close();
        }
        if self.open.is_empty() {
            self.fences.push(entry.key);
        }
        entry.write(&mut self.open);
    }

    /// No further entry goes into the block that is open.
    pub(super) fn close(&mut self) {
        if !self.open.is_empty() {
            self.full.push(std::mem::take(&mut self.open));
        }
    }

    /// The blocks that are full, each given once.
    pub(super) fn take_full(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.full)
    }

    pub(super) fn fences(&self) -> &[u64] {
        &self.fences
    }
}

/// The entries of a block.
pub(super) fn entries(block: &[u8]) -> Result<VecDeque<Entry>, StoreError> {
    let mut found = VecDeque::new();
    each(block, |address, state| found.push_back(Entry::new(address, state.to_vec())))?;
    Ok(found)
}

/// The packed state of an address, if it is in a block.
pub(super) fn find<'a>(block: &'a [u8], wanted: &str) -> Result<Option<&'a [u8]>, StoreError> {
    let mut found = None;
    each(block, |address, state| {
        if address == wanted {
            found = Some(state);
        }
    })?;
    Ok(found)
}

/// The block without an address; nothing where it is not there.
pub(super) fn without(block: &[u8], unwanted: &str) -> Result<Option<Vec<u8>>, StoreError> {
    if find(block, unwanted)?.is_none() {
        return Ok(None);
    }
    let mut left = Vec::with_capacity(block.len());
    for entry in entries(block)?.iter().filter(|entry| entry.address != unwanted) {
        entry.write(&mut left);
    }
    Ok(Some(left))
}

fn each<'a>(mut block: &'a [u8], mut each: impl FnMut(&'a str, &'a [u8])) -> Result<(), StoreError> {
    let damaged = || StoreError::Damaged("a block of recipients cannot be read".to_owned());
    while !block.is_empty() {
        let address =
            part(&mut block).and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or_else(damaged)?;
        each(address, part(&mut block).ok_or_else(damaged)?);
    }
    Ok(())
}

fn part<'a>(block: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = block.split_first_chunk()?;
    let (part, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    *block = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_order(count: usize) -> Vec<Entry> {
        let address = |n: usize| format!("guest{n}{}@example.com", "x".repeat(n % 90));
        let mut entries: Vec<Entry> =
            (0..count).map(|n| Entry::new(&address(n), vec![n as u8; n % 300])).collect();
        entries.sort_unstable();
        entries
    }

    fn filled(entries: &[Entry]) -> (Vec<Vec<u8>>, Vec<u64>) {
        let mut filling = Filling::default();
        for entry in entries {
            filling.push(entry);
        }
        filling.close();
        (filling.take_full(), filling.fences().to_vec())
    }

    #[test]
    fn what_is_put_into_blocks_is_found_there() {
        let all = in_order(2000);
        let (blocks, fences) = filled(&all);
        assert!(blocks.len() > 10 && blocks.iter().all(|block| block.len() <= BYTES_MAX));
        let found: Vec<Entry> = blocks.iter().flat_map(|block| entries(block).unwrap()).collect();
        assert_eq!(found, all);
        let firsts: Vec<u64> = blocks.iter().map(|block| entries(block).unwrap()[0].key).collect();
        assert_eq!(firsts, fences);
        let one = &all[all.len() / 2];
        let held: Vec<_> = blocks.iter().filter_map(|block| find(block, &one.address).unwrap()).collect();
        assert_eq!(held, [&one.state]);
        assert_eq!(find(&blocks[0], "nobody@example.com").unwrap(), None);
    }

    #[test]
    fn an_entry_that_is_longer_than_a_block_has_one_for_itself() {
        let mut all =
            vec![Entry::new("a@b.example", vec![1; 3 * BYTES_MAX]), Entry::new("c@d.example", vec![2])];
        all.sort_unstable();
        let (blocks, fences) = filled(&all);
        assert_eq!((blocks.len(), fences.len()), (2, 2));
        assert_eq!(filled(&[]), (Vec::new(), Vec::new()));
    }

    #[test]
    fn who_is_taken_out_is_gone_and_the_others_stay() {
        let all = in_order(9);
        let (blocks, _) = filled(&all);
        let gone = &entries(&blocks[0]).unwrap()[1].address;
        let left = without(&blocks[0], gone).unwrap().unwrap();
        let mut expected = entries(&blocks[0]).unwrap();
        expected.retain(|entry| entry.address != *gone);
        assert_eq!(entries(&left).unwrap(), expected);
        assert!(!left.windows(gone.len()).any(|bytes| bytes == gone.as_bytes()));
        assert_eq!(without(&left, gone).unwrap(), None);
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let mut block = Vec::new();
        Entry::new("größe@example.com", vec![7; 20]).write(&mut block);
        for end in 1..block.len() {
            assert!(entries(&block[..end]).is_err(), "{end}");
        }
        block[2] = 0xff;
        assert!(entries(&block).is_err());
    }
}
