//! The volume, as stacked columns.

use hearback_event::Timestamp;
use hearback_store::RollupRow;

use super::period::Period;
use super::sums::{Sums, sum};
use crate::pieces::{Clock, Stack};

/// The parts of a column from the bottom up.
pub(super) const SERIES: &[(&str, &str)] = &[
    ("delivered", "Delivered"),
    ("deferred", "Deferred"),
    ("bounced", "Bounced, failed"),
    ("complained", "Complained"),
];

pub(super) fn ended(sums: &Sums) -> [u64; 4] {
    [sums.delivered, sums.deferred, sums.bounced + sums.failed, sums.complained]
}

pub(super) fn stacks(
    rows: &[RollupRow],
    since: Timestamp,
    period: &Period,
    clock: &Clock,
) -> Vec<(Sums, Stack)> {
    let width = period.column * 3600;
    (0..period.drawn / period.column)
        .map(|place| {
            let (from, until) = (since.plus_seconds(place * width), since.plus_seconds((place + 1) * width));
            let sums = sum(rows.iter().filter(|row| row.start >= from && row.start < until));
            let title = clock.text(from, "%a %-d %b, %H:%M");
            (sums, Stack { title, parts: ended(&sums).to_vec() })
        })
        .collect()
}

pub(super) fn axis(since: Timestamp, period: &Period, clock: &Clock) -> Vec<String> {
    let pattern = if period.drawn == 24 { "%H:%M" } else { "%-d %b" };
    (0..=6).map(|sixth| clock.text(since.plus_seconds(period.drawn * 600 * sixth), pattern)).collect()
}
