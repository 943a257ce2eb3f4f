//! The API: answers about events, messages, recipients, timelines and sources, under tokens.

mod alerts;
mod consumers;
mod cursor;
mod destinations;
mod directory;
mod events;
mod example;
mod filter;
mod given;
mod import;
mod members;
mod message_list;
mod messages;
mod page;
mod params;
mod profile;
mod quarantine;
mod query;
mod recipients;
mod registrations;
mod segment;
mod send;
mod sources;
mod stats;
mod stream;
mod suppressions;
mod timelines;
mod watchdog;

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
        .merge(
            OpenApiRouter::new()
                .routes(routes!(message_list::list, registrations::one))
                .layer(DefaultBodyLimit::max(registrations::MESSAGE_BYTES_MAX)),
        )
        .merge(
            OpenApiRouter::new()
                .routes(routes!(registrations::batch::several))
                .layer(DefaultBodyLimit::max(registrations::BODY_BYTES_MAX)),
        )
        .routes(routes!(messages::one))
        .merge(
            OpenApiRouter::new()
                .routes(routes!(send::send))
                .layer(DefaultBodyLimit::max(send::BODY_BYTES_MAX)),
        )
        .merge(
            OpenApiRouter::new()
                .routes(routes!(import::events))
                .layer(DefaultBodyLimit::max(import::BODY_BYTES_MAX)),
        )
        .routes(routes!(timelines::one))
        .merge(people())
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
        .merge(watching())
        .routes(routes!(sources::list))
        .routes(routes!(stats::stats));
    OpenApiRouter::new().nest(ROOT, routes)
}

/// What somebody should look at.
fn watching() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::one))
        .routes(routes!(alerts::acknowledge))
        .routes(routes!(alerts::resolve))
        .routes(routes!(watchdog::show))
}

/// What is known of addresses, and what people say of them: with bodies of many addresses.
fn people() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(suppressions::list, suppressions::by_hand::add))
        .routes(routes!(suppressions::check::check))
        .routes(routes!(suppressions::standing::one, suppressions::by_hand::lift))
        .routes(routes!(directory::list))
        .routes(routes!(recipients::one, recipients::forget, profile::put))
        .layer(DefaultBodyLimit::max(given::BODY_BYTES_MAX))
}

/// A store that cannot answer now.
pub(crate) fn store_failed(error: &StoreError) -> Problem {
    tracing::warn!(%error, "the store could not answer a question");
    Problem::try_again(503, 5, format!("the store cannot answer now: {}", error.word()))
}
