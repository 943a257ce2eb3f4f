//! What was measured.

use std::time::Duration;

use serde::Serialize;

use crate::cli::Storage;
use crate::procfs::Memory;

/// A core that is without more of its time than this is not steady.
pub(crate) const UNSTEADY: f64 = 0.02;

/// One measurement under load.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Load {
    /// Seconds that it took.
    pub(crate) seconds: f64,
    /// Requests that were answered 2xx, per second.
    pub(crate) requests_per_s: f64,
    /// Events in them, per second.
    pub(crate) events_per_s: f64,
    /// Median time from the first byte sent to the last byte of the answer.
    pub(crate) p50_ms: f64,
    /// 99 of 100 took no longer.
    pub(crate) p99_ms: f64,
    /// User and system time of the server, a database server included, per request.
    pub(crate) cpu_us_per_request: f64,
    /// User and system time of the server per event.
    pub(crate) cpu_us_per_event: f64,
    /// Share of its core that the server used.
    pub(crate) server_busy: f64,
    /// Share of the server's core that the machine below gave to others.
    pub(crate) stolen: f64,
    /// Share of its core that the load generator used: near 1, it and not the server was the limit.
    pub(crate) generator_busy: f64,
    /// Resident memory of the server afterwards.
    pub(crate) memory_mib: f64,
    /// The most resident memory that the server ever had.
    pub(crate) peak_mib: f64,
    /// Requests that share a transaction, on average; 0 where nothing is stored.
    pub(crate) requests_per_commit: f64,
    /// Requests that were not answered 2xx; they count nowhere else.
    pub(crate) refused: u64,
    /// Events accepted; the store was asked, and has as many more.
    pub(crate) events: u64,
}

/// What [`Load`] is computed from.
pub(crate) struct Raw {
    /// How long it took.
    pub(crate) elapsed: Duration,
    /// Time of each accepted request in nanoseconds.
    pub(crate) latencies: Vec<u64>,
    /// Requests that were not answered 2xx.
    pub(crate) refused: u64,
    /// Events in each request.
    pub(crate) events_each: u64,
    /// User and system time of the server.
    pub(crate) server_cpu: Duration,
    /// Time that the machine below took from the server's core.
    pub(crate) stolen: Duration,
    /// User and system time of the load generator.
    pub(crate) load_cpu: Duration,
    /// Memory of the server afterwards.
    pub(crate) memory: Memory,
}

impl From<Raw> for Load {
    fn from(mut raw: Raw) -> Self {
        raw.latencies.sort_unstable();
        let requests = raw.latencies.len() as u64;
        let events = requests * raw.events_each;
        let seconds = raw.elapsed.as_secs_f64().max(1e-9);
        let server_s = raw.server_cpu.as_secs_f64();
        Self {
            seconds,
            requests_per_s: requests as f64 / seconds,
            events_per_s: events as f64 / seconds,
            p50_ms: percentile_ms(&raw.latencies, 50),
            p99_ms: percentile_ms(&raw.latencies, 99),
            cpu_us_per_request: server_s * 1e6 / (requests.max(1) as f64),
            cpu_us_per_event: server_s * 1e6 / (events.max(1) as f64),
            server_busy: server_s / seconds,
            // It is booked in ticks, some of them from before.
            stolen: (raw.stolen.as_secs_f64() / seconds).min(1.0),
            generator_busy: raw.load_cpu.as_secs_f64() / seconds,
            memory_mib: mib(raw.memory.now),
            peak_mib: mib(raw.memory.peak),
            requests_per_commit: 0.0,
            refused: raw.refused,
            events,
        }
    }
}

impl Load {
    /// Events per second that the host let the server's core work: what the program makes of its time, whoever else wants the machine.
    pub(crate) fn events_per_own_second(&self) -> f64 {
        self.events_per_s / (1.0 - self.stolen).max(0.01)
    }

    /// Counts what another process did for the server.
    pub(crate) fn add_cpu(&mut self, more: Duration) {
        let (seconds, events) = (more.as_secs_f64(), self.events.max(1) as f64);
        let requests = (self.requests_per_s * self.seconds).max(1.0);
        self.cpu_us_per_request += seconds * 1e6 / requests;
        self.cpu_us_per_event += seconds * 1e6 / events;
        self.server_busy += seconds / self.seconds;
    }
}

/// The smallest of the sorted nanoseconds that so many in a hundred do not exceed, in milliseconds.
pub(crate) fn percentile_ms(sorted: &[u64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0.0, |nanos| *nanos as f64 / 1e6)
}

/// Bytes as mebibytes.
pub(crate) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The three cases at one number of connections.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Connections.
    pub(crate) connections: usize,
    /// (a): the handler that answers at once.
    pub(crate) limit: Load,
    /// Hearback, by database.
    pub(crate) stored: Vec<Stored>,
}

/// Hearback on one database at one number of connections.
#[derive(Debug, Serialize)]
pub(crate) struct Stored {
    /// Which.
    pub(crate) storage: Storage,
    /// (b): signed Mailgun events.
    pub(crate) single: Load,
    /// (c): signed SendGrid batches.
    pub(crate) batch: Load,
}

impl Row {
    /// The figures of one database.
    pub(crate) fn on(&self, storage: Storage) -> Option<&Stored> {
        self.stored.iter().find(|stored| stored.storage == storage)
    }

    /// (b)/(a) in requests.
    pub(crate) fn single_to_limit(&self, stored: &Stored) -> f64 {
        stored.single.events_per_own_second() / self.limit.events_per_own_second().max(1e-9)
    }
}

impl Stored {
    /// (c)/(b) in events.
    pub(crate) fn batch_to_single(&self) -> f64 {
        self.batch.events_per_own_second() / self.single.events_per_own_second().max(1e-9)
    }
}

/// A load on a store that holds events already.
#[derive(Debug, Serialize)]
pub(crate) struct Window {
    /// Events in the store before.
    pub(crate) from: u64,
    /// Events in the store afterwards.
    pub(crate) to: u64,
    /// What was measured.
    #[serde(flatten)]
    pub(crate) load: Load,
}

/// Both loads on a store that holds events already.
#[derive(Debug, Serialize)]
pub(crate) struct Windows {
    /// Mailgun events.
    pub(crate) single: Window,
    /// SendGrid batches.
    pub(crate) batch: Window,
}

/// Answers to one kind of question.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Read {
    /// What was asked for.
    pub(crate) of: &'static str,
    /// Median time.
    pub(crate) p50_ms: f64,
    /// 99 of 100 took no longer.
    pub(crate) p99_ms: f64,
    /// Mean size of an answer in bytes.
    pub(crate) mean_bytes: u64,
    /// What the host gave of the server's core and of the load's to others, as a share of the time that all answers took.
    pub(crate) stolen: f64,
}

/// A store of a certain size.
#[derive(Debug, Serialize)]
pub(crate) struct Point {
    /// Events that it was filled to.
    pub(crate) at: u64,
    /// Events per second while it was filled from the point before.
    pub(crate) fill_events_per_s: f64,
    /// Server's time per event meanwhile.
    pub(crate) fill_cpu_us_per_event: f64,
    /// Its rates.
    #[serde(flatten)]
    pub(crate) windows: Windows,
    /// Answers of the API, with all the above in the store.
    pub(crate) reads: Vec<Read>,
    /// Events in the store then.
    pub(crate) stored: u64,
    /// Size of the database.
    pub(crate) database_mib: f64,
    /// Resident memory of the server at the end.
    pub(crate) memory_mib: f64,
    /// The most resident memory that the server ever had.
    pub(crate) peak_mib: f64,
}

/// How a store grows.
#[derive(Debug, Serialize)]
pub(crate) struct Growth {
    /// In which database.
    pub(crate) storage: Storage,
    /// Ascending.
    pub(crate) points: Vec<Point>,
    /// A new store of the first point's size, measured after the last point: what the machine has become meanwhile, whatever the
    /// store. None where there is only one point.
    pub(crate) control: Option<Windows>,
    /// Seconds that `rebuild --check` took in the end, or why it failed.
    pub(crate) check: Result<f64, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sorted: Vec<u64> = (1..=200).map(|n| n * 1_000_000).collect();
        assert!((percentile_ms(&sorted, 50) - 100.0).abs() < 1e-9);
        assert!((percentile_ms(&sorted, 99) - 198.0).abs() < 1e-9);
        assert!((percentile_ms(&[5_000_000], 99) - 5.0).abs() < 1e-9);
        assert!(percentile_ms(&[], 50).abs() < 1e-9);
    }
}
