//! What Linux tells about processes.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// Ticks per second in `/proc`: the same on every Linux, whatever the kernel's own timer does.
const TICKS_PER_SECOND: u64 = 100;

/// User and system time that a process and its threads have had.
pub(crate) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = read(&format!("/proc/{pid}/stat"))?;
    parse_cpu_time(&stat).context("/proc/<pid>/stat is not as expected")
}

fn parse_cpu_time(stat: &str) -> Option<Duration> {
    Some(Duration::from_millis(parse_ticks(stat, 2)? * 1000 / TICKS_PER_SECOND))
}

/// The sum of the first of utime, stime, cutime and cstime.
fn parse_ticks(stat: &str, count: usize) -> Option<u64> {
    // The name in parentheses may hold anything; utime is the 12th field after it.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().skip(11).take(count).collect();
    if fields.len() < count { None } else { fields.iter().map(|field| field.parse::<u64>().ok()).sum() }
}

/// User and system time of a process, of its children, and of those children that have ended.
pub(crate) fn family_cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = read(&format!("/proc/{pid}/stat"))?;
    let mut ticks = parse_ticks(&stat, 4).context("/proc/<pid>/stat is not as expected")?;
    let children = read(&format!("/proc/{pid}/task/{pid}/children"))?;
    for child in children.split_whitespace() {
        // It may end at any moment; then the parent has its time.
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        ticks += parse_ticks(&stat, 2).unwrap_or_default();
    }
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// Time that a virtual machine's core would have worked if the host had not given it to others.
pub(crate) fn stolen_time(core: usize) -> anyhow::Result<Duration> {
    let stat = read("/proc/stat")?;
    parse_stolen(&stat, core).with_context(|| format!("/proc/stat does not tell the times of core {core}"))
}

fn parse_stolen(stat: &str, core: usize) -> Option<Duration> {
    let name = format!("cpu{core}");
    let line = stat.lines().find(|line| line.split(' ').next() == Some(&name))?;
    let ticks: u64 = line.split_whitespace().nth(8)?.parse().ok()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// Resident memory in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) now: u64,
    /// The most that it ever was.
    pub(crate) peak: u64,
}

/// Resident memory of a process.
pub(crate) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let kib = |name: &str| field(&status, name)?.split_whitespace().next()?.parse::<u64>().ok();
    let (now, peak) = kib("VmRSS").zip(kib("VmHWM")).context("/proc/<pid>/status names no memory")?;
    Ok(Memory { now: now << 10, peak: peak << 10 })
}

/// The cores that this process may use.
pub(crate) fn allowed_cores() -> anyhow::Result<Vec<usize>> {
    let status = read("/proc/self/status")?;
    field(&status, "Cpus_allowed_list").and_then(parse_list).context("/proc/self/status names no cores")
}

/// `0-2,5` as 0, 1, 2, 5.
fn parse_list(list: &str) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cores.extend(first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?);
    }
    Some(cores)
}

/// The value of `name: value` or `name\t: value` in a text of such lines.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, v)| v.trim())
}

/// Reads a file of `/proc`.
pub(crate) fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}; the benchmark needs Linux"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 3 0";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_millis(1750)));
        assert_eq!(parse_cpu_time("7 (a"), None);
    }

    #[test]
    fn stolen_time_is_that_of_the_core() {
        let stat = "cpu  9 9 9 9 9 9 9 900 0 0\ncpu0 1 2 3 4 5 6 7 150 0 0\ncpu10 1 2 3 4 5 6 7 8 0 0\ncpu1 1 2 3 4 5 6 7\n";
        assert_eq!(parse_stolen(stat, 0), Some(Duration::from_millis(1500)));
        assert_eq!(parse_stolen(stat, 10), Some(Duration::from_millis(80)));
        assert_eq!((parse_stolen(stat, 1), parse_stolen(stat, 2)), (None, None));
    }

    #[test]
    fn lists_of_cores_are_read() {
        assert_eq!(parse_list("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(parse_list("x"), None);
    }
}
