//! Migrations: one process at a time, all or nothing; and the refusal of what cannot be used.

use super::problem::explain_migration;
use super::{MIGRATION_LOCK, PostgresOptions};
use crate::StoreError;
use crate::session::{Session, params};

/// The migrations in order; the number of a schema is how many of them it has seen.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_initial.sql"), include_str!("migrations/0002_life_of_data.sql")];

/// The oldest server that is known to do.
const OLDEST_SERVER: i64 = 140_000;

/// Fails where the server is too old.
pub(super) fn check_server(session: &dyn Session, options: &PostgresOptions) -> Result<(), StoreError> {
    let sql = "SELECT current_setting('server_version_num')::bigint";
    if session.number(sql, params![])? >= OLDEST_SERVER {
        return Ok(());
    }
    let version = server_version(session)?;
    Err(StoreError::Open {
        database: options.to_string(),
        problem: format!("the server is PostgreSQL {version}; Hearback needs 14 or later"),
    })
}

/// The server's version as people write it.
pub(super) fn server_version(session: &dyn Session) -> Result<String, StoreError> {
    let version = session
        .one("SELECT current_setting('server_version')", params![], |row| Ok(row.text(0)?.to_owned()))?;
    Ok(version.unwrap_or_default())
}

/// The number of the schema that is there; `None` where there is nothing of ours.
pub(super) fn found(session: &dyn Session) -> Result<Option<u32>, StoreError> {
    let sql = "SELECT count(*) FROM pg_class WHERE relname = 'hearback_schema' AND relnamespace = current_schema()::regnamespace";
    if session.number(sql, params![])? == 0 {
        return Ok(None);
    }
    Ok(Some(session.number("SELECT version FROM hearback_schema", params![])? as u32))
}

/// Brings the tables up to date.
pub(super) fn migrate(session: &dyn Session, options: &PostgresOptions) -> Result<(), StoreError> {
    session.batch("BEGIN")?;
    let migrated = migrate_in_transaction(session, options);
    let ended = session.batch(if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" });
    match migrated.and(ended) {
        Err(error @ (StoreError::Newer { .. } | StoreError::Open { .. })) => Err(error),
        Err(error) => {
            let problem = explain_migration(error, &options.url);
            Err(StoreError::Open { database: options.to_string(), problem })
        }
        Ok(()) => warn_of_settings(session),
    }
}

fn migrate_in_transaction(session: &dyn Session, options: &PostgresOptions) -> Result<(), StoreError> {
    // Whoever starts at the same time waits here, and then finds everything done.
    let sql = "SELECT pg_advisory_xact_lock($1::bigint + oid::bigint)::text FROM pg_namespace WHERE nspname = current_schema()";
    if session.one(sql, params![MIGRATION_LOCK], |_| Ok(()))?.is_none() {
        return Err(StoreError::Open {
            database: options.to_string(),
            problem: "there is no schema to make tables in; see search_path in the URL's options".to_owned(),
        });
    }
    let found = found(session)?.unwrap_or(0);
    if found as usize > MIGRATIONS.len() {
        return Err(newer(options, found));
    }
    if found == 0 {
        session.batch(
            "CREATE TABLE hearback_schema (version BIGINT NOT NULL); INSERT INTO hearback_schema VALUES (0)",
        )?;
    }
    for sql in MIGRATIONS.iter().skip(found as usize) {
        session.batch(sql)?;
    }
    session.execute("UPDATE hearback_schema SET version = $1", params![MIGRATIONS.len()])?;
    Ok(())
}

/// Fails unless the tables are exactly those of this version: for those who only read.
pub(super) fn check_version(session: &dyn Session, options: &PostgresOptions) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as u32;
    let problem = match found(session)? {
        Some(found) if found == known => return Ok(()),
        Some(found) if found > known => return Err(newer(options, found)),
        Some(_) => {
            "its tables were made by an older version; start `hearback serve` once to bring them up to date"
        }
        None => {
            "there are no tables of Hearback in it; has `hearback serve` ever run with this configuration?"
        }
    };
    Err(StoreError::Open { database: options.to_string(), problem: problem.to_owned() })
}

fn newer(options: &PostgresOptions, found: u32) -> StoreError {
    StoreError::Newer { database: options.to_string(), found, known: MIGRATIONS.len() as u32 }
}

fn warn_of_settings(session: &dyn Session) -> Result<(), StoreError> {
    for setting in ["fsync", "full_page_writes"] {
        let sql = "SELECT current_setting($1)";
        if session.one(sql, params![setting], |row| Ok(row.text(0)? == "off"))? == Some(true) {
            tracing::warn!(
                "the database server has {setting} = off: what was answered can be lost when its machine fails"
            );
        }
    }
    Ok(())
}
