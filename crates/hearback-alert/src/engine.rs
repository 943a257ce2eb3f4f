//! Reads the log, decides, writes down, tells.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hearback_event::{Address, Channel, Kind, MessageId, Record, Timestamp};
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
/// Why an alert is over about which nothing happened; that is not told.
const QUIET: &str = "nothing happened since";
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
    /// Up to which number what stands was looked at, in turn.
    tidied_upto: u64,
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
        Self { store, rules, known: None, tidied_at: None, tidied_upto: 0 }
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
        let over = if tidying { self.tidy(&known, now, &mut items).await? } else { Vec::new() };
        let mut desk = Desk::new(&self.rules, known.notes.clone(), items, now);
        for record in &records {
            desk.take(record);
        }
        for (id, why) in over {
            desk.resolve(id, why, why != QUIET);
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

    /// Alerts that are over though no event says so, and why: of destinations that take events again, of messages that arrived, and
    /// those about which nothing happened for long. Some at a time, in turn.
    async fn tidy(
        &mut self,
        known: &Known,
        now: Timestamp,
        items: &mut Vec<AlertItem>,
    ) -> Result<Vec<(u64, &'static str)>, StoreError> {
        self.store.drop_alerts(before(now, KEEP)).await?;
        if !known.any {
            return Ok(Vec::new());
        }
        let mut standing = self.store.alerts_standing(self.tidied_upto, TIDY_AT_ONCE).await?;
        let beyond = |item: &&AlertItem| item.id > self.tidied_upto;
        let (last, count) =
            standing.iter().filter(beyond).fold((0, 0), |(last, count), item| (item.id.max(last), count + 1));
        self.tidied_upto = if count < TIDY_AT_ONCE { 0 } else { last };
        let well = self.well_destinations(&standing).await?;
        let arrived = self.ended_messages(&standing).await?;
        let mut over = Vec::new();
        for item in &standing {
            let rule = self.rules.iter().find(|rule| rule.name == item.rule);
            let patience = rule.map_or(crate::rule::RESOLVE_AFTER, |rule| rule.resolve_after);
            if item.kind == Kind::DestinationFailing && well.contains(&item.subject) {
                over.push((item.id, "it takes events again"));
            } else if let Some((_, why)) = arrived.iter().find(|(id, _)| *id == item.id) {
                over.push((item.id, *why));
            } else if item.parts_left == 0 && item.last_at < before(now, patience) {
                over.push((item.id, QUIET));
            }
        }
        standing.retain(|one| items.iter().all(|item| item.id != one.id));
        items.extend(standing);
        Ok(over)
    }

    /// Those that take events, where any alert is about one.
    async fn well_destinations(&self, standing: &[AlertItem]) -> Result<Vec<Subject>, StoreError> {
        if standing.iter().all(|item| item.kind != Kind::DestinationFailing) {
            return Ok(Vec::new());
        }
        let all = self.store.destinations().await?;
        let well = all.into_iter().filter(|one| one.failing.is_none() && one.disabled.is_none());
        Ok(well.map(|one| subject::of_destination(&one.name)).collect())
    }

    /// Alerts about messages whose status ends them, and the word for it.
    async fn ended_messages(&self, standing: &[AlertItem]) -> Result<Vec<(u64, &'static str)>, StoreError> {
        let of_messages = |item: &&AlertItem| {
            matches!(
                item.kind,
                Kind::Overdue | Kind::Deferred | Kind::Bounced | Kind::Rejected | Kind::Failed
            ) && !item.sums_up
        };
        let mut ids = Vec::new();
        for item in standing.iter().filter(of_messages) {
            let cause = self.at(item.cause).await?;
            ids.extend(cause.and_then(|record| record.message_id()).map(|id| (item.id, item.kind, id)));
        }
        let messages = self.store.messages_of(ids.iter().map(|(_, _, id)| *id).collect()).await?;
        let status = |id: &MessageId| {
            messages.iter().find(|message| message.ids.contains(id)).map(|message| message.state.status)
        };
        let ended = ids.iter().filter_map(|(item, kind, id)| {
            status(id).filter(|status| subject::ends(*status, *kind)).map(|status| (*item, status.name()))
        });
        Ok(ended.collect())
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
