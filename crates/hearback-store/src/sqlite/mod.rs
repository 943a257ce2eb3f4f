//! The embedded store: one SQLite file, one process that writes, any number that read.

mod copy;
mod keeper;
#[cfg(any(test, debug_assertions))]
mod plan;
mod purge;
mod readers;
mod schema;
mod session;

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::StoreError;
use crate::log::{LogOptions, LogStore, Opening};
pub(crate) use copy::{backup, restore};
use keeper::SqliteKeeper;
#[cfg(test)]
pub(crate) use plan::steps;
use readers::SqliteReaders;

/// How a SQLite store is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The database file.
    pub path: PathBuf,
    /// Page cache of the writer in bytes.
    pub cache_bytes: usize,
    /// What every store can be told.
    pub log: LogOptions,
}

impl SqliteOptions {
    /// Defaults for a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), cache_bytes: 16 << 20, log: LogOptions::default() }
    }
}

/// Opens the file with its journal, making or migrating it where needed. Only one process at a time can.
pub fn open(options: &SqliteOptions) -> Result<LogStore, StoreError> {
    let lock = lock(&options.path)?;
    let connection = schema::open_writer(&options.path, options.cache_bytes)?;
    let readers = Box::new(SqliteReaders::new(options.path.clone()));
    let opening = Opening { readers, others_write: false, held: Some(Box::new(lock)) };
    LogStore::open(opening, Box::new(SqliteKeeper::new(connection)), &options.log)
}

/// Opens the file beside a process that may have its journal: everything can be read, tokens and quarantine can be
/// changed, but nothing can be submitted.
pub fn open_beside(options: &SqliteOptions) -> Result<LogStore, StoreError> {
    if !options.path.exists() {
        let problem =
            "there is no such file; has `hearback serve` ever run with this configuration?".to_owned();
        return Err(StoreError::Open { database: options.path.display().to_string(), problem });
    }
    let connection = Connection::open(&options.path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    schema::check_version(&connection, &options.path)?;
    // As the writer does: what is deleted is overwritten.
    connection.pragma_update(None, "secure_delete", "ON")?;
    let readers = Box::new(SqliteReaders::new(options.path.clone()));
    let opening = Opening { readers, others_write: true, held: None };
    LogStore::open_beside(opening, Box::new(connection), &options.log)
}

/// Whether another process has the journal of this file now.
pub fn is_in_use(path: &Path) -> bool {
    path.exists() && lock(path).is_err()
}

/// The file whose lock says who has the journal.
fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let problem = |problem: String| StoreError::Open { database: path.display().to_string(), problem };
    let file =
        File::options().create(true).truncate(false).write(true).open(lock_path(path)).map_err(|error| {
            problem(format!("{error} (does its folder exist, and may this user write there?)"))
        })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(problem(
            "another hearback process has it open; stop that one, or use its API with --url and --token"
                .to_owned(),
        )),
        Err(std::fs::TryLockError::Error(error)) => Err(problem(error.to_string())),
    }
}
