//! Questions to the API, one after the other on one connection.

use std::ops::Range;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hearback_event::Timestamp;

use crate::figures::{Read, UNSTEADY, percentile_ms};
use crate::pin::ServerCore;
use crate::process::Hearback;
use crate::traffic::{Known, Signer};
use crate::wire::{self, Connection};

/// Types that the filtered page is asked for in turn: common ones and rare ones.
const TYPES: [&str; 6] = ["delivered", "opened", "clicked", "bounced", "unsubscribed", "complained"];

type Path = fn(&Known, u64) -> String;

/// What is asked for, and how.
const QUESTIONS: [(&str, Path); 12] = [
    ("recipient", |known, _| format!("/v1/recipients/{}", known.recipient)),
    ("recipient's newest 50 events", |known, _| format!("/v1/events?recipient={}&limit=50", known.recipient)),
    ("message by id", |known, _| format!("/v1/messages/{}", known.message)),
    ("message by provider's id", |known, _| format!("/v1/messages?provider_id={}", known.provider_id)),
    ("timeline of a label", |known, _| format!("/v1/timelines/booking_id/{}", known.booking)),
    ("newest 50 of a type and source", |_, choice| {
        let kind = TYPES[choice as usize % TYPES.len()];
        format!("/v1/events?type={kind}&source=sendgrid&limit=50")
    }),
    ("newest 50 messages", |_, _| "/v1/messages?limit=50".to_owned()),
    ("newest 50 messages of a status", |_, choice| {
        let status = STATUSES[choice as usize % STATUSES.len()];
        format!("/v1/messages?status={status}&limit=50")
    }),
    ("newest 50 recipients", |_, _| "/v1/recipients?limit=50".to_owned()),
    ("newest 50 recipients by last event", |_, choice| {
        let kind = TYPES[choice as usize % TYPES.len()];
        format!("/v1/recipients?last_event={kind}&limit=50")
    }),
    (STATISTIC, |_, choice| {
        let by = ["source", "tag", "domain"][choice as usize % 3];
        // The events of a run are made within a few weeks.
        format!("/v1/stats?by={by}&step=day&since={}", THIRTY_DAYS_AGO.as_str())
    }),
    ("standing of an address", |known, _| format!("/v1/suppressions/{}", known.recipient)),
];

/// Statuses that the page of messages is asked for in turn.
const STATUSES: [&str; 4] = ["delivered", "bounced", "deferred", "complained"];

/// What asks for a month of counts and rates.
pub(crate) const STATISTIC: &str = "30 days of statistics by source, tag or domain";
static THIRTY_DAYS_AGO: LazyLock<String> =
    LazyLock::new(|| Timestamp::now().plus_seconds(-30 * 86_400).to_string());

/// What registers a batch of messages.
pub(crate) const REGISTERING: &str = "registering 10 000 in a batch";
/// Messages of a batch.
const REGISTERED: usize = 10_000;
/// Batches that are measured.
const BATCHES: usize = 5;

/// How long to wait for a steadier moment.
const PAUSE: Duration = Duration::from_secs(2);

/// Asks every question `samples` times, each time for something else, after a quarter as many that are not counted. Of a kind that
/// was disturbed all are asked once more, for something else again, as long as there is patience; of several rounds the one
/// counts that lost the least to the host, whatever its times are.
pub(crate) async fn measure(
    hearback: &Hearback,
    signer: &Signer,
    batches: u64,
    samples: usize,
    patience: Duration,
) -> anyhow::Result<Vec<Read>> {
    let mut asker = Asker {
        connection: Connection::open(hearback.process().port()).await?,
        core: hearback.process().core(),
        token: hearback.token(),
        signer,
        batches,
    };
    let given_up = Instant::now() + patience;
    let mut reads = Vec::new();
    for (number, (of, path)) in (0_u64..).zip(QUESTIONS) {
        reads.push(asker.steadiest(of, path, number << 32, samples as u64, given_up).await?);
    }
    reads.push(asker.register().await?);
    Ok(reads)
}

struct Asker<'a> {
    connection: Connection,
    core: ServerCore,
    token: &'a str,
    signer: &'a Signer,
    /// So many batches are in the store.
    batches: u64,
}

impl Asker<'_> {
    /// The steadiest of the rounds of one kind, of which the choices from `first` on are its own.
    async fn steadiest(
        &mut self,
        of: &'static str,
        path: Path,
        first: u64,
        samples: u64,
        given_up: Instant,
    ) -> anyhow::Result<Read> {
        let begin = first + samples.div_ceil(4);
        self.ask(of, path, first..begin).await?;
        let mut choices = begin..begin + samples;
        let mut best = self.ask(of, path, choices.clone()).await?;
        while best.stolen > UNSTEADY && Instant::now() < given_up {
            tokio::time::sleep(PAUSE).await;
            choices = choices.end..choices.end + samples;
            let read = self.ask(of, path, choices.clone()).await?;
            if read.stolen < best.stolen {
                best = read;
            }
        }
        Ok(best)
    }

    async fn ask(&mut self, of: &'static str, path: Path, choices: Range<u64>) -> anyhow::Result<Read> {
        let mut round = Round::begin(self.core)?;
        for choice in choices {
            let path = path(&self.signer.known(self.batches, choice), choice);
            let request = wire::get(&path, Some(self.token));
            let begun = Instant::now();
            let (status, body) =
                self.connection.ask(&request).await.with_context(|| format!("asking for a {of}"))?;
            round.add(begun.elapsed(), body);
            ensure!(status == 200, "the API answers {status} to {path}: {}", String::from_utf8_lossy(body));
        }
        round.end(of)
    }

    /// Registers batches of messages, one after the other.
    async fn register(&mut self) -> anyhow::Result<Read> {
        let run = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_nanos();
        let token = format!("Bearer {}", self.token);
        let mut round = Round::begin(self.core)?;
        for batch in 0..BATCHES {
            // Longer than a run takes: notices of what is overdue would be counted as events.
            let line = |n: usize| {
                format!(
                    "{{\"source\":\"sendgrid\",\"key\":\"{run}-{batch}-{n}\",\"recipient\":\"guest{n}@example.com\",\"subject\":\"Your stay\",\
                     \"labels\":{{\"booking_id\":\"{n}\",\"purpose\":\"pre_arrival\"}},\"expect_delivered_within\":604800}}\n"
                )
            };
            let body: String = (0..REGISTERED).map(line).collect();
            let request = wire::post("/v1/messages/batch", &[("Authorization", &token)], body.as_bytes());
            let begun = Instant::now();
            let (status, answer) = self.connection.ask(&request).await.context("registering a batch")?;
            round.add(begun.elapsed(), answer);
            let said = String::from_utf8_lossy(answer.get(..100).unwrap_or(answer));
            ensure!(status == 200 && said.contains("\"created\":10000"), "the API answers {status}: {said}");
        }
        round.end(REGISTERING)
    }
}

/// How long questions of one kind took, and what the host took meanwhile.
struct Round {
    core: ServerCore,
    begun: Instant,
    stolen_before: Duration,
    nanos: Vec<u64>,
    bytes: u64,
}

impl Round {
    fn begin(core: ServerCore) -> anyhow::Result<Self> {
        let stolen_before = core.stolen_time_of_both()?;
        Ok(Self { core, begun: Instant::now(), stolen_before, nanos: Vec::new(), bytes: 0 })
    }

    fn add(&mut self, took: Duration, answer: &[u8]) {
        self.nanos.push(took.as_nanos() as u64);
        self.bytes += answer.len() as u64;
    }

    fn end(mut self, of: &'static str) -> anyhow::Result<Read> {
        let stolen = self.core.stolen_time_of_both()?.saturating_sub(self.stolen_before);
        let stolen = stolen.div_duration_f64(self.begun.elapsed()).min(1.0);
        self.nanos.sort_unstable();
        Ok(Read {
            of,
            p50_ms: percentile_ms(&self.nanos, 50),
            p99_ms: percentile_ms(&self.nanos, 99),
            mean_bytes: self.bytes / (self.nanos.len() as u64).max(1),
            stolen,
        })
    }
}
