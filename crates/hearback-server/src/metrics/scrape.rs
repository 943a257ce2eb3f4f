//! `GET /metrics`.

use std::sync::Arc;

use axum::extract::State;
use hearback_store::StoreStats;
use http::header::CONTENT_TYPE;
use metrics::gauge;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Example;
use crate::shared::Shared;

/// Where it is.
pub(crate) const PATH: &str = "/metrics";

pub(crate) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Examples of the answers.
pub(crate) fn examples() -> Vec<Example> {
    let line = |name: &str, value: u64| format!("# TYPE {name} gauge\n{name} {value}\n");
    let text = line("hearback_last_position", 42) + &line("hearback_queue_depth", 0);
    vec![Example::text("metrics", &text)]
}

/// Metrics, for Prometheus
///
/// Their names are part of what a version promises; docs/metrics.md explains each.
#[utoipa::path(
    get,
    path = PATH,
    operation_id = "metrics",
    tag = "machines",
    responses((status = 200, description = "All metrics.", body = String)),
)]

async fn metrics(State(shared): State<Arc<Shared>>) -> ([(http::HeaderName, &'static str); 1], String) {
    match shared.store.stats().await {
        Ok(stats) => set_gauges(&stats),
        Err(error) => tracing::warn!(%error, "the store's figures cannot be read"),
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], shared.metrics.render())
}

fn set_gauges(stats: &StoreStats) {
    gauge!("hearback_queue_depth").set(stats.queue_depth as f64);
    gauge!("hearback_queue_capacity").set(stats.queue_capacity as f64);
    gauge!("hearback_wal_bytes").set(stats.wal_bytes as f64);
    gauge!("hearback_database_bytes").set(stats.database_bytes as f64);
    gauge!("hearback_last_position").set(stats.last_position as f64);
    gauge!("hearback_unsealed_events").set(stats.unsealed_events as f64);
    gauge!("hearback_quarantined").set(stats.quarantined as f64);
}
