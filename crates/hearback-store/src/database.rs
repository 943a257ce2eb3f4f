//! Which database, by its options.

use std::fmt;
use std::path::Path;

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
            Self::Postgres(_) => Err(self.has_own_tools()),
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
            Self::Postgres(_) => Err(self.has_own_tools()),
        }
    }

    /// The database's own commands for taking a copy and for putting it back, where it has better ones than ours: then
    /// [`Database::backup`] and [`Database::restore`] are not for it. Without passwords.
    pub fn own_tools(&self) -> Option<OwnTools> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(options) => Some(OwnTools {
                backup: format!("pg_dump --format=custom --file=hearback.dump '{options}'"),
                restore: format!("pg_restore --clean --if-exists --dbname='{options}' hearback.dump"),
            }),
        }
    }

    fn has_own_tools(&self) -> StoreError {
        let problem = match self.own_tools() {
            Some(tools) => {
                format!("take a copy with `{}`, and put it back with `{}`", tools.backup, tools.restore)
            }
            None => String::new(),
        };
        StoreError::Open { database: self.to_string(), problem }
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
