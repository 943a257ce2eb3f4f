//! Which database, by its options.

use std::fmt;

use crate::postgres::{self, PostgresOptions};
use crate::sqlite::{self, SqliteOptions};
use crate::{LogOptions, LogStore, StoreError};

/// A database in which an event log can be kept. Shown without its password.
#[derive(Clone, Debug)]
pub enum Database {
    /// A SQLite file.
    Sqlite(SqliteOptions),
    /// A PostgreSQL database.
    Postgres(PostgresOptions),
}

impl Database {
    /// Opens the log for writing, making or migrating it where needed. Of a SQLite file only one process at a time can.
    pub fn open(&self) -> Result<LogStore, StoreError> {
        match self {
            Self::Sqlite(options) => sqlite::open(options),
            Self::Postgres(options) => postgres::open(options),
        }
    }

    /// Opens the log beside processes that write it: everything can be read, tokens and quarantine can be changed, but nothing
    /// can be submitted.
    pub fn open_beside(&self) -> Result<LogStore, StoreError> {
        match self {
            Self::Sqlite(options) => sqlite::open_beside(options),
            Self::Postgres(options) => postgres::open_beside(options),
        }
    }

    /// Whether there is surely nothing yet.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Sqlite(options) => !options.path.exists(),
            Self::Postgres(options) => postgres::is_empty(options),
        }
    }

    /// Whether another process writes the log and nobody else can.
    pub fn is_taken(&self) -> bool {
        match self {
            Self::Sqlite(options) => sqlite::is_in_use(&options.path),
            Self::Postgres(_) => false,
        }
    }

    /// What every store can be told.
    pub fn log_mut(&mut self) -> &mut LogOptions {
        match self {
            Self::Sqlite(options) => &mut options.log,
            Self::Postgres(options) => &mut options.log,
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(options) => write!(f, "sqlite:{}", options.path.display()),
            Self::Postgres(options) => options.fmt(f),
        }
    }
}
