//! `/v1/quarantine`: refused requests, to look at, to try again, to throw away.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hearback_event::Timestamp;
use hearback_store::{QuarantineEntry, QuarantineFilter};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor::Scope;
use super::page::ListPage;
use super::params::Params;
use super::query::{Names, QuarantineQuery, RetryQuery};
use super::segment::Segment;
use super::{filter, store_failed};
use crate::auth::{Admin, Reader, Writer};
use crate::conditional::Asked;
use crate::openapi::{NotFound, Refusals, Unchanged};
use crate::problem::{Outcome, Problem};
use crate::readmit::{Readmit, Readmitted, readmit};
use crate::shared::Shared;

/// A refused request in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuarantineEntry)]
pub(crate) struct Entry {
    /// Its number, newer ones greater.
    id: u64,
    /// The source that refused it.
    source: String,
    /// That source's provider.
    provider: String,
    /// When it was received.
    received_at: Timestamp,
    /// Why it was refused, in one word.
    cause: String,
    /// Why it was refused, in a sentence.
    detail: String,
    /// The address that sent it.
    #[schema(required)]
    remote: Option<String>,
    /// Size of the body in bytes, also where it was not kept.
    body_bytes: u64,
}

/// A refused request with its head and body.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WholeQuarantineEntry)]
pub(crate) struct WholeEntry {
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

/// Named, because the description names what it names.
type EntryPage = ListPage<Entry>;

static NAMES: Names = Names::of::<QuarantineQuery>();
static RETRY_NAMES: Names = Names::of::<RetryQuery>();

/// Refused requests
///
/// The newest first, without bodies. Bounded per source: the oldest are dropped.
#[utoipa::path(
    get,
    path = "/quarantine",
    operation_id = "listQuarantine",
    tag = "quarantine",
    params(QuarantineQuery),
    responses((status = 200, description = "One page.", body = EntryPage), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<EntryPage>> {
    let params = Params::new(query, &NAMES)?;
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

/// What is expected as the number of an entry.
const ENTRY_ID: &str = "the number of a refused request, as GET /v1/quarantine lists it";

fn entry_id(text: &str) -> Outcome<u64> {
    filter::id(text, ENTRY_ID)
}

fn missing() -> Problem {
    Problem::not_found(
        "id",
        ENTRY_ID,
        "there is no refused request of this number; the oldest ones are dropped beyond the bounds",
    )
}

/// One refused request, whole
///
/// With head and body; credentials in the head are taken out.
#[utoipa::path(
    get,
    path = "/quarantine/{id}",
    operation_id = "getQuarantineEntry",
    tag = "quarantine",
    params(("id" = u64, Path, description = "Its number.", example = 17)),
    responses((status = 200, description = "The request.", body = WholeEntry, headers(("etag" = String, description = "For `If-None-Match`."))), Unchanged, NotFound, Refusals),
    security(("token" = ["admin"])),
)]
pub(super) async fn one(
    _: Admin,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    asked: Asked,
    query: RawQuery,
) -> Outcome<Response> {
    Params::none(query)?;
    let found = shared.store.quarantine_entry(entry_id(&id)?).await.map_err(|error| store_failed(&error))?;
    found.map(|entry| asked.json(&WholeEntry::from(entry))).ok_or_else(missing)
}

/// Try one refused request again
///
/// Verified with today's keys, as of the time at which it was received. What is genuine is stored and leaves the
/// quarantine.
#[utoipa::path(
    post,
    path = "/quarantine/{id}/retry",
    operation_id = "retryQuarantineEntry",
    tag = "quarantine",
    params(("id" = u64, Path, description = "Its number.", example = 17)),
    responses((status = 200, description = "What came of it.", body = Readmitted), NotFound, Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn retry_one(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Readmitted>> {
    Params::none(query)?;
    let which = Readmit { id: Some(entry_id(&id)?), ..Readmit::default() };
    let result = retry(&shared, &which).await?;
    if result == Readmitted::default() { Err(missing()) } else { Ok(Json(result)) }
}

/// Try refused requests again
///
/// All, or those of one source or cause. Safe to repeat.
#[utoipa::path(
    post,
    path = "/quarantine/retry",
    operation_id = "retryQuarantine",
    tag = "quarantine",
    params(RetryQuery),
    responses((status = 200, description = "What came of it.", body = Readmitted), Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn retry_all(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<Readmitted>> {
    let params = Params::new(query, &RETRY_NAMES)?;
    let text = |name: &str| params.one(name).map(|value| value.map(str::to_owned));
    let which = Readmit { id: None, source: text("source")?, cause: text("cause")? };
    retry(&shared, &which).await.map(Json)
}

async fn retry(shared: &Shared, which: &Readmit) -> Outcome<Readmitted> {
    readmit(&*shared.store, &shared.sources, which).await.map_err(|error| store_failed(&error))
}

/// Throw a refused request away
#[utoipa::path(
    delete,
    path = "/quarantine/{id}",
    operation_id = "removeQuarantineEntry",
    tag = "quarantine",
    params(("id" = u64, Path, description = "Its number.", example = 17)),
    responses((status = 204, description = "It is gone."), NotFound, Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn remove(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    query: RawQuery,
) -> Outcome<StatusCode> {
    Params::none(query)?;
    let removed =
        shared.store.quarantine_remove(entry_id(&id)?).await.map_err(|error| store_failed(&error))?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(missing()) }
}
