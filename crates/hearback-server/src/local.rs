//! The API without a socket and without tokens, for a process that holds the database file itself: whoever may read the
//! file needs no leave to read what is in it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use hearback_deliver::Destinations;
use hearback_store::Store;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::api;
use crate::auth::Tokens;
use crate::problem::Problem;
use crate::shared::Shared;
use crate::{ExpectRule, Source};

/// The API over a store at hand: same paths, same answers as over HTTP.
pub struct LocalApi {
    router: Router,
    store: Arc<dyn Store>,
    _open: watch::Sender<bool>,
}

impl LocalApi {
    /// Over `store`; `sources`, `expect` and `destinations` are the configured ones, as far as they are known.
    pub fn new(
        sources: Vec<Arc<Source>>,
        expect: Vec<ExpectRule>,
        destinations: Option<Destinations>,
        store: Arc<dyn Store>,
    ) -> Self {
        let (open, closed) = watch::channel(false);
        // Never installed: what a command counts is nobody's to scrape.
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let tokens = Tokens::not_asked_for(Arc::clone(&store));
        let shared = Shared::new(sources, expect, destinations, tokens, Arc::clone(&store), metrics, closed);
        let router = Router::from(api::router())
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .with_state(Arc::new(shared));
        Self { router, store, _open: open }
    }

    /// Asks for a path with its query, such as `/v1/events?limit=5`, and gives a body along, which may be empty.
    pub async fn ask(&self, method: Method, path_and_query: &str, body: Bytes) -> (StatusCode, Bytes) {
        let Ok(request) = Request::builder().method(method).uri(path_and_query).body(Body::from(body)) else {
            return (StatusCode::BAD_REQUEST, Bytes::new());
        };
        // A router's error type is `Infallible`.
        let Ok(answer) = self.router.clone().oneshot(request).await;
        let status = answer.status();
        // A body that is made in this process cannot break off.
        let body = answer.into_body().collect().await.map(http_body_util::Collected::to_bytes);
        (status, body.unwrap_or_default())
    }

    /// The store behind it.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
}
