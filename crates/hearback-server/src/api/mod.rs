//! The API: answers about events, messages, recipients, timelines and sources, under tokens.

mod cursor;
mod events;
mod filter;
mod import;
mod messages;
mod page;
mod params;
mod quarantine;
mod recipients;
mod segment;
mod sources;
mod stats;
mod suppressions;
mod timelines;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use hearback_store::StoreError;

use crate::problem::Problem;
use crate::shared::Shared;

/// What every path of the API begins with.
pub(crate) const ROOT: &str = "/v1";

pub(crate) fn router() -> Router<Arc<Shared>> {
    let routes = Router::new()
        .route("/events", get(events::list))
        .route("/events/{id}", get(events::one))
        .route("/events/{id}/payload", get(events::payload))
        .route("/messages", get(messages::by_provider_id))
        .route("/messages/{id}", get(messages::one))
        .route("/import/events", post(import::events).layer(DefaultBodyLimit::max(import::BODY_BYTES_MAX)))
        .route("/recipients/{address}", get(recipients::one).delete(recipients::forget))
        .route("/timelines/{key}/{value}", get(timelines::one))
        .route("/suppressions", get(suppressions::list))
        .route("/quarantine", get(quarantine::list))
        .route("/quarantine/retry", post(quarantine::retry_all))
        .route("/quarantine/{id}", get(quarantine::one).delete(quarantine::remove))
        .route("/quarantine/{id}/retry", post(quarantine::retry_one))
        .route("/sources", get(sources::list))
        .route("/stats/hourly", get(stats::hourly))
        .method_not_allowed_fallback(async || Problem::method_not_allowed());
    Router::new().nest(ROOT, routes)
}

/// A store that cannot answer now.
pub(crate) fn store_failed(error: &StoreError) -> Problem {
    tracing::warn!(%error, "the store could not answer a question");
    Problem::try_again(503, 5, format!("the store cannot answer now: {}", error.word()))
}
