//! One configured destination, checked: nothing in it can still be wrong.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use hearback_event::Record;
use hearback_store::Begin;

use crate::breaker::BreakerRules;
use crate::filter::{Filter, Unwanted};
use crate::parcel::Carrier;
use crate::schedule::Schedule;

/// A consumer that is pushed to.
pub struct Destination {
    /// Its name in the configuration.
    pub name: String,
    /// Which events it gets.
    pub filter: Filter,
    /// How fast it is pushed to.
    pub pace: Pace,
    /// When a push that failed is tried again.
    pub schedule: Schedule,
    /// When nothing but probes is sent any more.
    pub breaker: BreakerRules,
    /// Where it begins when it is new.
    pub begin: Begin,
    /// It gets alerts that name it and nothing else.
    pub alerts_only: bool,
    /// Who pushes.
    pub carrier: Box<dyn Carrier>,
}

impl Destination {
    /// Whether it gets an event, or why not. What tells of an alert is for the destinations that the alert names, and for those
    /// that ask for such events by name: a filter that lets everything pass does not send a chat each alert twice.
    pub fn wants(&self, record: &Record) -> Result<(), Unwanted> {
        match &record.event.alert {
            Some(alert) if alert.to.contains(&self.name) => Ok(()),
            Some(_) if self.filter.names_alerts(record.event.kind) => self.filter.wants(record),
            Some(_) => Err(Unwanted::AlertForOthers),
            None if self.alerts_only => Err(Unwanted::AlertsOnly),
            None => self.filter.wants(record),
        }
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination").field("name", &self.name).finish_non_exhaustive()
    }
}

/// How fast a destination is pushed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Pushes at a time, at most (at least 1).
    pub concurrency: usize,
    /// Pushes per second on average, with bursts of the same size; `None` for no limit.
    pub per_second: Option<NonZeroU32>,
    /// How long one push may take.
    pub timeout: Duration,
    /// Whether later events of a message wait for an earlier one that failed, and are never pushed at the same time as it.
    pub ordered: bool,
    /// Events that are pushed together, at most (at least 1; more only to a carrier that takes batches, and not where `ordered`).
    pub batch: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { concurrency: 8, per_second: None, timeout: Duration::from_secs(15), ordered: false, batch: 1 }
    }
}
