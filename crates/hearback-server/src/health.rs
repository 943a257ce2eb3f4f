//! Health, for people and for machines.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hearback_event::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Example;
use crate::openapi::NotReady;
use crate::problem::Problem;
use crate::shared::Shared;

/// Where the endpoints are listed.
pub(crate) const WEBHOOKS_HEALTH: &str = "/webhooks/health";
/// Whether the process answers at all.
pub(crate) const ALIVE: &str = "/healthz";
/// Whether what is received can be stored.
pub(crate) const READY: &str = "/readyz";

pub(crate) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(webhooks)).routes(routes!(alive)).routes(routes!(ready))
}

/// Examples of the answers.
pub(crate) fn examples() -> Vec<Example> {
    let health = WebhooksHealth {
        status: "healthy",
        service: "hearback",
        endpoints: [("mailgun-eu".to_owned(), "/webhooks/mailgun-eu".to_owned())].into(),
        timestamp: Timestamp::from_seconds(1_795_000_000).unwrap_or(Timestamp::EPOCH),
    };
    vec![
        Example::json("webhooksHealth", &health),
        Example::text("alive", ALIVE_ANSWER),
        Example::text("ready", READY_ANSWER),
    ]
}

const ALIVE_ANSWER: &str = "alive\n";
const READY_ANSWER: &str = "ready\n";

/// The endpoints that providers post to.
#[derive(Serialize, ToSchema)]
struct WebhooksHealth {
    /// `healthy`.
    status: &'static str,
    /// `hearback`.
    service: &'static str,
    /// The path of each source, by its name.
    endpoints: BTreeMap<String, String>,
    /// Now.
    timestamp: Timestamp,
}

/// The endpoints that providers post to
#[utoipa::path(
    get,
    path = WEBHOOKS_HEALTH,
    operation_id = "webhooksHealth",
    tag = "machines",
    responses((status = 200, description = "All sources.", body = WebhooksHealth)),
)]
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

/// Whether the process answers at all
#[utoipa::path(
    get,
    path = ALIVE,
    operation_id = "alive",
    tag = "machines",
    responses((status = 200, description = "It does.", body = String)),
)]
async fn alive() -> &'static str {
    ALIVE_ANSWER
}

/// Whether what is received can be stored
///
/// For load balancers: a row is written and read.
#[utoipa::path(
    get,
    path = READY,
    operation_id = "ready",
    tag = "machines",
    responses(
        (status = 200, description = "It can.", body = String),
        NotReady,
    ),
)]
async fn ready(State(shared): State<Arc<Shared>>) -> Result<&'static str, Problem> {
    match shared.store.check_writable().await {
        Ok(()) => Ok(READY_ANSWER),
        Err(error) => {
            tracing::warn!(%error, "the store cannot be written");
            Err(Problem::new(503, error.word(), "Not ready", format!("the store: {}", error.word())))
        }
    }
}
