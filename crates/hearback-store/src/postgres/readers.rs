//! Connections for reading.

use parking_lot::{Condvar, Mutex};

use super::PostgresOptions;
use super::connect::connect;
use super::session::PgSession;
use crate::StoreError;
use crate::log::{Read, Readers};
use crate::session::{Session, params};

/// A pool of connections. Whoever finds all of them in use waits for one.
pub(super) struct PgReaders {
    options: PostgresOptions,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<PgSession>,
    open: usize,
}

impl PgReaders {
    pub(super) fn new(options: PostgresOptions) -> Self {
        Self { options, pool: Mutex::default(), returned: Condvar::new() }
    }

    /// An idle connection, or the right to make one.
    fn take(&self) -> Lease<'_> {
        let mut pool = self.pool.lock();
        loop {
            if let Some(session) = pool.idle.pop() {
                return Lease { readers: self, session: Some(session) };
            }
            if pool.open < self.options.readers_max {
                pool.open += 1;
                return Lease { readers: self, session: None };
            }
            self.returned.wait(&mut pool);
        }
    }
}

/// One place in the pool, given back when it is dropped, whatever happened meanwhile.
struct Lease<'a> {
    readers: &'a PgReaders,
    session: Option<PgSession>,
}

impl Lease<'_> {
    /// Reads with the connection, or with a new one.
    fn read(&mut self, read: Read<'_>) -> Result<(), StoreError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => connect(&self.readers.options)?,
        };
        read(self.session.insert(session))
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let session = self.session.take().filter(|session| !session.is_closed());
        let mut pool = self.readers.pool.lock();
        match session {
            Some(session) => pool.idle.push(session),
            None => pool.open -= 1,
        }
        drop(pool);
        self.readers.returned.notify_one();
    }
}

impl Readers for PgReaders {
    fn with(&self, read: Read<'_>) -> Result<(), StoreError> {
        let mut lease = self.take();
        let was_idle = lease.session.is_some();
        let outcome = lease.read(read);
        // It may have ended while it lay idle: the server was restarted. Nobody needs to hear of that.
        if outcome.is_err() && was_idle && lease.session.as_ref().is_none_or(PgSession::is_closed) {
            lease.session = None;
            return lease.read(read);
        }
        outcome
    }

    fn in_one_state(&self, session: &dyn Session, read: Read<'_>) -> Result<(), StoreError> {
        // What compares the whole log takes longer than a question may.
        session.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0")?;
        let outcome = read(session);
        let ended = session.batch("ROLLBACK");
        outcome.and(ended)
    }

    fn sizes(&self, session: &dyn Session) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT CAST(sum(pg_total_relation_size(oid)) AS BIGINT) FROM pg_class
             WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace";
        Ok((session.number(sql, params![])? as u64, 0))
    }
}
