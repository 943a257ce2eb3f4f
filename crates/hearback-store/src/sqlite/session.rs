//! SQLite as a [`Session`].

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{CachedStatement, Connection};

#[cfg(debug_assertions)]
use super::plan;
use crate::StoreError;
use crate::session::{Each, Keys, Param, Row, Session, Table, params};

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Int(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

impl Row for rusqlite::Row<'_> {
    fn maybe_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        Ok(self.get(column)?)
    }

    fn maybe_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        self.get_ref(column)?.as_str_or_null().map_err(|_| not_a(column, "text"))
    }

    fn maybe_blob(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        self.get_ref(column)?.as_blob_or_null().map_err(|_| not_a(column, "blob"))
    }
}

fn not_a(column: usize, kind: &str) -> StoreError {
    StoreError::Damaged(format!("column {column} of a row is not a {kind}"))
}

fn run(statement: &mut CachedStatement<'_>, params: &[Param<'_>], each: Each<'_>) -> Result<(), StoreError> {
    debug_assert!(
        (1..=params.len()).all(|n| statement.parameter_name(n) == Some(format!("${n}").as_str())),
        "parameters must first appear in the order of their numbers"
    );
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    while let Some(row) = rows.next()? {
        each(row)?;
    }
    Ok(())
}

/// Calls `each` with every key as a parameter.
fn for_each(
    keys: Keys<'_>,
    mut each: impl FnMut(Param<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    match keys {
        Keys::Ints(keys) | Keys::Positions(keys) => keys.iter().try_for_each(|key| each(Param::Int(*key))),
        Keys::Texts(keys) => keys.iter().try_for_each(|key| each(Param::Text(key))),
        Keys::Blobs(keys) => keys.iter().try_for_each(|key| each(Param::Blob(key))),
    }
}

impl Session for Connection {
    fn query(&self, sql: &str, params: &[Param<'_>], each: Each<'_>) -> Result<(), StoreError> {
        #[cfg(debug_assertions)]
        plan::check(self, sql);
        run(&mut self.prepare_cached(sql)?, params, each)
    }

    fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        #[cfg(debug_assertions)]
        plan::check(self, sql);
        Ok(self.prepare_cached(sql)?.execute(rusqlite::params_from_iter(params))? as u64)
    }

    fn batch(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.execute_batch(sql)?)
    }

    fn look_up(&self, select: &str, keys: Keys<'_>, each: Each<'_>) -> Result<(), StoreError> {
        let sql = format!("{select} = $1");
        #[cfg(debug_assertions)]
        plan::check(self, &sql);
        let mut statement = self.prepare_cached(&sql)?;
        // Locks are taken once and not for each key: that is a fifth of the time.
        let apart = self.is_autocommit() && keys.len() > 1;
        if apart {
            self.execute_batch("BEGIN")?;
        }
        let outcome = for_each(keys, |key| run(&mut statement, &[key], each));
        if apart {
            drop(statement);
            self.execute_batch("COMMIT")?;
        }
        outcome
    }

    fn last_position(&self) -> Result<u64, StoreError> {
        let sql = "SELECT max(position) FROM (SELECT max(position) AS position FROM events UNION ALL
                   SELECT position - 1 AS position FROM log_start) AS positions";
        let session: &dyn Session = self;
        Ok(session.number(sql, params![])? as u64)
    }

    fn write(&self, table: &Table, values: &[Param<'_>]) -> Result<(), StoreError> {
        let mut statement = self.prepare_cached(&insert(table))?;
        for row in values.chunks_exact(table.columns.len()) {
            // Bound one by one: this is the path on which every event is written.
            for (number, value) in (1..).zip(row) {
                statement.raw_bind_parameter(number, value)?;
            }
            statement.raw_execute()?;
        }
        Ok(())
    }
}

fn insert(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let places: Vec<String> = (1..=names.len()).map(|n| format!("${n}")).collect();
    let verb = match table.key.len() {
        0 => "INSERT",
        all if all == table.columns.len() => "INSERT OR IGNORE",
        _ => "INSERT OR REPLACE",
    };
    format!("{verb} INTO {} ({}) VALUES ({})", table.name, names.join(", "), places.join(", "))
}
