//! `/v1/destinations`: consumers that are pushed to: how they stand, what failed, and what a person does about it.

mod view;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_deliver::{Outcome as Pushed, Redrive, Which};
use hearback_event::{EventId, Timestamp};
use hearback_store::{DestinationControl, FailedPushQuery};
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor::Scope;
use super::page::ListPage;
use super::params::Params;
use super::query::{ExplainQuery, FailedQuery, Names, RedriveQuery};
use super::segment::Segment;
use super::{filter, store_failed};
use crate::auth::{Reader, Writer};
use crate::openapi::{NotFound, Refusals};
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;
pub(super) use view::{Explained, FailedPush, View};

/// What is expected as the name of a destination.
const NAME: &str = "the name of a configured destination, as GET /v1/destinations lists them";
const MOMENT: &str = "a moment such as 2026-11-20T10:02:11Z";

/// Named, because the description names what it names.
type DestinationPage = ListPage<View>;
type FailedPage = ListPage<FailedPush>;

static FAILED_NAMES: Names = Names::of::<FailedQuery>();
static REDRIVE_NAMES: Names = Names::of::<RedriveQuery>();
static EXPLAIN_NAMES: Names = Names::of::<ExplainQuery>();

/// What a redrive comes to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Redriven {
    /// How many events are pushed once more.
    pub(crate) count: u64,
    /// Whether they were only counted.
    pub(crate) dry_run: bool,
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tested {
    /// Whether the receiver took it.
    pub(crate) taken: bool,
    /// The status of its answer, where there was one and it was no success.
    #[schema(required)]
    pub(crate) status: Option<u16>,
    /// What went wrong, in words.
    #[schema(required)]
    pub(crate) why: Option<String>,
    /// How long it took.
    pub(crate) milliseconds: u64,
}

impl Tested {
    fn of((pushed, took): (Pushed, Duration)) -> Self {
        let failure = match pushed {
            Pushed::Taken => None,
            Pushed::Failed(failure) => Some(failure),
        };
        Self {
            taken: failure.is_none(),
            status: failure.as_ref().and_then(|failure| failure.status),
            why: failure.map(|failure| failure.why),
            milliseconds: took.as_millis() as u64,
        }
    }
}

fn missing() -> Problem {
    Problem::not_found("name", NAME, "there is no destination of this name")
}

/// Every destination
///
/// How each stands: what it wants, how far it is behind, what failed.
#[utoipa::path(
    get,
    path = "/destinations",
    operation_id = "listDestinations",
    tag = "destinations",
    responses((status = 200, description = "All of them.", body = DestinationPage), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<DestinationPage>> {
    Params::none(query)?;
    let found = shared.destinations.list().await.map_err(|error| store_failed(&error))?;
    Ok(Json(ListPage::whole(found.into_iter().map(View::from).collect())))
}

/// One destination
#[utoipa::path(
    get,
    path = "/destinations/{name}",
    operation_id = "getDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "Its name.", example = "crm")),
    responses((status = 200, description = "How it stands.", body = View), NotFound, Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn one(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment(name): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<View>> {
    Params::none(query)?;
    view(&shared, &name).await
}

async fn view(shared: &Shared, name: &str) -> Outcome<Json<View>> {
    let found = shared.destinations.one(name).await.map_err(|error| store_failed(&error))?;
    found.map(|view| Json(View::from(view))).ok_or_else(missing)
}

/// Pushes that failed
///
/// In the order of the log: those that are tried again, and those that were given up.
#[utoipa::path(
    get,
    path = "/destinations/{name}/failed",
    operation_id = "listFailedPushes",
    tag = "destinations",
    params(("name" = String, Path, description = "The destination.", example = "crm"), FailedQuery),
    responses((status = 200, description = "One page.", body = FailedPage), NotFound, Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn failed(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment(name): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<FailedPage>> {
    let params = Params::new(query, &FAILED_NAMES)?;
    let ended = flag(&params, "dead")?;
    let scope = Scope::of(&["failed pushes", &name, &format!("{ended:?}")]);
    let limit = params.limit()?;
    let beyond = params.one("cursor")?.map(|cursor| scope.number("cursor", cursor)).transpose()?;
    let query = FailedPushQuery { destination: name, ended, beyond: beyond.unwrap_or_default(), limit };
    let found = shared.destinations.failed(query).await.map_err(|error| store_failed(&error))?;
    let found = found.ok_or_else(missing)?;
    let next = found.last().filter(|_| found.len() == limit).map(|(push, _)| push.position);
    let next_cursor = next.map(|position| scope.number_cursor(position));
    let data = found.into_iter().map(|(push, event)| FailedPush::of(&push, event)).collect();
    Ok(Json(ListPage { data, next_cursor }))
}

/// `true` or `false`.
fn flag(params: &Params, name: &str) -> Outcome<Option<bool>> {
    params.parsed(name, "true or false")
}

/// Hold a destination
///
/// Nothing is pushed to it until it is resumed, over restarts too; events wait in the log.
#[utoipa::path(
    post,
    path = "/destinations/{name}/pause",
    operation_id = "pauseDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "Its name.", example = "crm")),
    responses((status = 200, description = "How it stands now.", body = View), NotFound, Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn pause(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    Segment(name): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<View>> {
    Params::none(query)?;
    control(&shared, &name, DestinationControl::Pause).await
}

/// Let a destination go on
///
/// Also one that was disabled because its receiver answered 410 Gone, or one that takes nothing and is only probed.
#[utoipa::path(
    post,
    path = "/destinations/{name}/resume",
    operation_id = "resumeDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "Its name.", example = "crm")),
    responses((status = 200, description = "How it stands now.", body = View), NotFound, Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn resume(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    Segment(name): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<View>> {
    Params::none(query)?;
    control(&shared, &name, DestinationControl::Resume).await
}

async fn control(shared: &Shared, name: &str, control: DestinationControl) -> Outcome<Json<View>> {
    let known = shared.destinations.control(name, control).await.map_err(|error| store_failed(&error))?;
    if known { view(shared, name).await } else { Err(missing()) }
}

/// Push events once more
///
/// What was given up, if nothing else is said. Each is tried as if it had never been; receivers know by its id what they have
/// already. `dry_run=true` only counts.
#[utoipa::path(
    post,
    path = "/destinations/{name}/redrive",
    operation_id = "redriveDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "Its name.", example = "crm"), RedriveQuery),
    responses((status = 200, description = "How many.", body = Redriven), NotFound, Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn redrive(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    Segment(name): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Redriven>> {
    let params = Params::new(query, &REDRIVE_NAMES)?;
    let which = match params.one("which")? {
        None | Some("dead") => Which::Dead,
        Some("failed") => Which::Failed,
        Some("all") => Which::All,
        Some(_) => {
            let expected = "`dead`, `failed` or `all`";
            return Err(Problem::bad_field("which", expected, format!("`which` is none of {expected}")));
        }
    };
    let dry_run = flag(&params, "dry_run")?.unwrap_or_default();
    let since = params.parsed::<Timestamp>("since", MOMENT)?;
    let redrive = Redrive { which, kinds: filter::kinds(&params, "type")?, since, dry_run };
    let count = shared.destinations.redrive(&name, &redrive).await.map_err(|error| store_failed(&error))?;
    Ok(Json(Redriven { count: count.ok_or_else(missing)?, dry_run }))
}

/// Push a made-up event
///
/// Marked as a test and not stored; past the filter, and whether the destination is held or not.
#[utoipa::path(
    post,
    path = "/destinations/{name}/test",
    operation_id = "testDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "Its name.", example = "crm")),
    responses((status = 200, description = "What came of it.", body = Tested), NotFound, Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn test(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    Segment(name): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Tested>> {
    Params::none(query)?;
    shared.destinations.test(&name).await.map(|tested| Json(Tested::of(tested))).ok_or_else(missing)
}

/// Why a destination got an event, or did not
#[utoipa::path(
    get,
    path = "/destinations/{name}/explain",
    operation_id = "explainDestination",
    tag = "destinations",
    params(("name" = String, Path, description = "Its name.", example = "crm"), ExplainQuery),
    responses((status = 200, description = "What became of the event there.", body = Explained), NotFound, Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn explain(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment(name): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Explained>> {
    const EVENT: &str = "the id of an event that is stored, evt_...";
    let params = Params::new(query, &EXPLAIN_NAMES)?;
    let event = params.parsed::<EventId>("event", EVENT)?;
    let event = event.ok_or_else(|| Problem::bad_field("event", EVENT, "`event` is missing"))?;
    let known = shared.destinations.one(&name).await.map_err(|error| store_failed(&error))?;
    let view = known.ok_or_else(missing)?;
    let why = shared.destinations.explain(&name, event).await.map_err(|error| store_failed(&error))?;
    let why = why.ok_or_else(|| Problem::not_found("event", EVENT, "there is no event of this id"))?;
    Ok(Json(Explained::of(why, &view.destination)))
}
