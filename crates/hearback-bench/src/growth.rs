//! One store that grows through the real HTTP path, looked at when it holds certain numbers of events.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use crate::cli::{Plan, Storage};
use crate::figures::{Growth, Load, Point, Window, Windows, mib};
use crate::load::measure_stored;
use crate::pin::ServerCore;
use crate::pool::{Pool, Supply};
use crate::process::Hearback;
use crate::reads;
use crate::report::note;
use crate::traffic::{BATCH, Signer};

/// Connections for single events: where the rate is best.
const SINGLE_CONNECTIONS: usize = 256;
/// Connections for batches.
const BATCH_CONNECTIONS: usize = 64;
/// Batches that are made while as many are sent.
const ROUND: u64 = 1000;

/// Lets a store grow and measures at the points of the plan.
pub(crate) async fn measure(
    plan: &Plan,
    core: ServerCore,
    signer: &Arc<Signer>,
    storage: Storage,
) -> anyhow::Result<Growth> {
    let mut grower = Grower::start(plan, core, signer, storage).await?;
    let mut points = Vec::new();
    for at in &plan.points {
        let point = grower.point(*at, plan).await?;
        note(format_args!(
            "{}, {} events: (b) {:.0} events/s at {:.1} us, (c) {:.0} events/s at {:.1} us, {:.0} MiB resident",
            storage.title(),
            point.windows.single.from,
            point.windows.single.load.events_per_s,
            point.windows.single.load.cpu_us_per_event,
            point.windows.batch.load.events_per_s,
            point.windows.batch.load.cpu_us_per_event,
            point.memory_mib,
        ));
        points.push(point);
    }
    let large = grower.hearback.stop().await?;
    let control = match plan.points.as_slice() {
        [small, _, ..] => {
            let mut grower = Grower::start(plan, core, signer, storage).await?;
            grower.fill(*small).await?;
            let control = grower.windows(plan.window).await?;
            note(format_args!(
                "{}, a new store of {} events: (b) {:.0} events/s, (c) {:.0} events/s",
                storage.title(),
                control.single.from,
                control.single.load.events_per_s,
                control.batch.load.events_per_s,
            ));
            Some(control)
        }
        _ => None,
    };
    let check = large.check().map(|took| took.as_secs_f64()).map_err(|error| format!("{error:#}"));
    Ok(Growth { storage, points, control, check })
}

struct Grower {
    hearback: Hearback,
    signer: Arc<Signer>,
    /// Single events sent so far.
    singles: u64,
    /// Batches sent so far.
    batches: u64,
}

impl Grower {
    async fn start(
        plan: &Plan,
        core: ServerCore,
        signer: &Arc<Signer>,
        storage: Storage,
    ) -> anyhow::Result<Self> {
        let hearback = Hearback::start(plan, core, signer, storage, "").await?;
        if plan.touch {
            hearback.break_in()?;
        }
        Ok(Self { hearback, signer: Arc::clone(signer), singles: 0, batches: 0 })
    }

    async fn point(&mut self, at: u64, plan: &Plan) -> anyhow::Result<Point> {
        let filled = self.fill(at).await?;
        let windows = self.windows(plan.window).await?;
        let is_largest = plan.points.last() == Some(&at);
        let patience = if is_largest { plan.patience } else { Duration::ZERO };
        let reads =
            reads::measure(&self.hearback, &self.signer, self.batches, plan.samples, patience).await?;
        let memory = self.hearback.process().memory()?;
        Ok(Point {
            at,
            fill_events_per_s: filled.events_per_s,
            fill_cpu_us_per_event: filled.cpu_us_per_event,
            windows,
            reads,
            stored: self.hearback.stored().await?,
            database_mib: mib(self.hearback.counters().await?.database_bytes),
            memory_mib: mib(memory.now),
            peak_mib: mib(memory.peak),
        })
    }

    async fn windows(&mut self, events: u64) -> anyhow::Result<Windows> {
        let single = self.single_window(events).await?;
        let batch = self.batch_window(events).await?;
        Ok(Windows { single, batch })
    }

    async fn single_window(&mut self, events: u64) -> anyhow::Result<Window> {
        let pool = self.signer.singles(self.singles..self.singles + events);
        self.singles += events;
        self.window(SINGLE_CONNECTIONS, pool).await
    }

    async fn batch_window(&mut self, events: u64) -> anyhow::Result<Window> {
        let count = events.div_ceil(BATCH);
        let pool = self.signer.batches(self.batches..self.batches + count);
        self.batches += count;
        self.window(BATCH_CONNECTIONS, pool).await
    }

    /// Sends all of the pool. Nothing may be refused: what is asked for afterwards must be there.
    async fn window(&self, connections: usize, pool: Pool) -> anyhow::Result<Window> {
        let from = self.hearback.stored().await?;
        let load = measure_stored(&self.hearback, connections, Supply::once(pool), None).await?;
        anyhow::ensure!(load.refused == 0, "{} requests were refused", load.refused);
        Ok(Window { from, to: from + load.events, load })
    }

    /// Fills the store up to so many events.
    async fn fill(&mut self, to: u64) -> anyhow::Result<Filled> {
        let missing = to.saturating_sub(self.hearback.stored().await?).div_ceil(BATCH);
        let batches = self.batches..self.batches + missing;
        self.batches = batches.end;
        let pools = make_ahead(Arc::clone(&self.signer), batches);
        let mut filled = Sums::default();
        while let Ok(pool) = pools.recv() {
            filled.add(&self.window(BATCH_CONNECTIONS, pool).await?.load);
        }
        Ok(filled.mean())
    }
}

/// Makes the next round of batches on another thread while one is sent.
fn make_ahead(signer: Arc<Signer>, batches: Range<u64>) -> Receiver<Pool> {
    let (sender, receiver) = sync_channel(0);
    std::thread::spawn(move || {
        let mut next = batches.start;
        while next < batches.end {
            let end = batches.end.min(next + ROUND);
            if sender.send(signer.batches(next..end)).is_err() {
                return;
            }
            next = end;
        }
    });
    receiver
}

#[derive(Default)]
struct Sums {
    events: u64,
    seconds: f64,
    cpu_us: f64,
}

struct Filled {
    events_per_s: f64,
    cpu_us_per_event: f64,
}

impl Sums {
    fn add(&mut self, load: &Load) {
        self.events += load.events;
        self.seconds += load.seconds;
        self.cpu_us += load.cpu_us_per_event * load.events as f64;
    }

    fn mean(&self) -> Filled {
        let events = self.events as f64;
        Filled {
            events_per_s: events / self.seconds.max(1e-9),
            cpu_us_per_event: self.cpu_us / events.max(1.0),
        }
    }
}
