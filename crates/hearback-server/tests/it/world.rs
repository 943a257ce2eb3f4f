//! A server with a fake store and a test provider.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use hearback_deliver::{
    BreakerRules, Carrier, Destination, Destinations, Filter, Outcome, Pace, Parcel, Schedule,
};
use hearback_event::Timestamp;
use hearback_providers::crypto::sha256;
use hearback_server::{Limits, Mode, Settings, Source, UnknownMessage, app, install_metrics};
use hearback_store::{Begin, NewToken, SourceRef, Store as _};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::fake_store::FakeStore;
use crate::sending::outlet;
use crate::test_provider::{PROVIDER, SIGNATURE, TestEndpoint, sign};

/// The recorder is one for the whole process; tests tell their counters apart by the names of their sources.
pub(crate) static METRICS: LazyLock<PrometheusHandle> = LazyLock::new(|| install_metrics().unwrap());

pub(crate) const READ: &str = "hb_read";
pub(crate) const WRITE: &str = "hb_write";
pub(crate) const ADMIN: &str = "hb_admin";

pub(crate) fn source(name: &str) -> Source {
    Source {
        reference: SourceRef { name: name.into(), provider: "test".into(), account: name.into() },
        provider: &PROVIDER,
        endpoint: Box::new(TestEndpoint::with_key("k1")),
        paths: Vec::new(),
        mode: Mode::Enforce,
        unknown_message: UnknownMessage::Store,
        body_bytes_max: 2048,
        requests_per_second: None,
        public_url: None,
        public_base: None,
        outlet: Some(outlet()),
    }
}

pub(crate) fn settings(sources: Vec<Source>) -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin: None,
        cors_origins: Vec::new(),
        limits: Limits::default(),
        trusted_proxies: Vec::new(),
        sources: sources.into_iter().map(Arc::new).collect(),
        expect: Vec::new(),
        destinations: None,
        pages: None,
    }
}

/// Takes everything, and pushes it nowhere.
struct Nowhere;

impl Carrier for Nowhere {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn target(&self) -> String {
        "nowhere".to_owned()
    }

    fn carry<'a>(&'a self, _: &'a [Parcel], _: Timestamp) -> futures_util::future::BoxFuture<'a, Outcome> {
        Box::pin(std::future::ready(Outcome::Taken))
    }
}

fn destination() -> Destination {
    let mut filter = Filter::default();
    filter.set_types(&["message.opened".to_owned()]).unwrap();
    Destination {
        name: "crm".to_owned(),
        filter,
        pace: Pace::default(),
        schedule: Schedule::default(),
        breaker: BreakerRules::default(),
        begin: Begin::End,
        alerts_only: false,
        carrier: Box::new(Nowhere),
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<FakeStore>,
    pub(crate) app: Router,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Asserts that this is a problem document of a status, and gives its type's last word.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        problem["type"].as_str().unwrap().strip_prefix("urn:hearback:problem:").unwrap().to_owned()
    }
}

impl World {
    pub(crate) async fn new(source: Source) -> Self {
        Self::with(settings(vec![source])).await
    }

    pub(crate) async fn with(mut settings: Settings) -> Self {
        let store = Arc::new(FakeStore::default());
        settings.destinations = Some(Destinations::new(vec![destination()], Arc::clone(&store) as _));
        for (token, scope) in [(READ, "read"), (WRITE, "write"), (ADMIN, "admin")] {
            let hash = sha256(&[token.as_bytes()]);
            let token = NewToken {
                name: scope.to_owned(),
                scope: scope.to_owned(),
                hash,
                created_at: Timestamp::now(),
            };
            store.add_token(token).await.unwrap();
        }
        let app = app(settings, Arc::clone(&store) as _, METRICS.clone()).unwrap();
        Self { store, app }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Got {
        let answer = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got { status: parts.status, headers: parts.headers, body }
    }

    /// A rightly signed request to the source `one`.
    pub(crate) async fn post(&self, body: &str) -> Got {
        self.send(signed("/webhooks/one", body).body(Body::from(body.to_owned())).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.get_as(path, READ).await
    }

    pub(crate) async fn get_as(&self, path: &str, token: &str) -> Got {
        self.call("GET", path, token).await
    }

    pub(crate) async fn call(&self, method: &str, path: &str, token: &str) -> Got {
        self.give(method, path, token, Body::empty()).await
    }

    pub(crate) async fn give(&self, method: &str, path: &str, token: &str, body: impl Into<Body>) -> Got {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {token}"));
        self.send(request.body(body.into()).unwrap()).await
    }
}

pub(crate) fn signed(path: &str, body: &str) -> http::request::Builder {
    Request::post(path).header(SIGNATURE, sign("k1", body.as_bytes()))
}

/// A body that tells of one event.
pub(crate) fn event(id: &str, kind: &str, to: &str, message: &str) -> String {
    serde_json::json!({"events": [{"id": id, "type": kind, "to": to, "message": message}]}).to_string()
}
