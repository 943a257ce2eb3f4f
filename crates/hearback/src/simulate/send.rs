//! Sending the plan: at the wished pace, a few requests at a time, each as often as its provider would.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use hearback_event::Timestamp;
use hearback_providers::RawRequest;
use reqwest::header::{CONTENT_LENGTH, HOST, RETRY_AFTER};
use reqwest::{Client, Url};
use serde::Serialize;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::make::{Made, Voicebox};
use super::plan::{Plan, Role};
use crate::client::unreachable;
use crate::exit::CliError;

/// So many requests are under way at a time.
const CONCURRENCY: usize = 8;
/// So often a request is sent again when the server is too busy.
const TRIES: u32 = 6;
/// Longer pauses than this are not kept, whatever the server asks for: a person is waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Where and how to send.
pub(crate) struct Sender<'a> {
    /// The HTTP client.
    pub(crate) http: &'a Client,
    /// The URL of the source on the server.
    pub(crate) target: Url,
    /// Requests per second at most.
    pub(crate) rate: Option<f64>,
    /// Makes and judges the requests.
    pub(crate) voice: &'a Voicebox<'a>,
}

/// What was answered.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Tally {
    /// Requests by role and status.
    pub(crate) answers: BTreeMap<&'static str, BTreeMap<u16, u64>>,
    /// Requests that had to be sent again because the server was busy.
    pub(crate) sent_again: u64,
    /// Requests that this provider's scheme leaves no way to spoil.
    pub(crate) left_out: u64,
    /// Answers other than expected, in words, with their number.
    pub(crate) unexpected: BTreeMap<String, u64>,
    /// How long it took.
    pub(crate) seconds: f64,
}

impl Tally {
    /// How many requests were answered.
    pub(crate) fn requests(&self) -> u64 {
        self.answers.values().flat_map(BTreeMap::values).sum()
    }
}

/// One answered request.
struct Answered {
    role: Role,
    expected: u16,
    status: u16,
    tries: u32,
}

impl Sender<'_> {
    /// Sends everything: first what is new, and only when all of that is answered the rest.
    pub(crate) async fn send(&self, plan: &Plan, mut progress: impl FnMut(u64)) -> Result<Tally, CliError> {
        let started = Instant::now();
        let mut tally = Tally::default();
        let mut pace = self.rate.map(pace);
        let mut signed: Vec<Option<Timestamp>> = vec![None; plan.requests.len()];
        let news = plan.news();
        for wave in [0..news, news..plan.requests.len()] {
            let mut under_way = FuturesUnordered::new();
            for place in wave {
                let Some(planned) = plan.requests.get(place) else { continue };
                if let Some(pace) = &mut pace {
                    pace.tick().await;
                }
                let original = match planned.role {
                    Role::Retry(of) | Role::ForgedReplay(of) => signed.get(of).copied().flatten(),
                    _ => None,
                };
                let Some(made) = self.voice.make(plan, planned, original, Timestamp::now()) else {
                    tally.left_out += 1;
                    continue;
                };
                signed[place] = Some(made.signed_at);
                under_way.push(self.post(planned.role, made));
                if under_way.len() >= CONCURRENCY
                    && let Some(answered) = under_way.next().await
                {
                    tally.count(&answered?);
                    progress(tally.requests());
                }
            }
            while let Some(answered) = under_way.next().await {
                tally.count(&answered?);
                progress(tally.requests());
            }
        }
        tally.seconds = started.elapsed().as_secs_f64();
        Ok(tally)
    }

    /// Sends a request until it is taken or refused for good.
    async fn post(&self, role: Role, made: Made) -> Result<Answered, CliError> {
        let contract = self.voice.contract;
        let expected = made.expectation.status(contract);
        let mut tries = 0;
        loop {
            tries += 1;
            let answer =
                self.request(&made.raw).send().await.map_err(|error| unreachable(&self.target, &error))?;
            let status = answer.status().as_u16();
            let asked = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            // The body is read so that the connection can be used again.
            drop(answer.bytes().await);
            let busy =
                status != expected && (status == contract.try_again || status == contract.rate_limited);
            if !busy || tries >= TRIES {
                return Ok(Answered { role, expected, status, tries });
            }
            sleep(asked.map_or(Duration::from_secs(1), Duration::from_secs).min(LONGEST_PAUSE)).await;
        }
    }

    fn request(&self, raw: &RawRequest) -> reqwest::RequestBuilder {
        let mut url = self.target.clone();
        // The query is part of what some providers sign; it goes as it was made.
        url.set_query(raw.path_and_query.split_once('?').map(|(_, query)| query));
        let mut headers = raw.headers.clone();
        headers.remove(HOST);
        headers.remove(CONTENT_LENGTH);
        self.http
            .request(raw.method.parse().unwrap_or(reqwest::Method::POST), url)
            .headers(headers)
            .body(raw.body.clone())
    }
}

impl Tally {
    fn count(&mut self, answered: &Answered) {
        let role = answered.role.name();
        *self.answers.entry(role).or_default().entry(answered.status).or_default() += 1;
        self.sent_again += u64::from(answered.tries > 1);
        if answered.status != answered.expected {
            let what =
                format!("a `{role}` request must be answered {}, was {}", answered.expected, answered.status);
            *self.unexpected.entry(what).or_default() += 1;
        }
    }
}

fn pace(rate: f64) -> Interval {
    let mut pace = interval(Duration::from_secs_f64(1.0 / rate));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}
