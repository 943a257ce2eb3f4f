//! The API: answers about events, messages, recipients, timelines and sources, under tokens.

use std::sync::Arc;

use axum::Router;
use hearback_store::StoreError;

use crate::problem::Problem;
use crate::shared::Shared;

/// What every path of the API begins with.
pub(crate) const ROOT: &str = "/v1";

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
}

/// A store that cannot answer now.
pub(crate) fn store_failed(error: &StoreError) -> Problem {
    tracing::warn!(%error, "the store could not answer a question");
    Problem::try_again(503, 5, format!("the store cannot answer now: {}", error.word()))
}
