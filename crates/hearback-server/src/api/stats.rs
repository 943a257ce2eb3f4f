//! `/v1/stats`: counts over time.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::Timestamp;
use hearback_store::RollupRow;
use serde::Serialize;

use super::page::ListPage;
use super::params::Params;
use super::store_failed;
use crate::auth::Reader;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

const DAY_SECONDS: i64 = 86_400;
/// Longest span of one answer.
const SPAN_DAYS_MAX: i64 = 92;

/// One count.
#[derive(Debug, Serialize)]
pub(super) struct HourlyCount {
    start: Timestamp,
    source: String,
    r#type: String,
    by_machine: bool,
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

/// `GET /v1/stats/hourly`: events per hour, source and type; of the last day, if nothing is said.
pub(super) async fn hourly(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<ListPage<HourlyCount>>> {
    let params = Params::new(query, &["since", "until"])?;
    let moment = |name: &str| params.parsed::<Timestamp>(name, "a moment such as 2026-11-20T10:00:00Z");
    let until = moment("until")?.unwrap_or_else(Timestamp::now);
    let since = moment("since")?.unwrap_or_else(|| until.plus_seconds(-DAY_SECONDS));
    if since >= until {
        return Err(Problem::bad_field("until", "`until` is not after `since`"));
    }
    if until.seconds_since(since) > SPAN_DAYS_MAX * DAY_SECONDS {
        return Err(Problem::bad_field("since", format!("at most {SPAN_DAYS_MAX} days at a time")));
    }
    let rows = shared.store.hourly(since, until).await.map_err(|error| store_failed(&error))?;
    Ok(Json(ListPage::whole(rows.into_iter().map(HourlyCount::from).collect())))
}
