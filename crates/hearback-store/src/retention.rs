//! How long what is kept.

use hearback_event::Timestamp;
use serde::Serialize;

/// How many days after its receipt what is dropped; `None` for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Raw requests. Their events stay.
    pub payloads_days: Option<u32>,
    /// Events, with their raw requests. What was counted stays counted. More days than events are recognised as known for.
    pub events_days: Option<u32>,
    /// Refused requests, which are bounded in number and bytes besides.
    pub quarantine_days: Option<u32>,
}

impl Retention {
    /// Whether everything is kept.
    pub const fn keeps_all(&self) -> bool {
        self.payloads_days.is_none() && self.events_days.is_none() && self.quarantine_days.is_none()
    }

    /// The moment before which something was received that is dropped at `now`.
    pub(crate) fn cutoff(days: Option<u32>, now: Timestamp) -> Option<Timestamp> {
        days.map(|days| now.plus_seconds(-i64::from(days) * 86_400))
    }
}

/// How much was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Events.
    pub events: u64,
    /// Raw requests.
    pub payloads: u64,
    /// Refused requests.
    pub quarantined: u64,
}

impl Dropped {
    /// Whether nothing was.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what another step dropped.
    pub(crate) const fn add(&mut self, other: Self) {
        self.events += other.events;
        self.payloads += other.payloads;
        self.quarantined += other.quarantined;
    }
}
