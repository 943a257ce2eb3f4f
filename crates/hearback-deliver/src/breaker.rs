//! The breaker: after steady failure nothing is pushed but now and then a probe, until one succeeds.
//!
//! What fails while it is closed is tried again by its own schedule. While it is open the cursor stands still and no tries are used
//! up but those of probes, so that an outage of a week loses nothing. Each probe is another event, so that a single one that the
//! receiver cannot stomach does not keep it shut; nor do the tries of one or two such events open it.

use std::time::Duration;

use hearback_event::Timestamp;
use hearback_store::Outage;

use crate::schedule::{later, varied};

/// So many different events must have failed for it to open.
const EVENTS: usize = 3;

/// When it opens, and how often is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerRules {
    /// It opens after so many failures in a row.
    pub failures: u32,
    /// First pause before a probe; it doubles with each that fails.
    pub probe_min: Duration,
    /// Longest pause before a probe.
    pub probe_max: Duration,
}

impl Default for BreakerRules {
    fn default() -> Self {
        Self { failures: 10, probe_min: Duration::from_secs(15), probe_max: Duration::from_mins(10) }
    }
}

/// Whether a push may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It may.
    Push,
    /// One may, and no other beside it.
    Probe,
    /// None may before this moment.
    NotBefore(Timestamp),
}

/// The breaker of one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Breaker {
    in_a_row: u32,
    /// Some of the events that failed in this row.
    events: Vec<u64>,
    outage: Option<Outage>,
}

impl Breaker {
    /// As it was when it was written down.
    pub(crate) const fn restored(outage: Option<Outage>) -> Self {
        Self { in_a_row: 0, events: Vec::new(), outage }
    }

    pub(crate) const fn outage(&self) -> Option<Outage> {
        self.outage
    }

    pub(crate) fn leave(&self, now: Timestamp) -> Leave {
        match self.outage {
            None => Leave::Push,
            Some(outage) if outage.probe_at <= now => Leave::Probe,
            Some(outage) => Leave::NotBefore(outage.probe_at),
        }
    }

    /// A push succeeded. Gives the outage that is over with it.
    pub(crate) fn succeeded(&mut self) -> Option<Outage> {
        self.in_a_row = 0;
        self.events.clear();
        self.outage.take()
    }

    /// A push of the event at `position` failed. Whether that is the beginning of an outage. What was under way when the breaker opened says nothing new.
    pub(crate) fn failed(
        &mut self,
        rules: &BreakerRules,
        position: u64,
        was_probe: bool,
        now: Timestamp,
        chance: f64,
    ) -> bool {
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.events.len() < EVENTS && !self.events.contains(&position) {
            self.events.push(position);
        }
        let is_steady =
            self.in_a_row >= rules.failures && self.events.len() >= EVENTS.min(rules.failures as usize);
        let (since, probes) = match self.outage {
            Some(outage) if was_probe => (outage.since, outage.probes.saturating_add(1)),
            None if is_steady => (now, 0),
            Some(_) | None => return false,
        };
        let pause = rules.probe_min.saturating_mul(1_u32 << probes.min(20)).min(rules.probe_max);
        let probe_at = later(now, varied(pause, chance));
        self.outage.replace(Outage { since, probes, probe_at }).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: BreakerRules =
        BreakerRules { failures: 3, probe_min: Duration::from_secs(10), probe_max: Duration::from_mins(1) };

    fn second(n: i64) -> Timestamp {
        Timestamp::from_nanos(n * 1_000_000_000)
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_probes_ever_less_often() {
        let mut breaker = Breaker::default();
        assert!(!breaker.failed(&RULES, 1, false, second(0), 0.5));
        assert!(!breaker.failed(&RULES, 2, false, second(0), 0.5));
        assert_eq!(breaker.succeeded(), None);
        assert!(!breaker.failed(&RULES, 3, false, second(1), 0.5));
        assert!(!breaker.failed(&RULES, 4, false, second(1), 0.5));
        assert!(breaker.failed(&RULES, 5, false, second(1), 0.5), "the third in a row");
        assert!(!breaker.failed(&RULES, 6, false, second(1), 0.5), "it was under way already");
        let mut now = 1;
        for pause in [10, 20, 40, 60, 60] {
            assert_eq!(breaker.leave(second(now)), Leave::NotBefore(second(now + pause)));
            now += pause;
            assert_eq!(breaker.leave(second(now)), Leave::Probe);
            assert!(!breaker.failed(&RULES, 7, true, second(now), 0.5), "one outage begins once");
        }
        assert_eq!(breaker.succeeded().map(|outage| outage.since), Some(second(1)));
        assert_eq!(breaker.leave(second(now)), Leave::Push);
    }

    #[test]
    fn one_event_that_fails_for_ever_is_no_outage() {
        let mut breaker = Breaker::default();
        assert!((0..100).all(|n| !breaker.failed(&RULES, n % 2, false, second(n as i64), 0.5)));
    }
}
