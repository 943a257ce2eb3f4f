//! The way of a request: to a source, or to the API and the rest.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use hearback_event::Timestamp;
use hearback_store::Store;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Body;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::auth::Tokens;
use crate::ingest::Ingest;
use crate::request_id::{self, RequestId};
use crate::shared::Shared;
use crate::{ServeError, Settings, api, cors, health, metrics, openapi, problem};

/// What a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Everything on one address.
    Everything,
    /// Webhooks and health.
    Public,
    /// API, metrics and health.
    Admin,
}

/// The body of an answer: ready bytes on the hot path, axum's box elsewhere.
pub(crate) type AnswerBody = Either<Full<Bytes>, axum::body::Body>;

/// Everything that requests are answered with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

struct Parts {
    ingest: Ingest,
    public: Router,
    admin: Router,
    everything: Router,
    closing: watch::Sender<bool>,
}

/// The whole HTTP side as one router, without sockets: for tests and for embedding. The peer's address is taken from
/// [`ConnectInfo`], if the caller sets it.
pub fn app(
    settings: Settings,
    store: Arc<dyn Store>,
    metrics: PrometheusHandle,
) -> Result<Router, ServeError> {
    let app = App::new(settings, store, metrics)?;
    Ok(Router::new().fallback(move |request: Request<axum::body::Body>| async move {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        app.answer(Surface::Everything, request, peer).await.map(axum::body::Body::new)
    }))
}

impl App {
    pub(crate) fn new(
        settings: Settings,
        store: Arc<dyn Store>,
        metrics: PrometheusHandle,
    ) -> Result<Self, ServeError> {
        let (closing, closed) = watch::channel(false);
        let ingest = Ingest::new(&settings, Arc::clone(&store))?;
        let (sources, destinations) = (settings.sources.clone(), settings.destinations.clone());
        let expect = settings.expect.clone();
        let tokens = Tokens::new(Arc::clone(&store));
        let shared = Arc::new(Shared::new(sources, expect, destinations, tokens, store, metrics, closed));
        let machines = || Router::from(health::router()).with_state(Arc::clone(&shared));
        let answers = || {
            let described = api::router().merge(metrics::router()).merge(openapi::router());
            Router::from(described).with_state(Arc::clone(&shared))
        };
        let nothing = |router: Router| {
            router
                .method_not_allowed_fallback(async || problem::Problem::method_not_allowed())
                .fallback(nothing_here)
        };
        // Around everything, so that a page may read why it was refused as well.
        let for_pages = |router: Router| match cors::layer(&settings.cors_origins) {
            Some(layer) => router.layer(layer),
            None => router,
        };
        // Pages for people are outside of that: no other origin's page may read them.
        let with_pages = |router: Router| match &settings.pages {
            Some(pages) => router.merge(pages.clone()),
            None => router,
        };
        Ok(Self(Arc::new(Parts {
            ingest,
            public: nothing(machines()),
            admin: with_pages(for_pages(nothing(machines().merge(answers())))),
            everything: with_pages(for_pages(nothing(machines().merge(answers())))),
            closing,
        })))
    }

    /// Ends what waits only for something to happen, so that draining need not wait for it.
    pub(crate) fn begin_shutdown(&self) {
        self.0.closing.send_replace(true);
    }

    /// Answers one request that came from `peer`.
    pub(crate) async fn answer<B>(
        &self,
        surface: Surface,
        mut request: Request<B>,
        peer: Option<SocketAddr>,
    ) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let parts = &*self.0;
        if surface != Surface::Admin
            && let Some(intake) = parts.ingest.find(request.uri().path())
        {
            return parts.ingest.receive(intake, request, peer).await.map(Either::Left);
        }
        let router = match surface {
            Surface::Everything => &parts.everything,
            Surface::Public => &parts.public,
            Surface::Admin => &parts.admin,
        };
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        // A router's error type is `Infallible`.
        let Ok(mut answer) = router.clone().oneshot(request).await;
        let id = RequestId::new(Timestamp::now());
        tracing::debug!(request_id = %id, status = answer.status().as_u16(), "answered a question");
        if let Some(id) = id.header() {
            answer.headers_mut().insert(request_id::HEADER, id);
        }
        answer.map(Either::Right)
    }
}

async fn nothing_here(uri: http::Uri) -> problem::Problem {
    if uri.path().starts_with("/webhooks/") {
        ::metrics::counter!("hearback_requests_total", "source" => "-", "outcome" => "unknown_source")
            .increment(1);
        return problem::Problem::new(
            404,
            "unknown_source",
            "No such source",
            "no source is configured under this path; GET /webhooks/health lists those that are",
        )
        .about("source", "the name of a configured source");
    }
    problem::Problem::no_such_path("nothing is served under this path")
}
