//! Projections made anew from the log: to compare with what is kept, or to replace it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use hearback_event::{Address, RecipientState};

use super::Shared;
use super::period::Period;
use super::posting::period_of;
use super::recipients::{self, Rows};
use super::rows::{self, Sources};
use super::runs;
use super::seal::{Sealing, prepare, recipients_of};
use super::start::LogStart;
use super::tail::{self, Tail, first_position};
use crate::session::{Session, WALKS, params};
use crate::{RebuildReport, StoreError};

/// How many differences are told one by one.
const MOST_TOLD: usize = 100;

/// Reads one whole period of the log into memory; `None` where it is not full.
fn read_period(
    session: &dyn Session,
    sources: &Sources,
    number: u64,
) -> Result<Option<Arc<Period>>, StoreError> {
    let first = first_position(number).max(LogStart::read(session)?.position);
    let mut tail = tail::from_position(session, first)?;
    tail::load_events(session, sources, &mut tail, first_position(number + 1) - 1)?;
    Ok(tail.unsealed.pop().filter(|period| period.is_full() && period.number() == number))
}

/// Compares every projection with what the log gives. The session must see one state of the database throughout: a server
/// may be writing meanwhile.
pub(super) fn check(
    session: &dyn Session,
    sources: &Sources,
    progress: &dyn Fn(u64, u64),
) -> Result<RebuildReport, StoreError> {
    let last = session.last_position()?;
    let start = LogStart::read(session)?.position;
    let first = period_of(start);
    let sealed = (session.number("SELECT max(period) + 1 FROM periods", params![])? as u64).max(first);
    let mut checker = Checker::default();
    checker.count_log(session, start, last, progress)?;
    // What dropped events said can be made anew of nothing: it is where the comparison begins.
    recipients::for_each_row(session, Rows::Dropped, |address, _, state| {
        match Address::parse(address).ok().zip(state) {
            Some((address, state)) => drop(checker.recipients.insert(address, *state)),
            None => checker.differs(format!(
                "recipient {}: what dropped events said cannot be read",
                hearback_event::mask(address)
            )),
        }
    })?;
    for number in first..sealed {
        match read_period(session, sources, number)? {
            Some(period) => checker.period(session, &period, start)?,
            None => checker.differs(format!("period {number} is sealed but its events are not complete")),
        }
    }
    checker.recipients(session)?;
    Ok(checker.report)
}

#[derive(Default)]
struct Checker {
    report: RebuildReport,
    recipients: BTreeMap<Address, RecipientState>,
}

impl Checker {
    fn differs(&mut self, difference: String) {
        self.report.different += 1;
        if self.report.differences.len() < MOST_TOLD {
            self.report.differences.push(difference);
        }
    }

    fn checked(&mut self, projection: &str, rows: usize) {
        match self.report.rows.iter_mut().find(|(name, _)| name == projection) {
            Some((_, count)) => *count += rows as u64,
            None => self.report.rows.push((projection.to_owned(), rows as u64)),
        }
    }

    /// The log itself: no gap, and no key twice.
    fn count_log(
        &mut self,
        session: &dyn Session,
        start: u64,
        last: u64,
        progress: &dyn Fn(u64, u64),
    ) -> Result<(), StoreError> {
        let mut seen: HashSet<[u8; 16]> = HashSet::new();
        let mut expected = start;
        session.query(
            "SELECT /* walks */ position, dedup FROM events ORDER BY position",
            params![],
            &mut |row| {
                let position = row.int(0)? as u64;
                if position < start {
                    self.differs(format!("event {position} was dropped and is still there"));
                } else if expected != position {
                    self.differs(format!("the log has a gap before position {position}"));
                }
                expected = position.max(start - 1) + 1;
                self.report.events += 1;
                for key in rows::keys(row.blob(1)?) {
                    if !seen.insert(*key.as_bytes()) {
                        self.differs(format!("event {position} is in the log twice"));
                    }
                }
                if self.report.events.is_multiple_of(4096) {
                    progress(position, last);
                }
                Ok(())
            },
        )?;
        progress(last, last);
        Ok(())
    }

    fn period(&mut self, session: &dyn Session, period: &Period, start: u64) -> Result<(), StoreError> {
        let prepared = prepare(period, start)?;
        for difference in prepared.differences(session)? {
            self.differs(difference);
        }
        for (projection, rows) in prepared.sizes() {
            self.checked(projection, rows);
        }
        for (address, state) in recipients_of(period, start)? {
            let known = self.recipients.entry(address).or_default();
            *known = known.merge(&state);
        }
        Ok(())
    }

    /// What is written of recipients, in runs and in rows, together.
    fn recipients(&mut self, session: &dyn Session) -> Result<(), StoreError> {
        let mut expected = std::mem::take(&mut self.recipients);
        let mut loose = BTreeMap::new();
        recipients::for_each_row(session, Rows::Loose, |address, _, state| {
            loose.insert(address.to_owned(), state.copied());
        })?;
        let mut candidates = recipients::candidates(session)?;
        let mut rows = 0;
        let mut compare = |address: &str, found: Option<RecipientState>| {
            rows += 1;
            let state = Address::parse(address).ok().and_then(|address| expected.remove(&address));
            let may_be_suppressed = state.as_ref().is_some_and(recipients::may_suppress);
            let masked = hearback_event::mask(address);
            if found.is_none() || state != found {
                self.differs(format!("recipient {masked}: counters or status differ"));
            } else if may_be_suppressed && !candidates.remove(address) {
                self.differs(format!("recipient {masked}: not among those who may be suppressed"));
            }
        };
        let damaged = runs::for_each(session, |address, found| {
            let more = loose.remove(address).unwrap_or(Some(RecipientState::default()));
            compare(address, found.zip(more).map(|(found, more)| found.merge(&more)));
        })?;
        for (address, state) in loose {
            compare(&address, state);
        }
        self.checked("recipients", rows);
        for damage in damaged {
            self.differs(damage);
        }
        for address in expected.keys() {
            self.differs(format!("recipient {}: has events and is not known", address.masked()));
        }
        Ok(())
    }
}

/// Runs a piece of work in a transaction.
pub(super) type Transaction<'a> =
    dyn FnMut(&mut dyn FnMut(&dyn Session) -> Result<(), StoreError>) -> Result<(), StoreError> + 'a;

/// Throws every projection away and makes it anew. Only the one who seals may do this.
pub(super) fn replace(
    transaction: &mut Transaction<'_>,
    shared: &Shared,
    progress: &dyn Fn(u64, u64),
) -> Result<(), StoreError> {
    let (mut number, mut start, mut last) = (0, 0, 0);
    transaction(&mut |session| {
        let log = LogStart::read(session)?;
        (number, start) = (period_of(log.position), log.position);
        last = session.last_position()?;
        for table in ["periods", "postings"] {
            session.execute(&format!("DELETE FROM {table}"), params![])?;
        }
        // Of periods that are dropped, the counts are all that is left.
        for table in ["hourly", "daily_tags", "daily_domains", "delivery_times"] {
            session.execute(&format!("DELETE FROM {table} {WALKS} WHERE period >= $1"), params![number])?;
        }
        runs::clear(session)?;
        recipients::begin_anew(session)?;
        *shared.tail.write() = Tail::of(log);
        Ok(())
    })?;
    loop {
        let mut period = None;
        transaction(&mut |session| {
            period = read_period(session, &shared.sources.read(), number)?;
            Ok(())
        })?;
        let Some(period) = period else { break };
        let mut sealing = Sealing::new(prepare(&period, start)?);
        let (sealed, filter) = loop {
            transaction(&mut |session| sealing.write(session, 10_000))?;
            if let Some(done) = sealing.committed() {
                break done;
            }
        };
        shared.filters.write().add(sealed.number, &filter);
        shared.tail.write().seal(sealed);
        progress(first_position(number + 1) - 1, last);
        number += 1;
    }
    transaction(&mut |session| {
        let mut tail = shared.tail.write();
        let rest = tail::from_position(session, first_position(number).max(start))?;
        tail.take_open(rest);
        tail::load_events(session, &shared.sources.read(), &mut tail, i64::MAX as u64)
    })?;
    progress(last, last);
    Ok(())
}

/// Whether a count of a rollup row differs from what the log gives, told in words.
pub(super) fn rollup_difference(
    session: &dyn Session,
    table: &str,
    period: u64,
    expected: &BTreeMap<(i64, String, u8, bool), u64>,
) -> Result<Vec<String>, StoreError> {
    let (step, name) = match table {
        "hourly" => ("hour", "CAST(source AS TEXT)"),
        _ => ("hour", "step"),
    };
    let sql = format!("SELECT {WALKS} {step}, {name}, kind, machine, count FROM {table} WHERE period = $1");
    let mut found = BTreeMap::new();
    session.query(&sql, params![period], &mut |row| {
        let cell = (row.int(0)?, row.text(1)?.to_owned(), row.int(2)? as u8, row.int(3)? != 0);
        found.insert(cell, row.int(4)? as u64);
        Ok(())
    })?;
    if found == *expected {
        return Ok(Vec::new());
    }
    let different = expected.iter().filter(|(cell, count)| found.get(*cell) != Some(count)).count()
        + found.keys().filter(|cell| !expected.contains_key(*cell)).count();
    Ok(vec![format!("{table}, period {period}: {different} counts differ")])
}
