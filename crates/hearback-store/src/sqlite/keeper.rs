//! The writer's connection to SQLite: alone by the lock on the file.

use rusqlite::Connection;

use crate::StoreError;
use crate::log::{Claims, Keeper, Known, Place, Plan, Purged, Wanted};
use crate::session::{Column, Keys, Param, Session, Table, params};

/// Tokens that came with nothing but known events, so that no payload row binds them to a body.
const LOOSE_TOKENS: Table = Table {
    name: "loose_tokens",
    columns: &[("token", Column::Blob), ("digest", Column::Blob), ("received_at", Column::Int)],
    key: &["token"],
};

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

    fn append(
        &self,
        _plan: &Plan,
        _events: &[Param<'_>],
        _payloads: &[Param<'_>],
        _known: Known,
    ) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    fn can_append(&self) -> bool {
        false
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

    fn claim(&self, wanted: &Wanted) -> Result<Claims, StoreError> {
        let mut claims = Claims::default();
        let tokens: Vec<&[u8]> = wanted.tokens.keys().map(<[u8; 16]>::as_slice).collect();
        let sql = "SELECT token, digest FROM loose_tokens WHERE token";
        self.connection.look_up(sql, Keys::Blobs(&tokens), &mut |row| {
            claims.bodies.insert(row.digest(0)?, row.digest(1)?);
            Ok(())
        })?;
        Ok(claims)
    }

    fn place(&self, _wanted: &Wanted, plan: &Plan, known: Known) -> Result<Place, StoreError> {
        let now = hearback_event::Timestamp::now();
        for (token, body, position) in &plan.tokens {
            if position.is_none() {
                self.connection.write(&LOOSE_TOKENS, params![token, body, now])?;
            }
        }
        // Alone: what memory knows is all there is.
        Ok(Place::At(known.last_position + 1))
    }

    fn seals(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn prune(&self, _sealed: u64, horizon: i64, _budget: usize) -> Result<bool, StoreError> {
        Session::execute(
            &self.connection,
            "DELETE FROM loose_tokens WHERE received_at < $1",
            params![horizon],
        )?;
        Ok(false)
    }

    fn purge(&mut self, address: &str) -> Result<Purged, StoreError> {
        super::purge::purge(&self.connection, address)
    }

    fn writes_apart(&self) -> bool {
        false
    }
}
