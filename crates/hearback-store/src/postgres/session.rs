//! PostgreSQL as a [`Session`].

use std::borrow::Cow;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::HashMap;

use postgres::error::{DbError, Severity};
use postgres::fallible_iterator::FallibleIterator as _;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Statement};

use super::apart::outside_of_async;
use super::partitions;
use crate::StoreError;
use crate::session::{Column, Each, Keys, Param, Row, Session, Table, params};

/// Rows that one statement writes, at most.
const ROWS_AT_ONCE: usize = 10_000;

/// One connection with its prepared statements.
pub(super) struct PgSession {
    /// Taken out only when it is dropped.
    client: RefCell<Option<Client>>,
    statements: RefCell<HashMap<Box<str>, Statement>>,
    /// Something went wrong with it that was no answer of the server, or the server ended it.
    broken: Cell<bool>,
}

impl PgSession {
    pub(super) fn new(client: Client) -> Self {
        Self { client: RefCell::new(Some(client)), statements: RefCell::default(), broken: Cell::new(false) }
    }

    /// Whether it can no longer be used.
    pub(super) fn is_closed(&self) -> bool {
        self.broken.get() || self.client.borrow().as_ref().is_none_or(Client::is_closed)
    }

    /// Looks whether an error is the end of the connection.
    fn noted(&self, error: postgres::Error) -> StoreError {
        let ends =
            |error: &DbError| matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
        if error.as_db_error().is_none_or(ends) {
            self.broken.set(true);
        }
        error.into()
    }

    fn client(&self) -> Result<RefMut<'_, Client>, StoreError> {
        let busy = || StoreError::Read("the connection is in use by the question around this one".into());
        RefMut::filter_map(self.client.try_borrow_mut().map_err(|_| busy())?, Option::as_mut)
            .map_err(|_| StoreError::Stopped)
    }

    fn prepared(&self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client()?.prepare(sql).map_err(|error| self.noted(error))?;
        self.statements.borrow_mut().insert(sql.into(), statement.clone());
        Ok(statement)
    }

    /// As [`Session::query`], with parameters of any type.
    pub(super) fn rows(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        let statement = self.prepared(sql)?;
        let mut client = self.client()?;
        let params = params.iter().copied().map(|param| param as &dyn ToSql);
        let mut rows = client.query_raw(&statement, params).map_err(|error| self.noted(error))?;
        while let Some(row) = rows.next().map_err(|error| self.noted(error))? {
            each(&row)?;
        }
        Ok(())
    }

    /// As [`PgSession::rows`], where memory holds the answer: to wait for all of it together is cheaper than to wait for each row.
    fn few_rows(&self, sql: &str, params: &[&(dyn ToSql + Sync)], each: Each<'_>) -> Result<(), StoreError> {
        let statement = self.prepared(sql)?;
        let rows = self.client()?.query(&statement, params).map_err(|error| self.noted(error))?;
        rows.iter().try_for_each(|row| each(row))
    }

    /// As [`Session::execute`], with parameters of any type.
    pub(super) fn run(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<u64, StoreError> {
        let statement = self.prepared(sql)?;
        self.client()?.execute(&statement, params).map_err(|error| self.noted(error))
    }

    /// Looks positions up in a table that is partitioned by them. Whatever partitions there are, each is looked for in its own: PostgreSQL
    /// would look for every one of a list in all of them.
    fn look_up_positions(&self, select: &str, positions: &[i64], each: Each<'_>) -> Result<(), StoreError> {
        let (Some(least), Some(greatest)) = (positions.iter().min(), positions.iter().max()) else {
            return Ok(());
        };
        let list = list(Keys::Positions(positions));
        if partitions::are_together(*least, *greatest) {
            // Within these bounds there is one. That is a fifth cheaper than to choose for each.
            let column = select.rsplit(' ').next().unwrap_or_default();
            let sql = format!("{select} = ANY($1) AND {column} BETWEEN $2 AND $3");
            return self.few_rows(&sql, &[&list, least, greatest], each);
        }
        let sql = format!(
            "SELECT found.* FROM unnest($1::bigint[]) AS wanted CROSS JOIN LATERAL ({select} = wanted OFFSET 0) AS found"
        );
        self.few_rows(&sql, &[&list], each)
    }
}

impl Drop for PgSession {
    fn drop(&mut self) {
        if let Some(client) = self.client.get_mut().take() {
            outside_of_async(|| drop(client));
        }
    }
}

impl Session for PgSession {
    fn query(&self, sql: &str, params: &[Param<'_>], each: Each<'_>) -> Result<(), StoreError> {
        self.rows(sql, &dynamic(params), each)
    }

    fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.run(sql, &dynamic(params))
    }

    fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.client()?.batch_execute(sql).map_err(|error| self.noted(error))
    }

    fn look_up(&self, select: &str, keys: Keys<'_>, each: Each<'_>) -> Result<(), StoreError> {
        if let Keys::Positions(positions) = keys {
            return self.look_up_positions(select, positions, each);
        }
        if keys.is_empty() {
            return Ok(());
        }
        self.few_rows(&format!("{select} = ANY($1)"), &[&list(keys)], each)
    }

    fn last_position(&self) -> Result<u64, StoreError> {
        // The greatest of the events would be looked for in every partition.
        let session: &dyn Session = self;
        Ok(session.number("SELECT last_position FROM head WHERE id = 1", params![])? as u64)
    }

    fn write(&self, table: &Table, values: &[Param<'_>]) -> Result<(), StoreError> {
        let width = table.columns.len();
        for values in values.chunks(width * ROWS_AT_ONCE) {
            let columns = columns(table, values);
            let columns: Vec<&(dyn ToSql + Sync)> =
                columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
            self.run(&insert(table), &columns)?;
        }
        Ok(())
    }
}

/// The columns of a table as a list for each, from parameter number `first` on: to be selected, which costs a fifth less than selecting
/// from them (they would be put together in memory first).
pub(super) fn unnested(table: &Table, first: usize) -> String {
    let list = |(n, (name, kind)): (usize, &(&str, Column))| {
        format!("unnest(${n}::{}[]) AS {name}", sql_type(*kind))
    };
    let lists: Vec<String> = (first..).zip(table.columns).map(list).collect();
    lists.join(", ")
}

/// What a column's type is called.
const fn sql_type(kind: Column) -> &'static str {
    match kind {
        Column::Int => "bigint",
        Column::Text => "text",
        Column::Blob => "bytea",
    }
}

/// The values of a table's rows, column by column.
pub(super) fn columns<'a>(table: &Table, values: &'a [Param<'a>]) -> Vec<List<'a>> {
    let width = table.columns.len();
    (0..width)
        .zip(table.columns)
        .map(|(n, (_, kind))| column(*kind, values.iter().skip(n).step_by(width)))
        .collect()
}

fn dynamic<'a>(params: &'a [Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

/// One statement for any number of rows: a list for each column.
fn insert(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let conflict = if table.key.is_empty() {
        String::new()
    } else {
        let others = names.iter().filter(|name| !table.key.contains(name));
        let set: Vec<String> = others.map(|name| format!("{name} = excluded.{name}")).collect();
        let set =
            if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) };
        format!(" ON CONFLICT ({}) DO {set}", table.key.join(", "))
    };
    let (names, lists) = (names.join(", "), unnested(table, 1));
    format!("INSERT INTO {} ({names}) SELECT {lists}{conflict}", table.name)
}

/// PostgreSQL has no NUL in texts.
fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Text(text) => clean(text).to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::TEXT | Type::BYTEA)
    }

    to_sql_checked!();
}

/// Bytes, without a copy of their own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blob<'a>(pub(super) &'a [u8]);

impl ToSql for Blob<'_> {
    fn to_sql(
        &self,
        _kind: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0);
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::BYTEA
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Blob<'a> {
    fn from_sql(_kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(kind: &Type) -> bool {
        <Self as ToSql>::accepts(kind)
    }
}

/// The values of one column.
#[derive(Debug)]
pub(super) enum List<'a> {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<Cow<'a, str>>>),
    Blobs(Vec<Option<Blob<'a>>>),
}

impl ToSql for List<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Ints(list) => list.to_sql(kind, out),
            Self::Texts(list) => list.to_sql(kind, out),
            Self::Blobs(list) => list.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8_ARRAY | Type::TEXT_ARRAY | Type::BYTEA_ARRAY)
    }

    to_sql_checked!();
}

fn list(keys: Keys<'_>) -> List<'_> {
    match keys {
        Keys::Ints(keys) | Keys::Positions(keys) => List::Ints(keys.iter().copied().map(Some).collect()),
        Keys::Texts(keys) => List::Texts(keys.iter().map(|key| Some(clean(key))).collect()),
        Keys::Blobs(keys) => List::Blobs(keys.iter().map(|key| Some(Blob(key))).collect()),
    }
}

fn column<'a>(kind: Column, values: impl Iterator<Item = &'a Param<'a>>) -> List<'a> {
    match kind {
        Column::Int => List::Ints(
            values.map(|value| if let Param::Int(number) = value { Some(*number) } else { None }).collect(),
        ),
        Column::Text => List::Texts(
            values
                .map(|value| if let Param::Text(text) = value { Some(clean(text)) } else { None })
                .collect(),
        ),
        Column::Blob => List::Blobs(
            values
                .map(|value| if let Param::Blob(bytes) = value { Some(Blob(bytes)) } else { None })
                .collect(),
        ),
    }
}

impl Row for postgres::Row {
    fn maybe_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn maybe_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn maybe_blob(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        Ok(self.try_get::<_, Option<Blob<'_>>>(column)?.map(|blob| blob.0))
    }
}
