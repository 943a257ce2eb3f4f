//! What a database does for the one writer of a process, beyond statements that all understand.

use super::admit::{Claims, Plan, Wanted};
use crate::StoreError;
use crate::session::{Param, Session};

/// Where the events of a batch go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The first of them has this position; the following are free as well.
    At(u64),
    /// Keys were removed from where recent ones are kept that the filters do not know yet: what was decided may be wrong.
    Stale,
}

/// How far a writer's memory reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// The newest event that it knows.
    pub(crate) last_position: u64,
    /// The filters have every key up to this position.
    pub(crate) filters_upto: u64,
}

/// Whether nothing is left of what was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Purged {
    /// Everything was written anew.
    pub(crate) rewritten: bool,
    /// Nothing is left in the files that the database keeps.
    pub(crate) complete: bool,
}

/// The writer's connection.
pub(crate) trait Keeper: Send {
    /// The connection.
    fn session(&self) -> &dyn Session;

    /// Makes a new connection where the old one is gone. Whether it did: what was agreed with other processes over the old
    /// one no longer holds.
    fn connect(&mut self) -> Result<bool, StoreError>;

    /// Begins a transaction.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// Ends the transaction: what it wrote is durable.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Ends the transaction: nothing of it happened.
    fn roll_back(&mut self);

    /// Writes a whole batch at once and durably, if nothing stands against it: `events` and `payloads` are the values of its
    /// rows, with positions that are counted from 1. Gives the position of its first event. `None`, and nothing written, where
    /// something has to be looked at first, or where this database has no such short way.
    fn append(
        &self,
        plan: &Plan,
        events: &[Param<'_>],
        payloads: &[Param<'_>],
        known: Known,
    ) -> Result<Option<u64>, StoreError>;

    /// Whether [`Keeper::append`] is a way at all.
    fn can_append(&self) -> bool;

    /// Claims what a batch wants to be the first to say, against other processes and against what memory does not hold.
    fn claim(&self, wanted: &Wanted) -> Result<Claims, StoreError>;

    /// Gives a batch its place in the log. After it the transaction must soon end: others wait.
    fn place(&self, wanted: &Wanted, plan: &Plan, known: Known) -> Result<Place, StoreError>;

    /// Whether this process is the one that seals, among those that share the database.
    fn seals(&self) -> Result<bool, StoreError>;

    /// Drops what is no longer needed once every position up to `sealed` is in a sealed period, and tokens received before
    /// `horizon`; about `budget` rows. Whether there is more to do.
    fn prune(&self, sealed: u64, horizon: i64, budget: usize) -> Result<bool, StoreError>;

    /// Drops the partitions all of whose positions are before this one, where the log has partitions and nobody is using them.
    fn drop_partitions(&mut self, _before: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// Lifts the limit on the time of a statement, for work that touches everything.
    fn take_time(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Makes sure that what was deleted, an address in it, does not stand in unused parts of files either. A database that
    /// is a server of its own sees to that itself.
    fn purge(&mut self, _address: &str) -> Result<Purged, StoreError> {
        Ok(Purged { rewritten: false, complete: true })
    }

    /// Whether small writes that are no events get a transaction of their own each, so that one that fails does not take
    /// the events with it.
    fn writes_apart(&self) -> bool;
}
