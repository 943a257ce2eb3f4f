//! What the project promised itself, and whether it was met.

use serde::Serialize;

use crate::cli::Storage;
use crate::figures::{Growth, Load, Point, Row};
use crate::push::Push;
use crate::reads::{REGISTERING, STATISTIC};

/// Fewer syncs per second than this, and the disk decides the latency.
const FAST_DISK: f64 = 500.0;
/// Events at which the store counts as small, and as large.
const SMALL: u64 = 100_000;
const LARGE: u64 = 5_000_000;

/// One promise.
#[derive(Debug, Serialize)]
pub(crate) struct Target {
    /// What.
    pub(crate) what: &'static str,
    /// The bound, in words.
    pub(crate) wanted: &'static str,
    /// What was measured; none where this run did not measure it.
    pub(crate) measured: Option<f64>,
    /// Whether it was met; none where it was not measured, or where the target is not meant for such a machine.
    pub(crate) met: Option<bool>,
}

#[derive(Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn of(what: &'static str, wanted: &'static str, bound: Bound, measured: Option<f64>) -> Self {
        let met = measured.map(|measured| match bound {
            Bound::AtLeast(least) => measured >= least,
            Bound::AtMost(most) => measured <= most,
        });
        Self { what, wanted, measured, met }
    }

    /// The same, but judged only under a condition.
    fn only_if(mut self, condition: bool) -> Self {
        self.met = self.met.filter(|_| condition);
        self
    }
}

/// All targets, with what the run says about them.
pub(crate) fn judge(rows: &[Row], growth: &[Growth], push: Option<&Push>, syncs_per_s: f64) -> Vec<Target> {
    let mut targets = judge_sqlite(rows, growth, syncs_per_s);
    targets.extend(judge_push(push));
    targets.extend(judge_postgres(rows, growth));
    targets
}

fn on(growth: &[Growth], storage: Storage, at: u64) -> Option<&Point> {
    let growth = growth.iter().find(|growth| growth.storage == storage)?;
    growth.points.iter().find(|point| point.at == at)
}

fn kept(small: Option<&Point>, large: Option<&Point>, of: fn(&Point) -> &Load) -> Option<f64> {
    let (small, large) = (of(small?), of(large?));
    Some(large.events_per_s / small.events_per_s.max(1e-9))
}

fn slowest(point: Option<&Point>) -> Option<f64> {
    let reads = point?.reads.iter().filter(|read| ![REGISTERING, STATISTIC].contains(&read.of));
    reads.map(|read| read.p99_ms).reduce(f64::max)
}

fn p99_of(point: Option<&Point>, of: &str) -> Option<f64> {
    point?.reads.iter().find(|read| read.of == of).map(|read| read.p99_ms)
}

fn judge_sqlite(rows: &[Row], growth: &[Growth], syncs_per_s: f64) -> Vec<Target> {
    use Bound::{AtLeast, AtMost};
    let row = |connections| {
        let row = rows.iter().find(|row| row.connections == connections)?;
        Some((row, row.on(Storage::Sqlite)?))
    };
    let (busy, few) = (row(256), row(16));
    let stored = rows.iter().filter_map(|row| row.on(Storage::Sqlite));
    let peak = stored.flat_map(|stored| [stored.single.peak_mib, stored.batch.peak_mib]).reduce(f64::max);
    let (small, large) = (on(growth, Storage::Sqlite, SMALL), on(growth, Storage::Sqlite, LARGE));
    vec![
        Target::of(
            "(b)/(a) at 256 connections",
            "≥ 0.22 (aim 0.35)",
            AtLeast(0.22),
            busy.map(|(row, stored)| row.single_to_limit(stored)),
        ),
        Target::of(
            "p99 of (b) at 256 connections, ms",
            "≤ 30, if 500 syncs/s",
            AtMost(30.0),
            busy.map(|(_, stored)| stored.single.p99_ms),
        )
        .only_if(syncs_per_s >= FAST_DISK),
        Target::of(
            "CPU per event of (b) at 16 connections, µs",
            "≤ 45",
            AtMost(45.0),
            few.map(|(_, stored)| stored.single.cpu_us_per_event),
        ),
        Target::of(
            "(c)/(b) in events at 256 connections",
            "≥ 1.8 (aim 2.5)",
            AtLeast(1.8),
            busy.map(|(_, stored)| stored.batch_to_single()),
        ),
        Target::of(
            "rate of (b) at 5 M events / at 100 k",
            "≥ 0.8",
            AtLeast(0.8),
            kept(small, large, |point| &point.single.load),
        ),
        Target::of(
            "rate of (c) at 5 M events / at 100 k",
            "≥ 0.8",
            AtLeast(0.8),
            kept(small, large, |point| &point.batch.load),
        ),
        Target::of("peak memory under load, small store, MiB", "≤ 128", AtMost(128.0), peak),
        Target::of(
            "peak memory at 5 M events, MiB",
            "≤ 256",
            AtMost(256.0),
            large.map(|point| point.peak_mib),
        ),
        Target::of("slowest read at 5 M events, p99, ms", "≤ 5", AtMost(5.0), slowest(large)),
        Target::of(
            "registering 10 000 at 5 M events, ms",
            "≤ 1000",
            AtMost(1000.0),
            p99_of(large, REGISTERING),
        ),
        Target::of(
            "30 days of statistics at 5 M events, p99, ms",
            "≤ 50",
            AtMost(50.0),
            p99_of(large, STATISTIC),
        ),
    ]
}

fn judge_push(push: Option<&Push>) -> [Target; 2] {
    use Bound::{AtLeast, AtMost};
    [
        Target::of(
            "delay of a push at 1000 events/s, p99, ms",
            "≤ 50",
            AtMost(50.0),
            push.map(|push| push.p99_ms),
        ),
        Target::of(
            "share of half the limit that comes in beside pushing",
            "≥ 0.85",
            AtLeast(0.85),
            push.map(|push| push.kept),
        ),
    ]
}

fn judge_postgres(rows: &[Row], growth: &[Growth]) -> Vec<Target> {
    use Bound::{AtLeast, AtMost};
    let busy = rows.iter().find(|row| row.connections == 256);
    let both = busy.and_then(|row| row.on(Storage::Sqlite).zip(row.on(Storage::Postgres)));
    let (small, large) = (on(growth, Storage::Postgres, SMALL), on(growth, Storage::Postgres, LARGE));
    vec![
        Target::of(
            "PostgreSQL: rate of (b) at 256 connections / that of SQLite",
            "≥ 0.8",
            AtLeast(0.8),
            both.map(|(sqlite, postgres)| {
                postgres.single.requests_per_s / sqlite.single.requests_per_s.max(1e-9)
            }),
        ),
        Target::of(
            "PostgreSQL: rate of (b) at 5 M events / at 100 k",
            "≥ 0.8",
            AtLeast(0.8),
            kept(small, large, |point| &point.single.load),
        ),
        Target::of(
            "PostgreSQL: rate of (c) at 5 M events / at 100 k",
            "≥ 0.8",
            AtLeast(0.8),
            kept(small, large, |point| &point.batch.load),
        ),
        Target::of("PostgreSQL: slowest read at 5 M events, p99, ms", "≤ 10", AtMost(10.0), slowest(large)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let targets = judge(&[], &[], None, 1000.0);
        assert_eq!(targets.len(), 17);
        assert!(targets.iter().all(|target| target.met.is_none()));
    }

    #[test]
    fn bounds_are_inclusive() {
        let met = |bound, measured| Target::of("x", "y", bound, Some(measured)).met;
        assert_eq!([met(Bound::AtLeast(0.8), 0.8), met(Bound::AtMost(5.0), 5.0)], [Some(true); 2]);
        assert_eq!([met(Bound::AtLeast(0.8), 0.79), met(Bound::AtMost(5.0), 5.01)], [Some(false); 2]);
    }
}
