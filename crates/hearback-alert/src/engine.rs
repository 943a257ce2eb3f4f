//! Reads the log, decides, writes down, tells.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hearback_event::{Address, Channel, Kind, Record, Timestamp};
use hearback_store::{
    AlertDesk, AlertItem, AlertSave, EventFilter, EventQuery, Order, Receipt, Store, StoreError,
};
use tokio::sync::watch;

use crate::desk::{Desk, Notes};
use crate::letter::{Letter, Purpose};
use crate::rule::Rule;
use crate::subject::{self, Subject};
use crate::text::later;

/// Events that are read at a time.
const EVENTS_AT_ONCE: usize = 500;
/// How far the log may be read without writing it down: so much is read again after a crash.
const UNWRITTEN_MAX: u64 = 50_000;
/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);
/// How long it waits after the store could not answer.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How often it looks for what is over without an event that says so.
const TIDY_EVERY: Duration = Duration::from_secs(20);
/// Alerts that are tidied together.
const TIDY_AT_ONCE: usize = 200;
/// How long alerts are kept that are over.
const KEEP: Duration = Duration::from_hours(90 * 24);

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Events of alerts that were written.
    pub told: usize,
    /// Whether there is more to do at once.
    pub more: bool,
}

/// Raises alerts of one log. Several processes may each have one over the same log: what one of them has decided is not decided
/// again.
pub struct Alerter {
    store: Arc<dyn Store>,
    rules: Arc<[Rule]>,
    known: Option<Known>,
    tidied_at: Option<Timestamp>,
}

/// What was read, or written last.
struct Known {
    version: u64,
    upto: u64,
    /// How much of that is written down; `None` where nothing is yet.
    written: Option<u64>,
    notes: Notes,
    any: bool,
}

impl Alerter {
    /// Over a log.
    pub const fn new(store: Arc<dyn Store>, rules: Arc<[Rule]>) -> Self {
        Self { store, rules, known: None, tidied_at: None }
    }

    /// Raises alerts until `closed` becomes true.
    pub async fn run(mut self, mut closed: watch::Receiver<bool>) {
        loop {
            let pause = match self.step(Timestamp::now()).await {
                Ok(Step { more: true, .. }) => Duration::ZERO,
                Ok(_) => EVERY,
                Err(StoreError::Stopped) => return,
                Err(error) => {
                    tracing::warn!(%error, "no alerts can be raised now; it goes on where it stopped");
                    self.known = None;
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = closed.wait_for(|closed| *closed) => return,
            }
        }
    }

    /// Does some of what is to be done at a moment.
    ///
    /// # Errors
    ///
    /// Where the store cannot answer or write. What was written by then stays so, and the next step goes on.
    pub async fn step(&mut self, now: Timestamp) -> Result<Step, StoreError> {
        let known = match self.known.take() {
            Some(known) => known,
            None => self.read().await?,
        };
        let tidying = self.is_time_to_tidy(now);
        let known = if tidying { self.read_again(known).await? } else { known };
        let (records, upto, more) = self.page(&known).await?;
        let mut items = self.items(&known, &records).await?;
        let (over, quiet) =
            if tidying { self.tidy(&known, now, &mut items).await? } else { Default::default() };
        let mut desk = Desk::new(&self.rules, known.notes.clone(), items, now);
        for record in &records {
            desk.take(record);
        }
        for id in over {
            desk.resolve(id, "well again", true);
        }
        for id in quiet {
            desk.resolve(id, "nothing happened since", false);
        }
        desk.settle();
        let (notes, changed) = desk.finish();
        let Some(mut known) = self.write(known, upto, notes, changed).await? else {
            return Ok(Step { told: 0, more: true });
        };
        let told = self.tell(&mut known, now).await?;
        if tidying {
            self.tidied_at = Some(now);
        }
        self.known = Some(known);
        Ok(Step { told, more })
    }

    async fn read(&self) -> Result<Known, StoreError> {
        let AlertDesk { version, upto, notes, any } = self.store.alert_desk().await?;
        // What was there before the first start raises nothing any more.
        let upto = upto.unwrap_or_else(|| self.store.last_position());
        let notes = if notes.is_empty() {
            Notes::default()
        } else {
            serde_json::from_str(&notes)
                .map_err(|error| StoreError::Damaged(format!("notes of alerts: {error}")))?
        };
        // On the first start it is written down at once, so that it is known from where on rules hold.
        let written = (version > 0).then_some(upto);
        Ok(Known { version, upto, written, notes, any })
    }

    /// What is known, unless somebody changed something since.
    async fn read_again(&self, known: Known) -> Result<Known, StoreError> {
        let AlertDesk { version, any, .. } = self.store.alert_desk().await?;
        if version == known.version { Ok(Known { any, ..known }) } else { self.read().await }
    }

    /// The next events that rules or ends are about, how far the log is read with them, and whether there is more.
    async fn page(&self, known: &Known) -> Result<(Vec<Record>, u64, bool), StoreError> {
        // Before the page is read: every event up to here is in it, if it is meant.
        let last = self.store.last_position();
        if last <= known.upto {
            return Ok((Vec::new(), known.upto, false));
        }
        let mut kinds: BTreeSet<Kind> = Kind::ALL
            .iter()
            .filter(|kind| self.rules.iter().any(|rule| rule.filter.wants_kind(**kind)))
            .copied()
            .collect();
        if known.any {
            kinds.extend(subject::ENDS);
        }
        let query = EventQuery {
            filter: EventFilter { kinds: kinds.into_iter().collect(), ..EventFilter::default() },
            order: Order::Oldest,
            beyond: Some(known.upto),
            limit: EVENTS_AT_ONCE,
        };
        let page = self.store.events(query).await?;
        let upto = match page.next {
            Some(next) => next,
            None => page.rows.last().map_or(last, |record| record.position.max(last)),
        };
        Ok((page.rows, upto, page.next.is_some()))
    }

    /// What is known of the alerts that these events may be about, and those that wait to be told.
    async fn items(&self, known: &Known, records: &[Record]) -> Result<Vec<AlertItem>, StoreError> {
        let mut items = Vec::new();
        if known.any {
            let mut subjects: BTreeSet<Subject> = BTreeSet::new();
            for record in records {
                subjects.extend(subject::candidates(record));
                subjects.insert(subject::subject(record));
            }
            if !subjects.is_empty() {
                items = self.store.alerts_about(subjects.into_iter().collect()).await?;
            }
        }
        for sum in known.notes.told.values().filter_map(|told| told.sum.as_ref()) {
            if items.iter().all(|item| item.id != sum.id) {
                items.extend(self.store.alert(sum.id).await?);
            }
        }
        Ok(items)
    }

    fn is_time_to_tidy(&self, now: Timestamp) -> bool {
        self.tidied_at.is_none_or(|at| now < at || now >= later(at, TIDY_EVERY))
    }

    /// Alerts that are over though no event says so: of destinations that take events again, and those about which nothing
    /// happened for long.
    async fn tidy(
        &self,
        known: &Known,
        now: Timestamp,
        items: &mut Vec<AlertItem>,
    ) -> Result<(Vec<u64>, Vec<u64>), StoreError> {
        self.store.drop_alerts(before(now, KEEP)).await?;
        if !known.any {
            return Ok(Default::default());
        }
        let well: Vec<Subject> = self
            .store
            .destinations()
            .await?
            .into_iter()
            .filter(|one| one.failing.is_none() && one.disabled.is_none())
            .map(|one| subject::of_destination(&one.name))
            .collect();
        let of_destinations =
            if well.is_empty() { Vec::new() } else { self.store.alerts_about(well).await? };
        let over = ids(&of_destinations, |item| item.kind == Kind::DestinationFailing);
        let mut quiet = Vec::new();
        let mut found = of_destinations;
        for rule in &*self.rules {
            let since = before(now, rule.resolve_after);
            let some = self.store.alerts_quiet_since(rule.name.clone(), since, TIDY_AT_ONCE).await?;
            quiet.extend(ids(&some, |item| {
                item.parts_left == 0 && item.last_at < since && item.rule == rule.name
            }));
            found.extend(some);
        }
        found.retain(|one| items.iter().all(|item| item.id != one.id));
        items.extend(found);
        Ok((over, quiet))
    }

    /// Writes down what was decided; `None` where another process was first.
    async fn write(
        &self,
        mut known: Known,
        upto: u64,
        notes: Notes,
        items: Vec<AlertItem>,
    ) -> Result<Option<Known>, StoreError> {
        known.upto = upto;
        known.any |= !items.is_empty();
        let is_near = known.written.is_some_and(|written| upto < written + UNWRITTEN_MAX);
        if items.is_empty() && notes == known.notes && is_near {
            return Ok(Some(known));
        }
        known.notes = notes;
        Ok(self.save(&mut known, items).await?.then_some(known))
    }

    async fn save(&self, known: &mut Known, items: Vec<AlertItem>) -> Result<bool, StoreError> {
        let notes = serde_json::to_string(&known.notes)
            .map_err(|error| StoreError::Damaged(format!("notes of alerts: {error}")))?;
        let save = AlertSave { version: known.version, upto: known.upto, notes, items };
        let saved = self.store.save_alerts(save).await?;
        if saved {
            known.version += 1;
            known.written = Some(known.upto);
        }
        Ok(saved)
    }

    /// Tells what is to be told, which is on disk by now. Told again after a crash, it is known by its key.
    async fn tell(&self, known: &mut Known, now: Timestamp) -> Result<usize, StoreError> {
        let (due, later): (Vec<Letter>, Vec<Letter>) =
            known.notes.letters.drain(..).partition(|letter| letter.not_before <= now);
        let mut told = 0;
        for letter in &due {
            told += usize::from(self.tell_one(letter.clone(), now).await?);
        }
        known.notes.letters = later;
        if !due.is_empty() && !self.save(known, Vec::new()).await? {
            // Another process was first, and tells the same again: which is known by its key.
            *known = self.read().await?;
        }
        Ok(told)
    }

    async fn tell_one(&self, letter: Letter, now: Timestamp) -> Result<bool, StoreError> {
        let rule = self.rules.iter().find(|rule| rule.name == letter.alert.rule);
        let cause = self.at(letter.cause).await?;
        let mut phone = None;
        if letter.purpose == Purpose::Fallback {
            let label = rule.and_then(|rule| rule.fallback.as_ref()).map(|fallback| &fallback.label);
            phone = match (label, &cause) {
                (Some(label), Some(record)) => self.phone(label, record).await?,
                _ => None,
            };
            if phone.is_none() {
                tracing::info!(
                    alert = letter.alert.id,
                    "no telephone number is known for a text in the place of the mail"
                );
                return Ok(false);
            }
        }
        let receipt = self.store.submit(letter.submission(rule, cause.as_ref(), phone, now)).await?;
        Ok(matches!(receipt, Receipt::Stored { new: 1.., .. }))
    }

    /// The telephone number that the newest text with the same value of a label went to.
    async fn phone(&self, label: &str, record: &Record) -> Result<Option<Address>, StoreError> {
        let Some(value) = record.event.labels.get(label) else { return Ok(None) };
        let filter =
            EventFilter { labels: vec![(label.to_owned(), value.clone())], ..EventFilter::default() };
        let query = EventQuery { filter, limit: EVENTS_AT_ONCE, ..EventQuery::default() };
        let page = self.store.events(query).await?;
        let texts = page.rows.into_iter().filter(|one| one.event.channel == Channel::Sms);
        Ok(texts.filter_map(|one| one.event.recipient).find(|to| !to.as_str().contains('@')))
    }

    async fn at(&self, position: u64) -> Result<Option<Record>, StoreError> {
        let beyond = Some(position.saturating_sub(1));
        let query = EventQuery { order: Order::Oldest, beyond, limit: 1, ..EventQuery::default() };
        Ok(self.store.events(query).await?.rows.pop().filter(|record| record.position == position))
    }
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    let nanos = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanos(now.as_nanos().saturating_sub(nanos))
}

fn ids(items: &[AlertItem], is_meant: impl Fn(&AlertItem) -> bool) -> Vec<u64> {
    items.iter().filter(|item| is_meant(item)).map(|item| item.id).collect()
}
