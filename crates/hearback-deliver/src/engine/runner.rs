//! Pushes to one destination: the shell around the decisions.
//!
//! One task. It reads the log ahead a little, keeps as many pushes under way as the destination allows, and writes down how far it
//! has come, a tenth of a second after something happened and not for each event. What was read more than some seconds ago is read
//! again before it is pushed: a person may have been forgotten meanwhile.

mod outcome;
mod progress;
mod state;

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use governor::clock::{Clock as _, QuantaClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use hearback_event::{Record, Timestamp};
use hearback_store::{DestinationState, EventQuery, Order, Outage, Page, Receipt, Store, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;

use super::attempt::{Done, attempt};
use super::queue::{Next, Queue};
use super::unsaved::Unsaved;
use crate::breaker::{Breaker, Leave};
use crate::destination::Destination;
use crate::live::Live;
use crate::meters::Meters;
use crate::schedule::until;
use progress::Saved;

/// Events that are read at a time.
const PAGE: usize = 200;
/// More are read where fewer are at hand.
const LOW: usize = 100;
/// So far beyond the cursor is read at most, so that one slow push bounds what has to be remembered.
const AHEAD_MAX: u64 = 20_000;
/// Progress is written down so long after something happened.
const SAVE_AFTER: Duration = Duration::from_millis(100);
/// Where nothing but the cursor has moved, over events that were not wanted, a crash costs only reading them again.
const SAVE_CURSOR_AFTER: Duration = Duration::from_secs(1);
/// What was read so long ago is read again.
const STALE_AFTER: Duration = Duration::from_secs(5);
/// The store is asked again so long after it could not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// A receiver that wants to be left alone is, as a whole, for so long at most.
const HOLD_MAX: Duration = Duration::from_mins(15);
/// The longest sleep: the clock may be set meanwhile.
const NAP: Duration = Duration::from_secs(10);

/// What the runner needs.
pub(super) struct Run {
    pub(super) destination: Arc<Destination>,
    pub(super) store: Arc<dyn Store>,
    pub(super) live: Arc<Live>,
    pub(super) meters: Arc<Meters>,
    pub(super) owner: String,
    /// How it stands, as persons and other processes may change it.
    pub(super) state: watch::Receiver<DestinationState>,
    /// How long pushes under way may take to end in the end.
    pub(super) grace: Duration,
    pub(super) stop: watch::Receiver<bool>,
}

/// How long the log was, and a page of it.
type Read = Result<(u64, Page<Record>), StoreError>;

/// The task.
pub(super) struct Runner {
    run: Run,
    log: watch::Receiver<u64>,
    queue: Queue,
    breaker: Breaker,
    limiter: Option<DefaultDirectRateLimiter>,
    in_flight: FuturesUnordered<BoxFuture<'static, Done>>,
    probing: bool,
    reading: Option<BoxFuture<'static, Read>>,
    read_at: Instant,
    unsaved: Unsaved,
    dirty_since: Option<Instant>,
    saving: Option<BoxFuture<'static, Saved>>,
    notifying: Option<BoxFuture<'static, Result<Receipt, StoreError>>>,
    /// The outage of which the log is to be told.
    to_tell: Option<(Timestamp, String)>,
    changes: u64,
    is_held: bool,
    hold_until: Option<Timestamp>,
    store_again: Option<Instant>,
    /// When another push may begin.
    push_at: Option<Instant>,
}

impl Runner {
    /// Reads where the destination stands, and what waits.
    pub(super) async fn new(mut run: Run) -> Result<Self, StoreError> {
        let state = run.state.borrow_and_update().clone();
        let pace = run.destination.pace;
        let limiter = pace.per_second.map(|rate: NonZeroU32| RateLimiter::direct(Quota::per_second(rate)));
        let mut runner = Self {
            log: run.store.follow(),
            queue: Queue::new(state.cursor, pace.ordered, pace.batch),
            breaker: Breaker::restored(state.failing),
            limiter,
            in_flight: FuturesUnordered::new(),
            probing: false,
            reading: None,
            read_at: Instant::now(),
            unsaved: Unsaved::default(),
            dirty_since: None,
            saving: None,
            notifying: None,
            to_tell: None,
            changes: state.changes,
            is_held: is_held(&state),
            hold_until: None,
            store_again: None,
            push_at: None,
            run,
        };
        runner.load_waiting().await?;
        // Perhaps the process ended before it could say so. Said twice is said once.
        if let Some(Outage { since, .. }) = state.failing {
            let why = state.last_failure.map(|(_, why)| why).unwrap_or_default();
            runner.to_tell = Some((since, why));
        }
        Ok(runner)
    }

    /// Pushes until it is told to stop, or another process owns the destination.
    pub(super) async fn push(mut self) {
        let mut stop = self.run.stop.clone();
        while !*stop.borrow_and_update() {
            self.start();
            let wake = self.wake();
            tokio::select! {
                _ = stop.changed() => break,
                Some(done) = self.in_flight.next() => self.finish(done),
                page = maybe(&mut self.reading) => self.take_page(page),
                (progress, saved) = maybe(&mut self.saving) => {
                    if !self.saved(progress, saved) {
                        return;
                    }
                }
                told = maybe(&mut self.notifying) => self.told(told),
                _ = self.log.changed(), if self.wants_more() => {}
                changed = self.run.state.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.take_state().await;
                }
                () = tokio::time::sleep_until(wake) => {}
            }
        }
        self.end().await;
    }

    /// Waits for what is under way, and writes down how far it has come.
    async fn end(mut self) {
        let deadline = Instant::now() + self.run.grace;
        while let Ok(Some(done)) = tokio::time::timeout_at(deadline, self.in_flight.next()).await {
            self.finish(done);
        }
        if let Some(saving) = self.saving.take() {
            let (progress, saved) = saving.await;
            if !self.saved(progress, saved) {
                return;
            }
        }
        self.unsaved.is_dirty = true;
        if let (_, Err(error)) = self.save().await {
            tracing::warn!(destination = self.name(), %error, "what was pushed last could not be written down and is pushed again");
        }
    }

    fn name(&self) -> &str {
        &self.run.destination.name
    }

    /// Starts whatever can be started now.
    fn start(&mut self) {
        if self.store_again.is_some_and(|at| at <= Instant::now()) {
            self.store_again = None;
        }
        self.start_reading();
        self.start_pushes();
        self.start_saving();
        self.start_telling();
    }

    /// Whether more of the log is wanted when there is more.
    fn wants_more(&self) -> bool {
        self.reading.is_none() && self.queue.fresh() < LOW && !self.is_held && self.store_again.is_none()
    }

    fn start_reading(&mut self) {
        let window = self.queue.window();
        let read = window.read();
        let far = read.saturating_sub(window.cursor()) >= AHEAD_MAX;
        let last = *self.log.borrow_and_update();
        if !self.wants_more() || far || read >= last {
            return;
        }
        let store = Arc::clone(&self.run.store);
        self.reading = Some(Box::pin(async move {
            let query =
                EventQuery { order: Order::Oldest, beyond: Some(read), limit: PAGE, ..EventQuery::default() };
            Ok((last, store.events(query).await?))
        }));
    }

    fn take_page(&mut self, page: Read) {
        match page {
            Ok((last, page)) => {
                if self.queue.fresh() == 0 {
                    self.read_at = Instant::now();
                }
                let is_end = page.next.is_none();
                for record in page.rows {
                    let wanted = self.run.destination.wants(&record).is_ok();
                    self.queue.admit(record, wanted);
                }
                if is_end {
                    self.queue.pass(last);
                }
                // The cursor moves though nothing was wanted.
                self.unsaved.is_dirty = true;
            }
            Err(error) => self.store_failed(&error),
        }
    }

    fn store_failed(&mut self, error: &StoreError) {
        tracing::warn!(destination = self.name(), %error, "the store does not answer; pushing goes on when it does");
        self.store_again = Some(Instant::now() + STORE_PAUSE);
    }

    fn start_pushes(&mut self) {
        if self.queue.fresh() > 0 && self.read_at.elapsed() > STALE_AFTER {
            self.queue.rewind();
            self.start_reading();
        }
        let now = Timestamp::now();
        let mut parked = Vec::new();
        self.push_at = loop {
            let was_probe = match self.may_push(now) {
                Ok(was_probe) => was_probe,
                Err(wake) => break wake,
            };
            match self.queue.next(now, &mut parked) {
                Next::Do(job) => {
                    self.probing |= was_probe;
                    let (destination, store) =
                        (Arc::clone(&self.run.destination), Arc::clone(&self.run.store));
                    self.in_flight.push(Box::pin(attempt(destination, store, job, was_probe)));
                }
                Next::At(at) => break Some(instant(now, at)),
                Next::Nothing => break None,
            }
        };
        for push in parked {
            self.unsaved.failed(push);
        }
    }

    /// Whether another push may begin now, and whether it is a probe. If not, when to look again, unless something else happens.
    fn may_push(&self, now: Timestamp) -> Result<bool, Option<Instant>> {
        let has_place = self.in_flight.len() < self.run.destination.pace.concurrency.max(1);
        if self.is_held || !has_place || self.store_again.is_some() {
            return Err(None);
        }
        let next_due = self.queue.next_due();
        if self.queue.fresh() == 0 && next_due.is_none_or(|at| at > now) {
            return Err(next_due.map(|at| instant(now, at)));
        }
        if let Some(until) = self.hold_until.filter(|until| *until > now) {
            return Err(Some(instant(now, until)));
        }
        let was_probe = match self.breaker.leave(now) {
            Leave::Push => false,
            Leave::Probe if self.probing => return Err(None),
            Leave::Probe => true,
            Leave::NotBefore(at) => return Err(Some(instant(now, at))),
        };
        // Asked last, because asking takes a place.
        match self.limiter.as_ref().map(DefaultDirectRateLimiter::check) {
            Some(Err(not_until)) => {
                Err(Some(Instant::now() + not_until.wait_time_from(QuantaClock::default().now())))
            }
            _ => Ok(was_probe),
        }
    }

    /// When to look again, whatever happens.
    fn wake(&self) -> Instant {
        let saving =
            self.dirty_since.filter(|_| self.saving.is_none()).map(|since| since + self.save_after());
        let moments = [self.store_again, self.push_at, saving];
        moments.into_iter().flatten().fold(Instant::now() + NAP, Instant::min)
    }

    fn save_after(&self) -> Duration {
        if self.unsaved.matters() { SAVE_AFTER } else { SAVE_CURSOR_AFTER }
    }
}

/// A moment as the runtime counts it.
fn instant(now: Timestamp, at: Timestamp) -> Instant {
    Instant::now() + until(now, at).min(NAP)
}

/// Whether nothing is to be pushed at all.
const fn is_held(state: &DestinationState) -> bool {
    state.paused_at.is_some() || state.disabled.is_some()
}

/// Waits for a future that there may be; for ever where there is none.
async fn maybe<T>(slot: &mut Option<impl Future<Output = T> + Unpin>) -> T {
    match slot {
        Some(future) => {
            let done = future.await;
            *slot = None;
            done
        }
        None => std::future::pending().await,
    }
}
