//! The whole run, bounded in time.

use std::fs;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::cases::Bench;
use crate::cli::Plan;
use crate::figures::{Growth, Row};
use crate::growth;
use crate::machine::{self, Machine};
use crate::pin::ServerCore;
use crate::push::Push;
use crate::report::{self, note};
use crate::targets::{self, Target};
use crate::traffic::Signer;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// On what.
    pub(crate) machine: Machine,
    /// Whether the run was too short to mean anything.
    pub(crate) quick: bool,
    /// Seconds per measurement.
    pub(crate) seconds: f64,
    /// Measurements per row.
    pub(crate) repeat: usize,
    /// Mean bytes of a request with a single event.
    pub(crate) single_bytes: u64,
    /// Mean bytes of a request with a batch.
    pub(crate) batch_bytes: u64,
    /// By connections.
    pub(crate) rows: Vec<Row>,
    /// By stored events.
    pub(crate) growth: Vec<Growth>,
    /// Pushing to a receiver.
    pub(crate) push: Option<Push>,
    /// What was promised.
    pub(crate) targets: Vec<Target>,
}

/// Measures everything and prints it. On Ctrl-C, or after the time limit, the servers are ended and nothing is printed.
pub(crate) fn all(plan: &Plan, core: ServerCore) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        tokio::select! {
            report = tokio::time::timeout(plan.time_limit, measure(plan, core)) => {
                report.context("not finished within --time-limit")?
            }
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                bail!("interrupted");
            }
        }
    })?;
    let text = report::markdown(&report);
    report::print(&text)?;
    if let Some(file) = &plan.markdown {
        fs::write(file, &text).context("cannot write the Markdown")?;
    }
    if let Some(file) = &plan.json {
        fs::write(file, serde_json::to_string_pretty(&report)? + "\n").context("cannot write the JSON")?;
    }
    Ok(())
}

async fn measure(plan: &Plan, core: ServerCore) -> anyhow::Result<Report> {
    let signer = Arc::new(Signer::new()?);
    let machine = Machine::look(plan, core)?;
    note(format_args!("{}", machine.line()));
    let bench = Bench { plan, core, signer: &signer };
    let (single_bytes, batch_bytes) = bench.request_bytes();
    let mut rows = Vec::new();
    for connections in &plan.connections {
        rows.push(bench.row(*connections).await?);
    }
    let mut growth = Vec::new();
    if !plan.points.is_empty() {
        if plan.touch {
            let touched = machine::touch_memory()?;
            note(format_args!("touched {} MiB of memory", touched >> 20));
        }
        for storage in &plan.storage {
            growth.push(growth::measure(plan, core, &signer, *storage).await?);
        }
    }
    let push = if plan.push { Some(bench.push().await?) } else { None };
    let targets = targets::judge(&rows, &growth, push.as_ref(), machine.syncs_per_s);
    let seconds = plan.length.as_secs_f64();
    let (quick, repeat) = (plan.quick, plan.repeat);
    Ok(Report { machine, quick, seconds, repeat, single_bytes, batch_bytes, rows, growth, push, targets })
}
