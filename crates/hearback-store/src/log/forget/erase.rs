//! What the writer does to forget a person: some events at a time, then what is known of the address.

use std::collections::BTreeMap;
use std::sync::Arc;

use hearback_event::{Fact, Kind, RecipientState, Record, Timestamp};

use super::super::delivery;
use super::super::journal::Writer;
use super::super::names::{self, ByName, OTHERS};
use super::super::owed;
use super::super::posting::{Key, keys_of, period_of, place_of};
use super::super::recipients;
use super::super::retain::Step;
use super::super::rollup::Rollup;
use super::super::rows;
use super::super::runs;
use super::super::start::LogStart;
use super::super::tail::{Sealed, Tail, first_position};
use super::index::Edit;
use super::person::Person;
use crate::session::{Session, params};
use crate::{Forgotten, StoreError};

/// What was found of a person besides events.
#[derive(Clone, Default)]
pub(super) struct Remains {
    /// The last position that was looked at: what came later begins a new life.
    pub(super) last: u64,
    /// Tags that name the person.
    pub(super) tags: Vec<String>,
}

/// What memory is to be told after the commit.
#[derive(Default)]
struct News {
    edits: BTreeMap<u64, Edit>,
    /// Positions of events whose recipient is known no more.
    own: Vec<u64>,
    sealed: Vec<Sealed>,
    changes: u64,
}

impl Writer {
    /// Takes the person out of events.
    pub(super) fn erase_events(
        &mut self,
        person: &Person,
        positions: &[u64],
    ) -> Result<Step<Forgotten>, StoreError> {
        self.erase(|writer, session, news| {
            let mut done = Forgotten::default();
            for record in rows::at(session, &writer.shared.sources(), positions)? {
                let tail = writer.shared.tail.read();
                match erase_event(session, &tail, person, &record, &mut news.edits)? {
                    Erased::Own => {
                        done.events += 1;
                        news.own.push(record.position);
                    }
                    Erased::Mention => done.mentions += 1,
                    Erased::Nothing => {}
                }
            }
            Ok(done)
        })
    }

    /// Drops raw requests. What a one-time token is bound to stays: a digest.
    pub(super) fn erase_payloads(&mut self, ids: &[i64]) -> Result<Step<Forgotten>, StoreError> {
        let payloads = self.in_transaction(|_, session| {
            let mut payloads = 0;
            for id in ids {
                let blanked = "UPDATE payloads SET body = $1, dictionary = 0, size = 0 WHERE id = $2 AND token IS NOT NULL";
                payloads += session.execute(blanked, params![&Vec::new(), *id])?;
                payloads +=
                    session.execute("DELETE FROM payloads WHERE id = $1 AND token IS NULL", params![*id])?;
            }
            Ok(payloads)
        })?;
        Ok(Step::Did(Forgotten { payloads, ..Forgotten::default() }))
    }

    /// Forgets what is known of the address itself, but for what events after those that were erased say.
    pub(super) fn erase_address(
        &mut self,
        person: &Person,
        remains: &Remains,
    ) -> Result<Step<Forgotten>, StoreError> {
        let address = person.address();
        let step = self.erase(|writer, session, news| {
            let tail = writer.shared.tail.read();
            let upto = first_position(tail.first_unsealed()) - 1;
            let new_life = fold(session, address.as_str(), remains.last, upto)?;
            let was_loose = recipients::replace(session, address, new_life.as_ref(), upto)?;
            let recipients = u64::from(runs::erase(session, address)? | was_loose);
            let remove = |table: &str| {
                let sql = format!("DELETE FROM {table} WHERE address = $1");
                session.execute(&sql, params![address.as_str()])
            };
            let (recipients_dropped, profiles) = (remove("recipients_dropped")?, remove("profiles")?);
            for tag in &remains.tags {
                count_among_others(session, tag)?;
            }
            // Of a period that is dropped in part, the index still has all.
            let (period, first) = (period_of(tail.start()), place_of(tail.start()));
            if let Some(sealed) = tail.sealed(period) {
                let edit = news.edits.entry(period).or_default();
                edit.remove_before(session, sealed, Key::recipient(address.as_str()), first)?;
            }
            let tags = remains.tags.len() as u64;
            Ok(Forgotten { recipients, recipients_dropped, profiles, tags, ..Forgotten::default() })
        })?;
        if matches!(step, Step::Did(_)) {
            let mut tail = self.shared.tail.write();
            let numbers: Vec<u64> = tail.unsealed.iter().map(|period| period.number()).collect();
            for period in numbers {
                let Some(period) = tail.unsealed_mut(period) else { continue };
                remains.tags.iter().for_each(|tag| period.rollups.tags.forget(tag));
                if period.places(Key::recipient(address.as_str())).next().is_none() {
                    period.touched.remove(address);
                }
            }
        }
        Ok(step)
    }

    /// Runs a change of events where they stand, and then tells memory.
    fn erase(
        &mut self,
        change: impl FnOnce(&Self, &dyn Session, &mut News) -> Result<Forgotten, StoreError>,
    ) -> Result<Step<Forgotten>, StoreError> {
        self.require_seals()?;
        if self.is_sealing() || self.runs.is_unsettled() {
            return Ok(Step::Wait);
        }
        let mut news = News::default();
        let done = self.in_transaction(|writer, session| {
            let done = change(writer, session, &mut news)?;
            let tail = writer.shared.tail.read();
            for (period, edit) in &news.edits {
                if let Some(sealed) = tail.sealed(*period) {
                    news.sealed.push(edit.write(session, sealed)?);
                }
            }
            let mut start = LogStart::read(session)?;
            start.changes += 1;
            news.changes = start.changes;
            start.write(session)?;
            Ok(done)
        })?;
        news.tell(&mut self.shared.tail.write());
        Ok(Step::Did(done))
    }
}

impl News {
    fn tell(self, tail: &mut Tail) {
        for sealed in self.sealed {
            if let Some(known) = tail.sealed.iter_mut().find(|known| known.number == sealed.number) {
                *known = Arc::new(sealed);
            }
        }
        for (period, edit) in self.edits {
            if let Some(period) = tail.unsealed_mut(period) {
                for (place, key) in Edit::keys(&edit.removed) {
                    period.unlink(place, [key]);
                }
                for (place, key) in Edit::keys(&edit.added) {
                    period.link(place, key);
                }
            }
        }
        for position in self.own {
            if let Some(period) = tail.unsealed_mut(period_of(position)) {
                period.forget_recipient(place_of(position));
            }
        }
        tail.changes = self.changes;
    }
}

enum Erased {
    Own,
    Mention,
    Nothing,
}

fn erase_event(
    session: &dyn Session,
    tail: &Tail,
    person: &Person,
    record: &Record,
    edits: &mut BTreeMap<u64, Edit>,
) -> Result<Erased, StoreError> {
    let before = &record.event;
    let Some(after) = person.taken_out_of_event(before) else { return Ok(Erased::Nothing) };
    let is_own = after.recipient != before.recipient;
    let data = serde_json::to_string(&after).unwrap_or_else(|_| "{}".to_owned());
    let recipient = after.recipient.as_ref().map(hearback_event::Address::as_str);
    let payload = record.payload.filter(|_| !is_own);
    session.execute(
        "UPDATE events SET recipient = $1, data = $2, payload = $3 WHERE position = $4",
        params![recipient, &data, payload, record.position],
    )?;
    if is_own {
        delivery::end_forgotten(session, record.position)?;
    }
    let (period, at) = (period_of(record.position), place_of(record.position));
    let keys = |event| keys_of(event, &record.source, &record.account);
    edits.entry(period).or_default().exchange(at, &keys(before), &keys(&after));
    // What was counted stays counted, though the event does not say it any more.
    let cell = Counted { session, tail, period, record };
    for tag in before.tags.iter().filter(|tag| !after.tags.contains(tag)) {
        let name = if person.is_named_in(tag.as_bytes()) { OTHERS } else { tag };
        cell.owe(ByName::Tag, name)?;
    }
    if let Some(domain) = before.recipient.as_ref().filter(|_| is_own).and_then(|address| address.domain()) {
        cell.owe(ByName::Domain, domain)?;
    }
    Ok(if is_own { Erased::Own } else { Erased::Mention })
}

/// Where an event was counted.
struct Counted<'a> {
    session: &'a dyn Session,
    tail: &'a Tail,
    period: u64,
    record: &'a Record,
}

impl Counted<'_> {
    fn owe(&self, by: ByName, name: &str) -> Result<(), StoreError> {
        let event = &self.record.event;
        let (day, kind, machine) = (self.record.occurred_at().day(), event.kind, event.by_machine());
        let counted_as = if self.has_cell(by, day, name, kind, machine)? { name } else { OTHERS };
        owed::owe(self.session, self.period, Rollup::ByName(by), &(day, counted_as, kind, machine), 1)
    }

    /// Whether the name has a count of its own: there are so many at most.
    fn has_cell(
        &self,
        by: ByName,
        day: i64,
        name: &str,
        kind: Kind,
        machine: bool,
    ) -> Result<bool, StoreError> {
        if self.period >= self.tail.first_unsealed() {
            let period = self.tail.unsealed.iter().find(|period| period.number() == self.period);
            return Ok(period.is_some_and(|period| {
                let names = period.rollups.by_name(by);
                names.cells().contains_key(&(day, name.into(), kind, machine))
            }));
        }
        names::has_cell(self.session, by, self.period, (day, name, kind, machine))
    }
}

/// What events to an address say, of those between two positions.
fn fold(
    session: &dyn Session,
    address: &str,
    after: u64,
    upto: u64,
) -> Result<Option<RecipientState>, StoreError> {
    let mut state = None;
    let sql = "SELECT position, kind, occurred_at, flags, source FROM events WHERE position > $1 AND position <= $2 AND recipient = $3";
    session.query(sql, params![after, upto, address], &mut |row| {
        let fact = Fact {
            position: row.int(0)? as u64,
            kind: Kind::from_number(row.int(1)? as u8).unwrap_or_default(),
            occurred_at: Timestamp::from_nanos(row.int(2)?),
            flags: row.int(3)? as u16,
            delay: rows::delay(row.int(3)?),
            source: row.int(4)? as u32,
        };
        state.get_or_insert_with(RecipientState::default).add(&fact);
        Ok(())
    })?;
    Ok(state)
}

/// Counts among the others what was counted under a tag.
fn count_among_others(session: &dyn Session, tag: &str) -> Result<(), StoreError> {
    const TAGS: Rollup = Rollup::ByName(ByName::Tag);
    names::forget_tag(session, tag)?;
    let sql = "SELECT period, step, kind, machine, count FROM owed_counts WHERE rollup = $1 AND name = $2";
    let owed = session.all(sql, params![TAGS.number(), tag], |row| {
        let kind = Kind::from_number(row.int(2)? as u8).unwrap_or_default();
        Ok((row.int(0)? as u64, row.int(1)?, kind, row.int(3)? != 0, row.int(4)? as u64))
    })?;
    for (period, day, kind, machine, count) in owed {
        owed::owe(session, period, TAGS, &(day, OTHERS, kind, machine), count)?;
    }
    let sql = "DELETE FROM owed_counts WHERE rollup = $1 AND name = $2";
    session.execute(sql, params![TAGS.number(), tag]).map(|_| ())
}
