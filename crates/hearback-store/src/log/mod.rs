//! The event log over any database that understands a little SQL.
//!
//! The log (`events`, `payloads`) is append-only. Its indexes are made per period of 65536 events: those of the newest periods
//! are in memory, and a full period is *sealed*: written once, sorted, a little with each later batch. So the cost of an
//! insert does not grow with history. Whether an event was seen before is answered by the batch, the periods in memory (into
//! which events of other processes are read first), and filters over the sealed periods; a filter never decides, the stored key
//! does. Messages are made of their events when they are asked for. What is known of recipients, and counts, are written for each
//! sealed period, and completed from memory when read.
//!
//! What differs between databases is behind three traits: [`Session`] (statements), [`Keeper`] (the writer's transactions and
//! its agreement with other processes) and [`Readers`] (connections for reading).

mod accounts;
mod addresses;
mod admit;
mod alerts;
mod batch;
mod delivery;
mod expectations;
mod filter;
mod forget;
mod groups;
mod journal;
mod keeper;
mod known;
mod loose;
mod message;
mod message_list;
mod names;
mod owed;
mod payload;
mod people;
mod period;
#[cfg(test)]
mod plans;
mod posting;
mod profiles;
mod quarantine;
mod queue;
mod rebuild;
mod recipient_list;
mod recipients;
mod retain;
mod rollup;
pub(crate) mod rows;
mod runs;
mod seal;
mod search;
mod snapshot;
mod stage;
mod start;
mod store;
mod tail;
mod tokens;
mod upkeep;
mod values;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{oneshot, watch};

use crate::session::{Each, Keys, Param, Session, Table};
use crate::{SourceRef, StoreError};
pub(crate) use admit::Plan;
use filter::Filters;
use journal::{Writer, written};
pub(crate) use keeper::{Keeper, Purged};
use payload::Codec;
pub use quarantine::QuarantineLimits;
use queue::{Command, Finish, Queue, Work};
use rows::Sources;
use runs::Fences;
use tail::Tail;

/// How often a store that others write to looks for what they wrote.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What every store can be told, whichever its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// How many days back an event is recognised as known. Must be longer than any provider's retries.
    pub dedup_horizon_days: u32,
    /// How many requests may wait for the journal.
    pub queue_length: usize,
    /// How many bytes of requests may wait for the journal.
    pub queue_bytes: usize,
    /// How much is kept of refused requests.
    pub quarantine: QuarantineLimits,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            dedup_horizon_days: 35,
            queue_length: 8192,
            queue_bytes: 64 << 20,
            quarantine: QuarantineLimits::default(),
        }
    }
}

/// What is done with a connection.
pub(crate) type Read<'a> = &'a mut dyn FnMut(&dyn Session) -> Result<(), StoreError>;

/// Connections for reading.
pub(crate) trait Readers: Send + Sync {
    /// Reads with a connection of its own. `read` may be called a second time, with another connection, where the first call
    /// finds that its connection has ended.
    fn with(&self, read: Read<'_>) -> Result<(), StoreError>;

    /// Runs `read` so that it sees one state of the database throughout.
    fn in_one_state(&self, session: &dyn Session, read: Read<'_>) -> Result<(), StoreError>;

    /// Bytes of the database, and of its write-ahead log as far as it is the store's own.
    fn sizes(&self, session: &dyn Session) -> Result<(u64, u64), StoreError>;
}

/// What the writer and the readers share.
struct Shared {
    tail: RwLock<Tail>,
    sources: RwLock<Arc<Sources>>,
    /// Of the sealed periods; none beside another process, where a single question is asked.
    filters: RwLock<Filters>,
    has_filters: bool,
    fences: Fences,
    codec: Codec,
    readers: Box<dyn Readers>,
    last_position: watch::Sender<u64>,
    /// Whether other processes may write to the same log.
    others_write: bool,
}

/// Who writes.
enum Writing {
    /// This process has a journal.
    Journal(Arc<Queue>),
    /// Only small tables are written, in transactions of their own.
    Beside(Arc<Mutex<Box<dyn Session + Send>>>),
}

/// An event log in a database.
pub struct LogStore {
    shared: Arc<Shared>,
    writing: Writing,
    quarantine: QuarantineLimits,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
    /// Ends the thread that looks for what others wrote, when it is dropped.
    looking: Mutex<Option<std::sync::mpsc::Sender<()>>>,
    /// What must be held as long as the store is open.
    _held: Option<Box<dyn Send + Sync>>,
}

/// What a database gives for a store to be opened.
pub(crate) struct Opening {
    pub(crate) readers: Box<dyn Readers>,
    /// Whether other processes may write to the same log.
    pub(crate) others_write: bool,
    /// What must be held as long as the store is open.
    pub(crate) held: Option<Box<dyn Send + Sync>>,
}

impl LogStore {
    /// Opens a log with its journal.
    pub(crate) fn open(
        opening: Opening,
        keeper: Box<dyn Keeper>,
        options: &LogOptions,
    ) -> Result<Self, StoreError> {
        let (queue, commands) = Queue::new(options.queue_length, options.queue_bytes);
        let queue = Arc::new(queue);
        let store = Self::load(opening, Writing::Journal(Arc::clone(&queue)), options)?;
        let horizon_nanos = i64::from(options.dedup_horizon_days) * 86_400 * 1_000_000_000;
        let shared = Arc::clone(&store.shared);
        store.start("journal", move || Writer::new(keeper, shared, queue, horizon_nanos).run(commands))?;
        Ok(store)
    }

    /// Opens a log beside a process that may have its journal: everything can be read, tokens and quarantine can be
    /// changed, but nothing can be submitted.
    pub(crate) fn open_beside(
        opening: Opening,
        session: Box<dyn Session + Send>,
        options: &LogOptions,
    ) -> Result<Self, StoreError> {
        Self::load(opening, Writing::Beside(Arc::new(Mutex::new(session))), options)
    }

    fn load(opening: Opening, writing: Writing, options: &LogOptions) -> Result<Self, StoreError> {
        let Opening { readers, others_write, held } = opening;
        let shared = Arc::new(Shared {
            tail: RwLock::default(),
            sources: RwLock::default(),
            filters: RwLock::default(),
            has_filters: matches!(writing, Writing::Journal(_)),
            fences: Fences::default(),
            codec: Codec::default(),
            readers,
            last_position: watch::Sender::new(0),
            others_write,
        });
        shared.readers.with(&mut |session| {
            shared.refresh(session)?;
            shared.codec.load(session)
        })?;
        let store = Self {
            shared,
            writing,
            quarantine: options.quarantine,
            threads: Mutex::default(),
            looking: Mutex::default(),
            _held: held,
        };
        if others_write {
            store.look_for_news()?;
        }
        Ok(store)
    }

    /// Those who follow the log wait for it to grow, also by what other processes write.
    fn look_for_news(&self) -> Result<(), StoreError> {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        *self.looking.lock() = Some(stop);
        let shared = Arc::clone(&self.shared);
        self.start("log-follower", move || {
            use std::sync::mpsc::RecvTimeoutError;
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = shared.readers.with(&mut |session| shared.refresh(session)) {
                    tracing::debug!(%error, "cannot look for new events");
                }
            }
        })
    }

    fn start(&self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(|error| StoreError::Open {
            database: String::new(),
            problem: format!("cannot start a thread: {error}"),
        })?;
        self.threads.lock().push(thread);
        Ok(())
    }

    /// Runs `read` on a thread for blocking work.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared, &dyn Session) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let task = tokio::task::spawn_blocking(move || {
            let (mut read, mut outcome) = (Some(read), None);
            shared.readers.with(&mut |session| {
                if shared.others_write {
                    shared.refresh(session)?;
                }
                let lost = || StoreError::Read("the connection to the database was lost".into());
                outcome = Some(read.take().ok_or_else(lost)?(&shared, session)?);
                Ok(())
            })?;
            outcome.ok_or(StoreError::Stopped)
        });
        task.await.map_err(|_| StoreError::Stopped)?
    }

    /// Runs `write` inside the next batch, or by itself beside another process, and answers after its commit.
    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&dyn Session) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.writing {
            Writing::Journal(queue) => {
                let (reply, answer) = oneshot::channel();
                let work: Work = Box::new(move |session| {
                    let outcome = write(session);
                    let finish: Finish = Box::new(move |committed| {
                        if reply.send(committed.and(outcome)).is_err() {
                            tracing::debug!("the asker has gone");
                        }
                    });
                    finish
                });
                queue.send(Command::Work(work))?;
                answer.await.map_err(|_| StoreError::Stopped)?
            }
            Writing::Beside(session) => {
                let session = Arc::clone(session);
                let task = tokio::task::spawn_blocking(move || {
                    write(&**session.lock()).map_err(|error| StoreError::Write(written(error)))
                });
                task.await.map_err(|_| StoreError::Stopped)?
            }
        }
    }
}

impl Drop for LogStore {
    fn drop(&mut self) {
        if let Writing::Journal(queue) = &self.writing {
            let (reply, _) = oneshot::channel();
            // A full queue still ends: the thread stops when the last sender is dropped.
            drop(queue.send(Command::Close(reply)));
        }
        drop(self.looking.lock().take());
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

impl Shared {
    /// The sources that the log knows.
    fn sources(&self) -> Arc<Sources> {
        Arc::clone(&self.sources.read())
    }

    fn add_sources(&self, new: Vec<(u32, SourceRef)>) {
        if !new.is_empty() {
            let mut sources = self.sources.write();
            let sources = Arc::make_mut(&mut sources);
            for (number, source) in new {
                sources.add(number, source);
            }
        }
    }

    /// Takes in what is in the database and not yet in memory.
    fn refresh(&self, session: &dyn Session) -> Result<(), StoreError> {
        let (last_position, start) = (session.last_position()?, start::LogStart::read(session)?);
        let tail = self.tail.read();
        if last_position == tail.last_position
            && (start.position, start.changes) == (tail.start(), tail.changes)
        {
            return Ok(());
        }
        drop(tail);
        self.refresh_all(session)
    }

    /// As [`Shared::refresh`], also where no event is new but periods were sealed.
    fn refresh_all(&self, session: &dyn Session) -> Result<(), StoreError> {
        let mut tail = self.tail.write();
        self.catch_up(session, &mut tail, u64::MAX)?;
        self.announce(tail.last_position);
        Ok(())
    }

    /// Forgets what memory knows of the log and reads it again.
    fn reload(&self, session: &dyn Session) -> Result<(), StoreError> {
        let mut tail = self.tail.write();
        *tail = Tail::of(start::LogStart::read(session)?);
        *self.filters.write() = Filters::default();
        self.catch_up(session, &mut tail, u64::MAX)?;
        self.announce(tail.last_position);
        Ok(())
    }

    /// Tells those who follow the log how long it is.
    fn announce(&self, last_position: u64) {
        self.last_position.send_if_modified(|known| std::mem::replace(known, last_position) != last_position);
    }

    /// Reads into `tail` what it lacks, up to a position.
    fn catch_up(&self, session: &dyn Session, tail: &mut Tail, last: u64) -> Result<(), StoreError> {
        let mut sources = Sources::clone(&self.sources());
        tail::load(session, &mut sources, tail, last)?;
        *self.sources.write() = Arc::new(sources);
        if self.has_filters {
            self.know_filters(session, tail)?;
        }
        Ok(())
    }

    /// Reads the filters of periods that another process, or an earlier one, has sealed. Every key is either in memory or in a filter,
    /// as long as `tail` stays as it is.
    fn know_filters(&self, session: &dyn Session, tail: &Tail) -> Result<(), StoreError> {
        // Not those that memory does not know as sealed: what a filter finds is looked for there.
        let first_unsealed = tail.first_unsealed();
        if first_unsealed != self.filters.read().upto() {
            self.filters.write().load(session, first_unsealed)?;
        }
        Ok(())
    }
}

/// In the place of a connection that cannot be had.
struct Unavailable(String);

impl Unavailable {
    fn error<T>(&self) -> Result<T, StoreError> {
        Err(StoreError::Write(self.0.clone()))
    }
}

impl Session for Unavailable {
    fn query(&self, _: &str, _: &[Param<'_>], _: Each<'_>) -> Result<(), StoreError> {
        self.error()
    }
    fn execute(&self, _: &str, _: &[Param<'_>]) -> Result<u64, StoreError> {
        self.error()
    }
    fn batch(&self, _: &str) -> Result<(), StoreError> {
        self.error()
    }
    fn look_up(&self, _: &str, _: Keys<'_>, _: Each<'_>) -> Result<(), StoreError> {
        self.error()
    }
    fn last_position(&self) -> Result<u64, StoreError> {
        self.error()
    }
    fn write(&self, _: &Table, _: &[Param<'_>]) -> Result<(), StoreError> {
        self.error()
    }
}
