//! `/v1/alerts`: what somebody should look at, and what people say of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{Address, AlertState, EventId, Kind, MessageId, Record, Timestamp, Urgency};
use hearback_store::{AlertChange, AlertItem, AlertQuery, EventQuery, Order, Store, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor::Scope;
use super::page::ListPage;
use super::params::Params;
use super::query::{AlertsQuery, Names};
use super::segment::Segment;
use super::{filter, store_failed};
use crate::auth::{Reader, Writer};
use crate::openapi::{NotFound, Refusals};
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// What is expected as the number of an alert.
const ALERT_ID: &str = "the number of an alert, as GET /v1/alerts lists it";

static NAMES: Names = Names::of::<AlertsQuery>();

/// Named, because the description names what it names.
type AlertPage = ListPage<View>;

/// When something was done, and who did it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertMark)]
pub(crate) struct Mark {
    at: Timestamp,
    /// A token's or user's name; or, of an alert that ended by itself, why.
    by: String,
}

/// That an alert was told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Told {
    at: Timestamp,
    /// To these destinations.
    to: Vec<String>,
}

/// Something that somebody should look at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertItem)]
pub(crate) struct View {
    /// Its number, newer ones greater.
    id: u64,
    /// The rule that raised it.
    rule: String,
    /// How soon somebody should look.
    urgency: Urgency,
    /// How it stands.
    state: AlertState,
    /// What it is about, in one line.
    title: String,
    /// The type of the first event.
    #[schema(value_type = hearback_event::EventType)]
    r#type: String,
    /// How many events; of one that sums up others, how many of these.
    count: u64,
    /// When the first was.
    first_at: Timestamp,
    /// When the last was.
    last_at: Timestamp,
    /// The first event; left out where it was dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = EventId)]
    event: Option<EventId>,
    /// The message that it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = MessageId)]
    message: Option<MessageId>,
    /// To whom that message went.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Address)]
    recipient: Option<Address>,
    /// The alert that sums it up, where many came at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64)]
    part_of: Option<u64>,
    /// Who has seen it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Mark)]
    acknowledged: Option<Mark>,
    /// Who or what ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Mark)]
    resolved: Option<Mark>,
    /// When it was told, and to whom. The events that were pushed carry its number as the label `hearback_alert`.
    told: Vec<Told>,
}

impl View {
    /// An alert and its first event.
    pub(crate) fn of(item: AlertItem, cause: Option<&Record>) -> Self {
        let mark = |mark: Option<(Timestamp, String)>| mark.map(|(at, by)| Mark { at, by });
        let one = cause.filter(|_| item.count == 1 || !item.sums_up);
        Self {
            id: item.id,
            title: hearback_alert::title(
                item.kind,
                if one.is_some() { 1 } else { item.count },
                item.first_at,
                cause,
            ),
            rule: item.rule,
            urgency: item.urgency,
            state: item.state,
            r#type: Kind::dotted(item.kind),
            count: item.count,
            first_at: item.first_at,
            last_at: item.last_at,
            event: cause.map(Record::id),
            message: one.and_then(Record::message_id),
            recipient: one.and_then(|record| record.event.recipient.clone()),
            part_of: item.part_of,
            acknowledged: mark(item.acknowledged),
            resolved: mark(item.resolved),
            told: item.told.into_iter().map(|(at, to)| Told { at, to }).collect(),
        }
    }

    /// For the description of the API.
    pub(crate) fn example(cause: &Record) -> Self {
        let at = cause.occurred_at();
        let item = AlertItem {
            id: 17,
            rule: "bounces".to_owned(),
            subject: [0; 16],
            sums_up: false,
            part_of: None,
            urgency: Urgency::Warning,
            kind: cause.event.kind,
            cause: cause.position,
            first_at: at,
            last_at: at,
            count: 1,
            parts_left: 0,
            state: AlertState::Open,
            acknowledged: None,
            resolved: None,
            told: vec![(at, vec!["ops".to_owned()])],
        };
        Self::of(item, Some(cause))
    }
}

/// With their first events.
async fn views(store: &dyn Store, items: Vec<AlertItem>) -> Result<Vec<View>, StoreError> {
    let mut views = Vec::with_capacity(items.len());
    for item in items {
        let cause = at(store, item.cause).await?;
        views.push(View::of(item, cause.as_ref()));
    }
    Ok(views)
}

/// The event at a position, where it still is.
async fn at(store: &dyn Store, position: u64) -> Result<Option<Record>, StoreError> {
    let beyond = Some(position.saturating_sub(1));
    let query = EventQuery { order: Order::Oldest, beyond, limit: 1, ..EventQuery::default() };
    Ok(store.events(query).await?.rows.pop().filter(|record| record.position == position))
}

fn missing() -> Problem {
    Problem::not_found(
        "id",
        ALERT_ID,
        "there is no alert of this number; those that are over are dropped after 90 days",
    )
}

/// Alerts
///
/// The newest first. Where many came at once, one alert sums them up; they are asked for with `part_of`.
#[utoipa::path(
    get,
    path = "/alerts",
    operation_id = "listAlerts",
    tag = "alerts",
    params(AlertsQuery),
    responses((status = 200, description = "One page.", body = AlertPage), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<AlertPage>> {
    let params = Params::new(query, &NAMES)?;
    let mut states: Vec<AlertState> =
        filter::words(&params, "state", AlertState::ALL.iter().map(|state| state.name()))?;
    states.sort_unstable();
    let rule = params.one("rule")?.map(str::to_owned);
    let part_of = params.parsed::<i64>("part_of", ALERT_ID)?;
    let part_of = part_of
        .map(u64::try_from)
        .transpose()
        .map_err(|_| Problem::bad_field("part_of", ALERT_ID, "`part_of` is negative"))?;
    let scope = Scope::of(&["alerts", &format!("{states:?} {rule:?} {part_of:?}")]);
    let limit = params.limit_up_to(LIMIT_MAX)?;
    let before = params.one("cursor")?.map(|cursor| scope.number("cursor", cursor)).transpose()?;
    let query = AlertQuery { states, rule, part_of, before, limit: limit + 1 };
    let mut found = shared.store.alerts(query).await.map_err(|error| store_failed(&error))?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|item| scope.number_cursor(item.id));
    let data = views(&*shared.store, found).await.map_err(|error| store_failed(&error))?;
    Ok(Json(ListPage { data, next_cursor }))
}

/// Most of a page: for each, its first event is read.
const LIMIT_MAX: usize = 200;

/// One alert
#[utoipa::path(
    get,
    path = "/alerts/{id}",
    operation_id = "getAlert",
    tag = "alerts",
    params(("id" = u64, Path, description = "Its number.", example = 17)),
    responses((status = 200, description = "How it stands.", body = View), NotFound, Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn one(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<View>> {
    Params::none(query)?;
    let found = shared.store.alert(filter::id(&id, ALERT_ID)?).await.map_err(|error| store_failed(&error))?;
    shown(&shared, found).await
}

async fn shown(shared: &Shared, found: Option<AlertItem>) -> Outcome<Json<View>> {
    let item = found.ok_or_else(missing)?;
    let mut views = views(&*shared.store, vec![item]).await.map_err(|error| store_failed(&error))?;
    views.pop().map(Json).ok_or_else(missing)
}

/// Say that an alert was seen
///
/// Nothing more is told of it; it stays until it is over. Of one that sums up others, these are meant as well.
#[utoipa::path(
    post,
    path = "/alerts/{id}/acknowledge",
    operation_id = "acknowledgeAlert",
    tag = "alerts",
    params(("id" = u64, Path, description = "Its number.", example = 17)),
    responses((status = 200, description = "How it stands now.", body = View), NotFound, Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn acknowledge(
    Writer(by): Writer,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<View>> {
    Params::none(query)?;
    change(&shared, &id, AlertChange::Acknowledge, by).await
}

/// Say that an alert is over
///
/// When the same thing happens again, it is another alert.
#[utoipa::path(
    post,
    path = "/alerts/{id}/resolve",
    operation_id = "resolveAlert",
    tag = "alerts",
    params(("id" = u64, Path, description = "Its number.", example = 17)),
    responses((status = 200, description = "How it stands now.", body = View), NotFound, Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn resolve(
    Writer(by): Writer,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<View>> {
    Params::none(query)?;
    change(&shared, &id, AlertChange::Resolve, by).await
}

async fn change(shared: &Shared, id: &str, change: AlertChange, by: String) -> Outcome<Json<View>> {
    let id = filter::id(id, ALERT_ID)?;
    let changed = shared.store.change_alert(id, change, by, Timestamp::now()).await;
    shown(shared, changed.map_err(|error| store_failed(&error))?).await
}
