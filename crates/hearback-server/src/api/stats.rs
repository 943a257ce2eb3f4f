//! `/v1/stats`: counts over time.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{EventType, Timestamp};
use hearback_store::RollupRow;
use serde::Serialize;
use utoipa::ToSchema;

use super::page::ListPage;
use super::params::Params;
use super::query::{Names, SpanQuery};
use super::store_failed;
use crate::auth::Reader;
use crate::openapi::Refusals;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

const DAY_SECONDS: i64 = 86_400;
/// Longest span of one answer.
const SPAN_DAYS_MAX: i64 = 92;

/// One count.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HourlyCount {
    /// When the hour begins.
    start: Timestamp,
    /// The source that told of the events.
    source: String,
    /// What happened.
    #[schema(value_type = EventType)]
    r#type: String,
    /// Whether machines opened or clicked.
    by_machine: bool,
    /// How often.
    count: u64,
}

impl From<RollupRow> for HourlyCount {
    fn from(row: RollupRow) -> Self {
        Self {
            start: row.start,
            source: row.of,
            r#type: row.kind.dotted(),
            by_machine: row.machine,
            count: row.count,
        }
    }
}

/// Named, because the description names what it names.
type CountPage = ListPage<HourlyCount>;

static NAMES: Names = Names::of::<SpanQuery>();

/// Events per hour, source and type
///
/// Of the last day, if nothing is said. Hours without events are left out.
#[utoipa::path(
    get,
    path = "/stats/hourly",
    operation_id = "hourlyStats",
    tag = "stats",
    params(SpanQuery),
    responses((status = 200, description = "The counts.", body = CountPage), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn hourly(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<CountPage>> {
    let params = Params::new(query, &NAMES)?;
    let moment = |name: &str| params.parsed::<Timestamp>(name, "a moment such as 2026-11-20T10:00:00Z");
    let until = moment("until")?.unwrap_or_else(Timestamp::now);
    let since = moment("since")?.unwrap_or_else(|| until.plus_seconds(-DAY_SECONDS));
    if since >= until {
        return Err(Problem::bad_field("until", "a moment after `since`", "`until` is not after `since`"));
    }
    if until.seconds_since(since) > SPAN_DAYS_MAX * DAY_SECONDS {
        let expected = format!("a moment at most {SPAN_DAYS_MAX} days before `until`");
        return Err(Problem::bad_field("since", expected, format!("at most {SPAN_DAYS_MAX} days at a time")));
    }
    let rows = shared.store.hourly(since, until).await.map_err(|error| store_failed(&error))?;
    Ok(Json(ListPage::whole(rows.into_iter().map(HourlyCount::from).collect())))
}
