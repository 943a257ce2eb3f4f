//! Connections for reading.

use std::path::PathBuf;

use parking_lot::Mutex;
use rusqlite::Connection;

use super::schema::open_reader;
use crate::StoreError;

/// Idle connections that are kept open.
const IDLE: usize = 4;

/// A pool that opens what it needs and keeps a few.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    /// Reads with a connection of its own.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
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
}
