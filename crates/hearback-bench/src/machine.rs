//! The machine: what it is, how fast its disk is, and its memory made ready.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hearback_event::Timestamp;
use serde::Serialize;

use crate::cli::Plan;
use crate::pin::ServerCore;
use crate::procfs;

/// What the figures were taken on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    /// Model of the processor.
    pub(crate) processor: String,
    /// Processors in all.
    pub(crate) processors: usize,
    /// Memory in GiB.
    pub(crate) memory_gib: f64,
    /// Release of the kernel.
    pub(crate) kernel: String,
    /// File system that the stores are on.
    pub(crate) file_system: String,
    /// Writes of 4 KiB per second, each followed by `fdatasync`.
    pub(crate) syncs_per_s: f64,
    /// Who runs where.
    pub(crate) cores: &'static str,
    /// When.
    pub(crate) day: String,
}

impl Machine {
    /// Looks around, and measures the disk.
    pub(crate) fn look(plan: &Plan, core: ServerCore) -> anyhow::Result<Self> {
        let processors = procfs::read("/proc/cpuinfo")?;
        let memory = procfs::read("/proc/meminfo")?;
        let length = if plan.quick { Duration::from_millis(50) } else { Duration::from_secs(1) };
        Ok(Self {
            processor: procfs::field(&processors, "model name").unwrap_or("unknown processor").to_owned(),
            processors: processors.lines().filter(|line| line.starts_with("processor")).count(),
            memory_gib: kib(&memory, "MemTotal") as f64 / f64::from(1 << 20),
            kernel: procfs::read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            file_system: file_system(&plan.folder)?,
            syncs_per_s: sync_rate(&plan.folder, length)?,
            cores: core.title(),
            day: Timestamp::now().to_string().chars().take(10).collect(),
        })
    }

    /// In one line.
    pub(crate) fn line(&self) -> String {
        format!(
            "{}, {} cores, {:.0} GiB, Linux {}, {}; {:.0} times a second 4 KiB and fdatasync; {}; {}",
            self.processor,
            self.processors,
            self.memory_gib,
            self.kernel,
            self.file_system,
            self.syncs_per_s,
            self.cores,
            self.day
        )
    }
}

fn kib(meminfo: &str, name: &str) -> u64 {
    let value = procfs::field(meminfo, name).and_then(|value| value.split_whitespace().next());
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// The kind of file system that a folder is on.
fn file_system(folder: &Path) -> anyhow::Result<String> {
    let folder = folder.canonicalize().context("cannot find the folder for stores")?;
    let mounts = procfs::read("/proc/mounts")?;
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?)).filter(|(at, _)| folder.starts_with(at))
    });
    Ok(mounted.max_by_key(|(at, _)| at.len()).map_or("unknown file system", |(_, kind)| kind).to_owned())
}

fn sync_rate(folder: &Path, length: Duration) -> anyhow::Result<f64> {
    let mut file = tempfile::tempfile_in(folder).context("cannot make a file in the folder for stores")?;
    let block = [0x5a; 4096];
    let (begun, mut count) = (Instant::now(), 0_u64);
    while begun.elapsed() < length {
        file.write_all(&block)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// Uses half of the free memory once, and gives it back. The first use of a page costs a virtual machine more than the write
/// does, and would be measured as growth.
pub(crate) fn touch_memory() -> anyhow::Result<u64> {
    const CHUNK: u64 = 64 << 20;
    const MOST: u64 = 12 << 30;
    let meminfo = fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
    let bytes = ((kib(&meminfo, "MemAvailable") << 10) / 2).min(MOST);
    let chunks: Vec<Vec<u8>> = (0..bytes / CHUNK).map(|_| vec![1; CHUNK as usize]).collect();
    Ok(std::hint::black_box(chunks).len() as u64 * CHUNK)
}
