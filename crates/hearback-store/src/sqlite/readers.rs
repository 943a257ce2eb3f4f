//! Connections for reading.

use std::path::PathBuf;

use parking_lot::Mutex;
use rusqlite::Connection;

use super::schema::open_reader;
use crate::StoreError;
use crate::log::{Read, Readers};
use crate::session::{Session, params};

/// Idle connections that are kept open.
const IDLE: usize = 4;

/// A pool that opens what it needs and keeps a few.
pub(super) struct SqliteReaders {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteReaders {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }
}

impl Readers for SqliteReaders {
    fn with(&self, read: Read<'_>) -> Result<(), StoreError> {
        let idle = self.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.path)?,
        };
        let outcome = read(&connection);
        let mut idle = self.idle.lock();
        if outcome.is_ok() && idle.len() < IDLE {
            idle.push(connection);
        }
        outcome
    }

    fn in_one_state(&self, session: &dyn Session, read: Read<'_>) -> Result<(), StoreError> {
        session.execute("BEGIN", params![])?;
        let outcome = read(session);
        // A reader's transaction has nothing to lose; a connection whose read failed is not used again.
        session.execute("COMMIT", params![])?;
        outcome
    }

    fn sizes(&self, _session: &dyn Session) -> Result<(u64, u64), StoreError> {
        let size = |suffix: &str| {
            let mut name = self.path.as_os_str().to_owned();
            name.push(suffix);
            std::fs::metadata(name).map_or(0, |metadata| metadata.len())
        };
        Ok((size(""), size("-wal")))
    }
}
