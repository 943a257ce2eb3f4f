//! The load: so many connections, each of which sends its next request when it has the answer to the last.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;

use crate::figures::{Load, Raw};
use crate::pool::Supply;
use crate::process::{Hearback, Process};
use crate::procfs;
use crate::wire::Connection;

/// A measurement that takes so much longer than it should has failed.
const PATIENCE: Duration = Duration::from_mins(20);

/// Loads the server until the time is over (if a length is given) or the supply used up, and measures.
pub(crate) async fn measure(
    server: &Process,
    connections: usize,
    supply: Supply,
    length: Option<Duration>,
) -> anyhow::Result<Load> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(server.port()).await.context("cannot connect to the server")?);
    }
    let events_each = supply.events_each();
    let supply = Arc::new(supply);
    let own = std::process::id();
    let core = server.core();
    let (server_before, load_before) = (server.cpu_time()?, procfs::cpu_time(own)?);
    let stolen_before = core.stolen_time()?;
    let begun = Instant::now();
    let until = length.map(|length| begun + length);
    let mut workers = JoinSet::new();
    for connection in open {
        workers.spawn(send(connection, Arc::clone(&supply), until));
    }
    let patience = length.unwrap_or_default() + PATIENCE;
    let all = async {
        let (mut latencies, mut refused) = (Vec::new(), 0);
        while let Some(done) = workers.join_next().await {
            let sent = done.context("a connection's task failed")??;
            latencies.extend(sent.latencies);
            refused += sent.refused;
        }
        anyhow::Ok((latencies, refused))
    };
    let (latencies, refused) = tokio::time::timeout(patience, all).await.context("the server hangs")??;
    let elapsed = begun.elapsed();
    let (server_after, load_after) = (server.cpu_time()?, procfs::cpu_time(own)?);
    Ok(Load::from(Raw {
        elapsed,
        latencies,
        refused,
        events_each,
        server_cpu: server_after.saturating_sub(server_before),
        stolen: core.stolen_time()?.saturating_sub(stolen_before),
        load_cpu: load_after.saturating_sub(load_before),
        memory: server.memory()?,
    }))
}

/// As [`measure`], on Hearback; afterwards it must have stored exactly what it accepted.
pub(crate) async fn measure_stored(
    hearback: &Hearback,
    connections: usize,
    supply: Supply,
    length: Option<Duration>,
) -> anyhow::Result<Load> {
    let events_each = supply.events_each();
    let before = hearback.counters().await?;
    let database_before = hearback.database_cpu_time()?;
    let mut load = measure(hearback.process(), connections, supply, length).await?;
    load.add_cpu(hearback.database_cpu_time()?.saturating_sub(database_before));
    let after = hearback.counters().await?;
    let (accepted, new) = (load.events, after.received - before.received);
    anyhow::ensure!(new == accepted, "{accepted} events were accepted, {new} were new");
    // Beside them Hearback writes alerts and notices of its own.
    let stored = after.stored - before.stored;
    anyhow::ensure!(stored >= accepted, "{accepted} events were accepted, {stored} are stored");
    let commits = after.commits.saturating_sub(before.commits).max(1);
    load.requests_per_commit = (load.events / events_each.max(1)) as f64 / commits as f64;
    Ok(load)
}

struct Sent {
    latencies: Vec<u64>,
    refused: u64,
}

async fn send(
    mut connection: Connection,
    supply: Arc<Supply>,
    until: Option<Instant>,
) -> anyhow::Result<Sent> {
    let mut sent = Sent { latencies: Vec::with_capacity(4096), refused: 0 };
    let mut begun = Instant::now();
    while until.is_none_or(|until| begun < until) {
        let Some(request) = supply.take() else { break };
        let (status, _) = connection.ask(request).await?;
        let answered = Instant::now();
        if (200..300).contains(&status) {
            sent.latencies.push((answered - begun).as_nanos() as u64);
        } else {
            sent.refused += 1;
        }
        begun = answered;
    }
    Ok(sent)
}
