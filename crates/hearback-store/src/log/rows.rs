//! Rows of the log as records, and back.

use std::collections::HashMap;
use std::sync::Arc;

use hearback_event::{Address, Channel, DedupKey, Event, Fact, Kind, Origin, Record, Timestamp};

use crate::session::{Column, Keys, Row, Session, Table, params};
use crate::{SourceRef, StoreError};

/// The log.
pub(crate) const EVENTS: Table = Table {
    name: "events",
    columns: &[
        ("position", Column::Int),
        ("received_at", Column::Int),
        ("occurred_at", Column::Int),
        ("source", Column::Int),
        ("kind", Column::Int),
        ("channel", Column::Int),
        ("origin", Column::Int),
        ("flags", Column::Int),
        ("recipient", Column::Text),
        ("payload", Column::Int),
        ("dedup", Column::Blob),
        ("data", Column::Text),
    ],
    key: &[],
};

/// The raw requests.
pub(crate) const PAYLOADS: Table = Table {
    name: "payloads",
    columns: &[
        ("id", Column::Int),
        ("dictionary", Column::Int),
        ("size", Column::Int),
        ("digest", Column::Blob),
        ("token", Column::Blob),
        ("body", Column::Blob),
    ],
    key: &[],
};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT position, received_at, occurred_at, source, kind, channel, origin, flags, recipient, payload, dedup, data FROM events ",
            $rest
        )
    };
}

const SELECT_AT: &str = select!("WHERE position");
/// Events between two positions, oldest first.
pub(super) const SELECT_OLDEST: &str = select!("WHERE position BETWEEN $1 AND $2 ORDER BY position LIMIT $3");
/// Events between two positions, newest first.
pub(super) const SELECT_NEWEST: &str =
    select!("WHERE position BETWEEN $1 AND $2 ORDER BY position DESC LIMIT $3");

/// The sources that the log knows, by number.
#[derive(Clone, Default)]
pub(crate) struct Sources {
    by_number: Vec<(u32, SourceRef)>,
    numbers: HashMap<SourceRef, u32>,
}

impl Sources {
    /// Reads those that are not known yet.
    pub(super) fn load(&mut self, session: &dyn Session) -> Result<(), StoreError> {
        let known = self.by_number.last().map_or(0, |(number, _)| *number);
        let sql = "SELECT id, name, provider, account FROM sources WHERE id > $1 ORDER BY id";
        let found = session.all(sql, params![known], |row| {
            let source = SourceRef {
                name: row.text(1)?.into(),
                provider: row.text(2)?.into(),
                account: row.text(3)?.into(),
            };
            Ok((row.int(0)? as u32, source))
        })?;
        for (number, source) in found {
            self.add(number, source);
        }
        Ok(())
    }

    /// Takes in one, unless it is known.
    pub(super) fn add(&mut self, number: u32, source: SourceRef) {
        let at = self.by_number.partition_point(|(known, _)| *known < number);
        if self.by_number.get(at).is_none_or(|(known, _)| *known != number) {
            self.numbers.insert(source.clone(), number);
            self.by_number.insert(at, (number, source));
        }
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
    pub(super) fn of_row(&self, row: &dyn Row) -> Result<Option<(u32, &SourceRef)>, StoreError> {
        let number = row.int(3)? as u32;
        Ok(self.get(number).map(|source| (number, source)))
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &SourceRef> {
        self.by_number.iter().map(|(_, source)| source)
    }
}

/// The number of a source that the log may not know yet.
pub(super) fn add_source(session: &dyn Session, source: &SourceRef) -> Result<u32, StoreError> {
    let values = params![&*source.name, &*source.provider, &*source.account];
    // Another process may be adding the same one; whoever is second waits for the first and finds its row.
    session.execute(
        "INSERT INTO sources (name, provider, account) VALUES ($1, $2, $3) ON CONFLICT (name, provider, account) DO NOTHING",
        values,
    )?;
    let sql = "SELECT id FROM sources WHERE name = $1 AND provider = $2 AND account = $3";
    let number = session.one(sql, values, |row| row.int(0))?;
    number.map(|number| number as u32).ok_or_else(|| StoreError::Damaged("a source vanished".to_owned()))
}

/// A row as a record.
pub(super) fn record(row: &dyn Row, sources: &Sources) -> Result<Record, StoreError> {
    let position = row.int(0)? as u64;
    let damaged = |what: &str| StoreError::Damaged(format!("event {position}: {what}"));
    let received_at = Timestamp::from_nanos(row.int(1)?);
    let flags = row.int(7)? as u16;
    let (_, source) = sources.of_row(row)?.ok_or_else(|| damaged("its source is not known"))?;
    let mut event: Event =
        serde_json::from_str(row.text(11)?).map_err(|_| damaged("its data cannot be read"))?;
    event.kind = Kind::from_number(row.int(4)? as u8).ok_or_else(|| damaged("its kind is not known"))?;
    event.channel = Channel::from_number(row.int(5)? as u8).unwrap_or_default();
    event.occurred_at = (flags & Fact::APPROXIMATE == 0).then_some(Timestamp::from_nanos(row.int(2)?));
    event.recipient = row.maybe_text(8)?.and_then(|text| Address::parse(text).ok());
    event.dedup = keys(row.blob(10)?);
    Ok(Record {
        position,
        received_at,
        source: Arc::clone(&source.name),
        provider: Arc::clone(&source.provider),
        account: Arc::clone(&source.account),
        origin: Origin::from_number(row.int(6)? as u8).ok_or_else(|| damaged("its origin is not known"))?,
        verified: flags & Fact::UNVERIFIED == 0,
        payload: row.maybe_int(9)?.map(|id| id as u64),
        event,
    })
}

/// The keys in a `dedup` column.
pub(super) fn keys(blob: &[u8]) -> Vec<DedupKey> {
    blob.as_chunks::<16>().0.iter().map(|bytes| DedupKey::from_bytes(*bytes)).collect()
}

/// How long a delivery took, which stands above its flags.
pub(super) const fn delay(flags: i64) -> u8 {
    (flags >> DELAY_SHIFT) as u8
}

/// Flags and delay as they stand in a row.
pub(super) const fn flags_and_delay(flags: u16, delay: u8) -> i64 {
    flags as i64 | (delay as i64) << DELAY_SHIFT
}

const DELAY_SHIFT: u32 = 16;

/// The events at these positions, which go up or down, in the same order; those that are gone are left out.
pub(super) fn at(
    session: &dyn Session,
    sources: &Sources,
    positions: &[u64],
) -> Result<Vec<Record>, StoreError> {
    let keys: Vec<i64> = positions.iter().map(|position| *position as i64).collect();
    let mut records = Vec::with_capacity(positions.len());
    session.look_up(SELECT_AT, Keys::Positions(&keys), &mut |row| {
        records.push(record(row, sources)?);
        Ok(())
    })?;
    records.sort_unstable_by_key(|record| record.position);
    if positions.first() > positions.last() {
        records.reverse();
    }
    Ok(records)
}

/// The event at a position.
pub(super) fn one(
    session: &dyn Session,
    sources: &Sources,
    position: u64,
) -> Result<Option<Record>, StoreError> {
    Ok(at(session, sources, &[position])?.pop())
}
