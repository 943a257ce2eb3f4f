//! What a database does for the one writer of a process, beyond statements that all understand.

use super::admit::Plan;
use crate::StoreError;
use crate::session::{Param, Session};

/// Whether nothing is left of what was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Purged {
    /// Everything was written anew.
    pub(crate) rewritten: bool,
    /// Nothing is left in the files that the database keeps.
    pub(crate) complete: bool,
}

/// The writer's connection.
///
/// Processes that share a log take turns. Whoever has his turn knows, after reading what others wrote before it, every event of the
/// log; so what memory and filters say of an event is the truth until the turn ends, with the transaction. Whose turn nobody else had
/// one after may write a batch without asking again ([`Keeper::append`]).
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

    /// Waits, within a transaction, until it is this process's turn to write events, and keeps it until the transaction ends. Gives
    /// the newest position of the log, of which memory knows those up to `known`.
    fn take_turn(&self, known: u64) -> Result<u64, StoreError>;

    /// Says, before it is written, that the log ends at `last` after this turn, or that something else is written that batches are
    /// decided by.
    fn end_turn(&self, last: u64) -> Result<(), StoreError>;

    /// Whether nobody else has had a turn since this process had its last, as far as is known: then [`Keeper::append`] is the short
    /// way.
    fn may_append(&self) -> bool {
        false
    }

    /// Writes a batch at once and durably, in a turn of its own, if nobody else had one since this process, and the log ends at
    /// `known`: `events` and `payloads` are the values of its rows, with positions that are counted from 1. Whether it did.
    fn append(
        &self,
        _plan: &Plan,
        _events: &[Param<'_>],
        _payloads: &[Param<'_>],
        _known: u64,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Whether this process is the one that seals, among those that share the database.
    fn seals(&self) -> Result<bool, StoreError>;

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

    /// Whether sealing, and small writes that are no events, get transactions of their own: so that others need not wait with
    /// their turn, and one that fails does not take the events with it.
    fn writes_apart(&self) -> bool;
}
