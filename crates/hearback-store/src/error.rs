//! What can go wrong in a store.

/// A store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The queue in front of the journal is full: overload. Try again later.
    #[error("the journal's queue is full")]
    Overloaded,
    /// The journal has stopped; the process must be restarted.
    #[error("the journal has stopped")]
    Stopped,
    /// Writing failed (disk full, read-only, I/O): nothing of the batch was kept. It may work later.
    #[error("cannot write to the database: {0}")]
    Write(String),
    /// Reading failed.
    #[error("cannot read the database: {0}")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database cannot be opened.
    #[error("cannot open the database {database}: {problem}")]
    Open {
        /// Which: a path, or a URL without its password.
        database: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The database was written by a newer version.
    #[error(
        "the database {database} has schema {found}, this version knows up to {known}; run the newer hearback, or restore a backup from before the upgrade"
    )]
    Newer {
        /// Which: a path, or a URL without its password.
        database: String,
        /// Its schema number.
        found: u32,
        /// The newest that this version knows.
        known: u32,
    },
    /// The database holds something that this version cannot have written.
    #[error("the database is damaged: {0}; restore a backup, or run `hearback rebuild`")]
    Damaged(String),
}

impl StoreError {
    /// One word for metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Stopped => "stopped",
            Self::Write(_) => "write_failed",
            Self::Read(_) => "read_failed",
            Self::Open { .. } => "open_failed",
            Self::Newer { .. } => "newer_schema",
            Self::Damaged(_) => "damaged",
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Read(Box::new(error))
    }
}

/// An error with its causes: the first line of PostgreSQL's says little. Without the details that quote rows.
pub(crate) fn whole(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = match cause.downcast_ref::<postgres::error::DbError>() {
            Some(answer) => format!("{}: {}", answer.severity(), answer.message()),
            None => cause.to_string(),
        };
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    text
}
