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

    fn take(&self) -> Option<PgSession> {
        let mut pool = self.pool.lock();
        loop {
            if let Some(session) = pool.idle.pop() {
                return Some(session);
            }
            if pool.open < self.options.readers_max {
                pool.open += 1;
                return None;
            }
            self.returned.wait(&mut pool);
        }
    }

    fn give_back(&self, session: Option<PgSession>) {
        let mut pool = self.pool.lock();
        match session.filter(|session| !session.is_closed()) {
            Some(session) => pool.idle.push(session),
            None => pool.open -= 1,
        }
        drop(pool);
        self.returned.notify_one();
    }
}

impl Readers for PgReaders {
    fn with(&self, read: Read<'_>) -> Result<(), StoreError> {
        let session = match self.take().filter(|session| !session.is_closed()) {
            Some(session) => session,
            None => connect(&self.options).inspect_err(|_| self.give_back(None))?,
        };
        let outcome = read(&session);
        self.give_back(Some(session));
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
