//! The writer's connection to PostgreSQL, and its agreement with the other processes that write to the same log.
//!
//! Keys are claimed by inserting them into `recent_keys`, in their order: whoever comes second waits for the first and then
//! knows that the event is known. Positions are given last: `head` is locked from then to the commit, so that they follow the
//! order of commits. One process at a time seals, the one that holds an advisory lock.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::LazyLock;

use postgres::error::SqlState;
use postgres::types::ToSql;

use super::PostgresOptions;
use super::connect::connect;
use super::partitions;
use super::session::{Blob, PgSession, columns, sql_type};
use crate::StoreError;
use crate::log::{Claims, Digest, Keeper, Known, Place, Plan, Wanted, rows};
use crate::session::{Keys, Param, Session, Table, params};

/// The writer's connection.
pub(super) struct PgKeeper {
    session: PgSession,
    options: PostgresOptions,
    /// Whether this process holds the lock of the one that seals.
    seals: Cell<bool>,
    /// What the open transaction has claimed.
    claimed: RefCell<Vec<Digest>>,
    /// Positions up to this one have their partitions.
    partitioned_to: Cell<u64>,
}

impl PgKeeper {
    pub(super) fn new(session: PgSession, options: PostgresOptions) -> Self {
        Self {
            session,
            options,
            seals: Cell::new(false),
            claimed: RefCell::default(),
            partitioned_to: Cell::new(0),
        }
    }

    /// Takes back the claims that came to nothing, and sets right which body a token is bound to.
    fn settle(&self, wanted: &Wanted, plan: &Plan) -> Result<(), StoreError> {
        let claimed = self.claimed.borrow();
        let unused = |key: &&Digest| !plan.unique.contains(*key) && !plan.bodies.contains_key(*key);
        let unused: Vec<&[u8]> = claimed.iter().filter(unused).map(Digest::as_slice).collect();
        self.session.remove("DELETE FROM recent_keys WHERE key", Keys::Blobs(&unused))?;
        for (token, body) in
            plan.bodies.iter().filter(|(token, body)| wanted.tokens.get(*token) != Some(body))
        {
            let sql = "UPDATE recent_keys SET digest = $1 WHERE key = $2";
            self.session.execute(sql, params![body, token])?;
        }
        Ok(())
    }
}

/// A whole batch in one statement: keys are claimed, then (which the count sees to) the end of the log is locked and moved, then
/// rows are written. Where a key was claimed before, or the filters are not up to date, it ends with nothing done.
fn append_statement() -> &'static str {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let mut next = 6;
        let mut list = |table: &Table| {
            let places: Vec<String> = table
                .columns
                .iter()
                .map(|(_, kind)| {
                    next += 1;
                    format!("${}::{}[]", next - 1, sql_type(*kind))
                })
                .collect();
            let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
            (places.join(", "), names.join(", "))
        };
        let ((events, event_names), (payloads, payload_names)) = (list(&rows::EVENTS), list(&rows::PAYLOADS));
        let placed = event_names.replace("position", "base + position").replace("payload", "base + payload");
        let kept = payload_names.replacen("id", "base + id", 1);
        format!(
            "WITH claimed AS (
                 INSERT INTO recent_keys (key, digest, received_at)
                 SELECT key, digest, $3 FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS wanted (key, digest, n) ORDER BY n
                 RETURNING 1
             ), ended AS (
                 UPDATE head SET last_position = last_position + $4
                 WHERE CASE WHEN (SELECT count(*) FROM claimed) >= 0 THEN pruned_to <= $5 OR hearback_refuse('stale') END
                 RETURNING last_position - $4 AS base
             ), logged AS (
                 INSERT INTO events ({event_names}) SELECT {placed} FROM ended, unnest({events}) AS given ({event_names})
             ), kept AS (
                 INSERT INTO payloads ({payload_names}) SELECT {kept} FROM ended, unnest({payloads}) AS given ({payload_names})
             )
             SELECT base FROM ended"
        )
    });
    &SQL
}

/// The columns of claims.
fn lists<'a>(claims: BTreeMap<&'a [u8], Option<&'a [u8]>>) -> (Vec<Blob<'a>>, Vec<Option<Blob<'a>>>) {
    claims.into_iter().map(|(key, digest)| (Blob(key), digest.map(Blob))).unzip()
}

/// Whether a statement ended because something must be looked at first: a key that is claimed, `hearback_refuse`, or a partition
/// that is missing.
fn is_refused(error: &StoreError) -> bool {
    let StoreError::Read(source) = error else { return false };
    let code = source.downcast_ref::<postgres::Error>().and_then(postgres::Error::code);
    code.is_some_and(|code| {
        code.code() == "HB001" || [SqlState::UNIQUE_VIOLATION, SqlState::CHECK_VIOLATION].contains(code)
    })
}

impl Keeper for PgKeeper {
    fn session(&self) -> &dyn Session {
        &self.session
    }

    fn connect(&mut self) -> Result<bool, StoreError> {
        if !self.session.is_closed() {
            return Ok(false);
        }
        // The server was restarted, or the network failed: what was under way is lost with the old connection.
        self.session = connect(&self.options)?;
        self.seals.set(false);
        self.partitioned_to.set(0);
        Ok(true)
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.session.batch("BEGIN")
    }

    fn append(
        &self,
        plan: &Plan,
        events: &[Param<'_>],
        payloads: &[Param<'_>],
        known: Known,
    ) -> Result<Option<u64>, StoreError> {
        let new = plan.events.len() as i64;
        if known.last_position + new as u64 > self.partitioned_to.get() {
            return Ok(None);
        }
        let mut claims: BTreeMap<&[u8], Option<&[u8]>> =
            plan.unique.iter().map(|key| (key.as_slice(), None)).collect();
        claims.extend(plan.bodies.iter().map(|(token, body)| (token.as_slice(), Some(body.as_slice()))));
        let (keys, digests) = lists(claims);
        let now = hearback_event::Timestamp::now().as_nanos();
        let filters_upto = known.filters_upto as i64;
        let (events, payloads) = (columns(&rows::EVENTS, events), columns(&rows::PAYLOADS, payloads));
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&keys, &digests, &now, &new, &filters_upto];
        values.extend(events.iter().chain(&payloads).map(|list| list as &(dyn ToSql + Sync)));
        let mut base = None;
        let appended = self.session.rows(append_statement(), &values, &mut |row| {
            base = Some(row.int(0)? as u64);
            Ok(())
        });
        match appended {
            Ok(()) => Ok(base.map(|base| base + 1)),
            Err(error) if is_refused(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn can_append(&self) -> bool {
        true
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.session.batch("COMMIT")
    }

    fn roll_back(&mut self) {
        // Partitions that the transaction made are gone with it.
        self.partitioned_to.set(0);
        if !self.session.is_closed()
            && let Err(error) = self.session.batch("ROLLBACK")
        {
            tracing::debug!(%error, "a transaction ended with its connection");
        }
    }

    fn claim(&self, wanted: &Wanted) -> Result<Claims, StoreError> {
        let mut claimed = self.claimed.borrow_mut();
        claimed.clear();
        let mut wants: BTreeMap<&[u8], Option<&[u8]>> =
            wanted.keys.iter().map(|key| (key.as_slice(), None)).collect();
        wants.extend(wanted.tokens.iter().map(|(token, body)| (token.as_slice(), Some(body.as_slice()))));
        let mut claims = Claims::default();
        if wants.is_empty() {
            return Ok(claims);
        }
        let (keys, digests) = lists(wants);
        let now = hearback_event::Timestamp::now().as_nanos();
        // In the order of the keys, so that two processes that claim the same ones never wait for each other in a circle.
        let sql = "INSERT INTO recent_keys (key, digest, received_at)
             SELECT key, digest, $3 FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS wanted (key, digest, n) ORDER BY n
             ON CONFLICT (key) DO NOTHING RETURNING key";
        self.session.rows(sql, &[&keys, &digests, &now], &mut |row| {
            claimed.push(row.digest(0)?);
            Ok(())
        })?;
        if claimed.len() == keys.len() {
            return Ok(claims);
        }
        let mine: std::collections::HashSet<&Digest> = claimed.iter().collect();
        claims.known = wanted.keys.iter().filter(|key| !mine.contains(key)).copied().collect();
        let bound: Vec<&[u8]> =
            wanted.tokens.keys().filter(|token| !mine.contains(token)).map(Digest::as_slice).collect();
        let sql = "SELECT key, digest FROM recent_keys WHERE digest IS NOT NULL AND key";
        self.session.look_up(sql, Keys::Blobs(&bound), &mut |row| {
            claims.bodies.insert(row.digest(0)?, row.digest(1)?);
            Ok(())
        })?;
        Ok(claims)
    }

    fn place(&self, wanted: &Wanted, plan: &Plan, known: Known) -> Result<Place, StoreError> {
        self.settle(wanted, plan)?;
        let new = plan.events.len() as u64;
        if new == 0 {
            return Ok(Place::At(known.last_position + 1));
        }
        let sql = "UPDATE head SET last_position = last_position + $1 RETURNING last_position, pruned_to";
        let head =
            self.session().one(sql, params![new], |row| Ok((row.int(0)? as u64, row.int(1)? as u64)))?;
        let (last, pruned) = head
            .ok_or_else(|| StoreError::Damaged("the row that says where the log ends is gone".to_owned()))?;
        if pruned > known.filters_upto {
            return Ok(Place::Stale);
        }
        if last > self.partitioned_to.get() {
            self.partitioned_to.set(partitions::provide(&self.session, last)?);
        }
        Ok(Place::At(last - new + 1))
    }

    fn seals(&self) -> Result<bool, StoreError> {
        if !self.seals.get() {
            let sql = "SELECT pg_try_advisory_lock($1::bigint + oid::bigint)::int::bigint
                 FROM pg_namespace WHERE nspname = current_schema()";
            self.seals.set(self.session().number(sql, params![super::SEALING_LOCK])? == 1);
        }
        Ok(self.seals.get())
    }

    fn prune(&self, sealed: u64, horizon: i64, budget: usize) -> Result<bool, StoreError> {
        let pruned = self.session().number("SELECT pruned_to FROM head", params![])? as u64;
        if pruned >= sealed {
            // Tokens of requests that told nothing new, and keys of events that were dropped before they were sealed.
            self.session.execute("DELETE FROM recent_keys WHERE received_at < $1", params![horizon])?;
            return Ok(false);
        }
        let to = sealed.min(pruned + budget as u64);
        let mut keys = Vec::new();
        let sql = "SELECT dedup FROM events WHERE position > $1 AND position <= $2";
        self.session.query(sql, params![pruned, to], &mut |row| {
            keys.extend_from_slice(row.blob(0)?);
            Ok(())
        })?;
        let sql = "SELECT token FROM payloads WHERE id > $1 AND id <= $2 AND token IS NOT NULL";
        self.session.query(sql, params![pruned, to], &mut |row| {
            keys.extend_from_slice(row.blob(0)?);
            Ok(())
        })?;
        let keys: Vec<&[u8]> = keys.as_chunks::<16>().0.iter().map(<[u8; 16]>::as_slice).collect();
        self.session.remove("DELETE FROM recent_keys WHERE key", Keys::Blobs(&keys))?;
        self.session.execute("UPDATE head SET pruned_to = $1", params![to])?;
        Ok(true)
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
