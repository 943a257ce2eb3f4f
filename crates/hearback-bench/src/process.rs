//! Servers: started on their core, in folders of their own, and ended with the value that stands for them.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::cli::{Plan, Storage};
use crate::cluster::Cluster;
use crate::pin::ServerCore;
use crate::procfs::{self, Memory};
use crate::traffic::Signer;
use crate::wire::{self, Connection};

const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(10);

/// A server that runs. Dropping it ends the process and removes its folder.
pub(crate) struct Process {
    child: Child,
    core: ServerCore,
    port: u16,
    home: TempDir,
}

impl Process {
    /// The handler that Hearback is compared with.
    pub(crate) async fn baseline(plan: &Plan, core: ServerCore) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell where this program is")?;
        let port = free_port()?;
        let mut command = core.command(&program);
        command.arg("baseline").arg(port.to_string());
        Self::start(command, core, port, home(plan)?).await
    }

    async fn start(mut command: Command, core: ServerCore, port: u16, home: TempDir) -> anyhow::Result<Self> {
        let log = File::create(home.path().join(LOG)).context("cannot make the log")?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).current_dir(home.path());
        let child = clean(&mut command).spawn().context("cannot start the server")?;
        let mut process = Self { child, core, port, home };
        process.wait_until_ready().await?;
        Ok(process)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at once ({status}): {}", self.last_words());
            }
            if let Ok(mut connection) = Connection::open(self.port).await
                && matches!(connection.ask(&wire::get("/readyz", None)).await, Ok((200, _)))
            {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the server does not get ready: {}", self.last_words());
            tokio::time::sleep(POLL).await;
        }
    }

    /// The core that it runs on.
    pub(crate) const fn core(&self) -> ServerCore {
        self.core
    }

    /// The port on 127.0.0.1.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// User and system time so far.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        procfs::cpu_time(self.child.id()).with_context(|| format!("the server ended: {}", self.last_words()))
    }

    /// Resident memory.
    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        procfs::memory(self.child.id())
    }

    /// Asks the process to end, and waits for it.
    async fn stop(&mut self) -> anyhow::Result<()> {
        let pid = self.child.id().to_string();
        let asked = Command::new("sh").args(["-c", r#"kill -TERM "$1""#, "sh", &pid]).status()?;
        ensure!(asked.success(), "cannot ask the server to stop");
        let deadline = Instant::now() + STOP_LIMIT;
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < deadline, "the server does not stop");
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        last_lines(&fs::read_to_string(self.home.path().join(LOG)).unwrap_or_default())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const LOG: &str = "log.txt";

/// What Hearback counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters {
    /// Events that it has ever stored, its own among them.
    pub(crate) stored: u64,
    /// Events that providers told of since it started, each counted once.
    pub(crate) received: u64,
    /// Transactions since it started.
    pub(crate) commits: u64,
    /// Size of the database.
    pub(crate) database_bytes: u64,
}

/// Hearback itself.
pub(crate) struct Hearback {
    process: Process,
    program: PathBuf,
    token: String,
    /// Its database server, where it has one; ended after it.
    cluster: Option<Cluster>,
}

impl Hearback {
    /// Starts it with an empty store, and `more` in its configuration.
    pub(crate) async fn start(
        plan: &Plan,
        core: ServerCore,
        signer: &Signer,
        storage: Storage,
        more: &str,
    ) -> anyhow::Result<Self> {
        let (home, port) = (home(plan)?, free_port()?);
        let cluster = match storage {
            Storage::Sqlite => None,
            Storage::Postgres => Some(Cluster::start(&plan.folder, core)?),
        };
        let url = cluster.as_ref().map_or("sqlite:hearback.db", Cluster::url);
        let head = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\nworkers = 1\n\n[storage]\nurl = \"{url}\"\n\n[log]\nlevel = \"warn\"\n"
        );
        fs::write(home.path().join("hearback.toml"), head + signer.config() + more)
            .context("cannot write hearback.toml")?;
        let create = ["token", "create", "--name", "bench", "--scope", "admin", "--json"];
        let printed = output(command(&plan.hearback, core, home.path()).args(create))?;
        let printed: Value = serde_json::from_str(&printed).context("`token create` printed no JSON")?;
        let token =
            printed.get("token").and_then(Value::as_str).context("`token create` printed no token")?;
        let token = token.to_owned();
        let mut serve = command(&plan.hearback, core, home.path());
        serve.arg("serve");
        let process = Process::start(serve, core, port, home).await?;
        Ok(Self { process, program: plan.hearback.clone(), token, cluster })
    }

    /// The process.
    pub(crate) const fn process(&self) -> &Process {
        &self.process
    }

    /// A token that may do everything.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Makes its database server like one that has run for a while.
    pub(crate) fn break_in(&self) -> anyhow::Result<()> {
        self.cluster.as_ref().map_or(Ok(()), Cluster::break_in)
    }

    /// User and system time of its database server so far.
    pub(crate) fn database_cpu_time(&self) -> anyhow::Result<Duration> {
        self.cluster.as_ref().map_or(Ok(Duration::ZERO), Cluster::cpu_time)
    }

    /// Its counters.
    pub(crate) async fn counters(&self) -> anyhow::Result<Counters> {
        let mut connection = Connection::open(self.process.port).await?;
        let (status, body) = connection.ask(&wire::get("/metrics", None)).await?;
        ensure!(status == 200, "/metrics answers {status}");
        let text = String::from_utf8_lossy(body);
        let value = |name: &str| {
            let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            values.next().and_then(|value| value.trim().parse::<f64>().ok())
        };
        let by_source = |name: &str| {
            let of_one = |line: &str| {
                line.strip_prefix(name)?.strip_prefix('{')?.rsplit(' ').next()?.parse::<u64>().ok()
            };
            text.lines().filter_map(of_one).sum::<u64>()
        };
        let received = by_source("hearback_events_total") - by_source("hearback_duplicate_events_total");
        let stored =
            value("hearback_last_position").context("/metrics does not tell hearback_last_position")?;
        // The histogram appears with the first commit.
        let commits = value("hearback_commit_batch_size_count").unwrap_or_default();
        let gauge = |name| value(name).unwrap_or_default() as u64;
        let database_bytes = gauge("hearback_database_bytes") + gauge("hearback_wal_bytes");
        Ok(Counters { stored: stored as u64, received, commits: commits as u64, database_bytes })
    }

    /// How many events it has ever stored.
    pub(crate) async fn stored(&self) -> anyhow::Result<u64> {
        Ok(self.counters().await?.stored)
    }

    /// Stops the server; its store stays.
    pub(crate) async fn stop(mut self) -> anyhow::Result<Stopped> {
        self.process.stop().await?;
        Ok(Stopped(self))
    }
}

/// Hearback that was stopped. Dropping it removes the store.
pub(crate) struct Stopped(Hearback);

impl Stopped {
    /// Has `rebuild --check` prove that everything agrees with the events. How long that took.
    pub(crate) fn check(self) -> anyhow::Result<Duration> {
        let Hearback { process, program, .. } = &self.0;
        let begun = Instant::now();
        output(command(program, process.core, process.home.path()).args(["rebuild", "--check"]))?;
        Ok(begun.elapsed())
    }
}

/// A command of Hearback on the store in this folder.
fn command(program: &Path, core: ServerCore, home: &Path) -> Command {
    let mut command = core.command(program);
    command.current_dir(home).arg("--config").arg("hearback.toml").arg("--data").arg("data");
    clean(&mut command);
    command
}

/// Takes the environment away, in which keys and settings may be.
fn clean(command: &mut Command) -> &mut Command {
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
}

/// What a command prints, if it succeeds.
fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output().context("cannot run hearback")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "hearback failed ({}): {}", output.status, last_lines(&errors));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(8).collect();
    if lines.is_empty() {
        "it said nothing".to_owned()
    } else {
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

fn home(plan: &Plan) -> anyhow::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("hearback-bench-")
        .disable_cleanup(plan.keep)
        .tempdir_in(&plan.folder)
        .context("cannot make a folder")
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr())?.port())
}
