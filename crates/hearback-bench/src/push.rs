//! Pushing to one webhook receiver: how many, how late, and what it costs what comes in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::cases::Bench;
use crate::cli::Storage;
use crate::figures::percentile_ms;
use crate::load::measure_stored;
use crate::pool::Supply;
use crate::process::Hearback;
use crate::receiver::Receiver;
use crate::report::note;
use crate::wire::Connection;

/// Connections on which events come in.
const CONNECTIONS: usize = 16;
/// Events per second of the calm measurement.
const CALM: f64 = 1000.0;
/// Batches that are pushed as fast as possible.
const BURST: u64 = 200;
/// Nothing may take longer.
const PATIENCE: Duration = Duration::from_mins(3);

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Push {
    /// Events per second that one receiver got of a burst that was in the log already.
    pub(crate) burst_events_per_s: f64,
    /// Median time from when an event came in to when the receiver had it, at 1000 events/s.
    pub(crate) p50_ms: f64,
    /// 99 of 100 took no longer.
    pub(crate) p99_ms: f64,
    /// The most events per second that come in without any pushing, on as many connections.
    pub(crate) limit_per_s: f64,
    /// Events per second that came in when half of that was offered and pushing was under way.
    pub(crate) half_per_s: f64,
    /// The share of what was offered.
    pub(crate) kept: f64,
    /// Pushed per second meanwhile.
    pub(crate) pushed_per_s: f64,
}

impl Bench<'_> {
    /// Measures pushing, on an empty SQLite store.
    pub(crate) async fn push(&self) -> anyhow::Result<Push> {
        let receiver = Receiver::start().await?;
        let destination = receiver.destination();
        let alone = Hearback::start(self.plan, self.core, self.signer, Storage::Sqlite, "").await?;
        let supply = Supply::once(self.signer.singles(0..self.requests(60_000.0)));
        let limit = measure_stored(&alone, CONNECTIONS, supply, Some(self.plan.length)).await?.requests_per_s;
        drop(alone);

        let hearback =
            Hearback::start(self.plan, self.core, self.signer, Storage::Sqlite, &destination).await?;
        let calm = self.paced(&hearback, 0, CALM).await?;
        wait_for(&receiver, calm.sent).await?;
        let delays = receiver.take_delays().await;
        ensure!(!delays.is_empty(), "nothing was pushed");

        let from = self.requests(CALM);
        let (begun, before) = (Instant::now(), receiver.count());
        let half = self.paced(&hearback, from, limit / 2.0).await?;
        let pushed_per_s = (receiver.count() - before) as f64 / begun.elapsed().as_secs_f64();
        wait_for(&receiver, calm.sent + half.sent).await?;
        let burst_events_per_s = self.burst(&hearback, &receiver).await?;
        let push = Push {
            burst_events_per_s,
            p50_ms: percentile_ms(&delays, 50),
            p99_ms: percentile_ms(&delays, 99),
            limit_per_s: limit,
            half_per_s: half.per_s,
            kept: half.per_s / (limit / 2.0),
            pushed_per_s,
        };
        note(format_args!(
            "pushing: {burst_events_per_s:.0} events/s; p99 {:.1} ms at 1000/s; {:.0} of {:.0} events/s come in beside it",
            push.p99_ms,
            push.half_per_s,
            limit / 2.0
        ));
        Ok(push)
    }

    fn requests(&self, rate: f64) -> u64 {
        (rate * self.plan.length.as_secs_f64()) as u64 + 2 * CONNECTIONS as u64
    }

    /// Sends single events at a steady rate, whatever the answers take.
    async fn paced(&self, hearback: &Hearback, from: u64, rate: f64) -> anyhow::Result<Paced> {
        let supply = Arc::new(Supply::once(self.signer.singles(from..from + self.requests(rate))));
        let mut workers = JoinSet::new();
        let begun = Instant::now();
        let until = begun + self.plan.length;
        for _ in 0..CONNECTIONS {
            let mut connection = Connection::open(hearback.process().port()).await?;
            let supply = Arc::clone(&supply);
            let mut tick = tokio::time::interval(Duration::from_secs_f64(CONNECTIONS as f64 / rate));
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            workers.spawn(async move {
                let mut sent = 0;
                loop {
                    tick.tick().await;
                    if Instant::now() >= until {
                        return anyhow::Ok(sent);
                    }
                    let Some(request) = supply.take() else { return Ok(sent) };
                    let (status, _) = connection.ask(request).await?;
                    ensure!((200..300).contains(&status), "an event was answered {status}");
                    sent += 1;
                }
            });
        }
        let mut sent = 0;
        while let Some(done) = workers.join_next().await {
            sent += done.context("a connection's task failed")??;
        }
        Ok(Paced { sent, per_s: sent as f64 / begun.elapsed().as_secs_f64() })
    }

    /// Brings batches in as fast as they come, and tells how fast the receiver has them: they come in much faster.
    async fn burst(&self, hearback: &Hearback, receiver: &Receiver) -> anyhow::Result<f64> {
        let batches = if self.plan.quick { 5 } else { BURST };
        let before = receiver.count();
        let begun = Instant::now();
        let supply = Supply::once(self.signer.batches(0..batches));
        let load = measure_stored(hearback, CONNECTIONS, supply, None).await?;
        wait_for(receiver, before + load.events).await?;
        Ok(load.events as f64 / begun.elapsed().as_secs_f64())
    }
}

struct Paced {
    sent: u64,
    per_s: f64,
}

/// Waits until the receiver has so many events at least.
async fn wait_for(receiver: &Receiver, count: u64) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while receiver.count() < count {
        ensure!(Instant::now() < deadline, "only {} of {count} events were pushed", receiver.count());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
