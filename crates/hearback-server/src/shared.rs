//! What the handlers beside the ingest path share.

use std::sync::Arc;

use hearback_deliver::Destinations;
use hearback_send::Dispatch;
use hearback_store::Store;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use crate::auth::Tokens;
use crate::follower::Follower;
use crate::{ExpectRule, Source};

/// State of the API, health and metrics handlers.
pub(crate) struct Shared {
    /// The sources.
    pub(crate) sources: Vec<Arc<Source>>,
    /// Where events are kept.
    pub(crate) store: Arc<dyn Store>,
    /// Those to whom events are pushed.
    pub(crate) destinations: Destinations,
    /// By when messages are expected that do not say it themselves.
    pub(crate) expect: Vec<ExpectRule>,
    /// Sends messages.
    pub(crate) dispatch: Dispatch,
    /// Follows the log for all who listen.
    pub(crate) follower: Follower,
    /// What `/metrics` prints.
    pub(crate) metrics: PrometheusHandle,
    /// Who may ask.
    pub(crate) tokens: Tokens,
    /// True from the moment that the server begins to stop.
    pub(crate) closed: watch::Receiver<bool>,
}

impl Shared {
    /// Over a store; `tokens` say who may ask.
    pub(crate) fn new(
        sources: Vec<Arc<Source>>,
        expect: Vec<ExpectRule>,
        destinations: Option<Destinations>,
        tokens: Tokens,
        store: Arc<dyn Store>,
        metrics: PrometheusHandle,
        closed: watch::Receiver<bool>,
    ) -> Self {
        let destinations = destinations.unwrap_or_else(|| Destinations::new(Vec::new(), Arc::clone(&store)));
        let follower = Follower::new(Arc::clone(&store), closed.clone());
        let dispatch = Dispatch::new(Arc::clone(&store));
        Self { sources, store, destinations, expect, dispatch, follower, metrics, tokens, closed }
    }
}
