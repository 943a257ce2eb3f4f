//! `/v1/quarantine`: refused requests, to look at, to try again, to throw away.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hearback_event::Timestamp;
use hearback_store::{QuarantineEntry, QuarantineFilter};
use http::StatusCode;
use serde::Serialize;

use super::cursor::Scope;
use super::page::ListPage;
use super::params::Params;
use super::segment::Segment;
use super::{filter, store_failed};
use crate::auth::{Admin, Reader, Writer};
use crate::problem::{Outcome, Problem};
use crate::readmit::{Readmit, Readmitted, readmit};
use crate::shared::Shared;

/// A refused request in a list.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    id: u64,
    source: String,
    provider: String,
    received_at: Timestamp,
    cause: String,
    detail: String,
    remote: Option<String>,
    body_bytes: u64,
}

/// A refused request with its head and body.
#[derive(Debug, Serialize)]
pub(super) struct WholeEntry {
    #[serde(flatten)]
    entry: Entry,
    /// Request line and headers, without secrets.
    head: String,
    /// The body, where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The body, where it is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl From<QuarantineEntry> for Entry {
    fn from(entry: QuarantineEntry) -> Self {
        Self {
            id: entry.id,
            source: entry.source,
            provider: entry.provider,
            received_at: entry.received_at,
            cause: entry.cause,
            detail: entry.detail,
            remote: entry.remote,
            body_bytes: entry.body_bytes,
        }
    }
}

impl From<QuarantineEntry> for WholeEntry {
    fn from(mut entry: QuarantineEntry) -> Self {
        let payload = std::mem::take(&mut entry.payload);
        let (body, body_base64) = match std::str::from_utf8(&payload.body) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(STANDARD.encode(&payload.body))),
        };
        Self { entry: entry.into(), head: payload.head, body, body_base64 }
    }
}

/// `GET /v1/quarantine`, the newest first.
pub(super) async fn list(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<ListPage<Entry>>> {
    let params = Params::new(query, &["source", "cause", "limit", "cursor"])?;
    let (source, cause) = (params.one("source")?, params.one("cause")?);
    let part =
        |name: &str, value: Option<&str>| value.map(|value| format!("{name}={value}")).unwrap_or_default();
    let scope = Scope::of(&["quarantine", &part("source", source), &part("cause", cause)]);
    let limit = params.limit()?;
    let filter = QuarantineFilter {
        source: source.map(str::to_owned),
        cause: cause.map(str::to_owned),
        before: params.one("cursor")?.map(|cursor| scope.number("cursor", cursor)).transpose()?,
        limit: limit + 1,
    };
    let mut found = shared.store.quarantined(filter).await.map_err(|error| store_failed(&error))?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|entry| scope.number_cursor(entry.id));
    Ok(Json(ListPage { data: found.into_iter().map(Entry::from).collect(), next_cursor }))
}

fn entry_id(text: &str) -> Outcome<u64> {
    filter::id(text, "the number of a refused request, as GET /v1/quarantine lists it")
}

fn missing() -> Problem {
    Problem::not_found(
        "there is no refused request of this number; the oldest ones are dropped beyond the bounds",
    )
}

/// `GET /v1/quarantine/{id}`.
pub(super) async fn one(
    _: Admin,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<WholeEntry>> {
    Params::new(query, &[])?;
    let found = shared.store.quarantine_entry(entry_id(&id)?).await.map_err(|error| store_failed(&error))?;
    found.map(|entry| Json(entry.into())).ok_or_else(missing)
}

/// `POST /v1/quarantine/{id}/retry`.
pub(super) async fn retry_one(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Readmitted>> {
    Params::new(query, &[])?;
    let which = Readmit { id: Some(entry_id(&id)?), ..Readmit::default() };
    let result = retry(&shared, &which).await?;
    if result == Readmitted::default() { Err(missing()) } else { Ok(Json(result)) }
}

/// `POST /v1/quarantine/retry`.
pub(super) async fn retry_all(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<Readmitted>> {
    let params = Params::new(query, &["source", "cause"])?;
    let text = |name: &str| params.one(name).map(|value| value.map(str::to_owned));
    let which = Readmit { id: None, source: text("source")?, cause: text("cause")? };
    retry(&shared, &which).await.map(Json)
}

async fn retry(shared: &Shared, which: &Readmit) -> Outcome<Readmitted> {
    readmit(&*shared.store, &shared.sources, which).await.map_err(|error| store_failed(&error))
}

/// `DELETE /v1/quarantine/{id}`.
pub(super) async fn remove(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    query: RawQuery,
) -> Outcome<StatusCode> {
    Params::new(query, &[])?;
    let removed =
        shared.store.quarantine_remove(entry_id(&id)?).await.map_err(|error| store_failed(&error))?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(missing()) }
}
