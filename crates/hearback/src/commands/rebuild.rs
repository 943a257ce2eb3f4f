//! `hearback rebuild`: computes everything that follows from the events anew.

use clap::Args;
use hearback_store::{LogStore, RebuildReport, Store};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Global;
use crate::config::{self, QuarantineConfig};
use crate::exit::{CliError, Exit};
use crate::{output, runtime, wiring};

/// Arguments of `rebuild`.
#[derive(Debug, Default, Args)]
pub(crate) struct RebuildArgs {
    /// Only compare, change nothing; ends with 1 where anything differs
    #[arg(long)]
    check: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs `rebuild`.
pub(crate) fn run(args: &RebuildArgs, global: &Global) -> Result<Exit, CliError> {
    let storage = config::storage(global)?;
    let database = wiring::database(&storage, QuarantineConfig::default());
    if database.is_missing() {
        return Err(CliError::failed(format!("there is no database {database}"))
            .hint("`hearback serve` makes one; --data names another folder"));
    }
    let in_use = database.is_taken();
    if in_use && !args.check {
        return Err(CliError::failed(
            "a server is using the database, and what it keeps cannot be replaced under it",
        )
        .hint("stop the server first, or compare only, with --check"));
    }
    // Comparing changes nothing, so it can be done beside a server.
    let store = if args.check && in_use {
        wiring::open_store_beside(&database)
    } else {
        wiring::open_store(&database)
    }?;
    let report = runtime::block_on(rebuild(&store, args))?;
    if args.json {
        output::json(&report)?;
    } else {
        print(&report, args.check);
    }
    Ok(if args.check && report.different > 0 { Exit::No } else { Exit::Ok })
}

async fn rebuild(store: &LogStore, args: &RebuildArgs) -> Result<RebuildReport, CliError> {
    // indicatif draws on standard error, and only where that is a terminal.
    let bar = if args.json { ProgressBar::hidden() } else { ProgressBar::new(0) };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} events, {eta} left") {
        bar.set_style(style);
    }
    let progress = bar.clone();
    let report = store
        .rebuild(
            args.check,
            Box::new(move |done, all| {
                progress.set_length(all);
                progress.set_position(done);
            }),
        )
        .await;
    bar.finish_and_clear();
    let report = report?;
    store.close().await?;
    Ok(report)
}

fn print(report: &RebuildReport, check: bool) {
    let done = if check { "compared" } else { "written" };
    output::line(format_args!("{} events read", report.events));
    // Rows are written once a period is full; until then there may be none.
    for (what, rows) in report.rows.iter().filter(|row| row.1 > 0) {
        output::line(format_args!("  {rows} {what} {done}"));
    }
    match report.different {
        0 => output::line("Everything was as the events say."),
        different => {
            let now = if check { "`hearback rebuild` without --check mends that" } else { "mended now" };
            output::line(format_args!("{different} rows differed; {now}:"));
            for difference in &report.differences {
                output::line(format_args!("  {difference}"));
            }
        }
    }
}
