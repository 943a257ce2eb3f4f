//! `/v1/watchdog`: how many messages are expected.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::params::Params;
use super::store_failed;
use crate::auth::Reader;
use crate::openapi::Refusals;
use crate::problem::Outcome;
use crate::shared::Shared;

/// How many messages the watchdog looks after.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Watchdog {
    /// Registered messages that are expected to be delivered and are not late yet; and those of which it is not known yet that
    /// they arrived, because nobody has looked before they are due.
    pub(crate) waiting: u64,
    /// Messages that were not delivered in time and may still be.
    pub(crate) overdue: u64,
}

/// What is expected
///
/// The overdue messages themselves: `GET /v1/messages?overdue=true`.
#[utoipa::path(
    get,
    path = "/watchdog",
    operation_id = "getWatchdog",
    tag = "alerts",
    responses((status = 200, description = "How many.", body = Watchdog), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn show(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<Watchdog>> {
    Params::none(query)?;
    let watched = shared.store.watched().await.map_err(|error| store_failed(&error))?;
    Ok(Json(Watchdog { waiting: watched.waiting, overdue: watched.overdue }))
}
