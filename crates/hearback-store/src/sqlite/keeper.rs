//! The writer's connection to SQLite: alone by the lock on the file.

use rusqlite::Connection;

use crate::StoreError;
use crate::log::{Keeper, Purged};
use crate::session::{Session, params};

/// The writer's connection.
pub(super) struct SqliteKeeper {
    connection: Connection,
}

impl SqliteKeeper {
    pub(super) const fn new(connection: Connection) -> Self {
        Self { connection }
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        Session::execute(&self.connection, sql, params![]).map(|_| ())
    }
}

impl Keeper for SqliteKeeper {
    fn session(&self) -> &dyn Session {
        &self.connection
    }

    fn connect(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.run("BEGIN IMMEDIATE")
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.run("COMMIT")
    }

    fn roll_back(&mut self) {
        // Some errors have ended the transaction already.
        if !self.connection.is_autocommit()
            && let Err(error) = self.run("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn take_turn(&self, known: u64) -> Result<u64, StoreError> {
        // Alone: what memory knows is all there is.
        Ok(known)
    }

    fn end_turn(&self, _last: u64) -> Result<(), StoreError> {
        Ok(())
    }

    fn seals(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn purge(&mut self, address: &str) -> Result<Purged, StoreError> {
        super::purge::purge(&self.connection, address)
    }

    fn writes_apart(&self) -> bool {
        false
    }
}
