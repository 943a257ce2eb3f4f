//! A source while the server runs: its limits and its meters beside its settings.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use hearback_providers::ShapeLimits;

use super::head::CredentialNames;
use crate::metrics::SourceMeters;
use crate::{Limits, Mode, Source};

/// One source while the server runs.
pub(crate) struct Intake {
    /// Its settings.
    pub(crate) source: Arc<Source>,
    /// Its metrics, looked up once.
    pub(crate) meters: SourceMeters,
    /// How long a body may take to come in.
    pub(crate) read_timeout: std::time::Duration,
    /// Bounds on the shape of a body.
    pub(super) shape: ShapeLimits,
    /// Where its credentials stand, looked up once.
    pub(super) credentials: CredentialNames,
    requests: Option<DefaultDirectRateLimiter>,
    quarantine: Option<DefaultDirectRateLimiter>,
    clock: DefaultClock,
}

impl Intake {
    pub(super) fn new(source: Arc<Source>, limits: &Limits) -> Self {
        let name = &*source.reference.name;
        match source.mode {
            Mode::Enforce => {}
            Mode::Shadow => {
                tracing::warn!(source = name, "mode is shadow: wrong signatures are counted, not refused");
            }
            Mode::Off => {
                tracing::warn!(source = name, "mode is off: ANYONE can post events to this source");
            }
        }
        Self {
            meters: SourceMeters::new(name),
            read_timeout: limits.read_timeout,
            shape: limits.shape,
            credentials: CredentialNames::of(&*source.endpoint),
            requests: source.requests_per_second.and_then(limiter),
            quarantine: limiter(limits.quarantined_per_second),
            clock: DefaultClock::default(),
            source,
        }
    }

    /// Whether one more request may come now; if not, in how many seconds.
    pub(super) fn admit_request(&self) -> Result<(), u64> {
        let Some(limiter) = &self.requests else { return Ok(()) };
        limiter.check().map_err(|not_until| not_until.wait_time_from(self.clock.now()).as_secs() + 1)
    }

    /// Whether one more refused request may be kept now.
    pub(super) fn admit_quarantine(&self) -> bool {
        self.quarantine.as_ref().is_some_and(|limiter| limiter.check().is_ok())
    }
}

/// So many per second on average, with bursts of the same size; none at all for 0.
fn limiter(per_second: u32) -> Option<DefaultDirectRateLimiter> {
    NonZeroU32::new(per_second).map(|rate| RateLimiter::direct(Quota::per_second(rate)))
}
