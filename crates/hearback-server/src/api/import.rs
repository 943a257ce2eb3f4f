//! `/v1/import`: events of another log, or of this one, line by line.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use bytes::Bytes;
use futures_util::StreamExt as _;
use hearback_event::{DedupKey, Imported, Origin, Timestamp};
use hearback_store::{Payload, Receipt, SourceRef, Store, StoreError, Submission};
use serde::Serialize;
use utoipa::ToSchema;

use super::params::Params;
use super::store_failed;
use crate::auth::Admin;
use crate::openapi::Refusals;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Longest body: some thousand events.
pub(super) const BODY_BYTES_MAX: usize = 16 << 20;
/// Events that wait for the journal at a time: they share commits, and leave room for what comes in.
const AT_A_TIME: usize = 256;
/// How long to wait where too much waits for the journal.
const PAUSE: Duration = Duration::from_millis(50);
/// Nothing was received later than now, but for clocks that differ.
const AHEAD_SECONDS_MAX: i64 = 86_400;

/// What came of it.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Outcomes {
    /// Events that are in the log now.
    new: u64,
    /// Events that were in it already.
    known: u64,
    /// Lines that are no events; the others are taken in all the same.
    bad: Vec<BadLine>,
}

/// A line that is no event.
#[derive(Debug, Serialize, ToSchema)]
struct BadLine {
    /// Its number in the body, from 1.
    line: usize,
    /// What is wrong with it.
    problem: String,
}

/// Take in events of another log
///
/// One event per line, as `GET /v1/events?include=keys` gives them. What is known already is left as it is, so that an import can be
/// repeated; lines that are no events are told and do not stop the others.
#[utoipa::path(
    post,
    path = "/import/events",
    operation_id = "importEvents",
    tag = "events",
    request_body(content = Option<String>, content_type = "application/x-ndjson", description = "Up to 16 MiB."),
    responses((status = 200, description = "What came of it.", body = Outcomes), Refusals),
    security(("token" = ["admin"])),
)]
pub(super) async fn events(
    _: Admin,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Outcome<Json<Outcomes>> {
    Params::none(query)?;
    let body = body.map_err(|_| {
        let detail = format!("the body cannot be read whole; it may have up to {} MiB", BODY_BYTES_MAX >> 20);
        Problem::new(413, "too_large", "Too large", detail)
    })?;
    let latest = Timestamp::now().plus_seconds(AHEAD_SECONDS_MAX);
    let (mut outcomes, mut submissions) = (Outcomes::default(), Vec::new());
    for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match Imported::parse(line) {
            Ok(event) if event.received_at > latest => outcomes.bad(number, "`received_at` is in the future"),
            Ok(event) => submissions.push(submission(event)),
            Err(error) => outcomes.bad(number, &error.to_string()),
        }
    }
    let store = &*shared.store;
    let submitted = submissions.into_iter().map(|submission| submit(store, submission));
    let mut submitted = futures_util::stream::iter(submitted).buffered(AT_A_TIME);
    while let Some(receipt) = submitted.next().await {
        if let Receipt::Stored { new, duplicates } = receipt.map_err(|error| store_failed(&error))? {
            outcomes.new += u64::from(new);
            outcomes.known += u64::from(duplicates);
        }
    }
    Ok(Json(outcomes))
}

impl Outcomes {
    fn bad(&mut self, line: usize, problem: &str) {
        self.bad.push(BadLine { line, problem: problem.to_owned() });
    }
}

/// Stores an event; where too much waits, later: an import is in no hurry.
async fn submit(store: &dyn Store, submission: Submission) -> Result<Receipt, StoreError> {
    loop {
        match store.submit(submission.clone()).await {
            Err(StoreError::Overloaded) => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
}

fn submission(imported: Imported) -> Submission {
    Submission {
        source: SourceRef {
            name: imported.source.into(),
            provider: imported.provider.into(),
            account: imported.account.into(),
        },
        origin: Origin::Import,
        received_at: imported.received_at,
        verified: imported.verified,
        events: vec![imported.event],
        payload: Payload::default(),
        replay_token: None,
        digest: DedupKey::of(&[]),
        known_messages_only: false,
    }
}
