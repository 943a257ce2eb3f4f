//! Metrics of one destination. Their names are stated in docs/metrics.md.

use std::time::Duration;

use hearback_event::Timestamp;
use hearback_store::DestinationState;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::parcel::Outcome;

/// The metrics of one destination, looked up once.
pub(crate) struct Meters {
    taken: Counter,
    failed: Counter,
    gone: Counter,
    skipped: Counter,
    seconds: Histogram,
    delay: Histogram,
    lag: Gauge,
    waiting: Gauge,
    dead: Gauge,
    failing: Gauge,
    paused: Gauge,
}

impl Meters {
    pub(crate) fn new(name: &str) -> Self {
        let of = || name.to_owned();
        let pushes = |result: &'static str| counter!("hearback_pushes_total", "destination" => of(), "result" => result);
        let kept =
            |state: &'static str| gauge!("hearback_failed_pushes", "destination" => of(), "state" => state);
        Self {
            taken: pushes("taken"),
            failed: pushes("failed"),
            gone: pushes("gone"),
            skipped: counter!("hearback_destination_skipped_events_total", "destination" => of()),
            seconds: histogram!("hearback_push_seconds", "destination" => of()),
            delay: histogram!("hearback_destination_delay_seconds", "destination" => of()),
            lag: gauge!("hearback_destination_lag_events", "destination" => of()),
            waiting: kept("waiting"),
            dead: kept("dead"),
            failing: gauge!("hearback_destination_failing", "destination" => of()),
            paused: gauge!("hearback_destination_paused", "destination" => of()),
        }
    }

    /// A try has ended.
    pub(crate) fn tried(&self, outcome: &Outcome, took: Duration) {
        self.seconds.record(took);
        match outcome {
            Outcome::Taken => self.taken.increment(1),
            Outcome::Failed(failure) if failure.gone => self.gone.increment(1),
            Outcome::Failed(_) => self.failed.increment(1),
        }
    }

    /// An event has arrived at the first try.
    pub(crate) fn arrived(&self, received_at: Timestamp, now: Timestamp) {
        self.delay.record(crate::schedule::until(received_at, now));
    }

    /// Events were not wanted.
    pub(crate) fn skipped(&self, count: u64) {
        self.skipped.increment(count);
    }

    /// How it stands.
    pub(crate) fn state(&self, state: &DestinationState, last_position: u64) {
        self.lag.set(last_position.saturating_sub(state.cursor) as f64);
        self.waiting.set(state.waiting as f64);
        self.dead.set(state.dead as f64);
        self.failing.set(f64::from(u8::from(state.failing.is_some() || state.disabled.is_some())));
        self.paused.set(f64::from(u8::from(state.paused_at.is_some())));
    }
}
