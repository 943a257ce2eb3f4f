//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::{baseline, pin, run};

/// Measures Hearback beside an HTTP handler that does nothing: rates, latencies, CPU and memory, on a small store and on
/// a growing one.
#[derive(Debug, Parser)]
#[command(name = "hearback-bench", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    measure: Measure,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the handler that Hearback is compared with; the benchmark starts this itself
    #[command(hide = true)]
    Baseline {
        /// The port on 127.0.0.1
        port: u16,
    },
}

/// What to measure.
#[derive(Clone, Debug, Args)]
pub(crate) struct Measure {
    /// Seconds per measurement
    #[arg(long, default_value_t = 5.0, value_name = "S")]
    seconds: f64,
    /// Connections, one row per number
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256", value_name = "LIST")]
    connections: Vec<usize>,
    /// Points of growth, in stored events; 0 for none
    #[arg(long, value_delimiter = ',', default_value = "100000,1000000,5000000", value_name = "LIST")]
    events: Vec<u64>,
    /// Events that are sent at each point of growth to measure the rate; the newest indexes go to disk every 65536
    #[arg(long, default_value_t = 300_000, value_name = "N")]
    window: u64,
    /// Questions of each kind at each point of growth
    #[arg(long, default_value_t = 400, value_name = "N")]
    samples: usize,
    /// How long, at the largest store, questions are asked once more that a virtual machine's host disturbed
    #[arg(long, default_value_t = 120, value_name = "S")]
    patience: u64,
    /// Where events are stored, one set of figures per database
    #[arg(long, value_delimiter = ',', default_value = "sqlite", value_name = "LIST")]
    storage: Vec<Storage>,
    /// Do not measure pushing to a receiver
    #[arg(long)]
    no_push: bool,
    /// Measurements per row, of which the median is shown
    #[arg(long, default_value_t = 1, value_name = "N")]
    repeat: usize,
    /// A second's worth of everything: shows that it works, measures nothing
    #[arg(long)]
    quick: bool,
    /// Do not touch free memory before the store grows
    #[arg(long)]
    no_touch: bool,
    /// The server [default: `hearback` beside this program]
    #[arg(long, value_name = "FILE")]
    hearback: Option<PathBuf>,
    /// Where the stores are made, and removed afterwards [default: the folder for temporary files]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Leave the stores where they were made, to look into them
    #[arg(long)]
    keep: bool,
    /// Write all figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write what is printed, ready for BENCHMARKS.md
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Give up after so many seconds
    #[arg(long, default_value_t = 3600, value_name = "S")]
    time_limit: u64,
}

/// A database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Storage {
    /// A SQLite file.
    Sqlite,
    /// A PostgreSQL server, which shares the server's core.
    Postgres,
}

impl Storage {
    /// Its name as people write it.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// What to measure, checked.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Length of one measurement.
    pub(crate) length: Duration,
    /// Length of what is sent before it.
    pub(crate) warm_up: Duration,
    /// Connections.
    pub(crate) connections: Vec<usize>,
    /// Points of growth, ascending.
    pub(crate) points: Vec<u64>,
    /// Events per window at a point of growth.
    pub(crate) window: u64,
    /// Questions of each kind.
    pub(crate) samples: usize,
    /// How long questions to the largest store are asked once more because they were disturbed, over all kinds together.
    pub(crate) patience: Duration,
    /// Measurements per row.
    pub(crate) repeat: usize,
    /// Databases.
    pub(crate) storage: Vec<Storage>,
    /// Whether free memory is touched before growth.
    pub(crate) touch: bool,
    /// Whether pushing is measured.
    pub(crate) push: bool,
    /// Whether the figures mean something.
    pub(crate) quick: bool,
    /// The server.
    pub(crate) hearback: PathBuf,
    /// Where stores are made.
    pub(crate) folder: PathBuf,
    /// Whether stores are left.
    pub(crate) keep: bool,
    /// Where JSON goes.
    pub(crate) json: Option<PathBuf>,
    /// Where Markdown goes.
    pub(crate) markdown: Option<PathBuf>,
    /// When to give up.
    pub(crate) time_limit: Duration,
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Some(Command::Baseline { port }) => baseline::serve(port),
            None => {
                let plan = self.measure.plan()?;
                run::all(&plan, pin::take_load_core()?)
            }
        }
    }
}

impl Measure {
    fn plan(self) -> anyhow::Result<Plan> {
        ensure!((0.05..=600.0).contains(&self.seconds), "--seconds must be between 0.05 and 600");
        ensure!(self.connections.iter().all(|n| (1..=1024).contains(n)), "--connections must be 1 to 1024");
        ensure!((1..=99).contains(&self.repeat), "--repeat must be between 1 and 99");
        ensure!(self.samples > 0 && self.window > 0, "--samples and --window must be greater than 0");
        let hearback = match self.hearback {
            Some(file) => file,
            None => std::env::current_exe()
                .context("cannot tell where this program is")?
                .with_file_name("hearback"),
        };
        ensure!(
            hearback.is_file(),
            "there is no server beside this program; build it first (./bench does), or name it with --hearback"
        );
        let mut points = self.events;
        points.retain(|point| *point > 0);
        points.sort_unstable();
        points.dedup();
        let mut plan = Plan {
            length: Duration::from_secs_f64(self.seconds),
            warm_up: Duration::from_secs_f64((self.seconds / 3.0).clamp(1.0, 5.0)),
            connections: self.connections,
            points,
            window: self.window,
            samples: self.samples,
            patience: Duration::from_secs(self.patience),
            repeat: self.repeat,
            storage: self.storage,
            touch: !self.no_touch,
            push: !self.no_push,
            quick: self.quick,
            hearback,
            folder: self.folder.unwrap_or_else(std::env::temp_dir),
            json: self.json,
            markdown: self.markdown,
            keep: self.keep,
            time_limit: Duration::from_secs(self.time_limit),
        };
        if plan.quick {
            plan.length = Duration::from_millis(50);
            plan.warm_up = Duration::from_millis(50);
            plan.connections = vec![1, 16];
            plan.points = vec![4000, 8000];
            plan.window = 1000;
            plan.samples = 5;
            plan.patience = Duration::ZERO;
            plan.repeat = 1;
            plan.touch = false;
        }
        Ok(plan)
    }
}
