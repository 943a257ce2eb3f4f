//! A connection to a database as the log's code sees it, so that each statement stands once and each row is mapped once.
//!
//! Statements are in the SQL that SQLite and PostgreSQL both understand. Parameters are `$1`, `$2`, … in the order of their
//! first appearance (SQLite numbers them so). Calls block: they run on the journal's thread or on one for blocking work.

use hearback_event::Timestamp;

use crate::StoreError;

/// A value for a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Param<'a> {
    /// Nothing.
    Null,
    /// Every number and every truth value; times in nanoseconds.
    Int(i64),
    /// A text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

macro_rules! ints {
    ($($kind:ty),+) => {
        $(impl From<$kind> for Param<'_> {
            fn from(value: $kind) -> Self {
                Self::Int(value as i64)
            }
        })+
    };
}

ints!(i64, u64, u32, u16, u8, usize, bool);

impl From<Timestamp> for Param<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.as_nanos())
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a Vec<u8>> for Param<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Param<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Writes down the values for a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::session::Param::from($value)),*] };
}
pub(crate) use params;

/// In the text of a statement: that it reads a whole table is meant.
pub(crate) const WALKS: &str = "/* walks */";

/// Keys to look rows up by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keys<'a> {
    /// Numbers.
    Ints(&'a [i64]),
    /// Positions of the log, in a table that may be divided by them.
    Positions(&'a [i64]),
    /// Texts.
    Texts(&'a [&'a str]),
    /// Bytes.
    Blobs(&'a [&'a [u8]]),
}

impl Keys<'_> {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Ints(keys) | Self::Positions(keys) => keys.len(),
            Self::Texts(keys) => keys.len(),
            Self::Blobs(keys) => keys.len(),
        }
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One row of an answer. A column that is not of the kind asked for is damage: no version of ours wrote it.
pub(crate) trait Row {
    /// A number.
    fn maybe_int(&self, column: usize) -> Result<Option<i64>, StoreError>;
    /// A text.
    fn maybe_text(&self, column: usize) -> Result<Option<&str>, StoreError>;
    /// Bytes.
    fn maybe_blob(&self, column: usize) -> Result<Option<&[u8]>, StoreError>;

    /// A number that must be there.
    fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.maybe_int(column)?.ok_or_else(|| missing(column))
    }

    /// A text that must be there.
    fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.maybe_text(column)?.ok_or_else(|| missing(column))
    }

    /// Bytes that must be there.
    fn blob(&self, column: usize) -> Result<&[u8], StoreError> {
        self.maybe_blob(column)?.ok_or_else(|| missing(column))
    }

    /// Sixteen bytes that must be there.
    fn digest(&self, column: usize) -> Result<[u8; 16], StoreError> {
        let bytes = self.blob(column)?;
        bytes
            .try_into()
            .map_err(|_| StoreError::Damaged(format!("column {column} is no digest: {} bytes", bytes.len())))
    }
}

fn missing(column: usize) -> StoreError {
    StoreError::Damaged(format!("column {column} of a row is empty"))
}

/// What is called with each row.
pub(crate) type Each<'a> = &'a mut dyn FnMut(&dyn Row) -> Result<(), StoreError>;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Numbers.
    Int,
    /// Texts.
    Text,
    /// Bytes.
    Blob,
}

/// A table that many rows at a time are written to.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its columns, in the order in which their values are given.
    pub(crate) columns: &'static [(&'static str, Column)],
    /// Its key where a row that is there already is replaced; empty where there can be none.
    pub(crate) key: &'static [&'static str],
}

/// A connection.
pub(crate) trait Session {
    /// Runs a query and calls `each` with every row.
    fn query(&self, sql: &str, params: &[Param<'_>], each: Each<'_>) -> Result<(), StoreError>;

    /// Runs a statement and tells how many rows it changed.
    fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError>;

    /// Runs statements without parameters.
    fn batch(&self, sql: &str) -> Result<(), StoreError>;

    /// Calls `each` with the rows of many keys, in any order. `select` ends with the column that the keys are compared with, and has no
    /// parameters.
    fn look_up(&self, select: &str, keys: Keys<'_>, each: Each<'_>) -> Result<(), StoreError>;

    /// The last position of the log, also where the event that had it was dropped. Asked for before every question.
    fn last_position(&self) -> Result<u64, StoreError>;

    /// Writes rows; their values one after the other, as many for each as the table has columns.
    fn write(&self, table: &Table, values: &[Param<'_>]) -> Result<(), StoreError>;
}

impl dyn Session + '_ {
    /// The first row of an answer.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut map: impl FnMut(&dyn Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        self.query(sql, params, &mut |row| {
            if found.is_none() {
                found = Some(map(row)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Every row of an answer.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: &[Param<'_>],
        mut map: impl FnMut(&dyn Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.query(sql, params, &mut |row| {
            found.push(map(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The number in the first column of the first row; 0 where there is none.
    pub(crate) fn number(&self, sql: &str, params: &[Param<'_>]) -> Result<i64, StoreError> {
        Ok(self.one(sql, params, |row| row.maybe_int(0))?.flatten().unwrap_or_default())
    }
}
