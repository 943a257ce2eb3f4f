//! Rows of the log as records, and back.

use std::collections::HashMap;
use std::sync::Arc;

use hearback_event::{Address, Channel, DedupKey, Event, Fact, Kind, Origin, Record, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::{SourceRef, StoreError};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT position, received_at, occurred_at, source, kind, channel, origin, flags, recipient, payload, dedup, data FROM events ",
            $rest
        )
    };
}

/// One event by position.
pub(super) const SELECT_ONE: &str = select!("WHERE position = ?1");
/// Events between two positions, oldest first.
pub(super) const SELECT_OLDEST: &str = select!("WHERE position BETWEEN ?1 AND ?2 ORDER BY position");
/// Events between two positions, newest first.
pub(super) const SELECT_NEWEST: &str = select!("WHERE position BETWEEN ?1 AND ?2 ORDER BY position DESC");

/// The statement that writes an event.
pub(super) const INSERT: &str = "INSERT INTO events (position, received_at, occurred_at, source, kind, channel, origin, flags, recipient, payload, dedup, data)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

/// The sources that the log knows, by number.
#[derive(Clone, Default)]
pub(super) struct Sources {
    by_number: Vec<(u32, SourceRef)>,
    numbers: HashMap<SourceRef, u32>,
}

impl Sources {
    /// Reads those that are not known yet.
    pub(super) fn load(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let known = self.by_number.last().map_or(0, |(number, _)| *number);
        let mut statement = connection
            .prepare_cached("SELECT id, name, provider, account FROM sources WHERE id > ?1 ORDER BY id")?;
        let mut rows = statement.query(params![known])?;
        while let Some(row) = rows.next()? {
            let text = |column: usize| row.get::<_, String>(column).map(Arc::<str>::from);
            let source = SourceRef { name: text(1)?, provider: text(2)?, account: text(3)? };
            self.add(row.get(0)?, source);
        }
        Ok(())
    }

    /// Takes in one.
    pub(super) fn add(&mut self, number: u32, source: SourceRef) {
        self.numbers.insert(source.clone(), number);
        self.by_number.push((number, source));
    }

    /// The number of a source.
    pub(super) fn number(&self, source: &SourceRef) -> Option<u32> {
        self.numbers.get(source).copied()
    }

    /// The source of a number.
    pub(super) fn get(&self, number: u32) -> Option<&SourceRef> {
        let at = self.by_number.partition_point(|(known, _)| *known < number);
        self.by_number.get(at).filter(|(known, _)| *known == number).map(|(_, source)| source)
    }

    /// The name of a source.
    pub(super) fn name(&self, number: u32) -> String {
        self.get(number).map(|source| source.name.to_string()).unwrap_or_default()
    }

    /// Number and source of a row of the log.
    pub(super) fn of_row(&self, row: &Row<'_>) -> Result<Option<(u32, &SourceRef)>, StoreError> {
        let number = row.get(3)?;
        Ok(self.get(number).map(|source| (number, source)))
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &SourceRef> {
        self.by_number.iter().map(|(_, source)| source)
    }
}

/// A row as a record.
pub(super) fn record(row: &Row<'_>, sources: &Sources) -> Result<Record, StoreError> {
    let position = row.get::<_, i64>(0)? as u64;
    let damaged = |what: &str| StoreError::Damaged(format!("event {position}: {what}"));
    let received_at = Timestamp::from_nanos(row.get(1)?);
    let flags: u16 = row.get(7)?;
    let (_, source) = sources.of_row(row)?.ok_or_else(|| damaged("its source is not known"))?;
    let data = row.get_ref(11)?.as_str().map_err(|_| damaged("its data is not text"))?;
    let mut event: Event = serde_json::from_str(data).map_err(|_| damaged("its data cannot be read"))?;
    event.kind = Kind::from_number(row.get(4)?).ok_or_else(|| damaged("its kind is not known"))?;
    event.channel = Channel::from_number(row.get(5)?).unwrap_or_default();
    event.occurred_at = (flags & Fact::APPROXIMATE == 0).then_some(Timestamp::from_nanos(row.get(2)?));
    event.recipient = match row.get_ref(8)?.as_str_or_null() {
        Ok(Some(text)) => Address::parse(text).ok(),
        _ => None,
    };
    event.dedup = keys(row.get_ref(10)?.as_blob().unwrap_or_default());
    Ok(Record {
        position,
        received_at,
        source: Arc::clone(&source.name),
        provider: Arc::clone(&source.provider),
        account: Arc::clone(&source.account),
        origin: Origin::from_number(row.get(6)?).ok_or_else(|| damaged("its origin is not known"))?,
        verified: flags & Fact::UNVERIFIED == 0,
        payload: row.get::<_, Option<i64>>(9)?.map(|id| id as u64),
        event,
    })
}

/// The keys in a `dedup` column.
pub(super) fn keys(blob: &[u8]) -> Vec<DedupKey> {
    blob.as_chunks::<16>().0.iter().map(|bytes| DedupKey::from_bytes(*bytes)).collect()
}

/// The event at a position.
pub(super) fn one(
    connection: &Connection,
    sources: &Sources,
    position: u64,
) -> Result<Option<Record>, StoreError> {
    let mut statement = connection.prepare_cached(SELECT_ONE)?;
    let mut rows = statement.query(params![position as i64])?;
    rows.next()?.map(|row| record(row, sources)).transpose()
}
