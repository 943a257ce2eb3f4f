//! The store in PostgreSQL 14 or later, shared by any number of processes.

mod apart;
mod connect;
mod keeper;
mod partitions;
mod problem;
mod readers;
mod schema;
mod session;
mod tls;
mod url;

use std::fmt;
use std::time::Duration;

use crate::StoreError;
use crate::log::{LogOptions, LogStore, Opening};
use apart::outside_of_async;
use connect::connect;
use keeper::PgKeeper;
use readers::PgReaders;
use url::PgUrl;

/// Advisory locks of ours are numbered from here on ("HEAR"), plus the number of the schema: two Hearbacks in two schemas of
/// one database have nothing to do with each other.
const SEALING_LOCK: i64 = 0x4845_4152 << 24;
const MIGRATION_LOCK: i64 = 0x4845_4153 << 24;

/// How a PostgreSQL store is opened. Shown without the password.
#[derive(Clone)]
pub struct PostgresOptions {
    url: PgUrl,
    /// Connections for reading, at most. The writer has one more.
    pub readers_max: usize,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a statement may take.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock that another process holds.
    pub lock_timeout: Duration,
    /// What every store can be told.
    pub log: LogOptions,
}

impl PostgresOptions {
    /// Defaults for a URL (`postgres://user:password@host:5432/database`). Of its parameters, `sslmode` may be `disable`,
    /// `prefer` (the default), `require` or `verify-full`, and `sslrootcert` names a file of certificates to trust; the others
    /// are PostgreSQL's own.
    ///
    /// # Errors
    /// In words for the person who wrote the URL; the password is not in them.
    pub fn new(url: &str) -> Result<Self, String> {
        Ok(Self {
            url: PgUrl::parse(url)?,
            readers_max: 8,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            log: LogOptions::default(),
        })
    }

    /// Whether passwords and events can be read on the way to the server: it is another machine, and its certificate is not
    /// checked.
    pub fn is_exposed(&self) -> bool {
        self.url.is_exposed()
    }
}

impl fmt::Display for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("url", &self.url.to_string())
            .field("readers_max", &self.readers_max)
            .field("connect_timeout", &self.connect_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("log", &self.log)
            .finish()
    }
}

/// Opens the log with a journal, making or migrating its tables where needed. Any number of processes can.
pub fn open(options: &PostgresOptions) -> Result<LogStore, StoreError> {
    outside_of_async(|| {
        let session = connect(options)?;
        schema::migrate(&session, options)?;
        let keeper = PgKeeper::new(session, options.clone());
        LogStore::open(opening(options), Box::new(keeper), &options.log)
    })
}

/// Opens the log without a journal: everything can be read, tokens and quarantine can be changed, but nothing can be
/// submitted.
pub fn open_beside(options: &PostgresOptions) -> Result<LogStore, StoreError> {
    outside_of_async(|| {
        let session = connect(options)?;
        schema::check_version(&session, options)?;
        LogStore::open_beside(opening(options), Box::new(session), &options.log)
    })
}

/// Whether there surely are no tables of Hearback yet.
pub fn is_empty(options: &PostgresOptions) -> bool {
    outside_of_async(|| connect(options).is_ok_and(|session| matches!(schema::found(&session), Ok(None))))
}

/// What can be said about the server without changing anything, for a person who checks his configuration: its version, or
/// what is wrong.
pub fn probe(options: &PostgresOptions) -> Result<String, StoreError> {
    outside_of_async(|| {
        let session = connect(options)?;
        let version = schema::server_version(&session)?;
        let tables = match schema::found(&session)? {
            Some(found) => format!("schema {found}"),
            None => "no tables yet; the first start makes them".to_owned(),
        };
        Ok(format!("PostgreSQL {version}, {tables}"))
    })
}

fn opening(options: &PostgresOptions) -> Opening {
    Opening { readers: Box::new(PgReaders::new(options.clone())), others_write: true, held: None }
}
