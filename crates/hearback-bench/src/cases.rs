//! The three cases on a small store: (a) a handler that does nothing, (b) single events, (c) batches.

use std::time::Duration;

use crate::cli::{Plan, Storage};
use crate::figures::{Load, Row, Stored};
use crate::load::{measure, measure_stored};
use crate::pin::ServerCore;
use crate::pool::{Pool, Supply};
use crate::process::{Hearback, Process};
use crate::report::note;
use crate::traffic::{BATCH, Signer};

/// Requests that the handler gets, again and again: it does not look at them.
const SAME_REQUESTS: u64 = 4000;
/// Requests for the time before the measurement, per second of it.
const WARM_UP_RATE: f64 = 60_000.0;
const WARM_UP_BATCH_RATE: f64 = 3000.0;
/// So many more requests are made than the warm-up's rate would use up.
const RESERVE: f64 = 1.6;

/// What is needed for measuring.
pub(crate) struct Bench<'a> {
    /// What to measure.
    pub(crate) plan: &'a Plan,
    /// Where servers run.
    pub(crate) core: ServerCore,
    /// Who signs.
    pub(crate) signer: &'a Signer,
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Single,
    Batch,
}

impl Bench<'_> {
    /// All cases at one number of connections, one after the other, so that a slow minute of the machine meets them all.
    pub(crate) async fn row(&self, connections: usize) -> anyhow::Result<Row> {
        let mut limits = Vec::new();
        let mut loads: Vec<(Vec<Load>, Vec<Load>)> =
            self.plan.storage.iter().map(|_| Default::default()).collect();
        for _ in 0..self.plan.repeat {
            limits.push(self.limit(connections).await?);
            for (storage, (singles, batches)) in self.plan.storage.iter().zip(&mut loads) {
                singles.push(self.hearback(*storage, connections, Shape::Single).await?);
                batches.push(self.hearback(*storage, connections, Shape::Batch).await?);
            }
        }
        let limit = median(limits)?;
        note(format_args!("{connections} connections: (a) {:.0} requests/s", limit.requests_per_s));
        let mut stored = Vec::new();
        for (storage, (singles, batches)) in self.plan.storage.iter().copied().zip(loads) {
            let (single, batch) = (median(singles)?, median(batches)?);
            let (requests, events) = (single.requests_per_s, batch.events_per_s);
            note(format_args!(
                "  {}: (b) {requests:.0} requests/s, (c) {events:.0} events/s",
                storage.title()
            ));
            stored.push(Stored { storage, single, batch });
        }
        Ok(Row { connections, limit, stored })
    }

    async fn limit(&self, connections: usize) -> anyhow::Result<Load> {
        let server = Process::baseline(self.plan, self.core).await?;
        let supply = || Supply::again(self.signer.singles(0..SAME_REQUESTS));
        measure(&server, connections, supply(), Some(self.plan.warm_up)).await?;
        measure(&server, connections, supply(), Some(self.plan.length)).await
    }

    /// Hearback with an empty store. The warm-up also tells how many requests are to be signed for the measurement.
    async fn hearback(&self, storage: Storage, connections: usize, shape: Shape) -> anyhow::Result<Load> {
        let hearback = Hearback::start(self.plan, self.core, self.signer, storage, "").await?;
        let rate = if shape == Shape::Single { WARM_UP_RATE } else { WARM_UP_BATCH_RATE };
        let first = wanted(rate, self.plan.warm_up, connections);
        let warm_up = Supply::once(self.pool(shape, 0, first));
        let warm = measure_stored(&hearback, connections, warm_up, Some(self.plan.warm_up)).await?;
        let more = wanted(warm.requests_per_s * RESERVE, self.plan.length, connections);
        let supply = Supply::once(self.pool(shape, first, more));
        measure_stored(&hearback, connections, supply, Some(self.plan.length)).await
    }

    fn pool(&self, shape: Shape, from: u64, count: u64) -> Pool {
        match shape {
            Shape::Single => self.signer.singles(from..from + count),
            Shape::Batch => self.signer.batches(from..from + count),
        }
    }

    /// Mean sizes of a single event and of a batch in bytes, heads included.
    pub(crate) fn request_bytes(&self) -> (u64, u64) {
        (self.signer.singles(0..4 * BATCH).mean_bytes(), self.signer.batches(0..4).mean_bytes())
    }
}

fn wanted(rate: f64, length: Duration, connections: usize) -> u64 {
    (rate * length.as_secs_f64()) as u64 + 2 * connections as u64
}

/// The measurement whose rate is the middle one, as a whole: its figures belong together. The rate is that of the time that the host
/// left, so that a neighbour does not choose.
fn median(mut loads: Vec<Load>) -> anyhow::Result<Load> {
    loads.sort_by(|a, b| a.events_per_own_second().total_cmp(&b.events_per_own_second()));
    let middle = loads.len() / 2;
    anyhow::ensure!(middle < loads.len(), "nothing was measured");
    Ok(loads.swap_remove(middle))
}
