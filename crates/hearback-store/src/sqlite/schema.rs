//! Opening the file: pragmas, migrations, and the refusal of newer schemas.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::StoreError;

/// The migrations in order; the number of a schema is how many of them it has seen.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_initial.sql"), include_str!("migrations/0002_life_of_data.sql")];

/// The number of the newest schema that this version knows.
pub(super) const KNOWN_SCHEMA: u32 = MIGRATIONS.len() as u32;

/// Marks the file as Hearback's ("HEAR"), so that a wrong path is noticed before anything is written.
pub(super) const APPLICATION_ID: i64 = 0x4845_4152;

/// How long a connection waits for another process's short write.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// Opens the file for writing, making it where it does not exist, and brings its schema up to date.
pub(super) fn open_writer(path: &Path, cache_bytes: usize) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path).map_err(|error| open_error(path, &error))?;
    prepare_writer(&mut connection, path, cache_bytes)?;
    Ok(connection)
}

fn prepare_writer(connection: &mut Connection, path: &Path, cache_bytes: usize) -> Result<(), StoreError> {
    let problem = |error: rusqlite::Error| open_error(path, &error);
    connection.busy_timeout(BUSY_TIMEOUT).map_err(problem)?;
    // Before the first pragma that writes.
    schema_found(connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(problem)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(problem)?;
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(problem)?;
    connection.pragma_update(None, "cache_size", -((cache_bytes / 1024) as i64)).map_err(problem)?;
    // Measured: 1000 pages cost 8 % of the rate, 4000 pages double the longest commit.
    connection.pragma_update(None, "wal_autocheckpoint", 2000).map_err(problem)?;
    // What is deleted is overwritten. The log is only appended to, so that this costs nothing where events come in.
    connection.pragma_update(None, "secure_delete", "ON").map_err(problem)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20).map_err(problem)?;
    connection.set_prepared_statement_cache_capacity(64);
    migrate(connection, path)
}

/// Opens the file for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| open_error(path, &error))?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Fails unless the file has exactly the schema of this version: for readers beside a running server.
pub(super) fn check_version(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let found = version(connection)?;
    match found.cmp(&(MIGRATIONS.len() as u32)) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(newer(path, found)),
        std::cmp::Ordering::Less => Err(StoreError::Open {
            database: path.display().to_string(),
            problem: "it was written by an older version; start `hearback serve` once to bring it up to date"
                .to_owned(),
        }),
    }
}

fn version(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

fn newer(path: &Path, found: u32) -> StoreError {
    StoreError::Newer { database: path.display().to_string(), found, known: MIGRATIONS.len() as u32 }
}

/// How many migrations the file has seen. Fails where it is of a newer version or of another program.
pub(super) fn schema_found(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let number = |sql: &str| -> Result<i64, StoreError> {
        connection.query_row(sql, [], |row| row.get(0)).map_err(|error| open_error(path, &error))
    };
    let found = number("PRAGMA user_version")? as u32;
    let ours = number("PRAGMA application_id")? == APPLICATION_ID;
    if !ours && number("SELECT count(*) FROM sqlite_schema")? > 0 {
        return Err(StoreError::Open {
            database: path.display().to_string(),
            problem: "it is a SQLite file of another program; name another path in [storage] url".to_owned(),
        });
    }
    if found as usize > MIGRATIONS.len() {
        return Err(newer(path, found));
    }
    Ok(found)
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let problem = |error: rusqlite::Error| open_error(path, &error);
    // One transaction, begun as a writer: two starting processes cannot migrate at the same time.
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(problem)?;
    let found = schema_found(&transaction, path)?;
    for sql in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(sql).map_err(problem)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(problem)?;
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as u32).map_err(problem)?;
    transaction.commit().map_err(problem)
}

fn open_error(path: &Path, error: &rusqlite::Error) -> StoreError {
    let hint = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::CannotOpen) => "does its folder exist, and may this user write there?",
        Some(rusqlite::ErrorCode::NotADatabase) => {
            "it is not a SQLite file; name another path in [storage] url"
        }
        Some(rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::PermissionDenied) => {
            "may this user write there?"
        }
        Some(rusqlite::ErrorCode::DiskFull) => "the disk is full",
        Some(rusqlite::ErrorCode::DatabaseBusy) => "another process holds it",
        _ => "see the message",
    };
    StoreError::Open { database: path.display().to_string(), problem: format!("{error} ({hint})") }
}
