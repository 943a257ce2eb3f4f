//! What is pushed next: pure decisions, with time as an argument.
//!
//! Events come from the log in its order; those that failed come back at their times. Of both, one is taken after the other, so that
//! neither starves. Where messages are ordered, only the first of what a message has open is pushed: a later event of it neither
//! overtakes one that is under way nor one that failed, but is put behind it as failed itself, so that the cursor can move on.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use hearback_event::{MessageId, Record, Timestamp};
use hearback_store::{FailedPush, Fate};

use crate::window::Window;

/// Why an event waits that was never tried.
const BEHIND: &str = "waits for an earlier event of its message";

/// Something to be pushed.
#[derive(Clone, Debug)]
pub(super) enum Job {
    /// Events for the first time; several only where the destination takes batches.
    Fresh(Vec<Arc<Record>>),
    /// One that failed before.
    Again(Again),
}

impl Job {
    /// The position of its first event.
    pub(super) fn first_position(&self) -> u64 {
        match self {
            Self::Fresh(records) => records.first().map_or(0, |record| record.position),
            Self::Again(again) => again.position,
        }
    }
}

/// A push that failed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) position: u64,
    pub(super) attempts: u32,
    pub(super) first_failed: Timestamp,
    message: Option<MessageId>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Next {
    /// This.
    Do(Job),
    /// Nothing before this moment, unless more is read.
    At(Timestamp),
    /// Nothing, unless more is read.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    again: Again,
    next_try: Timestamp,
}

/// Everything that a destination has not got yet, as far as it was read.
#[derive(Debug)]
pub(super) struct Queue {
    ordered: bool,
    batch: usize,
    window: Window,
    /// Read and not yet tried.
    fresh: VecDeque<Arc<Record>>,
    /// Read, not wanted, and beyond the cursor.
    skipped: VecDeque<u64>,
    waiting: BTreeMap<u64, Waiting>,
    /// Those that are waited for, by time. Where messages are ordered: the first of each message only.
    due: BTreeSet<(Timestamp, u64)>,
    /// Where messages are ordered: what of each waits.
    behind: HashMap<MessageId, BTreeSet<u64>>,
    /// Where messages are ordered: those of which something is under way.
    busy: HashSet<MessageId>,
    /// Pushes under way that failed before.
    trying: HashSet<u64>,
    /// Whose turn it is where there is both.
    fresh_is_next: bool,
}

impl Queue {
    pub(super) fn new(cursor: u64, ordered: bool, batch: usize) -> Self {
        Self {
            ordered,
            batch: if ordered { 1 } else { batch.max(1) },
            window: Window::new(cursor),
            fresh: VecDeque::new(),
            skipped: VecDeque::new(),
            waiting: BTreeMap::new(),
            due: BTreeSet::new(),
            behind: HashMap::new(),
            busy: HashSet::new(),
            trying: HashSet::new(),
            fresh_is_next: true,
        }
    }

    pub(super) const fn window(&self) -> &Window {
        &self.window
    }

    /// When the next of what failed is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Events that were read and not tried.
    pub(super) fn fresh(&self) -> usize {
        self.fresh.len()
    }

    /// An event was read.
    pub(super) fn admit(&mut self, record: Record, wanted: bool) {
        if wanted {
            self.window.begin(record.position);
            self.fresh.push_back(Arc::new(record));
        } else {
            self.window.pass(record.position);
            self.skipped.push_back(record.position);
        }
    }

    /// There is nothing more up to here.
    pub(super) fn pass(&mut self, position: u64) {
        self.window.pass(position);
    }

    /// Forgets what was read and not tried, so that it is read again: it may have been changed meanwhile.
    pub(super) fn rewind(&mut self) {
        let Some(first) = self.fresh.front().map(|record| record.position) else { return };
        for record in self.fresh.drain(..) {
            self.window.end(record.position);
        }
        self.window.rewind(first - 1);
        while self.skipped.back().is_some_and(|position| *position >= first) {
            self.skipped.pop_back();
        }
    }

    /// How many events that were not wanted the cursor has passed since the last time.
    pub(super) fn take_skipped(&mut self) -> u64 {
        let cursor = self.window.cursor();
        let mut count = 0;
        while self.skipped.front().is_some_and(|position| *position <= cursor) {
            self.skipped.pop_front();
            count += 1;
        }
        count
    }

    /// A failed push is to be tried again; `message` matters where messages are ordered.
    pub(super) fn wait(&mut self, push: &FailedPush, message: Option<MessageId>) {
        let Fate::Waits { next_try } = push.fate else { return self.forget(push.position) };
        if self.trying.contains(&push.position) {
            return;
        }
        self.forget(push.position);
        let message = message.filter(|_| self.ordered);
        let again = Again {
            position: push.position,
            attempts: push.attempts,
            first_failed: push.first_failed,
            message,
        };
        self.waiting.insert(push.position, Waiting { again, next_try });
        match message {
            None => drop(self.due.insert((next_try, push.position))),
            Some(message) => {
                self.behind.entry(message).or_default().insert(push.position);
                self.put_first(message);
            }
        }
    }

    /// A failed push is not to be tried again.
    pub(super) fn forget(&mut self, position: u64) {
        let Some(Waiting { again, next_try }) = self.waiting.remove(&position) else { return };
        self.due.remove(&(next_try, position));
        if let Some(message) = again.message {
            if let Some(behind) = self.behind.get_mut(&message) {
                behind.remove(&position);
                if behind.is_empty() {
                    self.behind.remove(&message);
                }
            }
            self.put_first(message);
        }
    }

    /// Positions of failed pushes that wait, and are not under way.
    pub(super) fn waiting(&self) -> impl Iterator<Item = u64> {
        self.waiting.keys().copied().filter(|position| !self.trying.contains(position))
    }

    /// Has the first of what a message has waiting, and nothing else of it, waited for.
    fn put_first(&mut self, message: MessageId) {
        let Some(behind) = self.behind.get(&message) else { return };
        let mut first = !self.busy.contains(&message);
        for position in behind {
            let Some(waiting) = self.waiting.get(position) else { continue };
            let key = (waiting.next_try, *position);
            if first {
                self.due.insert(key);
            } else {
                self.due.remove(&key);
            }
            first = false;
        }
    }

    /// What is pushed next. Events that have to wait for others are put behind them; they are given to `parked`, to be written down.
    pub(super) fn next(&mut self, now: Timestamp, parked: &mut Vec<FailedPush>) -> Next {
        let due = self.due.first().copied();
        let is_due = due.is_some_and(|(at, _)| at <= now);
        if (self.fresh_is_next || !is_due)
            && let Some(records) = self.take_fresh(now, parked)
        {
            self.fresh_is_next = false;
            return Next::Do(Job::Fresh(records));
        }
        self.fresh_is_next = true;
        // Parking may have changed what is due.
        match self.due.first().copied() {
            Some((at, position)) if at <= now => {
                self.due.remove(&(at, position));
                let Some(waiting) = self.waiting.get(&position) else { return Next::Nothing };
                self.trying.insert(position);
                self.busy.extend(waiting.again.message);
                Next::Do(Job::Again(waiting.again))
            }
            Some((at, _)) => Next::At(at),
            None => Next::Nothing,
        }
    }

    fn take_fresh(&mut self, now: Timestamp, parked: &mut Vec<FailedPush>) -> Option<Vec<Arc<Record>>> {
        if !self.ordered {
            let count = self.batch.min(self.fresh.len());
            return (count > 0).then(|| self.fresh.drain(..count).collect());
        }
        let mut index = 0;
        while let Some(record) = self.fresh.get(index) {
            let message = record.message_id();
            let (is_busy, is_behind) = message.map_or((false, false), |message| {
                (self.busy.contains(&message), self.behind.contains_key(&message))
            });
            if is_behind {
                let push = FailedPush {
                    position: record.position,
                    attempts: 0,
                    first_failed: now,
                    last_try: None,
                    status: None,
                    error: BEHIND.to_owned(),
                    fate: Fate::Waits { next_try: now },
                };
                self.fresh.remove(index);
                self.wait(&push, message);
                self.window.end(push.position);
                parked.push(push);
            } else if is_busy {
                index += 1;
            } else {
                self.busy.extend(message);
                return self.fresh.remove(index).map(|record| vec![record]);
            }
        }
        None
    }

    /// A job has come to its end: the events have arrived, or were written down as failed by `wait`, after which this is called.
    pub(super) fn ended(&mut self, job: &Job) {
        match job {
            Job::Fresh(records) => {
                for record in records {
                    self.window.end(record.position);
                    self.is_free(record.message_id().filter(|_| self.ordered));
                }
            }
            Job::Again(again) => {
                self.trying.remove(&again.position);
                self.is_free(again.message);
            }
        }
    }

    /// What failed before is tried again at another time, or not at all.
    pub(super) fn again(&mut self, again: &Again, next: Option<FailedPush>) {
        self.trying.remove(&again.position);
        match next {
            Some(push) => self.wait(&push, again.message),
            None => self.forget(again.position),
        }
    }

    fn is_free(&mut self, message: Option<MessageId>) {
        if let Some(message) = message {
            self.busy.remove(&message);
            self.put_first(message);
        }
    }
}

#[cfg(test)]
mod tests;
