//! The one writer: takes whatever has queued since the last commit, puts it into one transaction, and answers after the
//! commit. No timers: the batch grows with the load.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::batch::{Batch, Done};
use super::keeper::Keeper;
use super::queue::{Command, Queue, Work};
use super::runs::merge::Upkeep;
use super::seal::Sealing;
use super::stage::Staged;
use crate::error::whole;
use crate::{Receipt, StoreError};

/// Requests and events that go into one transaction at most.
const BATCH_REQUESTS: usize = 1024;
const BATCH_EVENTS: usize = 4096;
/// How often in a row the receivers are let run and bring nothing before a batch is closed. The scheduler may well choose this thread
/// again, so that once tells little.
const YIELDS_IN_VAIN: u32 = 4;
/// Rows that are sealed in one transaction when nothing else waits.
const IDLE_ROWS: usize = 1000;

/// The writer's own state.
pub(super) struct Writer {
    pub(super) keeper: Box<dyn Keeper>,
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Arc<Queue>,
    /// Whether this process seals, as far as it knows.
    pub(super) is_sealer: bool,
    pub(super) sealing: Option<Sealing>,
    pub(super) preparing: bool,
    /// Of what is known of recipients.
    pub(super) runs: Upkeep,
    /// One-time tokens may have grown too old.
    pub(super) old_tokens: bool,
    /// Whether there were loose tokens when this process had its last turn.
    pub(super) loose_tokens: bool,
    pub(super) horizon_nanos: i64,
}

/// Requests, each with the one who waits for its receipt.
pub(super) type Submissions = Vec<(Staged, oneshot::Sender<Result<Receipt, StoreError>>)>;

impl Writer {
    pub(super) fn new(
        keeper: Box<dyn Keeper>,
        shared: Arc<Shared>,
        queue: Arc<Queue>,
        horizon_nanos: i64,
    ) -> Self {
        Self {
            keeper,
            shared,
            queue,
            is_sealer: false,
            sealing: None,
            preparing: false,
            runs: Upkeep::default(),
            old_tokens: true,
            loose_tokens: true,
            horizon_nanos,
        }
    }

    /// Serves commands until told to close, or until nobody can send any more.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        self.prepare_next();
        while let Some(first) = self.next(&mut commands) {
            let mut batch = Batch::default();
            let mut closing = None;
            let mut next = Some(first);
            while let Some(command) = next {
                match command {
                    Command::Submit(staged, reply) => {
                        self.queue.took(staged.weight());
                        batch.events += staged.events.len();
                        batch.requests.push((*staged, reply));
                    }
                    Command::Work(work) => batch.work.push(work),
                    Command::Dictionary(provider, body) => batch.dictionaries.push((provider, body)),
                    Command::Prepared(prepared) => self.take_prepared(prepared),
                    Command::Apart(work) => work(&mut self),
                    Command::Rebuild(progress, reply) => {
                        let outcome = self.rebuild(&*progress);
                        answer(reply, outcome);
                    }
                    Command::Close(reply) => {
                        closing = Some(reply);
                        commands.close();
                    }
                }
                let room = batch.requests.len() < BATCH_REQUESTS && batch.events < BATCH_EVENTS;
                next = if room { commands.try_recv().ok() } else { None };
            }
            self.commit(batch);
            if let Some(reply) = closing {
                answer(reply, ());
            }
        }
    }

    /// The next command; while there is none, seals.
    fn next(&mut self, commands: &mut mpsc::Receiver<Command>) -> Option<Command> {
        loop {
            if !self.is_behind() {
                let first = commands.blocking_recv();
                // Where receivers and this thread share a core, the first request wakes this thread before the others are
                // in the queue. Letting the receivers run as long as that brings more makes the batch several times as
                // large under load, and costs nothing when idle.
                let (mut waiting, mut in_vain) = (commands.len(), 0);
                while in_vain < YIELDS_IN_VAIN && waiting < BATCH_REQUESTS {
                    std::thread::yield_now();
                    let now = commands.len();
                    in_vain = if now > waiting { 0 } else { in_vain + 1 };
                    waiting = now;
                }
                return first;
            }
            match commands.try_recv() {
                Ok(command) => return Some(command),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => {
                    if let Err(error) = self.tidy(IDLE_ROWS) {
                        self.keeper.roll_back();
                        self.rolled_back();
                        tracing::warn!(%error, "sealing a period failed; it is tried again with the next request");
                        return commands.blocking_recv();
                    }
                }
            }
        }
    }

    fn commit(&mut self, mut batch: Batch) {
        if batch.is_empty() {
            self.prepare_next();
            return;
        }
        let started = Instant::now();
        let apart = if self.keeper.writes_apart() { std::mem::take(&mut batch.work) } else { Vec::new() };
        let mut finishes = Vec::new();
        let outcome = self.transact(&mut batch, &mut finishes);
        let Batch { requests, work, events, .. } = batch;
        let behind = self.keeper.writes_apart() && self.is_behind();
        match outcome {
            Ok(mut done) => {
                metrics::histogram!("hearback_commit_seconds").record(started.elapsed().as_secs_f64());
                metrics::histogram!("hearback_commit_batch_size").record(requests.len() as f64);
                let receipts = std::mem::take(&mut done.plan.receipts);
                self.publish(&requests, done);
                for ((_, reply), receipt) in requests.into_iter().zip(receipts) {
                    answer(reply, Ok(receipt));
                }
                for finish in finishes {
                    finish(Ok(()));
                }
            }
            Err(error) => {
                self.rolled_back();
                let text = written(error);
                tracing::error!(error = %text, requests = requests.len(), "a batch could not be written to the database");
                for (_, reply) in requests {
                    answer(reply, Err(StoreError::Write(text.clone())));
                }
                for finish in finishes {
                    finish(Err(StoreError::Write(text.clone())));
                }
                // What it did not come to is told why.
                for work in work {
                    work(&super::Unavailable(text.clone()))(Ok(()));
                }
            }
        }
        for work in apart {
            self.work_apart(work);
        }
        if behind && let Err(error) = self.tidy(events + events / 2 + 128) {
            self.keeper.roll_back();
            self.rolled_back();
            tracing::warn!(%error, "sealing a period failed; it is tried again after the next request");
        }
        self.prepare_next();
    }

    pub(super) fn connect(&mut self) -> Result<(), StoreError> {
        if self.keeper.connect()? {
            // Another process may have taken over sealing.
            self.is_sealer = false;
            self.sealing = None;
            self.runs = Upkeep::Unknown;
            self.old_tokens = true;
        }
        Ok(())
    }

    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        self.connect()?;
        self.keeper.begin()
    }

    /// Tells memory what is committed.
    fn publish(&mut self, requests: &Submissions, done: Done) {
        for (id, provider, body) in &done.learned {
            self.shared.codec.learn(*id, provider, body);
        }
        self.shared.add_sources(done.plan.sources);
        if let Some((_, _, first)) = done.plan.events.first() {
            let mut tail = self.shared.tail.write();
            if tail.last_position + 1 < first.position
                && let Err(error) = self.shared.catch_up(self.keeper.session(), &mut tail, first.position - 1)
            {
                // What is missing is read before the next question is answered.
                tracing::warn!(%error, "events of other processes could not be read");
                return;
            }
            // A reader may have been faster.
            let known = tail.last_position;
            for (request, event, fact) in done.plan.events {
                if fact.position > known
                    && let Some((staged, _)) = requests.get(request)
                    && let Some(event) = staged.events.get(event)
                {
                    tail.add(event, fact, staged.received_at);
                }
            }
            for (token, body, position) in done.plan.tokens {
                if let Some(position) = position.filter(|position| *position > known) {
                    tail.bind(token, body, position);
                }
            }
            self.shared.announce(tail.last_position);
        }
        self.finish_sealing();
    }

    fn work_apart(&mut self, work: Work) {
        let outcome = self.begin();
        let Err(error) = outcome else {
            let finish = work(self.keeper.session());
            return finish(self.keeper.commit().inspect_err(|_| self.keeper.roll_back()));
        };
        self.keeper.roll_back();
        // The work is told why it was not done.
        let finish = work(&super::Unavailable(written(error)));
        finish(Ok(()));
    }
}

/// What is wrong, for those who wanted to write.
pub(super) fn written(error: StoreError) -> String {
    match error {
        StoreError::Read(error) => whole(&*error),
        StoreError::Write(text) => text,
        other => other.to_string(),
    }
}

/// Answers someone who may no longer listen.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    if reply.send(value).is_err() {
        tracing::debug!("the asker has gone");
    }
}
