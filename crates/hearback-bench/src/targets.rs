//! What the project promised itself, and whether it was met.

use serde::Serialize;

use crate::cli::Storage;
use crate::figures::{Growth, Point, Read, Row, UNSTEADY, Window, Windows};
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

/// What a large store keeps of a small one's rate: of the mean of the two that were measured before and after it, so that it
/// does not matter if the machine becomes slower or faster in the course of the run.
fn kept(growth: &[Growth], storage: Storage, of: fn(&Windows) -> &Window) -> Option<f64> {
    let rate = |windows| of(windows).load.events_per_own_second();
    let small = rate(&on(growth, storage, SMALL)?.windows);
    let large = rate(&on(growth, storage, LARGE)?.windows);
    let control = growth.iter().find(|growth| growth.storage == storage)?.control.as_ref();
    Some(large / f64::midpoint(small, control.map_or(small, rate)).max(1e-9))
}

/// The slowest of the kinds of questions that are meant. A question that waits for the host says nothing of the store: met only
/// where the cores were there for all of them, missed where they were there for one that is too slow.
fn slowest(
    what: &'static str,
    wanted: &'static str,
    most: f64,
    point: Option<&Point>,
    is_meant: fn(&str) -> bool,
) -> Target {
    let meant = || point.into_iter().flat_map(|point| &point.reads).filter(|read| is_meant(read.of));
    let measured = meant().map(|read| read.p99_ms).reduce(f64::max);
    let is_steady = |read: &Read| read.stolen <= UNSTEADY;
    let is_known = meant().all(is_steady) || meant().any(|read| is_steady(read) && read.p99_ms > most);
    Target::of(what, wanted, Bound::AtMost(most), measured).only_if(is_known)
}

fn is_usual(of: &str) -> bool {
    ![REGISTERING, STATISTIC].contains(&of)
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
    let large = on(growth, Storage::Sqlite, LARGE);
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
        .only_if(
            syncs_per_s >= FAST_DISK && busy.is_some_and(|(_, stored)| stored.single.stolen <= UNSTEADY),
        ),
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
            kept(growth, Storage::Sqlite, |windows| &windows.single),
        ),
        Target::of(
            "rate of (c) at 5 M events / at 100 k",
            "≥ 0.8",
            AtLeast(0.8),
            kept(growth, Storage::Sqlite, |windows| &windows.batch),
        ),
        Target::of("peak memory under load, small store, MiB", "≤ 128", AtMost(128.0), peak),
        Target::of(
            "peak memory at 5 M events, MiB",
            "≤ 256",
            AtMost(256.0),
            large.map(|point| point.peak_mib),
        ),
        slowest("slowest read at 5 M events, p99, ms", "≤ 5", 5.0, large, is_usual),
        slowest("registering 10 000 at 5 M events, ms", "≤ 1000", 1000.0, large, |of| of == REGISTERING),
        slowest("30 days of statistics at 5 M events, p99, ms", "≤ 50", 50.0, large, |of| of == STATISTIC),
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
    use Bound::AtLeast;
    let busy = rows.iter().find(|row| row.connections == 256);
    let both = busy.and_then(|row| row.on(Storage::Sqlite).zip(row.on(Storage::Postgres)));
    let large = on(growth, Storage::Postgres, LARGE);
    vec![
        Target::of(
            "PostgreSQL: rate of (b) at 256 connections / that of SQLite",
            "≥ 0.8",
            AtLeast(0.8),
            both.map(|(sqlite, postgres)| {
                postgres.single.events_per_own_second() / sqlite.single.events_per_own_second().max(1e-9)
            }),
        ),
        Target::of(
            "PostgreSQL: rate of (b) at 5 M events / at 100 k",
            "≥ 0.8",
            AtLeast(0.8),
            kept(growth, Storage::Postgres, |windows| &windows.single),
        ),
        Target::of(
            "PostgreSQL: rate of (c) at 5 M events / at 100 k",
            "≥ 0.8",
            AtLeast(0.8),
            kept(growth, Storage::Postgres, |windows| &windows.batch),
        ),
        slowest("PostgreSQL: slowest read at 5 M events, p99, ms", "≤ 10", 10.0, large, is_usual),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::figures::{Load, Raw};
    use crate::procfs::Memory;

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let targets = judge(&[], &[], None, 1000.0);
        assert_eq!(targets.len(), 17);
        assert!(targets.iter().all(|target| target.met.is_none()));
    }

    fn windows(events_in_a_second: usize, stolen: Duration) -> Windows {
        let window = || {
            let load = Load::from(Raw {
                elapsed: Duration::from_secs(1),
                latencies: vec![1_000_000; events_in_a_second],
                refused: 0,
                events_each: 1,
                server_cpu: Duration::ZERO,
                stolen,
                load_cpu: Duration::ZERO,
                memory: Memory { now: 0, peak: 0 },
            });
            Window { from: 0, to: 0, load }
        };
        Windows { single: window(), batch: window() }
    }

    fn point(at: u64, windows: Windows) -> Point {
        Point {
            at,
            fill_events_per_s: 0.0,
            fill_cpu_us_per_event: 0.0,
            windows,
            reads: vec![Read { of: "an event", p50_ms: 1.0, p99_ms: 20.0, mean_bytes: 1, stolen: 0.1 }],
            stored: at,
            database_mib: 1.0,
            memory_mib: 1.0,
            peak_mib: 1.0,
        }
    }

    #[test]
    fn neighbours_on_the_machine_are_not_growth_of_the_store() {
        let half = Duration::from_millis(500);
        let growth = [Growth {
            storage: Storage::Sqlite,
            points: vec![point(SMALL, windows(2000, Duration::ZERO)), point(LARGE, windows(600, half))],
            control: Some(windows(1000, Duration::ZERO)),
            check: Ok(1.0),
        }];
        let targets = judge(&[], &growth, None, 1000.0);
        let of = |what: &str| targets.iter().find(|target| target.what == what).map(|t| (t.measured, t.met));
        assert_eq!(of("rate of (b) at 5 M events / at 100 k"), Some((Some(1200.0 / 1500.0), Some(true))));
        assert_eq!(of("slowest read at 5 M events, p99, ms"), Some((Some(20.0), None)));
    }

    #[test]
    fn what_waited_for_the_host_is_not_held_against_the_store() {
        let judged = |reads: &[(f64, f64)]| {
            let read =
                |&(p99_ms, stolen): &(f64, f64)| Read { of: "x", p50_ms: 1.0, p99_ms, mean_bytes: 1, stolen };
            let mut point = point(LARGE, windows(1, Duration::ZERO));
            point.reads = reads.iter().map(read).collect();
            slowest("x", "y", 5.0, Some(&point), is_usual).met
        };
        assert_eq!(judged(&[(4.0, 0.0), (5.0, UNSTEADY)]), Some(true));
        assert_eq!(judged(&[(4.0, 0.0), (6.0, 0.3)]), None);
        assert_eq!(judged(&[(4.0, 0.0), (4.0, 0.3)]), None);
        assert_eq!(judged(&[(6.0, 0.0), (4.0, 0.3)]), Some(false));
    }

    #[test]
    fn bounds_are_inclusive() {
        let met = |bound, measured| Target::of("x", "y", bound, Some(measured)).met;
        assert_eq!([met(Bound::AtLeast(0.8), 0.8), met(Bound::AtMost(5.0), 5.0)], [Some(true); 2]);
        assert_eq!([met(Bound::AtLeast(0.8), 0.79), met(Bound::AtMost(5.0), 5.01)], [Some(false); 2]);
    }
}
