//! Tokens of the API: only their hashes are kept.

use hearback_event::Timestamp;
use rusqlite::{Connection, params};

use crate::{NewToken, StoreError, TokenView};

/// Keeps one.
pub(super) fn add(connection: &Connection, token: &NewToken) -> Result<TokenView, StoreError> {
    let id: i64 = connection.query_row(
        "INSERT INTO tokens (name, scope, created_at, hash) VALUES (?1, ?2, ?3, ?4) RETURNING id",
        params![token.name, token.scope, token.created_at.as_nanos(), token.hash],
        |row| row.get(0),
    )?;
    Ok(TokenView {
        id: id as u64,
        name: token.name.clone(),
        scope: token.scope.clone(),
        created_at: token.created_at,
        hash: token.hash,
    })
}

/// All of them.
pub(super) fn list(connection: &Connection) -> Result<Vec<TokenView>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id, name, scope, created_at, hash FROM tokens ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok(TokenView {
            id: row.get::<_, i64>(0)? as u64,
            name: row.get(1)?,
            scope: row.get(2)?,
            created_at: Timestamp::from_nanos(row.get(3)?),
            hash: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Forgets one.
pub(super) fn remove(connection: &Connection, id: u64) -> Result<bool, StoreError> {
    Ok(connection.execute("DELETE FROM tokens WHERE id = ?1", params![id as i64])? > 0)
}
