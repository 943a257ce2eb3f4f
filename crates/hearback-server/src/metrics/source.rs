//! One source's metrics, looked up once: a request then costs a few additions and no hashing.

use std::time::Duration;

use hearback_event::Kind;
use metrics::{Counter, Histogram, counter, histogram};

use crate::ingest::Outcome;

/// The metrics of one source.
pub(crate) struct SourceMeters {
    name: String,
    requests: Vec<Counter>,
    events: Vec<Counter>,
    duplicates: Counter,
    seconds: Histogram,
}

impl SourceMeters {
    pub(crate) fn new(name: &str) -> Self {
        let source = || name.to_owned();
        let request = |outcome: &Outcome| counter!("hearback_requests_total", "source" => source(), "outcome" => outcome.name());
        let event =
            |kind: &Kind| counter!("hearback_events_total", "source" => source(), "type" => kind.name());
        Self {
            requests: Outcome::ALL.iter().map(request).collect(),
            events: Kind::TOLD_BY_PROVIDERS.iter().map(event).collect(),
            duplicates: counter!("hearback_duplicate_events_total", "source" => source()),
            seconds: histogram!("hearback_request_seconds", "source" => source()),
            name: source(),
        }
    }

    /// One request was answered.
    pub(crate) fn request(&self, outcome: Outcome, took: Duration) {
        if let Some(counter) = self.requests.get(outcome as usize) {
            counter.increment(1);
        }
        self.seconds.record(took);
    }

    /// One request was refused, and was or was not kept.
    pub(crate) fn refused(&self, cause: &'static str, kept: bool) {
        let source = || self.name.clone();
        if kept {
            counter!("hearback_quarantined_total", "source" => source(), "cause" => cause).increment(1);
        } else {
            counter!("hearback_quarantine_skipped_total", "source" => source(), "cause" => cause)
                .increment(1);
        }
    }

    /// Under shadow mode one request was accepted that would (not) have been refused.
    pub(crate) fn shadow(&self, would_refuse: Option<&'static str>) {
        let result = would_refuse.unwrap_or("genuine");
        counter!("hearback_shadow_total", "source" => self.name.clone(), "result" => result).increment(1);
    }

    /// For counting the events of one request, after they are stored.
    pub(crate) fn tally(&self) -> Tally<'_> {
        Tally { meters: self, kinds: [0; 32] }
    }
}

/// How many events of each kind a request told of.
pub(crate) struct Tally<'a> {
    meters: &'a SourceMeters,
    kinds: [u32; 32],
}

impl Tally<'_> {
    /// One more.
    pub(crate) fn add(&mut self, kind: Kind) {
        if let Some(count) = self.kinds.get_mut(usize::from(kind.number())) {
            *count += 1;
        }
    }

    /// They were stored; so many were known before.
    pub(crate) fn count(&self, duplicates: u32) {
        for (kind, counter) in Kind::TOLD_BY_PROVIDERS.iter().zip(&self.meters.events) {
            let count = self.kinds.get(usize::from(kind.number())).copied().unwrap_or_default();
            if count > 0 {
                counter.increment(u64::from(count));
            }
        }
        if duplicates > 0 {
            self.meters.duplicates.increment(u64::from(duplicates));
        }
    }
}
