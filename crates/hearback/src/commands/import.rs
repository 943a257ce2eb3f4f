//! `hearback import`: events of an export into the log, some at a time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::Value;

use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::{output, progress, runtime, show};

/// Lines, and bytes, that are handed over together.
const LINES_AT_ONCE: usize = 1000;
const BYTES_AT_ONCE: usize = 4 << 20;
/// A longer line is no event.
const LINE_BYTES_MAX: u64 = 2 << 20;
/// So many bad lines are told one by one.
const MOST_TOLD: usize = 20;

/// Arguments of `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// What `hearback export events` wrote (NDJSON); `-` reads standard input
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Default, Serialize)]
struct Report {
    new: u64,
    known: u64,
    bad: u64,
    /// The first of them, with their numbers.
    bad_lines: Vec<BadLine>,
}

#[derive(Debug, Serialize)]
struct BadLine {
    line: u64,
    problem: String,
}

/// Runs `import`.
pub(crate) fn run(args: &ImportArgs, global: &Global) -> Result<Exit, CliError> {
    let shown = args.file.display().to_string();
    let failed = |error: io::Error| CliError::failed(format!("cannot read {shown}: {error}"));
    let (input, length): (Box<dyn BufRead>, u64) = if shown == "-" {
        (Box::new(io::stdin().lock()), 0)
    } else {
        let file = File::open(&args.file).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        (Box::new(BufReader::new(file)), length)
    };
    let client = args.place.open_or_make(global)?;
    let bar = if args.json {
        ProgressBar::hidden()
    } else {
        progress::bar(length, "{bar:30} {percent}% read, {msg} events, {eta} left")
    };
    let report = runtime::block_on(async {
        let report = import(input, &client, &bar, &failed).await;
        client.close().await?;
        report
    });
    bar.finish_and_clear();
    let report = report?;
    if args.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(if report.bad > 0 { Exit::No } else { Exit::Ok })
}

async fn import(
    mut input: Box<dyn BufRead>,
    client: &Client,
    bar: &ProgressBar,
    failed: &impl Fn(io::Error) -> CliError,
) -> Result<Report, CliError> {
    let mut report = Report::default();
    let mut lines = Lines::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(failed)?;
        let ended = read == 0;
        if !ended {
            lines.read += 1;
            bar.inc(read as u64);
            if read as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") {
                report.bad(lines.read, format!("it is longer than {} MiB", LINE_BYTES_MAX >> 20));
                input.skip_until(b'\n').map_err(failed)?;
                line.clear();
            }
            lines.add(&line);
        }
        if ended || lines.are_enough() {
            lines.hand_over(client, &mut report).await?;
            bar.set_message((report.new + report.known).to_string());
        }
        if ended {
            return Ok(report);
        }
    }
}

/// Lines that wait to be handed over.
#[derive(Default)]
struct Lines {
    /// How many were read so far.
    read: u64,
    count: usize,
    body: Vec<u8>,
}

impl Lines {
    /// Every line has its place, so that the server counts as we do.
    fn add(&mut self, line: &[u8]) {
        self.count += 1;
        self.body.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
        self.body.push(b'\n');
    }

    const fn are_enough(&self) -> bool {
        self.count >= LINES_AT_ONCE || self.body.len() >= BYTES_AT_ONCE
    }

    async fn hand_over(&mut self, client: &Client, report: &mut Report) -> Result<(), CliError> {
        let before = self.read - self.count as u64;
        self.count = 0;
        let body = std::mem::take(&mut self.body);
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let answer = client.hand_over(&["v1", "import", "events"], body).await?;
        let answer = answer.ok_or_else(|| CliError::failed("the server does not know how to import"))?;
        report.new += show::number(&answer, "/new");
        report.known += show::number(&answer, "/known");
        for bad in show::list(&answer, "/bad") {
            report.bad(before + show::number(bad, "/line"), problem(bad));
        }
        Ok(())
    }
}

fn problem(bad: &Value) -> String {
    show::text(bad, "/problem")
}

impl Report {
    fn bad(&mut self, line: u64, problem: String) {
        self.bad += 1;
        if self.bad_lines.len() < MOST_TOLD {
            self.bad_lines.push(BadLine { line, problem });
        }
    }
}

fn print(report: &Report) {
    output::line(format_args!("{} new, {} known already", report.new, report.known));
    if report.bad == 0 {
        return;
    }
    output::line(format_args!("{} bad lines, which were left out:", report.bad));
    for bad in &report.bad_lines {
        output::line(format_args!("  line {}: {}", bad.line, bad.problem));
    }
    if report.bad > report.bad_lines.len() as u64 {
        output::line(format_args!("  and {} more", report.bad - report.bad_lines.len() as u64));
    }
}
