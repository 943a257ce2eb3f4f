//! Questions to the API, one after the other on one connection.

use std::sync::LazyLock;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use hearback_event::Timestamp;

use crate::figures::{Read, percentile_ms};
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

/// Asks every question `samples` times, each time for something else, after a quarter as many that are not counted.
pub(crate) async fn measure(
    hearback: &Hearback,
    signer: &Signer,
    batches: u64,
    samples: usize,
) -> anyhow::Result<Vec<Read>> {
    let mut connection = Connection::open(hearback.process().port()).await?;
    let mut reads = Vec::new();
    for (number, (of, path)) in QUESTIONS.iter().enumerate() {
        let (mut times, mut bytes) = (Vec::with_capacity(samples), 0);
        let warm_up = samples.div_ceil(4);
        for sample in 0..warm_up + samples {
            let choice = (number as u64) << 32 | sample as u64;
            let path = path(&signer.known(batches, choice), choice);
            let request = wire::get(&path, Some(hearback.token()));
            let begun = Instant::now();
            let (status, body) =
                connection.ask(&request).await.with_context(|| format!("asking for a {of}"))?;
            let took = begun.elapsed();
            ensure!(status == 200, "the API answers {status} to {path}: {}", String::from_utf8_lossy(body));
            if sample >= warm_up {
                times.push(took.as_nanos() as u64);
                bytes += body.len() as u64;
            }
        }
        times.sort_unstable();
        reads.push(Read {
            of,
            p50_ms: percentile_ms(&times, 50),
            p99_ms: percentile_ms(&times, 99),
            mean_bytes: bytes / samples as u64,
        });
    }
    reads.push(registering(hearback, &mut connection).await?);
    Ok(reads)
}

/// Registers batches of messages, one after the other.
async fn registering(hearback: &Hearback, connection: &mut Connection) -> anyhow::Result<Read> {
    let (mut times, mut bytes) = (Vec::with_capacity(BATCHES), 0);
    let begun = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_nanos();
    let token = format!("Bearer {}", hearback.token());
    for batch in 0..BATCHES {
        // Longer than a run takes: notices of what is overdue would be counted as events.
        let line = |n: usize| {
            format!(
                "{{\"source\":\"sendgrid\",\"key\":\"{begun}-{batch}-{n}\",\"recipient\":\"guest{n}@example.com\",\"subject\":\"Your stay\",\
                 \"labels\":{{\"booking_id\":\"{n}\",\"purpose\":\"pre_arrival\"}},\"expect_delivered_within\":604800}}\n"
            )
        };
        let body: String = (0..REGISTERED).map(line).collect();
        let request = wire::post("/v1/messages/batch", &[("Authorization", &token)], body.as_bytes());
        let begun = Instant::now();
        let (status, answer) = connection.ask(&request).await.context("registering a batch")?;
        times.push(begun.elapsed().as_nanos() as u64);
        let said = String::from_utf8_lossy(answer.get(..100).unwrap_or(answer));
        ensure!(status == 200 && said.contains("\"created\":10000"), "the API answers {status}: {said}");
        bytes += answer.len() as u64;
    }
    times.sort_unstable();
    Ok(Read {
        of: REGISTERING,
        p50_ms: percentile_ms(&times, 50),
        p99_ms: percentile_ms(&times, 99),
        mean_bytes: bytes / BATCHES as u64,
    })
}
