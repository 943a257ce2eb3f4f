//! The embedded store: one SQLite file, one writer, any number of readers.
//!
//! The log (`events`, `payloads`) is append-only. Its indexes are made per period of 65536 events: those of the newest periods
//! are in memory, and a full period is *sealed*: written once, sorted, a little with each later batch. So the cost of an
//! insert does not grow with history. Whether an event was seen before is answered by the batch, the periods in memory,
//! and filters over the sealed ones; a filter never decides, the stored key does. Messages are made of their events when they
//! are asked for. Recipients and counts are rows that are true up to a sealed period, completed from memory when read.

mod commit;
mod filter;
mod journal;
mod message;
mod payload;
mod period;
mod posting;
mod quarantine;
mod readers;
mod rebuild;
mod recipients;
mod rollup;
mod rows;
mod schema;
mod seal;
mod search;
mod stage;
mod store;
mod tail;
mod tokens;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::StoreError;
use filter::Filters;
use journal::{Command, Finish, Queue, Work, Writer};
use payload::Codec;
pub use quarantine::QuarantineLimits;
use readers::Readers;
use rows::Sources;
use tail::Tail;

/// How a SQLite store is opened.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The database file.
    pub path: PathBuf,
    /// How many days back an event is recognised as known. Must be longer than any provider's retries.
    pub dedup_horizon_days: u32,
    /// How many requests may wait for the journal.
    pub queue_length: usize,
    /// How many bytes of requests may wait for the journal.
    pub queue_bytes: usize,
    /// Page cache of the writer in bytes.
    pub cache_bytes: usize,
    /// How much is kept of refused requests.
    pub quarantine: QuarantineLimits,
}

impl SqliteOptions {
    /// Defaults for a file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            dedup_horizon_days: 35,
            queue_length: 8192,
            queue_bytes: 64 << 20,
            cache_bytes: 16 << 20,
            quarantine: QuarantineLimits::default(),
        }
    }
}

/// What the writer and the readers share.
struct Shared {
    tail: RwLock<Tail>,
    sources: RwLock<Sources>,
    codec: Codec,
    readers: Readers,
    last_position: AtomicU64,
}

/// Who writes.
enum Writing {
    /// This process has the journal.
    Journal(Arc<Queue>),
    /// Another process may have it: only small tables are written, in transactions of their own.
    Beside(Mutex<Connection>),
}

/// A store in one SQLite file.
pub struct SqliteStore {
    shared: Arc<Shared>,
    writing: Writing,
    options: SqliteOptions,
    journal: Mutex<Option<std::thread::JoinHandle<()>>>,
    /// Held as long as this process has the journal.
    _lock: Option<File>,
}

impl SqliteStore {
    /// Opens the file with its journal, making or migrating it where needed. Only one process at a time can.
    pub fn open(options: &SqliteOptions) -> Result<Self, StoreError> {
        let lock = lock(&options.path)?;
        let connection = schema::open_writer(&options.path, options.cache_bytes)?;
        let mut filters = Filters::default();
        let shared =
            Arc::new(load(&connection, &options.path, |number, filter| filters.add(number, filter))?);
        let (queue, commands) = Queue::new(options.queue_length, options.queue_bytes);
        let queue = Arc::new(queue);
        let horizon_nanos = i64::from(options.dedup_horizon_days) * 86_400 * 1_000_000_000;
        let writer = Writer::new(connection, Arc::clone(&shared), Arc::clone(&queue), filters, horizon_nanos);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(commands))
            .map_err(|error| StoreError::Open { path: options.path.clone(), problem: error.to_string() })?;
        Ok(Self {
            shared,
            writing: Writing::Journal(queue),
            options: options.clone(),
            journal: Mutex::new(Some(thread)),
            _lock: Some(lock),
        })
    }

    /// Opens the file beside a process that may have its journal: everything can be read, tokens and quarantine can be
    /// changed, but nothing can be submitted.
    pub fn open_beside(options: &SqliteOptions) -> Result<Self, StoreError> {
        if !options.path.exists() {
            let problem =
                "there is no such file; has `hearback serve` ever run with this configuration?".to_owned();
            return Err(StoreError::Open { path: options.path.clone(), problem });
        }
        let connection = Connection::open(&options.path)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        schema::check_version(&connection, &options.path)?;
        let shared = Arc::new(load(&connection, &options.path, |_, _| ())?);
        let writing = Writing::Beside(Mutex::new(connection));
        Ok(Self { shared, writing, options: options.clone(), journal: Mutex::new(None), _lock: None })
    }

    /// Whether another process has the journal of this file now.
    pub fn is_in_use(path: &Path) -> bool {
        path.exists() && lock(path).is_err()
    }

    /// Runs `read` on a thread for blocking work.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared, &Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let refresh = matches!(self.writing, Writing::Beside(_));
        let task = tokio::task::spawn_blocking(move || {
            shared.readers.with(|connection| {
                if refresh {
                    shared.refresh(connection)?;
                }
                read(&shared, connection)
            })
        });
        task.await.map_err(|_| StoreError::Stopped)?
    }

    /// Runs `write` inside the next batch, or by itself beside another process, and answers after its commit.
    async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.writing {
            Writing::Journal(queue) => {
                let (reply, answer) = oneshot::channel();
                let work: Work = Box::new(move |connection| {
                    let outcome = write(connection);
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
            Writing::Beside(connection) => write(&connection.lock()).map_err(as_write),
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if let Writing::Journal(queue) = &self.writing {
            let (reply, _) = oneshot::channel();
            // A full queue still ends: the thread stops when the last sender is dropped.
            drop(queue.send(Command::Close(reply)));
        }
        if let Some(thread) = self.journal.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the journal's thread panicked");
        }
    }
}

/// Errors of writing, told as such.
fn as_write(error: StoreError) -> StoreError {
    match error {
        StoreError::Read(error) => StoreError::Write(error.to_string()),
        other => other,
    }
}

impl Shared {
    /// Takes in what another process has written.
    fn refresh(&self, connection: &Connection) -> Result<(), StoreError> {
        let last: i64 = connection
            .prepare_cached("SELECT coalesce(max(position), 0) FROM events")?
            .query_row([], |row| row.get(0))?;
        let mut tail = self.tail.write();
        if tail.last_position == last as u64 {
            return Ok(());
        }
        tail::load(connection, &mut self.sources.write(), &mut tail, |_, _| ())?;
        self.last_position.store(tail.last_position, Ordering::Release);
        Ok(())
    }
}

fn load(
    connection: &Connection,
    path: &Path,
    on_sealed: impl FnMut(u64, &[u8]),
) -> Result<Shared, StoreError> {
    let (mut tail, mut sources, codec) = (Tail::default(), Sources::default(), Codec::default());
    tail::load(connection, &mut sources, &mut tail, on_sealed)?;
    codec.load(connection)?;
    let last_position = AtomicU64::new(tail.last_position);
    let readers = Readers::new(path.to_owned());
    Ok(Shared { tail: RwLock::new(tail), sources: RwLock::new(sources), codec, readers, last_position })
}

/// The file whose lock says who has the journal.
fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let problem = |problem: String| StoreError::Open { path: path.to_owned(), problem };
    let file =
        File::options().create(true).truncate(false).write(true).open(lock_path(path)).map_err(|error| {
            problem(format!("{error} (does its folder exist, and may this user write there?)"))
        })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(problem(
            "another hearback process has it open; stop that one, or use its API with --url and --token"
                .to_owned(),
        )),
        Err(std::fs::TryLockError::Error(error)) => Err(problem(error.to_string())),
    }
}
