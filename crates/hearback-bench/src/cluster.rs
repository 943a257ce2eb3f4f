//! A PostgreSQL server of the benchmark's own, on the servers' core.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::pin::ServerCore;
use crate::procfs;

/// What its settings let its write-ahead log and its buffers take up is used once: 4 GiB each.
const BREAK_IN: [&str; 6] = [
    "SELECT count(pg_logical_emit_message(false, '', repeat('x', 1 << 20))) FROM generate_series(1, 4096)",
    "CHECKPOINT",
    "CREATE UNLOGGED TABLE broken_in (page TEXT)",
    "ALTER TABLE broken_in ALTER COLUMN page SET STORAGE PLAIN",
    "INSERT INTO broken_in SELECT repeat('x', 8000) FROM generate_series(1, 1 << 19)",
    "DROP TABLE broken_in",
];

/// A server that waits for the disk at every commit, as a user's does.
pub(crate) struct Cluster {
    script: PathBuf,
    core: ServerCore,
    folder: TempDir,
    url: String,
    postmaster: u32,
}

impl Cluster {
    /// Makes and starts one.
    pub(crate) fn start(folder: &Path, core: ServerCore) -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/postgres");
        let folder = tempfile::Builder::new().prefix("hearback-pg-").tempdir_in(folder)?;
        // The database's own user must get in.
        let mut open = fs::metadata(folder.path())?.permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut open, 0o755);
        fs::set_permissions(folder.path(), open)?;
        let mut command = core.command(&script);
        command.arg("start").arg(folder.path());
        // A server that has run for a while recycles its write-ahead log; a new one would fill each file with zeros first.
        command.env(
            "POSTGRES_OPTIONS",
            "-c fsync=on -c min_wal_size=4GB -c max_wal_size=4GB -c shared_buffers=4GB -c wal_init_zero=off",
        );
        let output = command.output().context("cannot run scripts/postgres")?;
        ensure!(output.status.success(), "no PostgreSQL: {}", String::from_utf8_lossy(&output.stderr));
        // Through its socket: it is on the same machine.
        let port = fs::read_to_string(folder.path().join("port"))?;
        let url =
            format!("postgres://hearback@/postgres?host={}&port={}", folder.path().display(), port.trim());
        let pid = fs::read_to_string(folder.path().join("data/postmaster.pid"))?;
        let postmaster = pid.lines().next().and_then(|line| line.trim().parse().ok());
        let postmaster = postmaster.context("PostgreSQL does not tell its process")?;
        Ok(Self { script, core, folder, url, postmaster })
    }

    /// Makes it like one that has run for a while: it has the files of its write-ahead log, which it uses again and again, and
    /// has had something in all of its buffers. A new one gets both bit by bit, which would be measured as growth of the store.
    pub(crate) fn break_in(&self) -> anyhow::Result<()> {
        for sql in BREAK_IN {
            let output =
                self.core.command(&self.script).arg("sql").arg(self.folder.path()).arg(sql).output()?;
            ensure!(output.status.success(), "PostgreSQL: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// How to reach it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// User and system time of all its processes so far.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        procfs::family_cpu_time(self.postmaster)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // There is nobody left to tell.
        drop(std::process::Command::new(&self.script).arg("stop").arg(self.folder.path()).status());
    }
}
