//! What can be asked of a store.

use hearback_event::{Address, Kind, MessageId, Severity, Timestamp};

/// Which events; everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// One of these kinds; empty for any.
    pub kinds: Vec<Kind>,
    /// Received by this source.
    pub source: Option<String>,
    /// Of this provider.
    pub provider: Option<String>,
    /// To this recipient.
    pub recipient: Option<Address>,
    /// To a recipient of this domain.
    pub domain: Option<String>,
    /// Of this message.
    pub message: Option<MessageId>,
    /// With these labels.
    pub labels: Vec<(String, String)>,
    /// With this tag.
    pub tag: Option<String>,
    /// Failures of this severity.
    pub severity: Option<Severity>,
    /// Happened at or after.
    pub since: Option<Timestamp>,
    /// Happened before.
    pub until: Option<Timestamp>,
}

/// In which order of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The last received first.
    #[default]
    Newest,
    /// The first received first: for following the log.
    Oldest,
}

/// One page of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Which.
    pub filter: EventFilter,
    /// In which order.
    pub order: Order,
    /// Only events beyond this log position, in the query's order: the last position of the page before.
    pub beyond: Option<u64>,
    /// At most so many (1 to 1000).
    pub limit: usize,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows in order.
    pub rows: Vec<T>,
    /// Where the next page begins ([`EventQuery::beyond`]); `None` at the end.
    pub next: Option<u64>,
}

/// Which refused requests, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuarantineFilter {
    /// Of this source.
    pub source: Option<String>,
    /// With this cause.
    pub cause: Option<String>,
    /// Only entries with a smaller number: the last of the page before.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}
