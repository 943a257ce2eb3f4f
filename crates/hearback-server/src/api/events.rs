//! `/v1/events`: the log, filtered, paged and followed.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use hearback_event::{EventId, Exported, Record};
use hearback_store::{EventFilter, EventQuery, Order, Page};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use tokio::time::Instant;

use super::cursor::Scope;
use super::page::ListPage;
use super::params::{Params, parse};
use super::query::{EventsQuery, Names};
use super::segment::Segment;
use super::{consumers, filter, store_failed};
use crate::auth::{Admin, Reader};
use crate::conditional::Asked;
use crate::openapi::{NotFound, Refusals, Unchanged};
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Longest wait for a new event, in seconds.
const WAIT_SECONDS_MAX: u64 = 60;
/// First pause between two looks at the log; it grows to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(250);
/// As `after`: begin at the end of the log.
const END: &str = "end";

/// What is expected as the id of an event.
const EVENT_ID: &str = "the id of an event that is stored, evt_...";

/// Named, because the description names what it names.
type EventPage = ListPage<Record>;

/// So many addresses of one user are asked for.
const ADDRESSES_MAX: usize = 100;

static NAMES: Names = Names::of::<EventsQuery>();

/// The log, filtered and paged
///
/// All filters that are given must hold. Cursors stay valid while events arrive: each event is in exactly one page.
///
/// To follow the log, ask with `after=end` (or without `after`, for all of it), and then again and again with `after` set
/// to the `next_cursor` of the answer before and `wait=60`. The answer comes as soon as there is an event, and with an
/// empty page when there is none in time. The cursor is a place in the log that lasts: a program that keeps it goes on
/// where it stopped, without losing an event.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "listEvents",
    tag = "events",
    params(EventsQuery),
    responses((status = 200, description = "One page.", body = EventPage), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn list(_: Reader, State(shared): State<Arc<Shared>>, query: RawQuery) -> Outcome<Response> {
    let params = Params::new(query, &NAMES)?;
    let with_keys = match params.one("include")? {
        None => false,
        Some("keys") => true,
        Some(_) => return Err(Problem::bad_field("include", "`keys`", "`include` can only be `keys`")),
    };
    let (mut filter, order) = (filter::read(&params)?, order(&params)?);
    let user_id = params.one("user_id")?;
    let scope = filter::scope(&filter, user_id, order);
    if let Some(user_id) = user_id {
        let addresses = shared.store.recipients_of_user(user_id.to_owned(), None, ADDRESSES_MAX).await;
        let addresses = addresses.map_err(|error| store_failed(&error))?.rows;
        if addresses.is_empty() {
            let detail = "there is no recipient of this user; PUT /v1/recipients/{address} names one";
            return Err(Problem::bad_field("user_id", "a `user_id` that a recipient has", detail));
        }
        filter.recipients = addresses.into_iter().map(|view| view.address).collect();
    }
    let beyond = beginning(&shared, &params, scope, order)?;
    let query = EventQuery { filter, order, beyond, limit: params.limit()? };
    let page = match (order, wait(&params, order)?) {
        (Order::Newest, _) => page(&shared, query, scope).await,
        (Order::Oldest, wait) => follow(&shared, query, scope, wait).await,
    }?;
    if !with_keys {
        return Ok(Json(page).into_response());
    }
    let data: Vec<Exported<'_>> = page.data.iter().map(Exported::of).collect();
    Ok(Json(ListPage { data, next_cursor: page.next_cursor.clone() }).into_response())
}

/// Whoever follows the log wants what came first, and need not say so.
fn order(params: &Params) -> Outcome<Order> {
    let follows = params.one("after")?.is_some() || params.one("wait")?.is_some();
    Ok(filter::order(params)?.unwrap_or(if follows { Order::Oldest } else { Order::Newest }))
}

/// The position after which the page begins.
fn beginning(shared: &Shared, params: &Params, scope: Scope, order: Order) -> Outcome<Option<u64>> {
    match (params.one("cursor")?, params.one("after")?) {
        (Some(_), Some(_)) => Err(Problem::bad_field(
            "after",
            "`cursor` or `after`, not both",
            "give either `cursor` or `after`",
        )),
        (None, Some(_)) if order == Order::Newest => Err(Problem::bad_field(
            "after",
            "`order=oldest`, or no `order`",
            "`after` follows the log and needs `order=oldest`",
        )),
        (None, Some(after)) => place_in_log(shared, scope, after).map(Some),
        (Some(cursor), None) => scope.number("cursor", cursor).map(Some),
        (None, None) => Ok(None),
    }
}

/// The position that `after` means: the end, an event, a consumer's place, or a cursor of this list.
pub(super) fn place_in_log(shared: &Shared, scope: Scope, after: &str) -> Outcome<u64> {
    if after == END {
        return Ok(shared.store.last_position());
    }
    if after.starts_with(EventId::PREFIX) {
        return parse::<EventId>("after", after, EVENT_ID).map(EventId::position);
    }
    consumers::scope().number("after", after).or_else(|_| scope.number("after", after))
}

/// How long to wait for an event where there is none.
fn wait(params: &Params, order: Order) -> Outcome<Duration> {
    let expected = format!("whole seconds from 0 to {WAIT_SECONDS_MAX}");
    let Some(seconds) = params.parsed::<u64>("wait", &expected)? else { return Ok(Duration::ZERO) };
    if order == Order::Newest {
        return Err(Problem::bad_field(
            "wait",
            "`order=oldest`, or no `order`",
            "`wait` follows the log and needs `order=oldest`",
        ));
    }
    if seconds > WAIT_SECONDS_MAX {
        let detail = format!("`wait` is {seconds}; expected {expected}");
        return Err(Problem::bad_field("wait", expected, detail));
    }
    Ok(Duration::from_secs(seconds))
}

async fn page(shared: &Shared, query: EventQuery, scope: Scope) -> Outcome<EventPage> {
    let page = read(shared, &query).await?;
    let next_cursor = page.next.map(|position| scope.number_cursor(position));
    Ok(ListPage { data: page.rows, next_cursor })
}

/// Oldest first: always with a cursor, from which one can go on when more has happened; waits for a first row.
async fn follow(shared: &Shared, mut query: EventQuery, scope: Scope, wait: Duration) -> Outcome<EventPage> {
    let deadline = Instant::now() + wait;
    loop {
        // Read before the page: every event up to here is in the page if it passes the filter, so the next look may
        // begin after it. Without that a filter that nothing passes would read the whole log again and again.
        let seen = shared.store.last_position();
        let page = read(shared, &query).await?;
        let beyond = page.next.unwrap_or_else(|| {
            let last = page.rows.last().map(|record| record.position);
            last.max(query.beyond).unwrap_or_default().max(seen)
        });
        if !page.rows.is_empty() || !grows(shared, seen, deadline).await {
            let next_cursor = Some(scope.number_cursor(beyond));
            return Ok(ListPage { data: page.rows, next_cursor });
        }
        query.beyond = Some(beyond);
    }
}

/// Waits until the log is longer than `seen`; false at the deadline or when the server stops.
async fn grows(shared: &Shared, seen: u64, deadline: Instant) -> bool {
    let mut closed = shared.closed.clone();
    let mut pause = PAUSE_MIN;
    while shared.store.last_position() <= seen {
        if *closed.borrow() || Instant::now() >= deadline {
            return false;
        }
        let next_look = (Instant::now() + pause).min(deadline);
        tokio::select! {
            () = tokio::time::sleep_until(next_look) => {}
            _ = closed.changed() => return false,
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
    true
}

async fn read(shared: &Shared, query: &EventQuery) -> Outcome<Page<Record>> {
    shared.store.events(query.clone()).await.map_err(|error| store_failed(&error))
}

/// Events of one label, oldest first, for timelines.
pub(super) async fn of_label(
    shared: &Shared,
    label: (String, String),
    params: &Params,
) -> Outcome<(Vec<Record>, Option<String>)> {
    let filter = EventFilter { labels: vec![label], ..EventFilter::default() };
    let scope = filter::scope(&filter, None, Order::Oldest);
    let beyond = params.one("cursor")?.map(|cursor| scope.number("cursor", cursor)).transpose()?;
    let query = EventQuery { filter, order: Order::Oldest, beyond, limit: params.limit()? };
    let page = read(shared, &query).await?;
    Ok((page.rows, page.next.map(|position| scope.number_cursor(position))))
}

fn event_id(text: &str) -> Outcome<EventId> {
    filter::id(text, EVENT_ID)
}

/// One event
#[utoipa::path(
    get,
    path = "/events/{id}",
    operation_id = "getEvent",
    tag = "events",
    params(("id" = EventId, Path, description = "Its id.")),
    responses((status = 200, description = "The event.", body = Record, headers(("etag" = String, description = "For `If-None-Match`."))), Unchanged, NotFound, Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn one(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    asked: Asked,
    query: RawQuery,
) -> Outcome<Response> {
    Params::none(query)?;
    let found = shared.store.event(event_id(&id)?).await.map_err(|error| store_failed(&error))?;
    found
        .map(|record| asked.json(&record))
        .ok_or_else(|| Problem::not_found("id", EVENT_ID, "there is no event of this id"))
}

/// The raw request that told of an event
///
/// Request line, headers, an empty line and the body, byte for byte as it came; credentials in the head are taken out.
#[utoipa::path(
    get,
    path = "/events/{id}/payload",
    operation_id = "getEventPayload",
    tag = "events",
    params(("id" = EventId, Path, description = "The event's id.")),
    responses((status = 200, description = "The request as it came.", body = String, content_type = "message/http"), NotFound, Refusals),
    security(("token" = ["admin"])),
)]
pub(super) async fn payload(
    _: Admin,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    query: RawQuery,
) -> Outcome<impl IntoResponse> {
    Params::none(query)?;
    let found = shared.store.payload(event_id(&id)?).await.map_err(|error| store_failed(&error))?;
    let payload = found.ok_or_else(|| {
        Problem::not_found(
            "id",
            EVENT_ID,
            "there is no event of this id, or its request is not kept any more",
        )
    })?;
    let raw = [payload.head.as_bytes(), b"\r\n", &payload.body].concat();
    let headers = [
        (CONTENT_TYPE, "message/http"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_DISPOSITION, "attachment; filename=\"request.http\""),
    ];
    Ok((headers, raw))
}
