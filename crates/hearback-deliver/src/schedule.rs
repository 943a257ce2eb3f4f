//! When a push that failed is tried again: pure, with time and chance as arguments.

use std::time::Duration;

use hearback_event::Timestamp;

/// How far a delay is varied, up and down, so that what failed together is not tried together again.
const JITTER: f64 = 0.15;
/// A receiver that asks to be left alone for longer is asked after this time all the same.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// The pauses between the tries of one push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The pause after each failed try; after as many tries and one more it is given up.
    pauses: Vec<Duration>,
}

impl Default for Schedule {
    /// Ten tries within about three days.
    fn default() -> Self {
        let hours = Duration::from_hours;
        let pauses = [
            Duration::from_secs(5),
            Duration::from_mins(5),
            Duration::from_mins(30),
            hours(2),
            hours(5),
            hours(10),
            hours(14),
            hours(20),
            hours(24),
        ];
        Self { pauses: pauses.to_vec() }
    }
}

impl Schedule {
    /// A schedule with other pauses.
    pub const fn new(pauses: Vec<Duration>) -> Self {
        Self { pauses }
    }

    /// The pauses.
    pub fn pauses(&self) -> &[Duration] {
        &self.pauses
    }

    /// When a push that has failed `attempts` times (at least once) is tried again; `None` where it is given up. `chance` is
    /// from 0 to 1. Never before the receiver wants it, within a day.
    pub fn next_try(
        &self,
        attempts: u32,
        now: Timestamp,
        retry_after: Option<Duration>,
        chance: f64,
    ) -> Option<Timestamp> {
        let pause = self.pauses.get(attempts.max(1) as usize - 1)?;
        let wanted = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        Some(later(now, varied(*pause, chance).max(wanted)))
    }
}

/// A pause made up to 15 % shorter or longer by chance.
pub(crate) fn varied(pause: Duration, chance: f64) -> Duration {
    pause.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0))
}

/// A moment some time later.
pub(crate) fn later(now: Timestamp, pause: Duration) -> Timestamp {
    let nanos = i64::try_from(pause.as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanos(now.as_nanos().saturating_add(nanos))
}

/// How long it is from one moment to another; nothing where that is past.
pub(crate) fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::from_nanos(then.as_nanos().saturating_sub(now.as_nanos()).max(0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_is_ten_tries_in_about_three_days() {
        let (schedule, mut now, mut tries) = (Schedule::default(), Timestamp::EPOCH, 1);
        while let Some(next) = schedule.next_try(tries, now, None, 0.5) {
            (now, tries) = (next, tries + 1);
        }
        assert_eq!(tries, 10);
        let hours = now.as_seconds() / 3600;
        assert!((72..=80).contains(&hours), "{hours}");
    }

    #[test]
    fn the_receiver_may_ask_for_more_time_but_not_for_ever() {
        let asked = |seconds| {
            let wanted = Some(Duration::from_secs(seconds));
            Schedule::default().next_try(1, Timestamp::EPOCH, wanted, 0.0).map(Timestamp::as_seconds)
        };
        assert_eq!(asked(60), Some(60));
        assert_eq!(asked(0), Some(4));
        assert_eq!(asked(u64::MAX), Some(86_400));
    }

    proptest! {
        #[test]
        fn a_pause_is_varied_within_bounds(attempts in 1_u32..=9, chance in 0.0_f64..=1.0) {
            let schedule = Schedule::default();
            let pause = schedule.pauses()[attempts as usize - 1].as_secs_f64();
            let next = schedule.next_try(attempts, Timestamp::EPOCH, None, chance).map(Timestamp::as_nanos);
            let next = next.unwrap_or_default() as f64 / 1e9;
            prop_assert!(next >= pause * 0.849 && next <= pause * 1.151);
        }
    }
}
