//! That what is asked goes along an index, whatever the size of the tables: looked at in debug builds for every statement that is
//! ever made, so that all tests of pages, of the API and of the commands test it too.
//!
//! What is meant to read a whole table (a rebuild, a search for a person) says so in its text: [`WALKS`].

use std::collections::HashSet;
use std::sync::LazyLock;

use parking_lot::Mutex;
use rusqlite::Connection;

use crate::session::WALKS;

/// Tables that may be walked through: they have as many rows as somebody set up, or are kept small, as are refused requests and what
/// is owed for dropped events; and what is no table but made by the statement itself. Whatever else is walked through, under its own name
/// or another, is found.
const SMALL: &[&str] = &[
    "CONSTANT",
    "alert_desk",
    "consumers",
    "destinations",
    "dictionaries",
    "heartbeat",
    "kept_so_far",
    "log_start",
    "owed_counts",
    "periods",
    "positions",
    "quarantine",
    "sessions",
    "sources",
    "sqlite_schema",
    "tokens",
    "users",
];

static SEEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// Panics where a statement walks through a table that is not small.
pub(super) fn check(connection: &Connection, sql: &str) {
    if sql.contains(WALKS) || !SEEN.lock().insert(sql.to_owned()) {
        return;
    }
    let steps = steps(connection, sql).unwrap_or_default();
    let walks = |step: &&String| {
        let mut words = step.split(' ');
        words.next() == Some("SCAN")
            && words.next().is_some_and(|table| !table.starts_with('(') && !SMALL.contains(&table))
    };
    let walk = steps.iter().find(walks);
    assert!(walk.is_none(), "a statement walks through a table: {sql}: {steps:?}");
}

/// How SQLite plans a statement.
pub(crate) fn steps(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    // Only the plan is wanted: parameters without a value are NULL.
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(row.get(3)?);
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("migrations/0001_initial.sql")).unwrap();
        connection
    }

    #[test]
    fn what_goes_along_an_index_or_says_that_it_walks_is_let_through() {
        for sql in [
            "SELECT data FROM events WHERE position = $1",
            "SELECT max(position) FROM events",
            "SELECT /* walks */ data FROM events",
            "SELECT name FROM sources",
            "INSERT INTO heartbeat (id, at) VALUES (1, $1)",
        ] {
            check(&database(), sql);
        }
    }

    #[test]
    fn walks_are_found() {
        for sql in [
            "SELECT data FROM events WHERE recipient = $1",
            "SELECT count(*) FROM recipient_blocks",
            "DELETE FROM payloads WHERE size > $1",
            "SELECT s.name FROM sources s JOIN events e ON e.source = s.id",
        ] {
            let found = std::panic::catch_unwind(|| check(&database(), sql));
            assert!(found.is_err(), "{sql}");
        }
    }
}
