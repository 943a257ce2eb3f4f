//! Which database, by its options.

use std::fmt;
use std::path::Path;

use crate::sqlite::{self, SqliteOptions};
use crate::{LogOptions, LogStore, StoreError};

/// A database in which an event log can be kept. Shown without its password.
#[derive(Clone, Debug)]
pub enum Database {
    /// A SQLite file.
    Sqlite(SqliteOptions),
}

/// Commands of a database that is a server of its own, as they are to be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnTools {
    /// Takes a copy, such as `pg_dump --format=custom --file=hearback.dump postgres://hearback@db/hearback`.
    pub backup: String,
    /// Puts it back.
    pub restore: String,
}

impl Database {
    /// Opens the log for writing, making or migrating it where needed. Of a SQLite file only one process at a time can.
    pub fn open(&self) -> Result<LogStore, StoreError> {
        match self {
            Self::Sqlite(options) => sqlite::open(options),
        }
    }

    /// Opens the log beside processes that write it: everything can be read, tokens and quarantine can be changed, but nothing
    /// can be submitted.
    pub fn open_beside(&self) -> Result<LogStore, StoreError> {
        match self {
            Self::Sqlite(options) => sqlite::open_beside(options),
        }
    }

    /// Whether there is surely nothing yet.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Sqlite(options) => !options.path.exists(),
        }
    }

    /// Whether another process writes the log and nobody else can.
    pub fn is_taken(&self) -> bool {
        match self {
            Self::Sqlite(options) => sqlite::is_in_use(&options.path),
        }
    }

    /// Copies everything into a file as it is at this moment, while servers go on writing, and gives the copy's size in bytes.
    /// `replace` allows it to take the place of another file; `progress` is told how much of how much is copied.
    pub fn backup(
        &self,
        to: &Path,
        replace: bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(options) => sqlite::backup(options, to, replace, progress),
        }
    }

    /// Puts a copy in the place of everything; with `replace` also where there is something. Nobody may be using the database.
    pub fn restore(
        &self,
        from: &Path,
        replace: bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(options) => sqlite::restore(options, from, replace, progress),
        }
    }

    /// The database's own commands for taking a copy and for putting it back, where it has better ones than ours: then
    /// [`Database::backup`] and [`Database::restore`] are not for it. Without passwords.
    pub const fn own_tools(&self) -> Option<OwnTools> {
        match self {
            Self::Sqlite(_) => None,
        }
    }

    /// What every store can be told.
    pub fn log_mut(&mut self) -> &mut LogOptions {
        match self {
            Self::Sqlite(options) => &mut options.log,
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(options) => write!(f, "sqlite:{}", options.path.display()),
        }
    }
}
