//! Trying refused requests again with today's keys.
//!
//! Pure but for the store, and without HTTP: the API and the command line both call it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::StreamExt as _;
use hearback_event::Origin;
use hearback_providers::{RawRequest, Refusal, Request};
use hearback_store::{Payload, QuarantineEntry, QuarantineFilter, Receipt, Store, StoreError, Submission};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ingest::{Denial, examine, without_digests};
use crate::put_back::{Fate, PutBack};
use crate::{Mode, Source, UnknownMessage};

/// Entries that are read from the store at a time.
const PAGE: usize = 500;
/// Entries that are tried at a time: they share commits.
const AT_A_TIME: usize = 32;

/// Which refused requests are tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readmit {
    /// Only this one.
    pub id: Option<u64>,
    /// Only those of this source.
    pub source: Option<String>,
    /// Only those with this cause.
    pub cause: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readmitted {
    /// Requests that are genuine and new: stored, and taken out of the quarantine.
    pub admitted: u64,
    /// Requests that are genuine and whose every event was known already: taken out of the quarantine.
    pub duplicates: u64,
    /// Requests that stay, by cause. `credential_not_kept`: a credential was in a header or a query parameter and was
    /// removed without a digest of it, so it cannot be checked again. `source_not_configured` and `body_not_kept` say it
    /// themselves.
    pub still_refused: BTreeMap<String, u64>,
}

/// Verifies refused requests with today's keys, as of the time at which each was received, and admits what is genuine
/// in the way of a newly received one, whatever mode its source has now. What a store failure leaves undone can be
/// done by calling again.
pub async fn readmit(
    store: &dyn Store,
    sources: &[Arc<Source>],
    which: &Readmit,
) -> Result<Readmitted, StoreError> {
    if let Some(id) = which.id {
        let mut sum = Readmitted::default();
        sum.add(readmit_one(store, sources, id).await?);
        return Ok(sum);
    }
    let mut sum = Readmitted::default();
    let tried = ids(store, which).await?.into_iter().map(|id| readmit_one(store, sources, id));
    let mut tried = futures_util::stream::iter(tried).buffered(AT_A_TIME);
    while let Some(result) = tried.next().await {
        sum.add(result?);
    }
    Ok(sum)
}

/// The entries, the oldest first: of several equal requests the one that came first is to be stored.
async fn ids(store: &dyn Store, which: &Readmit) -> Result<Vec<u64>, StoreError> {
    let mut ids = Vec::new();
    loop {
        let filter = QuarantineFilter {
            source: which.source.clone(),
            cause: which.cause.clone(),
            before: ids.last().copied(),
            limit: PAGE,
        };
        let page = store.quarantined(filter).await?;
        if page.is_empty() {
            ids.reverse();
            return Ok(ids);
        }
        ids.extend(page.iter().map(|entry| entry.id));
    }
}

/// What came of one request.
enum Attempt {
    Admitted,
    Duplicate,
    Refused(&'static str),
    /// Somebody else took it out in the meantime.
    Gone,
}

impl Readmitted {
    fn add(&mut self, attempt: Attempt) {
        match attempt {
            Attempt::Admitted => self.admitted += 1,
            Attempt::Duplicate => self.duplicates += 1,
            Attempt::Refused(cause) => *self.still_refused.entry(cause.to_owned()).or_default() += 1,
            Attempt::Gone => {}
        }
    }
}

async fn readmit_one(store: &dyn Store, sources: &[Arc<Source>], id: u64) -> Result<Attempt, StoreError> {
    let Some(entry) = store.quarantine_entry(id).await? else { return Ok(Attempt::Gone) };
    let Some(source) = sources.iter().find(|source| *source.reference.name == *entry.source) else {
        return Ok(Attempt::Refused("source_not_configured"));
    };
    let submission = match submission(source, entry) {
        Ok(submission) => submission,
        Err(cause) => return Ok(Attempt::Refused(cause)),
    };
    // Authentic without events: there is nothing to store.
    let receipt = if submission.events.is_empty() {
        Receipt::Stored { new: 0, duplicates: 0 }
    } else {
        store.submit(submission).await?
    };
    let attempt = match receipt {
        Receipt::ForgedReplay => return Ok(Attempt::Refused(Denial::ForgedReplay.cause())),
        Receipt::UnknownMessage => return Ok(Attempt::Refused(Denial::UnknownMessage.cause())),
        Receipt::Stored { new: 0, duplicates } if duplicates > 0 => Attempt::Duplicate,
        Receipt::Stored { .. } => Attempt::Admitted,
    };
    store.quarantine_remove(id).await?;
    Ok(attempt)
}

/// The request as it would be submitted had it come today, or why it is still refused.
fn submission(source: &Source, entry: QuarantineEntry) -> Result<Submission, &'static str> {
    if entry.payload.body.is_empty() && entry.body_bytes > 0 {
        return Err("body_not_kept");
    }
    let head = format!("{}\r\n", entry.payload.head);
    let raw = RawRequest::parse(head.as_bytes()).map_err(|_| "head_not_readable")?;
    if raw.headers.contains_key(http::header::CONTENT_ENCODING) {
        return Err(Denial::UnsupportedEncoding.cause());
    }
    let PutBack { raw, targets, fate } = PutBack::new(raw, &source.endpoint.credentials());
    let public_urls: Vec<_> = targets.iter().flat_map(|target| source.public_urls(target)).collect();
    let request = Request {
        method: &raw.method,
        path_and_query: &raw.path_and_query,
        headers: &raw.headers,
        body: &entry.payload.body,
        public_urls: &public_urls,
        remote: entry.remote.as_deref().and_then(|address| address.parse::<IpAddr>().ok()),
    };
    let examined = examine(source, Mode::Enforce, request, entry.received_at)
        .map_err(|denial| why_still(&denial, fate))?;
    Ok(Submission {
        source: source.reference.clone(),
        origin: Origin::Webhook,
        received_at: entry.received_at,
        verified: examined.verified,
        events: examined.events,
        payload: Payload { head: without_digests(&entry.payload.head), body: entry.payload.body },
        replay_token: examined.replay_token,
        digest: examined.digest,
        known_messages_only: source.unknown_message == UnknownMessage::Reject,
    })
}

/// Why a request stays. A credential that is not put back looks to the check as if it were of another kind or missing.
const fn why_still(denial: &Denial, credentials: Fate) -> &'static str {
    match (denial, credentials) {
        (Denial::Refusal(Refusal::MissingSignature(_) | Refusal::BadSignature), Fate::Lost) => {
            "credential_not_kept"
        }
        (Denial::Refusal(Refusal::MissingSignature(_)), Fate::Unknown) => Refusal::BadSignature.cause(),
        _ => denial.cause(),
    }
}
