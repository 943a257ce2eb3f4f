//! Whether a source should have told something: pure, of counts and times.

use hearback_event::Timestamp;

/// An hour, in seconds.
const HOUR: i64 = 3600;
/// So many weeks before are looked at.
pub(crate) const WEEKS: i64 = 4;
/// So many of them at least must be known.
const WEEKS_MIN: usize = 2;
/// In each of them so many events at least came in the same hours.
const EVENTS_MIN: u64 = 5;
/// In all of them together.
const EVENTS_SUM_MIN: u64 = 20;
/// A source is given so much time to tell of what was registered.
pub(crate) const PATIENCE: i64 = HOUR;
/// Of messages that were registered in so much time before, it must have told something.
pub(crate) const REGISTERED_WITHIN: i64 = 6 * HOUR;
/// So many of them.
pub(crate) const REGISTERED_MIN: usize = 5;

/// The whole hours in which a source told nothing: from the one after its newest event to the one before the present. The
/// beginnings of the first and of the one after the last; none where there is no whole hour.
pub(crate) fn silent_hours(last: Timestamp, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    // Two days of silence say what a month of it says.
    let first = (last.hour() + 1).max(now.hour() - 48);
    (first < now.hour()).then_some((hour(first)?, hour(now.hour())?))
}

fn hour(number: i64) -> Option<Timestamp> {
    Timestamp::from_seconds(number * HOUR)
}

/// A moment some weeks before.
pub(crate) fn weeks_before(at: Timestamp, weeks: i64) -> Timestamp {
    at.plus_seconds(-weeks * 7 * 24 * HOUR)
}

/// Whether the same hours of the weeks before say that something should have come. `counts` are those of the weeks in which the
/// source was there already, the last week first.
pub(crate) fn is_missed(counts: &[u64]) -> bool {
    counts.len() >= WEEKS_MIN
        && counts.iter().all(|count| *count >= EVENTS_MIN)
        && counts.iter().sum::<u64>() >= EVENTS_SUM_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_hours_are_silent() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let hours = |last: &str, now: &str| silent_hours(at(last), at(now));
        assert_eq!(hours("2026-11-20T10:02:00Z", "2026-11-20T11:59:59Z"), None);
        assert_eq!(
            hours("2026-11-20T10:02:00Z", "2026-11-20T13:00:00Z"),
            Some((at("2026-11-20T11:00:00Z"), at("2026-11-20T13:00:00Z")))
        );
        assert_eq!(
            hours("2026-01-01T00:00:00Z", "2026-11-20T13:30:00Z").unwrap().0,
            at("2026-11-18T13:00:00Z")
        );
        assert_eq!(hours("2026-11-20T10:02:00Z", "2026-11-19T10:00:00Z"), None, "a clock was set back");
    }

    #[test]
    fn the_weeks_before_must_agree() {
        for (counts, expected) in [
            (&[][..], false),
            (&[1000], false),
            (&[10, 10], true),
            (&[10, 9], false),
            (&[100, 100, 0, 100], false),
            (&[100, 100, 4, 100], false),
            (&[5, 5, 5, 5], true),
        ] {
            assert_eq!(is_missed(counts), expected, "{counts:?}");
        }
    }
}
