//! How long deliveries took, counted in steps of a tenth.
//!
//! Step 0 is for deliveries of which no beginning is known. Step `n` from 1 on is for less than 1.1 to the power of `n` seconds (and
//! not less than the step before); the last one, [`DELAY_STEPS`], for all above a week. So a percentile that is read from counts
//! is at most a tenth too large.

/// The greatest step: 1.1 to the power of 140 seconds is a little more than a week.
pub const DELAY_STEPS: u8 = 141;

/// The step of a time in nanoseconds.
pub fn delay_step(nanos: i64) -> u8 {
    let mut end = 1000.0;
    let millis = nanos.max(0) as f64 / 1e6;
    for step in 1..DELAY_STEPS {
        end *= 1.1;
        if millis < end {
            return step;
        }
    }
    DELAY_STEPS
}

/// Where a step ends, in seconds.
pub fn delay_end(step: u8) -> f64 {
    (0..step).fold(1.0, |end, _| end * 1.1)
}

/// The time within which a share (0 to 1) of the counted deliveries came, in seconds; `None` where none is counted. `counts` are
/// pairs of step and count; what has no beginning is left out.
pub fn delay_percentile(counts: &[(u8, u64)], share: f64) -> Option<f64> {
    let mut counts: Vec<(u8, u64)> = counts.iter().copied().filter(|(step, _)| *step > 0).collect();
    counts.sort_unstable();
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let wanted = (share * all as f64).ceil().max(1.0) as u64;
    let mut seen = 0;
    counts.into_iter().find_map(|(step, count)| {
        seen += count;
        (seen >= wanted).then(|| delay_end(step))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_begin_below_a_second_and_end_above_a_week() {
        assert_eq!([-5, 0, 999_000_000].map(delay_step), [1, 1, 1]);
        assert_eq!((delay_step(1_099_999_999), delay_step(1_100_000_001)), (1, 2));
        assert_eq!(delay_step(i64::MAX), DELAY_STEPS);
        assert!(delay_step(7 * 86_400 * 1_000_000_000) < DELAY_STEPS);
        assert_eq!(delay_percentile(&[(0, 7)], 0.5), None);
        assert_eq!(delay_percentile(&[(3, 1), (1, 99), (0, 500)], 0.99), Some(delay_end(1)));
        assert_eq!(delay_percentile(&[(3, 1), (1, 99)], 1.0), Some(delay_end(3)));
    }

    proptest! {
        #[test]
        fn a_percentile_is_at_most_a_tenth_too_large(mut seconds in proptest::collection::vec(1.0..600_000.0_f64, 1..80), share in 0.01..1.0_f64) {
            let counts: Vec<(u8, u64)> = seconds.iter().map(|s| (delay_step((s * 1e9) as i64), 1)).collect();
            seconds.sort_by(f64::total_cmp);
            let exact = seconds[((share * seconds.len() as f64).ceil() as usize).max(1) - 1];
            let told = delay_percentile(&counts, share).unwrap();
            prop_assert!(told >= exact * 0.999_999 && told <= exact * 1.100_001, "{} {}", told, exact);
        }
    }
}
