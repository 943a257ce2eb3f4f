//! The one writer: takes whatever has queued since the last commit, puts it into one transaction, and answers after the
//! commit. No timers: the batch grows with the load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::commit::{Committer, Pending, oldest_period};
use super::filter::Filters;
use super::payload::Training;
use super::posting::PERIOD;
use super::seal::{Prepared, Sealing, prepare};
use super::stage::Staged;
use crate::{Receipt, StoreError};

/// Requests and events that go into one transaction at most.
const BATCH_REQUESTS: usize = 1024;
const BATCH_EVENTS: usize = 4096;
/// Rows that are sealed in one transaction when nothing else waits.
const IDLE_ROWS: usize = 1000;

/// Answers a piece of work after its transaction.
pub(super) type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// A small write that is no event: it runs inside the batch's transaction.
pub(super) type Work = Box<dyn FnOnce(&Connection) -> Finish + Send>;

/// What the writer is told.
pub(super) enum Command {
    Submit(Box<Staged>, oneshot::Sender<Result<Receipt, StoreError>>),
    Work(Work),
    /// Enough requests of a provider for a dictionary of its own were trained on.
    Dictionary(Arc<str>, Vec<u8>),
    /// A full period is sorted.
    Prepared(Result<Prepared, StoreError>),
    /// Throw the projections away and make them anew.
    Rebuild(Box<dyn Fn(u64, u64) + Send>, oneshot::Sender<Result<(), StoreError>>),
    Close(oneshot::Sender<()>),
}

/// The queue in front of the writer.
pub(super) struct Queue {
    sender: mpsc::Sender<Command>,
    waiting_bytes: AtomicUsize,
    bytes_max: usize,
}

impl Queue {
    /// A queue for so many commands and bytes, and its other end.
    pub(super) fn new(length: usize, bytes_max: usize) -> (Self, mpsc::Receiver<Command>) {
        let (sender, receiver) = mpsc::channel(length);
        (Self { sender, waiting_bytes: AtomicUsize::new(0), bytes_max }, receiver)
    }

    /// Puts a request into the queue, or says at once that it is full.
    pub(super) fn submit(
        &self,
        staged: Staged,
    ) -> Result<oneshot::Receiver<Result<Receipt, StoreError>>, StoreError> {
        let bytes = staged.weight();
        if self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.bytes_max {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(StoreError::Overloaded);
        }
        let (reply, answer) = oneshot::channel();
        self.send(Command::Submit(Box::new(staged), reply)).inspect_err(|_| {
            self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        })?;
        Ok(answer)
    }

    /// Puts any command into the queue.
    pub(super) fn send(&self, command: Command) -> Result<(), StoreError> {
        self.sender.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => StoreError::Stopped,
        })
    }

    /// Trains a dictionary on another thread and hands it to the writer.
    pub(super) fn train(&self, training: Training) {
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            if let Some((provider, dictionary)) = training.train()
                && sender.blocking_send(Command::Dictionary(provider, dictionary)).is_err()
            {
                tracing::debug!("the journal stopped before a dictionary was stored");
            }
        });
    }

    /// Waiting commands and room for commands.
    pub(super) fn depth(&self) -> (u64, u64) {
        let (room, capacity) = (self.sender.capacity(), self.sender.max_capacity());
        ((capacity - room) as u64, capacity as u64)
    }

    fn took(&self, bytes: usize) {
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The writer's own state.
pub(super) struct Writer {
    connection: Connection,
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    filters: Filters,
    sealing: Option<Sealing>,
    preparing: bool,
    horizon_nanos: i64,
}

type Submissions = Vec<(Staged, oneshot::Sender<Result<Receipt, StoreError>>)>;

/// What one transaction does.
#[derive(Default)]
struct Batch {
    requests: Submissions,
    work: Vec<Work>,
    dictionaries: Vec<(Arc<str>, Vec<u8>)>,
    events: usize,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        shared: Arc<Shared>,
        queue: Arc<Queue>,
        filters: Filters,
        horizon_nanos: i64,
    ) -> Self {
        Self { connection, shared, queue, filters, sealing: None, preparing: false, horizon_nanos }
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
            if self.sealing.is_none() {
                let first = commands.blocking_recv();
                // Where receivers and this thread share a core, the first request wakes this thread before the others are
                // in the queue; letting them run once doubles the batch at few connections and costs nothing when idle.
                std::thread::yield_now();
                return first;
            }
            match commands.try_recv() {
                Ok(command) => return Some(command),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => {
                    if let Err(error) = self.seal_in_own_transaction(IDLE_ROWS) {
                        tracing::warn!(%error, "sealing a period failed; it is tried again with the next request");
                        return commands.blocking_recv();
                    }
                }
            }
        }
    }

    fn commit(&mut self, batch: Batch) {
        let Batch { requests, work, dictionaries, events } = batch;
        if requests.is_empty() && work.is_empty() && dictionaries.is_empty() {
            return;
        }
        let started = Instant::now();
        let outcome = self.transact(&requests, work, &dictionaries, events);
        match outcome {
            Ok(done) => {
                metrics::histogram!("hearback_commit_seconds").record(started.elapsed().as_secs_f64());
                metrics::histogram!("hearback_commit_batch_size").record(requests.len() as f64);
                self.publish(&requests, done.pending, &done.learned);
                for ((_, reply), receipt) in requests.into_iter().zip(done.receipts) {
                    answer(reply, Ok(receipt));
                }
                for finish in done.finishes {
                    finish(Ok(()));
                }
            }
            Err((error, finishes)) => {
                if let Some(sealing) = &mut self.sealing {
                    sealing.rolled_back();
                }
                let text = match error {
                    StoreError::Read(error) => error.to_string(),
                    StoreError::Write(text) => text,
                    other => other.to_string(),
                };
                tracing::error!(error = %text, requests = requests.len(), "a batch could not be written to the database");
                for (_, reply) in requests {
                    answer(reply, Err(StoreError::Write(text.clone())));
                }
                for finish in finishes {
                    finish(Err(StoreError::Write(text.clone())));
                }
            }
        }
        self.prepare_next();
    }

    /// Writes a batch in one transaction.
    fn transact(
        &mut self,
        requests: &[(Staged, oneshot::Sender<Result<Receipt, StoreError>>)],
        work: Vec<Work>,
        dictionaries: &[(Arc<str>, Vec<u8>)],
        events: usize,
    ) -> Result<Done, (StoreError, Vec<Finish>)> {
        let mut finishes = Vec::new();
        let write = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut learned = Vec::new();
            for (provider, body) in dictionaries {
                learned.push((
                    insert_dictionary(&transaction, provider, body)?,
                    Arc::clone(provider),
                    body.clone(),
                ));
            }
            let (receipts, pending) =
                admit_all(&transaction, &self.shared, &self.filters, requests, self.horizon_nanos)?;
            finishes.extend(work.into_iter().map(|work| work(&transaction)));
            if let Some(sealing) = &mut self.sealing {
                sealing.write(&transaction, events + events / 2 + 128)?;
            }
            transaction.commit()?;
            Ok::<_, StoreError>((receipts, pending, learned))
        };
        match write() {
            Ok((receipts, pending, learned)) => Ok(Done { receipts, pending, learned, finishes }),
            Err(error) => Err((error, finishes)),
        }
    }

    /// Tells memory what is committed.
    fn publish(&mut self, requests: &Submissions, pending: Pending, learned: &[(u32, Arc<str>, Vec<u8>)]) {
        for (id, provider, body) in learned {
            self.shared.codec.learn(*id, provider, body);
        }
        if !pending.sources.is_empty() {
            let mut sources = self.shared.sources.write();
            for (number, source) in pending.sources {
                sources.add(number, source);
            }
        }
        if !pending.events.is_empty() {
            let mut tail = self.shared.tail.write();
            for (request, event, fact) in pending.events {
                if let Some(event) = requests.get(request).and_then(|(staged, _)| staged.events.get(event)) {
                    tail.add(event, fact);
                }
            }
            for (token, body, position) in pending.tokens {
                tail.bind(token, body, position);
            }
            self.shared.last_position.store(tail.last_position, Ordering::Release);
        }
        self.finish_sealing();
    }

    fn finish_sealing(&mut self) {
        if let Some((sealed, filter)) = self.sealing.as_mut().and_then(Sealing::committed) {
            self.filters.add(sealed.number, &filter);
            self.shared.tail.write().seal(sealed);
            self.sealing = None;
        }
    }

    fn seal_in_own_transaction(&mut self, rows: usize) -> Result<(), StoreError> {
        let Some(sealing) = &mut self.sealing else { return Ok(()) };
        let mut write = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            sealing.write(&transaction, rows)?;
            Ok::<_, StoreError>(transaction.commit()?)
        };
        if let Err(error) = write() {
            sealing.rolled_back();
            return Err(error);
        }
        self.finish_sealing();
        if self.sealing.is_none() {
            self.prune_loose_tokens()?;
            self.prepare_next();
        }
        Ok(())
    }

    /// Tokens older than the horizon are refused for their age before they are looked for.
    fn prune_loose_tokens(&self) -> Result<(), StoreError> {
        let horizon = hearback_event::Timestamp::now().as_nanos() - self.horizon_nanos;
        self.connection.execute("DELETE FROM loose_tokens WHERE received_at < ?1", params![horizon])?;
        Ok(())
    }

    /// Has the oldest full period sorted on another thread.
    fn prepare_next(&mut self) {
        if self.sealing.is_some() || self.preparing {
            return;
        }
        let tail = self.shared.tail.read();
        let Some(period) = tail.unsealed.first().filter(|period| period.len() as u64 == PERIOD).cloned()
        else {
            return;
        };
        drop(tail);
        self.preparing = true;
        let (shared, sender) = (Arc::clone(&self.shared), self.queue.sender.clone());
        std::thread::spawn(move || {
            let prepared = shared.readers.with(|connection| prepare(connection, &period));
            drop(period);
            if sender.blocking_send(Command::Prepared(prepared)).is_err() {
                tracing::debug!(
                    "the journal stopped before a period was sealed; it is sealed after the next start"
                );
            }
        });
    }

    fn take_prepared(&mut self, prepared: Result<Prepared, StoreError>) {
        self.preparing = false;
        match prepared {
            Ok(prepared) => self.sealing = Some(Sealing::new(prepared)),
            Err(error) => {
                tracing::warn!(%error, "a period could not be prepared; tried again after the next batch");
            }
        }
    }

    fn rebuild(&mut self, progress: &dyn Fn(u64, u64)) -> Result<(), StoreError> {
        self.sealing = None;
        self.filters = Filters::default();
        super::rebuild::replace(&mut self.connection, &self.shared, &mut self.filters, progress)
    }
}

/// What a committed transaction gave.
struct Done {
    receipts: Vec<Receipt>,
    pending: Pending,
    learned: Vec<(u32, Arc<str>, Vec<u8>)>,
    finishes: Vec<Finish>,
}

fn admit_all(
    transaction: &Transaction<'_>,
    shared: &Shared,
    filters: &Filters,
    requests: &[(Staged, oneshot::Sender<Result<Receipt, StoreError>>)],
    horizon_nanos: i64,
) -> Result<(Vec<Receipt>, Pending), StoreError> {
    let (tail, sources) = (shared.tail.read(), shared.sources.read());
    let now = requests.iter().map(|(staged, _)| staged.received_at.as_nanos()).max().unwrap_or_default();
    let mut committer = Committer {
        transaction,
        tail: &tail,
        filters,
        sources: &sources,
        oldest_period: oldest_period(&tail, now.saturating_sub(horizon_nanos)),
        next_position: tail.last_position + 1,
        pending: Pending::default(),
    };
    let mut receipts = Vec::with_capacity(requests.len());
    for (index, (staged, _)) in requests.iter().enumerate() {
        receipts.push(committer.admit(index, staged)?);
    }
    Ok((receipts, committer.pending))
}

fn insert_dictionary(transaction: &Transaction<'_>, provider: &str, body: &[u8]) -> Result<u32, StoreError> {
    let sql = "INSERT INTO dictionaries (provider, body) VALUES (?1, ?2) RETURNING id";
    Ok(transaction.query_row(sql, params![provider, body], |row| row.get(0))?)
}

/// Answers someone who may no longer listen.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    if reply.send(value).is_err() {
        tracing::debug!("the asker has gone");
    }
}
