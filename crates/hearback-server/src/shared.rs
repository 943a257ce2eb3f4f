//! What the handlers beside the ingest path share.

use std::sync::Arc;

use hearback_store::Store;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use crate::Source;
use crate::auth::Tokens;

/// State of the API, health and metrics handlers.
pub(crate) struct Shared {
    /// The sources.
    pub(crate) sources: Vec<Arc<Source>>,
    /// Where events are kept.
    pub(crate) store: Arc<dyn Store>,
    /// What `/metrics` prints.
    pub(crate) metrics: PrometheusHandle,
    /// Who may ask.
    pub(crate) tokens: Tokens,
    /// True from the moment that the server begins to stop.
    pub(crate) closed: watch::Receiver<bool>,
}

impl Shared {
    pub(crate) fn new(
        sources: Vec<Arc<Source>>,
        store: Arc<dyn Store>,
        metrics: PrometheusHandle,
        closed: watch::Receiver<bool>,
    ) -> Self {
        Self { sources, tokens: Tokens::new(Arc::clone(&store)), store, metrics, closed }
    }

    /// As [`Shared::new`], but everybody may ask everything.
    pub(crate) fn trusting(
        sources: Vec<Arc<Source>>,
        store: Arc<dyn Store>,
        metrics: PrometheusHandle,
        closed: watch::Receiver<bool>,
    ) -> Self {
        let tokens = Tokens::not_asked_for(Arc::clone(&store));
        Self { sources, store, metrics, tokens, closed }
    }
}
