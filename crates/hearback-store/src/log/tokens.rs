//! Tokens of the API: only their hashes are kept.

use hearback_event::Timestamp;

use crate::session::{Session, params};
use crate::{NewToken, StoreError, TokenView};

/// Keeps one.
pub(super) fn add(session: &dyn Session, token: &NewToken) -> Result<TokenView, StoreError> {
    let id = session.number(
        "INSERT INTO tokens (name, scope, created_at, hash) VALUES ($1, $2, $3, $4) RETURNING id",
        params![&token.name, &token.scope, token.created_at, &token.hash],
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
pub(super) fn list(session: &dyn Session) -> Result<Vec<TokenView>, StoreError> {
    session.all("SELECT id, name, scope, created_at, hash FROM tokens ORDER BY id", params![], |row| {
        let hash = row.blob(4)?.try_into();
        Ok(TokenView {
            id: row.int(0)? as u64,
            name: row.text(1)?.to_owned(),
            scope: row.text(2)?.to_owned(),
            created_at: Timestamp::from_nanos(row.int(3)?),
            hash: hash
                .map_err(|_| StoreError::Damaged("the hash of a token has another length".to_owned()))?,
        })
    })
}

/// Forgets one.
pub(super) fn remove(session: &dyn Session, id: u64) -> Result<bool, StoreError> {
    Ok(session.execute("DELETE FROM tokens WHERE id = $1", params![id])? > 0)
}
