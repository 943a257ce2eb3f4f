//! Who runs on which core: the server on one, the load on another.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;

use crate::procfs;

/// Set in the copy of this program that runs on the load's core; names both cores.
const CHOSEN: &str = "HEARBACK_BENCH_CORES";

/// The core of the servers; none where there are not two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerCore(Option<usize>);

impl ServerCore {
    /// A command that runs the program on this core.
    pub(crate) fn command(self, program: &Path) -> Command {
        match self.0 {
            None => Command::new(program),
            Some(core) => {
                let mut command = Command::new("taskset");
                command.arg("--cpu-list").arg(core.to_string()).arg(program);
                command
            }
        }
    }

    /// Time that the machine below gave to others while somebody waited for this core; none where there are not two cores.
    pub(crate) fn stolen_time(self) -> anyhow::Result<Duration> {
        self.0.map_or(Ok(Duration::ZERO), procfs::stolen_time)
    }

    /// The same of the server's core and the load's together: an answer waits for one after the other.
    pub(crate) fn stolen_time_of_both(self) -> anyhow::Result<Duration> {
        match (self.0, procfs::allowed_cores()?.as_slice()) {
            (Some(_), [load]) => Ok(self.stolen_time()? + procfs::stolen_time(*load)?),
            _ => self.stolen_time(),
        }
    }

    /// How it is said in the report.
    pub(crate) const fn title(self) -> &'static str {
        match self.0 {
            Some(_) => "server on one core, load on another",
            None => "server and load on the SAME core: there is only one, so the figures are too low",
        }
    }
}

/// Moves this process to the load's core, by starting it anew under `taskset`, and says which core the servers get.
pub(crate) fn take_load_core() -> anyhow::Result<ServerCore> {
    if let Ok(chosen) = std::env::var(CHOSEN) {
        return Ok(ServerCore(chosen.parse().ok()));
    }
    let cores = procfs::allowed_cores()?;
    let (Some(server), Some(load)) = (cores.first(), cores.get(1)) else { return Ok(ServerCore(None)) };
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let mut command = Command::new("taskset");
    command.arg("--cpu-list").arg(load.to_string()).arg(program).args(std::env::args_os().skip(1));
    // Comes back only if it fails.
    let error = command.env(CHOSEN, server.to_string()).exec();
    Err(error).context("cannot start `taskset`, which is part of util-linux")
}
