//! Dropping what is old, in small steps between the batches: never more than a few hundred rows in a transaction, and a pause
//! after each that is as long as the step took.
//!
//! Events go from the log's old end on, in its order. What they said about recipients is added to `recipients_dropped`, what
//! they counted to `owed_counts`, in the transaction that deletes them; so whatever is derived can be made anew at any time
//! from what is left and these. A period of which all is gone leaves its counts behind and loses its index.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hearback_event::{Address, RecipientState, Timestamp};
use tokio::sync::oneshot;

use super::delivery;
use super::journal::Writer;
use super::owed;
use super::posting::{period_of, place_of};
use super::queue::{Apart, Command};
use super::recipients::{self, Rows};
use super::stage::StagedEvent;
use super::start::LogStart;
use super::tail::{block_id, first_position};
use super::{LogStore, Writing, rows};
use crate::session::{Session, params};
use crate::{Dropped, Retention, StoreError};

/// Events that are dropped in one transaction.
const EVENTS_AT_ONCE: u64 = 256;
/// Other rows that are dropped in one transaction.
const ROWS_AT_ONCE: u64 = 1000;
/// How long to wait while a period is being sealed, and where too much waits for the journal.
const WAIT: Duration = Duration::from_millis(100);

/// Received before which what is dropped.
#[derive(Clone, Copy)]
pub(super) struct Cutoffs {
    payloads: Option<Timestamp>,
    events: Option<Timestamp>,
    quarantine: Option<Timestamp>,
}

/// What a step of work on the log came to.
pub(super) enum Step<T> {
    /// Something was done; there may be more.
    Did(T),
    /// Nothing was left to be done.
    Done,
    /// A period is being sealed: what it is made of must not change. Later.
    Wait,
}

/// Events at the old end of the log that are dropped together.
struct Oldest {
    /// The position of the last of them.
    last: u64,
    /// In the order of the log, each with its place in its period.
    events: Vec<(u16, StagedEvent)>,
}

impl LogStore {
    /// Drops what is too old, step by step.
    pub(super) async fn drop_old(&self, retention: Retention, now: Timestamp) -> Result<Dropped, StoreError> {
        let cutoffs = Cutoffs {
            payloads: Retention::cutoff(retention.payloads_days, now),
            events: Retention::cutoff(retention.events_days, now),
            quarantine: Retention::cutoff(retention.quarantine_days, now),
        };
        let mut dropped = Dropped::default();
        loop {
            let begun = Instant::now();
            match self.apart(move |writer| writer.drop_some(cutoffs)).await? {
                Step::Did(some) => dropped.add(some),
                Step::Done => {
                    for (what, rows) in [
                        ("events", dropped.events),
                        ("payloads", dropped.payloads),
                        ("quarantine", dropped.quarantined),
                    ] {
                        metrics::counter!("hearback_dropped_total", "what" => what).increment(rows);
                    }
                    return Ok(dropped);
                }
                Step::Wait => tokio::time::sleep(WAIT).await,
            }
            // The journal is there for what comes in.
            tokio::time::sleep(begun.elapsed()).await;
        }
    }

    /// Runs a step with the writer; where too much waits for the journal, later.
    pub(super) async fn apart<T: Send + 'static>(
        &self,
        step: impl Fn(&mut Writer) -> Result<T, StoreError> + Clone + Send + 'static,
    ) -> Result<T, StoreError> {
        let Writing::Journal(queue) = &self.writing else { return Err(StoreError::Stopped) };
        loop {
            let (reply, answer) = oneshot::channel();
            let step = step.clone();
            let work: Apart = Box::new(move |writer| {
                if reply.send(step(writer)).is_err() {
                    tracing::debug!("the asker has gone");
                }
            });
            match queue.send(Command::Apart(work)) {
                Ok(()) => return answer.await.map_err(|_| StoreError::Stopped)?,
                Err(StoreError::Overloaded) => tokio::time::sleep(WAIT).await,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Writer {
    /// Runs `work`, which changes what only the one who seals may change, in a transaction of its own.
    pub(super) fn in_transaction<T>(
        &mut self,
        work: impl FnOnce(&Self, &dyn Session) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.begin()?;
        // On a new connection the right to do this is to be had anew.
        let outcome =
            self.require_seals().and_then(|()| work(self, self.keeper.session())).and_then(|done| {
                self.keeper.commit()?;
                Ok(done)
            });
        outcome.map_err(|error| {
            self.keeper.roll_back();
            StoreError::Write(super::journal::written(error))
        })
    }

    /// Whether a period is under way to disk, or about to be.
    pub(super) fn is_sealing(&self) -> bool {
        self.sealing.is_some() || self.preparing || self.has_full_period()
    }

    fn drop_some(&mut self, cutoffs: Cutoffs) -> Result<Step<Dropped>, StoreError> {
        if !self.seals()? {
            return Ok(Step::Done);
        }
        if self.is_sealing() {
            return Ok(Step::Wait);
        }
        let mut oldest = None;
        let step = self.in_transaction(|writer, session| {
            let mut start = LogStart::read(session)?;
            if drop_remains(session, start)? {
                return Ok(Step::Did(Dropped::default()));
            }
            if let Some(before) = cutoffs.quarantine
                && let quarantined @ 1.. = drop_quarantined(session, before)?
            {
                return Ok(Step::Did(Dropped { quarantined, ..Dropped::default() }));
            }
            if let Some(before) = cutoffs.payloads
                && let Some(payloads) = drop_payloads(session, &mut start, before)?
            {
                return Ok(Step::Did(Dropped { payloads, ..Dropped::default() }));
            }
            let Some(before) = cutoffs.events else { return Ok(Step::Done) };
            let unsealed = writer.shared.tail.read().first_unsealed();
            let Some((events, dropped)) = drop_events(writer, session, &mut start, before, unsealed)? else {
                return Ok(Step::Done);
            };
            oldest = Some(events);
            Ok(Step::Did(dropped))
        })?;
        if let Some(oldest) = oldest {
            self.leave_out(&oldest);
        }
        if matches!(step, Step::Done) {
            let start = self.shared.tail.read().start();
            self.keeper.drop_partitions(start)?;
        }
        Ok(step)
    }

    /// Tells memory that events are gone.
    fn leave_out(&mut self, oldest: &Oldest) {
        let mut tail = self.shared.tail.write();
        if let Some(period) = tail.unsealed_mut(period_of(oldest.last)) {
            for (place, event) in &oldest.events {
                period.remove(*place, event);
            }
        }
        tail.begin_at(oldest.last + 1);
        self.shared.filters.write().forget(period_of(oldest.last + 1));
    }
}

/// Drops some of what is left of periods whose events are all gone. Whether there was any.
fn drop_remains(session: &dyn Session, start: LogStart) -> Result<bool, StoreError> {
    let first = period_of(start.position);
    let postings = session.execute(
        "DELETE FROM postings WHERE id IN (SELECT id FROM postings WHERE id < $1 ORDER BY id LIMIT $2)",
        params![block_id(first, 0), ROWS_AT_ONCE],
    )?;
    let periods = session.execute("DELETE FROM periods WHERE period < $1", params![first])?;
    Ok(postings + periods + owed::settle(session, first)? > 0)
}

fn drop_quarantined(session: &dyn Session, before: Timestamp) -> Result<u64, StoreError> {
    session.execute(
        "DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE received_at < $1 ORDER BY id LIMIT $2)",
        params![before, ROWS_AT_ONCE],
    )
}

/// Drops the oldest raw requests, or finds that none is old enough. Where a one-time token is bound to one, its digest and the
/// token stay with the events: a replay of it must still be recognised.
fn drop_payloads(
    session: &dyn Session,
    start: &mut LogStart,
    before: Timestamp,
) -> Result<Option<u64>, StoreError> {
    let from = start.payloads.max(start.position);
    let sql = "SELECT position, received_at FROM events WHERE position >= $1 ORDER BY position LIMIT $2";
    let found = session.all(sql, params![from, ROWS_AT_ONCE], |row| Ok((row.int(0)? as u64, row.int(1)?)))?;
    let old = found.iter().take_while(|(_, received_at)| *received_at < before.as_nanos());
    let Some((last, _)) = old.last() else { return Ok(None) };
    let blanked = session.execute(
        "UPDATE payloads SET body = $1, dictionary = 0, size = 0 WHERE id BETWEEN $2 AND $3 AND token IS NOT NULL",
        params![&Vec::new(), from, *last],
    )?;
    let removed = session
        .execute("DELETE FROM payloads WHERE id BETWEEN $1 AND $2 AND token IS NULL", params![from, *last])?;
    start.payloads = last + 1;
    start.write(session)?;
    Ok(Some(blanked + removed))
}

/// Drops the oldest events of the oldest period, or finds that none is old enough.
fn drop_events(
    writer: &Writer,
    session: &dyn Session,
    start: &mut LogStart,
    before: Timestamp,
    first_unsealed: u64,
) -> Result<Option<(Oldest, Dropped)>, StoreError> {
    let period = period_of(start.position);
    let end = first_position(period + 1) - 1;
    let sources = writer.shared.sources();
    let owed = owed::of_period(session, period)?;
    let (mut owed_now, mut states) = (owed.clone(), BTreeMap::<Address, RecipientState>::new());
    let mut oldest = Oldest { last: 0, events: Vec::new() };
    let mut old = true;
    session.query(rows::SELECT_OLDEST, params![start.position, end, EVENTS_AT_ONCE], &mut |row| {
        old &= row.int(1)? < before.as_nanos();
        if !old {
            return Ok(());
        }
        let record = rows::record(row, &sources)?;
        let Some((number, source)) = sources.of_row(row)? else { return Ok(()) };
        let mut event = StagedEvent::of(&record.event, source, record.occurred_at(), record.verified);
        event.flags = row.int(7)? as u16;
        event.delay = rows::delay(row.int(7)?);
        let fact = event.fact(record.position, number);
        owed_now.add(&fact, &event);
        if let Some(address) = &event.event_recipient {
            states.entry(address.clone()).or_default().add(&fact);
        }
        oldest.last = record.position;
        oldest.events.push((place_of(record.position), event));
        Ok(())
    })?;
    if oldest.events.is_empty() {
        return Ok(None);
    }
    let states: Vec<_> = states.into_iter().collect();
    recipients::merge(session, Rows::Dropped, &states, oldest.last)?;
    if period >= first_unsealed {
        // Their facts are in memory only, and no run will have them.
        recipients::merge(session, Rows::Loose, &states, oldest.last)?;
    }
    owed::owe_more(session, period, &owed, &owed_now)?;
    let from = start.position;
    let payloads =
        session.execute("DELETE FROM payloads WHERE id BETWEEN $1 AND $2", params![from, oldest.last])?;
    session.execute("DELETE FROM events WHERE position BETWEEN $1 AND $2", params![from, oldest.last])?;
    delivery::end_dropped(session, oldest.last)?;
    start.position = oldest.last + 1;
    start.payloads = start.payloads.max(start.position);
    start.write(session)?;
    let dropped = Dropped { events: oldest.events.len() as u64, payloads, quarantined: 0 };
    Ok(Some((oldest, dropped)))
}
