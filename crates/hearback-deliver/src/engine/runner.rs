//! Pushes to one destination: the shell around the decisions.
//!
//! One task. It reads the log ahead a little, keeps as many pushes under way as the destination allows, and writes down how far it
//! has come, a tenth of a second after something happened and not for each event. What was read more than half a minute ago is read
//! again before it is pushed: a person may have been forgotten meanwhile.

use std::collections::BTreeSet;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use governor::clock::{Clock as _, QuantaClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use hearback_event::{MessageId, Record, Timestamp};
use hearback_store::{
    DestinationState, EventQuery, FailedPush, FailedPushQuery, Fate, Order, Outage, Page, Progress, PushEnd,
    Receipt, Store, StoreError,
};
use tokio::sync::watch;
use tokio::time::Instant;

use super::attempt::{Done, Void, attempt, event_at};
use super::queue::{Again, Job, Next, Queue};
use super::unsaved::Unsaved;
use crate::breaker::{Breaker, Leave};
use crate::chance::chance;
use crate::destination::Destination;
use crate::live::Live;
use crate::meters::Meters;
use crate::notice;
use crate::parcel::{Failure, Outcome};
use crate::schedule::{later, until};

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
const STALE_AFTER: Duration = Duration::from_secs(30);
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

/// The task.
pub(super) struct Runner {
    run: Run,
    log: watch::Receiver<u64>,
    queue: Queue,
    breaker: Breaker,
    limiter: Option<DefaultDirectRateLimiter>,
    in_flight: FuturesUnordered<BoxFuture<'static, Done>>,
    probing: bool,
    reading: Option<BoxFuture<'static, Result<(u64, Page<Record>), StoreError>>>,
    read_at: Instant,
    unsaved: Unsaved,
    dirty_since: Option<Instant>,
    saving: Option<BoxFuture<'static, (Progress, Result<bool, StoreError>)>>,
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
        if let Some(saving) = self.save() {
            let (_, saved) = saving.await;
            if let Err(error) = saved {
                tracing::warn!(destination = self.name(), %error, "what was pushed last could not be written down and is pushed again");
            }
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

    fn take_page(&mut self, page: Result<(u64, Page<Record>), StoreError>) {
        match page {
            Ok((last, page)) => {
                if self.queue.fresh() == 0 {
                    self.read_at = Instant::now();
                }
                let is_end = page.next.is_none();
                for record in page.rows {
                    let wanted = self.run.destination.filter.wants(&record).is_ok();
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

    /// A try has ended.
    fn finish(&mut self, done: Done) {
        let Done { job, was_probe, result } = done;
        if was_probe {
            self.probing = false;
        }
        let now = Timestamp::now();
        match result {
            Ok((outcome, took)) => {
                self.run.meters.tried(&outcome, took);
                match outcome {
                    Outcome::Taken => self.taken(&job, now),
                    Outcome::Failed(failure) => self.failed(&job, &failure, was_probe, now),
                }
            }
            Err(Void::Gone) => self.gone(&job, now),
            Err(Void::Unreadable(error)) => {
                self.store_failed(&error);
                self.put_back(&job, now);
            }
        }
        self.queue.ended(&job);
        self.unsaved.is_dirty = true;
    }

    fn taken(&mut self, job: &Job, now: Timestamp) {
        if let Some(Outage { since, .. }) = self.breaker.succeeded() {
            self.to_tell = None;
            let lasted = until(since, now);
            tracing::info!(
                destination = self.name(),
                seconds = lasted.as_secs(),
                "the destination takes events again"
            );
        }
        self.hold_until = None;
        self.unsaved.last_success_at = Some(now);
        match job {
            Job::Fresh(records) => {
                for record in records {
                    self.run.live.delivered(record.position, now);
                    self.run.meters.arrived(record.received_at, now);
                }
                self.unsaved.delivered += records.len() as u64;
            }
            Job::Again(again) => {
                self.run.live.delivered(again.position, now);
                self.queue.again(again, None);
                self.unsaved.recovered(again.position);
                self.unsaved.delivered += 1;
            }
        }
    }

    fn failed(&mut self, job: &Job, failure: &Failure, was_probe: bool, now: Timestamp) {
        tracing::debug!(
            destination = self.name(),
            status = failure.status,
            why = failure.why,
            "a push failed"
        );
        self.unsaved.last_failure = Some((now, failure.why.clone()));
        match job {
            Job::Fresh(records) => {
                for record in records {
                    let push = self.failed_push(record.position, 1, now, failure, now);
                    self.queue.wait(&push, record.message_id());
                    self.unsaved.failed(push);
                }
            }
            Job::Again(again) => {
                let push =
                    self.failed_push(again.position, again.attempts + 1, again.first_failed, failure, now);
                self.queue.again(again, Some(push.clone()));
                self.unsaved.failed(push);
            }
        }
        if failure.gone {
            self.disable(failure, now);
        } else if self.breaker.failed(
            &self.run.destination.breaker,
            job.first_position(),
            was_probe,
            now,
            chance(),
        ) {
            tracing::warn!(
                destination = self.name(),
                why = failure.why,
                "the destination takes nothing any more; it is probed now and then"
            );
            self.to_tell = Some((now, failure.why.clone()));
        }
        if let (Some(429 | 503), Some(wanted)) = (failure.status, failure.retry_after) {
            self.hold_until = Some(later(now, wanted.min(HOLD_MAX)));
        }
    }

    /// The receiver said that it is gone for good. Nothing is lost: the events wait until a person resumes it.
    fn disable(&mut self, failure: &Failure, now: Timestamp) {
        tracing::warn!(
            destination = self.name(),
            why = failure.why,
            "the destination is gone for good; `hearback destinations resume` tries it again"
        );
        self.is_held = true;
        self.unsaved.disabled = Some((now, failure.why.clone()));
        self.to_tell = Some((now, failure.why.clone()));
    }

    fn failed_push(
        &self,
        position: u64,
        attempts: u32,
        first_failed: Timestamp,
        failure: &Failure,
        now: Timestamp,
    ) -> FailedPush {
        let schedule = &self.run.destination.schedule;
        let fate = match schedule.next_try(attempts, now, failure.retry_after, chance()) {
            // What the receiver refuses because it is gone is tried when a person says that it is back.
            _ if failure.gone => Fate::Waits { next_try: now },
            Some(next_try) => Fate::Waits { next_try },
            None => Fate::Ended { at: now, why: PushEnd::GaveUp },
        };
        let (status, error) = (failure.status, failure.why.clone());
        FailedPush { position, attempts, first_failed, last_try: Some(now), status, error, fate }
    }

    /// An event that is no more: what waits for it has ended in the store, or ends now.
    fn gone(&mut self, job: &Job, now: Timestamp) {
        let Job::Again(again) = job else { return };
        self.queue.again(again, None);
        self.unsaved.failed(FailedPush {
            fate: Fate::Ended { at: now, why: PushEnd::Dropped },
            ..as_failed(again, now)
        });
    }

    /// What could not be tried waits a little, without a try used up.
    fn put_back(&mut self, job: &Job, now: Timestamp) {
        if let Job::Again(again) = job {
            let push = as_failed(again, later(now, STORE_PAUSE));
            self.queue.again(again, Some(push));
        }
    }

    fn start_saving(&mut self) {
        if !self.unsaved.is_dirty {
            return;
        }
        let since = *self.dirty_since.get_or_insert_with(Instant::now);
        let is_time = self.unsaved.is_much() || since.elapsed() >= self.save_after();
        if is_time && self.saving.is_none() && self.store_again.is_none() {
            self.saving = self.save();
        }
    }

    /// Writes everything down.
    fn save(&mut self) -> Option<BoxFuture<'static, (Progress, Result<bool, StoreError>)>> {
        self.dirty_since = None;
        let mut progress = Progress {
            name: self.name().to_owned(),
            owner: self.run.owner.clone(),
            cursor: self.queue.window().cursor(),
            skipped: self.queue.take_skipped(),
            failing: self.breaker.outage(),
            ..Progress::default()
        };
        self.run.meters.skipped(progress.skipped);
        self.unsaved.take(&mut progress);
        let store = Arc::clone(&self.run.store);
        Some(Box::pin(async move {
            let saved = store.save_progress(progress.clone()).await;
            (progress, saved)
        }))
    }

    /// Whether the destination is still this process's own.
    fn saved(&mut self, progress: Progress, saved: Result<bool, StoreError>) -> bool {
        match saved {
            Ok(true) => true,
            Ok(false) => {
                tracing::info!(destination = self.name(), "another process pushes to the destination now");
                false
            }
            Err(error) => {
                self.unsaved.put_back(progress);
                self.store_failed(&error);
                true
            }
        }
    }

    /// Tells the log, once the outage itself is on disk.
    fn start_telling(&mut self) {
        if self.notifying.is_some() || self.store_again.is_some() {
            return;
        }
        if let Some((since, why)) = &self.to_tell {
            let notice = notice::failing(self.name(), *since, why, Timestamp::now());
            let store = Arc::clone(&self.run.store);
            self.notifying = Some(Box::pin(async move { store.submit(notice).await }));
        }
    }

    fn told(&mut self, told: Result<Receipt, StoreError>) {
        match told {
            Ok(_) => self.to_tell = None,
            Err(error) => self.store_failed(&error),
        }
    }

    /// A person, or another process, may have changed something.
    async fn take_state(&mut self) {
        let state = self.run.state.borrow_and_update().clone();
        if state.changes == self.changes {
            return;
        }
        let was_held = std::mem::replace(&mut self.is_held, is_held(&state));
        if was_held && !self.is_held {
            self.breaker = Breaker::restored(state.failing);
            self.hold_until = None;
            self.unsaved.disabled = None;
        } else if state.failing.is_none() && self.breaker.outage().is_some() {
            // Resumed by hand during an outage: it is tried at once.
            self.breaker = Breaker::default();
            self.hold_until = None;
        }
        // The rows are read when none of ours is on the way to them.
        if let Some(saving) = self.saving.take() {
            let (progress, saved) = saving.await;
            self.saved(progress, saved);
        }
        match self.load_waiting().await {
            Ok(()) => self.changes = state.changes,
            Err(error) => self.store_failed(&error),
        }
    }

    /// Reads which failed pushes wait.
    async fn load_waiting(&mut self) -> Result<(), StoreError> {
        let (mut beyond, limit) = (0, 1000);
        let mut there = BTreeSet::new();
        loop {
            let destination = self.name().to_owned();
            let query = FailedPushQuery { destination, ended: Some(false), beyond, limit };
            let pushes = self.run.store.failed_pushes(query).await?;
            for push in &pushes {
                there.insert(push.position);
                // What happened here since is newer.
                if !self.unsaved.failed.contains_key(&push.position)
                    && !self.unsaved.recovered.contains(&push.position)
                {
                    let message = message_of(&self.run.destination, &*self.run.store, push.position).await?;
                    self.queue.wait(push, message);
                }
            }
            match pushes.last() {
                Some(last) if pushes.len() == limit => beyond = last.position,
                _ => break,
            }
        }
        let gone: Vec<u64> = self.queue.waiting().filter(|position| !there.contains(position)).collect();
        for position in gone.into_iter().filter(|position| !self.unsaved.failed.contains_key(position)) {
            self.queue.forget(position);
        }
        Ok(())
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

/// The message of a failed push, where its order matters.
async fn message_of(
    destination: &Destination,
    store: &dyn Store,
    position: u64,
) -> Result<Option<MessageId>, StoreError> {
    if !destination.pace.ordered {
        return Ok(None);
    }
    Ok(event_at(store, position).await?.and_then(|record| record.message_id()))
}

fn as_failed(again: &Again, next_try: Timestamp) -> FailedPush {
    FailedPush {
        position: again.position,
        attempts: again.attempts,
        first_failed: again.first_failed,
        last_try: None,
        status: None,
        error: "the event is no more".to_owned(),
        fate: Fate::Waits { next_try },
    }
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
