//! Questions to the API, one after the other on one connection.

use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::figures::{Read, percentile_ms};
use crate::process::Hearback;
use crate::traffic::{Known, Signer};
use crate::wire::{self, Connection};

/// Types that the filtered page is asked for in turn: common ones and rare ones.
const TYPES: [&str; 6] = ["delivered", "opened", "clicked", "bounced", "unsubscribed", "complained"];

type Path = fn(&Known, u64) -> String;

/// What is asked for, and how.
const QUESTIONS: [(&str, Path); 6] = [
    ("recipient", |known, _| format!("/v1/recipients/{}", known.recipient)),
    ("recipient's newest 50 events", |known, _| format!("/v1/events?recipient={}&limit=50", known.recipient)),
    ("message by id", |known, _| format!("/v1/messages/{}", known.message)),
    ("message by provider's id", |known, _| format!("/v1/messages?provider_id={}", known.provider_id)),
    ("timeline of a label", |known, _| format!("/v1/timelines/booking_id/{}", known.booking)),
    ("newest 50 of a type and source", |_, choice| {
        let kind = TYPES[choice as usize % TYPES.len()];
        format!("/v1/events?type={kind}&source=sendgrid&limit=50")
    }),
];

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
    Ok(reads)
}
