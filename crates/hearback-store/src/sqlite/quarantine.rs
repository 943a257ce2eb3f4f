//! Refused requests: kept with their cause, bounded in number and bytes per source.

use bytes::Bytes;
use hearback_event::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Payload, QuarantineCount, QuarantineEntry, QuarantineFilter, Refused, StoreError};

const LEVEL: i32 = 1;
const LARGEST_BODY: usize = 256 << 20;
/// What a row takes up besides its head and body, about.
const ROW_BYTES: usize = 200;

/// How much is kept of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuarantineLimits {
    /// How many requests.
    pub entries_max: u64,
    /// How many bytes (compressed).
    pub bytes_max: u64,
}

impl Default for QuarantineLimits {
    fn default() -> Self {
        Self { entries_max: 1000, bytes_max: 16 << 20 }
    }
}

/// Keeps a refused request and drops the oldest of its source beyond the limits.
pub(super) fn insert(
    connection: &Connection,
    refused: &Refused,
    limits: QuarantineLimits,
) -> Result<(), StoreError> {
    let body = zstd::bulk::compress(&refused.payload.body, LEVEL).unwrap_or_default();
    let kept = body.len() + refused.payload.head.len() + ROW_BYTES;
    connection
        .prepare_cached(
            "INSERT INTO quarantine (source, provider, received_at, cause, detail, remote, size, kept, head, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            &*refused.source.name,
            &*refused.source.provider,
            refused.received_at.as_nanos(),
            refused.cause,
            refused.detail,
            refused.remote,
            refused.payload.body.len() as i64,
            kept as i64,
            refused.payload.head,
            body,
        ])?;
    connection
        .prepare_cached(
            "DELETE FROM quarantine WHERE source = ?1 AND id <= coalesce((
                 SELECT id FROM (
                     SELECT id, row_number() OVER newest AS n, sum(kept) OVER newest AS bytes
                     FROM quarantine WHERE source = ?1 WINDOW newest AS (ORDER BY id DESC)
                 ) WHERE n > ?2 OR bytes > ?3 ORDER BY id DESC LIMIT 1
             ), 0)",
        )?
        .execute(params![&*refused.source.name, limits.entries_max as i64, limits.bytes_max as i64])?;
    Ok(())
}

const COLUMNS: &str = "id, source, provider, received_at, cause, detail, remote, size, head";

fn entry(row: &Row<'_>) -> rusqlite::Result<QuarantineEntry> {
    Ok(QuarantineEntry {
        id: row.get::<_, i64>(0)? as u64,
        source: row.get(1)?,
        provider: row.get(2)?,
        received_at: Timestamp::from_nanos(row.get(3)?),
        cause: row.get(4)?,
        detail: row.get(5)?,
        remote: row.get(6)?,
        body_bytes: row.get::<_, i64>(7)? as u64,
        payload: Payload { head: row.get(8)?, body: Bytes::new() },
    })
}

/// The newest entries, without bodies.
pub(super) fn list(
    connection: &Connection,
    filter: &QuarantineFilter,
) -> Result<Vec<QuarantineEntry>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM quarantine WHERE id < ?1 AND (?2 IS NULL OR source = ?2) AND (?3 IS NULL OR cause = ?3)
         ORDER BY id DESC LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let before = filter.before.map_or(i64::MAX, |id| id as i64);
    let rows =
        statement.query_map(params![before, filter.source, filter.cause, filter.limit as i64], entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One entry with its body.
pub(super) fn get(connection: &Connection, id: u64) -> Result<Option<QuarantineEntry>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS}, body FROM quarantine WHERE id = ?1"))?;
    let found = statement
        .query_row(params![id as i64], |row| Ok((entry(row)?, row.get::<_, Vec<u8>>(9)?)))
        .optional()?;
    let Some((mut entry, compressed)) = found else { return Ok(None) };
    let size = (entry.body_bytes as usize).min(LARGEST_BODY);
    entry.payload.body = zstd::bulk::decompress(&compressed, size)
        .map_err(|_| StoreError::Damaged(format!("quarantine entry {id} cannot be decompressed")))?
        .into();
    Ok(Some(entry))
}

/// How many, by source and cause.
pub(super) fn counts(connection: &Connection) -> Result<Vec<QuarantineCount>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT source, cause, count(*), max(received_at) FROM quarantine GROUP BY source, cause ORDER BY source, cause",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(QuarantineCount {
            source: row.get(0)?,
            cause: row.get(1)?,
            count: row.get::<_, i64>(2)? as u64,
            newest: Timestamp::from_nanos(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes one out.
pub(super) fn remove(connection: &Connection, id: u64) -> Result<bool, StoreError> {
    Ok(connection.execute("DELETE FROM quarantine WHERE id = ?1", params![id as i64])? > 0)
}
