//! Refused requests: kept with their cause, bounded in number and bytes per source.

use bytes::Bytes;
use hearback_event::Timestamp;

use crate::session::{Row, Session, params};
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
    session: &dyn Session,
    refused: &Refused,
    limits: QuarantineLimits,
) -> Result<(), StoreError> {
    let body = zstd::bulk::compress(&refused.payload.body, LEVEL).unwrap_or_default();
    let kept = body.len() + refused.payload.head.len() + ROW_BYTES;
    session.execute(
        "INSERT INTO quarantine (source, provider, received_at, cause, detail, remote, size, kept, head, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![
            &*refused.source.name,
            &*refused.source.provider,
            refused.received_at,
            &refused.cause,
            &refused.detail,
            refused.remote.as_deref(),
            refused.payload.body.len(),
            kept,
            &refused.payload.head,
            &body,
        ],
    )?;
    session.execute(
        "DELETE FROM quarantine WHERE source = $1 AND id <= coalesce((
             SELECT id FROM (
                 SELECT id, row_number() OVER newest AS n, CAST(sum(kept) OVER newest AS BIGINT) AS bytes
                 FROM quarantine WHERE source = $1 WINDOW newest AS (ORDER BY id DESC)
             ) AS kept_so_far WHERE n > $2 OR bytes > $3 ORDER BY id DESC LIMIT 1
         ), 0)",
        params![&*refused.source.name, limits.entries_max, limits.bytes_max],
    )?;
    Ok(())
}

macro_rules! select {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT id, source, provider, received_at, cause, detail, remote, size, head",
            $more,
            " FROM quarantine ",
            $rest
        )
    };
}

fn entry(row: &dyn Row) -> Result<QuarantineEntry, StoreError> {
    Ok(QuarantineEntry {
        id: row.int(0)? as u64,
        source: row.text(1)?.to_owned(),
        provider: row.text(2)?.to_owned(),
        received_at: Timestamp::from_nanos(row.int(3)?),
        cause: row.text(4)?.to_owned(),
        detail: row.text(5)?.to_owned(),
        remote: row.maybe_text(6)?.map(str::to_owned),
        body_bytes: row.int(7)? as u64,
        payload: Payload { head: row.text(8)?.to_owned(), body: Bytes::new() },
    })
}

/// The newest entries, without bodies.
pub(super) fn list(
    session: &dyn Session,
    filter: &QuarantineFilter,
) -> Result<Vec<QuarantineEntry>, StoreError> {
    let before = filter.before.map_or(i64::MAX, |id| id as i64);
    session.all(
        select!(
            "",
            "WHERE id < $1 AND (CAST($2 AS TEXT) IS NULL OR source = $2) AND (CAST($3 AS TEXT) IS NULL OR cause = $3)
             ORDER BY id DESC LIMIT $4"
        ),
        params![before, filter.source.as_deref(), filter.cause.as_deref(), filter.limit],
        entry,
    )
}

/// One entry with its body.
pub(super) fn get(session: &dyn Session, id: u64) -> Result<Option<QuarantineEntry>, StoreError> {
    let found = session.one(select!(", body", "WHERE id = $1"), params![id], |row| {
        Ok((entry(row)?, row.blob(9)?.to_vec()))
    })?;
    let Some((mut entry, compressed)) = found else { return Ok(None) };
    let size = (entry.body_bytes as usize).min(LARGEST_BODY);
    entry.payload.body = zstd::bulk::decompress(&compressed, size)
        .map_err(|_| StoreError::Damaged(format!("quarantine entry {id} cannot be decompressed")))?
        .into();
    Ok(Some(entry))
}

/// How many, by source and cause.
pub(super) fn counts(session: &dyn Session) -> Result<Vec<QuarantineCount>, StoreError> {
    session.all(
        "SELECT source, cause, count(*), max(received_at) FROM quarantine GROUP BY source, cause ORDER BY source, cause",
        params![],
        |row| {
            Ok(QuarantineCount {
                source: row.text(0)?.to_owned(),
                cause: row.text(1)?.to_owned(),
                count: row.int(2)? as u64,
                newest: Timestamp::from_nanos(row.int(3)?),
            })
        },
    )
}

/// Takes one out.
pub(super) fn remove(session: &dyn Session, id: u64) -> Result<bool, StoreError> {
    Ok(session.execute("DELETE FROM quarantine WHERE id = $1", params![id])? > 0)
}
