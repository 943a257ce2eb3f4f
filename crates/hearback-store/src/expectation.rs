//! Messages that are expected to be delivered.

use hearback_event::{Address, Record, Timestamp};

/// A registered message that should be delivered by a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Where its registration stands in the log.
    pub position: u64,
    /// By when.
    pub due_at: Timestamp,
}

/// One that has come due, or is overdue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Where its registration stands in the log.
    pub position: u64,
    /// The registration; none where it was dropped or forgotten.
    pub registration: Option<Record>,
}

/// What came of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Nothing more is to be watched for.
    Over {
        /// Where its registration stands.
        position: u64,
    },
    /// It was not delivered in time; what is told of its recipient is looked at.
    Overdue {
        /// Where its registration stands.
        position: u64,
        /// To whom it goes.
        recipient: Address,
    },
}

/// How much is being watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Messages that are not due yet.
    pub waiting: u64,
    /// Messages that are overdue.
    pub overdue: u64,
    /// Registrations up to this position are known to the watchdog.
    pub upto: u64,
}
