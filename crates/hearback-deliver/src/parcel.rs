//! What is pushed, who pushes it, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hearback_event::{Record, Timestamp};

/// One thing to be pushed.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Its name, the same on every try: receivers know by it what they have already.
    pub id: String,
    /// The event.
    pub record: Arc<Record>,
}

impl Parcel {
    /// An event, under its own name.
    pub fn of(record: Arc<Record>) -> Self {
        Self { id: record.id().to_string(), record }
    }
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Taken,
    /// It has not, as far as is known.
    Failed(Failure),
}

/// Why a try failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The status of the answer, where there was one.
    pub status: Option<u16>,
    /// In words, with nothing of the event and nothing of the answer's body.
    pub why: String,
    /// How long the receiver wants to be left alone.
    pub retry_after: Option<Duration>,
    /// The receiver is gone for good: nothing more is to be pushed to it.
    pub gone: bool,
}

impl Failure {
    /// Without an answer.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), ..Self::default() }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// One who pushes: a kind of destination with its settings.
pub trait Carrier: Send + Sync {
    /// The kind, as configurations name it.
    fn kind(&self) -> &'static str;

    /// Where it pushes to, as it may be shown: no secrets.
    fn target(&self) -> String;

    /// Tries once. Several parcels only where the destination takes batches. The caller limits the time; a future that is dropped
    /// must not leave half of anything behind.
    fn carry<'a>(&'a self, load: &'a [Parcel], now: Timestamp) -> BoxFuture<'a, Outcome>;
}
