//! Health, for people and for machines.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use hearback_event::Timestamp;
use serde::Serialize;

use crate::problem::Problem;
use crate::shared::Shared;

/// Where the endpoints are listed.
pub(crate) const WEBHOOKS_HEALTH: &str = "/webhooks/health";
/// Whether the process answers at all.
pub(crate) const ALIVE: &str = "/healthz";
/// Whether what is received can be stored.
pub(crate) const READY: &str = "/readyz";

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route(WEBHOOKS_HEALTH, get(webhooks))
        .route(ALIVE, get(async || "alive\n"))
        .route(READY, get(ready))
}

#[derive(Serialize)]
struct WebhooksHealth {
    status: &'static str,
    service: &'static str,
    endpoints: BTreeMap<String, String>,
    timestamp: Timestamp,
}

async fn webhooks(State(shared): State<Arc<Shared>>) -> Json<WebhooksHealth> {
    let endpoint = |source: &Arc<crate::Source>| {
        let name = source.reference.name.to_string();
        let path = format!("/webhooks/{name}");
        (name, path)
    };
    Json(WebhooksHealth {
        status: "healthy",
        service: "hearback",
        endpoints: shared.sources.iter().map(endpoint).collect(),
        timestamp: Timestamp::now(),
    })
}

async fn ready(State(shared): State<Arc<Shared>>) -> Result<&'static str, Problem> {
    match shared.store.check_writable().await {
        Ok(()) => Ok("ready\n"),
        Err(error) => {
            tracing::warn!(%error, "the store cannot be written");
            Err(Problem::new(503, error.word(), "Not ready", format!("the store: {}", error.word())))
        }
    }
}
