//! `/v1/consumers`: programs that pull events, and keep their place here instead of in a file of their own.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{EventId, Timestamp};
use hearback_store::ConsumerState;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor::Scope;
use super::page::ListPage;
use super::params::Params;
use super::query::{AckQuery, Names};
use super::segment::Segment;
use super::store_failed;
use crate::auth::{Reader, Writer};
use crate::openapi::{NotFound, Refusals};
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Most consumers: each is somebody's program.
const MOST: usize = 1000;
const NAME: &str = "up to 64 letters, digits, `-`, `_` and `.`";
const EVENT: &str = "the id of an event that is stored, evt_...";

type ConsumerPage = ListPage<Consumer>;

static ACK_NAMES: Names = Names::of::<AckQuery>();

/// A program that pulls events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Consumer {
    /// Its name.
    name: String,
    /// Its place, to be given to `GET /v1/events` as `after`, with any filter.
    after: String,
    /// Events in the log beyond its place, wanted or not.
    lag_events: u64,
    /// When it last said where it is.
    acknowledged_at: Timestamp,
}

impl Consumer {
    fn of(state: ConsumerState, last_position: u64) -> Self {
        Self {
            name: state.name,
            after: scope().number_cursor(state.position),
            lag_events: last_position.saturating_sub(state.position),
            acknowledged_at: state.at,
        }
    }

    /// For the description of the API.
    pub(crate) fn example(at: Timestamp) -> Self {
        Self::of(ConsumerState { name: "billing".to_owned(), position: 40, at }, 42)
    }
}

/// What the place of a consumer belongs to: the log itself, whatever the filter.
pub(super) fn scope() -> Scope {
    Scope::of(&["consumer"])
}

fn missing() -> Problem {
    Problem::not_found(
        "name",
        "the name of a consumer that has acknowledged an event",
        "there is no consumer of this name; the first acknowledgement makes it",
    )
}

/// Every consumer
#[utoipa::path(
    get,
    path = "/consumers",
    operation_id = "listConsumers",
    tag = "consumers",
    responses((status = 200, description = "All of them.", body = ConsumerPage), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<ConsumerPage>> {
    Params::none(query)?;
    let found = shared.store.consumers().await.map_err(|error| store_failed(&error))?;
    let last = shared.store.last_position();
    Ok(Json(ListPage::whole(found.into_iter().map(|state| Consumer::of(state, last)).collect())))
}

/// Where a consumer is
///
/// Ask with its `after`: `GET /v1/events?after=...&wait=60`. When the events of the page are done, acknowledge the last of them.
#[utoipa::path(
    get,
    path = "/consumers/{name}",
    operation_id = "getConsumer",
    tag = "consumers",
    params(("name" = String, Path, description = "Its name.", example = "billing")),
    responses((status = 200, description = "Its place.", body = Consumer), NotFound, Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn one(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment(name): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Consumer>> {
    Params::none(query)?;
    let found = shared.store.consumers().await.map_err(|error| store_failed(&error))?;
    let state = found.into_iter().find(|state| state.name == name).ok_or_else(missing)?;
    Ok(Json(Consumer::of(state, shared.store.last_position())))
}

/// Say up to where a consumer is done
///
/// Makes the consumer where it is not known. An event before its place takes it back, so that it gets events again.
#[utoipa::path(
    post,
    path = "/consumers/{name}/ack",
    operation_id = "acknowledgeEvent",
    tag = "consumers",
    params(("name" = String, Path, description = "Its name.", example = "billing"), AckQuery),
    responses((status = 200, description = "Its place now.", body = Consumer), NotFound, Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn acknowledge(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    Segment(name): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Consumer>> {
    let params = Params::new(query, &ACK_NAMES)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(Problem::bad_field("name", NAME, format!("a consumer's name has {NAME}")));
    }
    let event = params.parsed::<EventId>("event", EVENT)?;
    let event = event.ok_or_else(|| Problem::bad_field("event", EVENT, "`event` is missing"))?;
    let found = shared.store.event(event).await.map_err(|error| store_failed(&error))?;
    let record = found.ok_or_else(|| Problem::not_found("event", EVENT, "there is no event of this id"))?;
    let known = shared.store.consumers().await.map_err(|error| store_failed(&error))?;
    if known.len() >= MOST && known.iter().all(|state| state.name != name) {
        let detail = format!("there are {MOST} consumers already; remove some");
        return Err(Problem::bad_field("name", "the name of a consumer that there is", detail));
    }
    let state = ConsumerState { name, position: record.position, at: Timestamp::now() };
    shared.store.set_consumer(state.clone()).await.map_err(|error| store_failed(&error))?;
    Ok(Json(Consumer::of(state, shared.store.last_position())))
}

/// Forget a consumer
#[utoipa::path(
    delete,
    path = "/consumers/{name}",
    operation_id = "removeConsumer",
    tag = "consumers",
    params(("name" = String, Path, description = "Its name.", example = "billing")),
    responses((status = 204, description = "It is gone."), NotFound, Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn remove(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    Segment(name): Segment<String>,
    query: RawQuery,
) -> Outcome<StatusCode> {
    Params::none(query)?;
    let removed = shared.store.remove_consumer(name).await.map_err(|error| store_failed(&error))?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(missing()) }
}
