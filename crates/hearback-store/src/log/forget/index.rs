//! Changing the index of a sealed period: the blocks that are concerned, and no others.

use std::collections::{BTreeMap, BTreeSet};

use super::super::posting::{Key, pack, place, unpack};
use super::super::tail::{Blocks, Sealed, block_id};
use crate::session::{Param, Session, params};
use crate::{Order, StoreError};

/// Postings that go and postings that come.
#[derive(Default)]
pub(super) struct Edit {
    pub(super) removed: BTreeSet<u64>,
    pub(super) added: BTreeSet<u64>,
}

impl Edit {
    /// Takes out every posting of a key before a place: of events that were dropped.
    pub(super) fn remove_before(
        &mut self,
        session: &dyn Session,
        sealed: &Sealed,
        key: Key,
        first: u16,
    ) -> Result<(), StoreError> {
        for places in Blocks::new(session).places(sealed, key, Order::Oldest) {
            let dropped = places?.into_iter().filter(|place| *place < first);
            self.removed.extend(dropped.map(|place| key.at(place)));
        }
        Ok(())
    }

    /// Writes the blocks without the ones and with the others; the period as it is found by now.
    pub(super) fn write(&self, session: &dyn Session, sealed: &Sealed) -> Result<Sealed, StoreError> {
        let mut fences = sealed.fences().to_vec();
        let block_of = |posting: u64| fences.partition_point(|fence| *fence <= posting).saturating_sub(1);
        let mut concerned: BTreeMap<usize, (Vec<u64>, Vec<u64>)> = BTreeMap::new();
        for posting in &self.removed {
            concerned.entry(block_of(*posting)).or_default().0.push(*posting);
        }
        for posting in &self.added {
            concerned.entry(block_of(*posting)).or_default().1.push(*posting);
        }
        // From the end on: a block that is left empty begins where the next one does.
        for (number, (removed, added)) in concerned.into_iter().rev() {
            let id = block_id(sealed.number, number);
            let sql = "SELECT block FROM postings WHERE id = $1";
            let found =
                session.one(sql, params![id], |row| Ok(unpack(row.blob(0)?).collect::<Vec<u64>>()))?;
            let Some(mut postings) = found else {
                let problem = format!("block {number} of period {} is missing", sealed.number);
                return Err(StoreError::Damaged(problem));
            };
            postings.retain(|posting| removed.binary_search(posting).is_err());
            postings.extend(added);
            postings.sort_unstable();
            postings.dedup();
            let next = fences.get(number + 1).copied().unwrap_or(Key::BEYOND);
            if let Some(fence) = fences.get_mut(number) {
                *fence = postings.first().copied().unwrap_or(next);
            }
            let block = pack(&postings);
            session
                .execute("UPDATE postings SET block = $1 WHERE id = $2", params![Param::Blob(&block), id])?;
        }
        let sql = "UPDATE periods SET fences = $1 WHERE period = $2";
        session.execute(sql, params![&pack(&fences), sealed.number])?;
        Ok(sealed.with_fences(fences))
    }

    /// Says that the event at a place is found by `after` and no more by what else is in `before`.
    pub(super) fn exchange(&mut self, at: u16, before: &[Key], after: &[Key]) {
        let gone = before.iter().filter(|key| !after.contains(key));
        self.removed.extend(gone.map(|key| key.at(at)));
        let new = after.iter().filter(|key| !before.contains(key));
        self.added.extend(new.map(|key| key.at(at)));
    }

    /// The keys of a list of postings with their places.
    pub(super) fn keys(postings: &BTreeSet<u64>) -> impl Iterator<Item = (u16, Key)> {
        postings.iter().map(|posting| (place(*posting), Key::of_posting(*posting)))
    }
}
