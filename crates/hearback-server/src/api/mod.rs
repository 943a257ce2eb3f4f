//! The API: answers about events, messages, recipients, timelines and sources, under tokens.

mod consumers;
mod cursor;
mod destinations;
mod events;
mod example;
mod filter;
mod import;
mod messages;
mod page;
mod params;
mod quarantine;
mod query;
mod recipients;
mod segment;
mod sources;
mod stats;
mod stream;
mod suppressions;
mod timelines;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use hearback_store::StoreError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::Problem;
use crate::shared::Shared;

pub(crate) use example::{Example, examples};

/// What every path of the API begins with.
pub(crate) const ROOT: &str = "/v1";

pub(crate) fn router() -> OpenApiRouter<Arc<Shared>> {
    let routes = OpenApiRouter::new()
        .routes(routes!(events::list))
        .routes(routes!(stream::events))
        .routes(routes!(events::one))
        .routes(routes!(events::payload))
        .routes(routes!(messages::by_provider_id))
        .routes(routes!(messages::one))
        .routes(routes!(recipients::one, recipients::forget))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(import::events))
                .layer(DefaultBodyLimit::max(import::BODY_BYTES_MAX)),
        )
        .routes(routes!(timelines::one))
        .routes(routes!(suppressions::list))
        .routes(routes!(quarantine::list))
        .routes(routes!(quarantine::retry_all))
        .routes(routes!(quarantine::one, quarantine::remove))
        .routes(routes!(quarantine::retry_one))
        .routes(routes!(consumers::list))
        .routes(routes!(consumers::one, consumers::remove))
        .routes(routes!(consumers::acknowledge))
        .routes(routes!(destinations::list))
        .routes(routes!(destinations::one))
        .routes(routes!(destinations::failed))
        .routes(routes!(destinations::pause))
        .routes(routes!(destinations::resume))
        .routes(routes!(destinations::redrive))
        .routes(routes!(destinations::test))
        .routes(routes!(destinations::explain))
        .routes(routes!(sources::list))
        .routes(routes!(stats::hourly));
    OpenApiRouter::new().nest(ROOT, routes)
}

/// A store that cannot answer now.
pub(crate) fn store_failed(error: &StoreError) -> Problem {
    tracing::warn!(%error, "the store could not answer a question");
    Problem::try_again(503, 5, format!("the store cannot answer now: {}", error.word()))
}
