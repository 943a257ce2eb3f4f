//! The writer's connection to PostgreSQL, and its agreement with the other processes that write to the same log.
//!
//! They take turns by the lock of the one row of `head`, which says where the log ends and how many turns there were. It is held until
//! the commit, so that positions follow the order of commits, and so that whoever holds it and has read what others wrote knows all keys
//! of the log. A process that was alone since its last turn takes the next one and writes its batch in one statement. One process at a
//! time seals, the one that holds an advisory lock.

use std::cell::Cell;
use std::sync::LazyLock;

use postgres::error::SqlState;
use postgres::types::ToSql;

use super::PostgresOptions;
use super::connect::connect;
use super::partitions;
use super::session::{PgSession, columns, unnested};
use crate::StoreError;
use crate::log::{Keeper, Plan, rows};
use crate::session::{Param, Session, Table, params};

/// The writer's connection.
pub(super) struct PgKeeper {
    session: PgSession,
    options: PostgresOptions,
    /// Whether this process holds the lock of the one that seals.
    seals: Cell<bool>,
    /// The number of its last turn that came to something.
    last_turn: Cell<Option<i64>>,
    /// The number of the turn of the open transaction.
    turn: Cell<Option<i64>>,
    /// Whether nobody had a turn between its last two.
    alone: Cell<bool>,
    /// Positions up to this one have their partitions.
    partitioned_to: Cell<u64>,
}

impl PgKeeper {
    pub(super) fn new(session: PgSession, options: PostgresOptions) -> Self {
        Self {
            session,
            options,
            seals: Cell::new(false),
            last_turn: Cell::new(None),
            turn: Cell::new(None),
            alone: Cell::new(false),
            partitioned_to: Cell::new(0),
        }
    }
}

/// A turn and all that is written in it, in one statement. Where somebody else had a turn, it ends with nothing done: also where that
/// one's commit had to be waited for, because the row is looked at again then.
fn append_statement() -> &'static str {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let names =
            |table: &Table| table.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let (events, payloads) = (names(&rows::EVENTS), names(&rows::PAYLOADS));
        let placed = events.replace("position", "base + position").replace("payload", "base + payload");
        let kept = payloads.replacen("id", "base + id", 1);
        let given = unnested(&rows::EVENTS, 4);
        let given_payloads = unnested(&rows::PAYLOADS, 4 + rows::EVENTS.columns.len());
        format!(
            "WITH ended AS (
                 UPDATE head SET last_position = last_position + $1, turn = turn + 1 WHERE turn = $2 AND last_position = $3
                 RETURNING last_position - $1 AS base
             ), logged AS (
                 INSERT INTO events ({events}) SELECT {placed} FROM (SELECT base, {given} FROM ended) AS given
             ), kept AS (
                 INSERT INTO payloads ({payloads}) SELECT {kept} FROM (SELECT base, {given_payloads} FROM ended) AS given
             )
             SELECT base FROM ended"
        )
    });
    &SQL
}

/// Whether a partition is missing.
fn has_no_partition(error: &StoreError) -> bool {
    let StoreError::Read(source) = error else { return false };
    let code = source.downcast_ref::<postgres::Error>().and_then(postgres::Error::code);
    code == Some(&SqlState::CHECK_VIOLATION)
}

impl Keeper for PgKeeper {
    fn session(&self) -> &dyn Session {
        &self.session
    }

    fn connect(&mut self) -> Result<bool, StoreError> {
        if !self.session.is_closed() {
            return Ok(false);
        }
        // The server was restarted, or the network failed: what was under way is lost with the old connection, or it is not.
        self.session = connect(&self.options)?;
        self.seals.set(false);
        self.alone.set(false);
        self.partitioned_to.set(0);
        Ok(true)
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.turn.set(None);
        self.session.batch("BEGIN")
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.session.batch("COMMIT")?;
        if let Some(turn) = self.turn.take() {
            self.last_turn.set(Some(turn));
        }
        Ok(())
    }

    fn roll_back(&mut self) {
        self.turn.set(None);
        // Partitions that the transaction made are gone with it.
        self.partitioned_to.set(0);
        if !self.session.is_closed()
            && let Err(error) = self.session.batch("ROLLBACK")
        {
            tracing::debug!(%error, "a transaction ended with its connection");
        }
    }

    fn take_turn(&self, _known: u64) -> Result<u64, StoreError> {
        let sql = "SELECT last_position, turn FROM head WHERE id = 1 FOR UPDATE";
        let found = self.session().one(sql, params![], |row| Ok((row.int(0)? as u64, row.int(1)?)))?;
        let (last, turn) = found
            .ok_or_else(|| StoreError::Damaged("the row that says where the log ends is gone".to_owned()))?;
        self.alone.set(self.last_turn.get().is_none_or(|mine| mine == turn));
        self.turn.set(Some(turn));
        Ok(last)
    }

    fn end_turn(&self, last: u64) -> Result<(), StoreError> {
        let sql = "UPDATE head SET last_position = $1, turn = turn + 1 WHERE id = 1";
        self.session().execute(sql, params![last])?;
        self.turn.set(self.turn.get().map(|turn| turn + 1));
        if last > self.partitioned_to.get() {
            self.partitioned_to.set(partitions::provide(&self.session, last)?);
        }
        Ok(())
    }

    fn may_append(&self) -> bool {
        self.alone.get() && self.last_turn.get().is_some()
    }

    fn append(
        &self,
        plan: &Plan,
        events: &[Param<'_>],
        payloads: &[Param<'_>],
        known: u64,
    ) -> Result<bool, StoreError> {
        let Some(turn) = self.last_turn.get() else { return Ok(false) };
        let new = plan.events.len() as i64;
        if known + new as u64 > self.partitioned_to.get() {
            return Ok(false);
        }
        let known = known as i64;
        let (events, payloads) = (columns(&rows::EVENTS, events), columns(&rows::PAYLOADS, payloads));
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&new, &turn, &known];
        values.extend(events.iter().chain(&payloads).map(|list| list as &(dyn ToSql + Sync)));
        let mut done = false;
        let appended = self.session.rows(append_statement(), &values, &mut |_| {
            done = true;
            Ok(())
        });
        match appended {
            Ok(()) if done => {
                self.last_turn.set(Some(turn + 1));
                Ok(true)
            }
            Ok(()) => {
                self.alone.set(false);
                Ok(false)
            }
            Err(error) if has_no_partition(&error) => {
                self.partitioned_to.set(0);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn seals(&self) -> Result<bool, StoreError> {
        if !self.seals.get() {
            let sql = "SELECT pg_try_advisory_lock($1::bigint + oid::bigint)::int::bigint
                 FROM pg_namespace WHERE nspname = current_schema()";
            self.seals.set(self.session().number(sql, params![super::SEALING_LOCK])? == 1);
        }
        Ok(self.seals.get())
    }

    fn drop_partitions(&mut self, before: u64) -> Result<(), StoreError> {
        let old = partitions::before(&self.session, before)?;
        if old.is_empty() {
            return Ok(());
        }
        self.begin()?;
        // Whoever reads the log is not kept waiting: another day will do.
        let dropped =
            self.session.batch(&format!("SET LOCAL lock_timeout = 200; DROP TABLE {}", old.join(", ")));
        match dropped.and_then(|()| self.commit()) {
            Ok(()) => tracing::info!(partitions = old.len(), "old partitions were dropped"),
            Err(error) => {
                self.roll_back();
                tracing::info!(%error, "old partitions are in use; they are dropped another time");
            }
        }
        Ok(())
    }

    fn take_time(&self) -> Result<(), StoreError> {
        self.session.batch("SET statement_timeout = 0")
    }

    fn writes_apart(&self) -> bool {
        true
    }
}
