//! One-time tokens that came with nothing but known events, so that no raw request in the log binds them to a body. Kept as long as
//! tokens are asked for at all.

use std::collections::HashMap;

use hearback_event::Timestamp;

use super::admit::{Digest, Plan};
use super::journal::Submissions;
use crate::StoreError;
use crate::session::{Column, Keys, Session, Table, params};

const LOOSE_TOKENS: Table = Table {
    name: "loose_tokens",
    columns: &[("token", Column::Blob), ("digest", Column::Blob), ("received_at", Column::Int)],
    key: &["token"],
};

/// Whether there are any: nearly never.
pub(super) fn any(session: &dyn Session) -> Result<bool, StoreError> {
    let oldest =
        session.one("SELECT min(received_at) FROM loose_tokens", params![], |row| row.maybe_int(0))?;
    Ok(oldest.flatten().is_some())
}

/// The bodies that tokens of these requests are bound to.
pub(super) fn bodies(
    session: &dyn Session,
    requests: &Submissions,
) -> Result<HashMap<Digest, Digest>, StoreError> {
    let tokens: Vec<&[u8]> = requests
        .iter()
        .filter_map(|(staged, _)| staged.token.as_ref())
        .map(|token| token.as_bytes().as_slice())
        .collect();
    let mut bodies = HashMap::new();
    let sql = "SELECT token, digest FROM loose_tokens WHERE token";
    session.look_up(sql, Keys::Blobs(&tokens), &mut |row| {
        bodies.insert(row.digest(0)?, row.digest(1)?);
        Ok(())
    })?;
    Ok(bodies)
}

/// Keeps those of a plan. Whether there are any.
pub(super) fn keep(session: &dyn Session, plan: &Plan) -> Result<bool, StoreError> {
    let now = Timestamp::now();
    let mut values = Vec::new();
    for (token, body, _) in plan.loose_tokens() {
        values.extend_from_slice(params![token, body, now]);
    }
    session.write(&LOOSE_TOKENS, &values)?;
    Ok(!values.is_empty())
}

/// Forgets those that were received before a moment.
pub(super) fn forget(session: &dyn Session, before: i64) -> Result<(), StoreError> {
    session.execute("DELETE FROM loose_tokens WHERE received_at < $1", params![before]).map(|_| ())
}
