//! Rows of expected messages. They name positions and, of those that are overdue, a hash of the recipient: nothing that would
//! have to be forgotten.

use hearback_event::{Address, Timestamp};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::delivery;
use super::rows::{self, Sources};
use crate::session::{Column, Keys, Param, Row, Session, Table, params};
use crate::{ConsumerState, Due, Expectation, Settled, StoreError, Watched};

/// The place of the watchdog in the log is kept beside those of consumers, under a name that none of them can have.
const CONSUMER: &str = "hearback watchdog";

const EXPECTATIONS: Table = Table {
    name: "expectations",
    columns: &[("position", Column::Int), ("due_at", Column::Int), ("recipient", Column::Int)],
    key: &["position"],
};

pub(super) const DUE: &str =
    "SELECT position FROM expectations WHERE recipient IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $2";
/// Overdue ones, those registered last first.
pub(super) const OVERDUE: &str = "SELECT position FROM expectations WHERE recipient IS NOT NULL AND position < $1 ORDER BY position DESC LIMIT $2";
/// Those that have come due since the watchdog looked last.
pub(super) const COME_DUE: &str =
    "SELECT position FROM expectations WHERE recipient IS NULL AND due_at <= $1 AND position < $2";
pub(super) const OF_RECIPIENTS: &str = "SELECT position FROM expectations WHERE recipient";

/// Keeps new expectations, and that registrations up to a position are known.
pub(super) fn expect(
    session: &dyn Session,
    expected: &[Expectation],
    upto: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<Param<'_>> =
        expected.iter().flat_map(|one| [one.position.into(), one.due_at.into(), Param::Null]).collect();
    if !rows.is_empty() {
        session.write(&EXPECTATIONS, &rows)?;
    }
    let consumer = ConsumerState { name: CONSUMER.to_owned(), position: upto, at: now };
    delivery::set_consumer(session, &consumer)
}

/// Messages that are due at a moment, the longest first.
pub(super) fn due(
    session: &dyn Session,
    sources: &Sources,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Due>, StoreError> {
    let positions = session.all(DUE, params![now, limit], |row| Ok(row.int(0)? as u64))?;
    with_registrations(session, sources, &positions)
}

/// Where registrations of messages stand that are due at a moment and may be overdue, below a position, the last first.
pub(super) fn overdue_below(
    session: &dyn Session,
    below: u64,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<u64>, StoreError> {
    let position = |row: &dyn Row| Ok(row.int(0)? as u64);
    let mut positions = session.all(OVERDUE, params![below, limit], position)?;
    positions.extend(session.all(COME_DUE, params![now, below], position)?);
    positions.sort_unstable_by(|a, b| b.cmp(a));
    positions.truncate(limit);
    Ok(positions)
}

/// Overdue messages to any of these recipients; perhaps some to others.
pub(super) fn overdue_to(
    session: &dyn Session,
    sources: &Sources,
    recipients: &[Address],
) -> Result<Vec<Due>, StoreError> {
    let hashes: Vec<i64> = recipients.iter().map(hash).collect();
    let mut positions = Vec::new();
    session.look_up(OF_RECIPIENTS, Keys::Ints(&hashes), &mut |row| {
        positions.push(row.int(0)? as u64);
        Ok(())
    })?;
    positions.sort_unstable();
    with_registrations(session, sources, &positions)
}

fn with_registrations(
    session: &dyn Session,
    sources: &Sources,
    positions: &[u64],
) -> Result<Vec<Due>, StoreError> {
    let mut records = rows::at(session, sources, positions)?;
    records.retain(|record| record.event.registration.is_some());
    let of = |position: &u64| Due {
        position: *position,
        registration: records.iter().find(|record| record.position == *position).cloned(),
    };
    Ok(positions.iter().map(of).collect())
}

/// Writes down what came of expectations.
pub(super) fn settle(session: &dyn Session, settled: &[Settled]) -> Result<(), StoreError> {
    for one in settled {
        match one {
            Settled::Over { position } => {
                session.execute("DELETE FROM expectations WHERE position = $1", params![*position])?
            }
            Settled::Overdue { position, recipient } => session.execute(
                "UPDATE expectations SET recipient = $1 WHERE position = $2",
                params![hash(recipient), *position],
            )?,
        };
    }
    Ok(())
}

/// How much is being watched.
pub(super) fn watched(session: &dyn Session) -> Result<Watched, StoreError> {
    let count = |sql: &str| session.number(sql, params![]).map(|count| count as u64);
    // Nothing but an index of theirs is counted.
    Ok(Watched {
        waiting: count("SELECT /* walks */ count(*) FROM expectations WHERE recipient IS NULL")?,
        overdue: count("SELECT /* walks */ count(*) FROM expectations WHERE recipient IS NOT NULL")?,
        upto: known_upto(session)?,
    })
}

/// Registrations up to this position have a row, if they are waited for.
pub(super) fn known_upto(session: &dyn Session) -> Result<u64, StoreError> {
    let sql = "SELECT position FROM consumers WHERE name = $1";
    let upto = session.one(sql, params![CONSUMER], |row| row.int(0))?;
    Ok(upto.unwrap_or_default() as u64)
}

fn hash(address: &Address) -> i64 {
    xxh3_64_with_seed(address.as_str().as_bytes(), 0) as i64
}
