//! A receiver of webhooks: a real HTTP server that does as it is told, and remembers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use hearback_deliver::SigningKey;
use serde_json::Value;
use tokio::sync::watch;

/// What a receiver does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Do {
    Take,
    Answer(u16),
    /// Wants to be left alone for so many seconds.
    RetryAfter(u16, u64),
    RedirectTo(&'static str),
    Hang,
    /// Takes it, and does not say so.
    TakeAndBreak,
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) id: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) taken: bool,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn event(&self) -> Value {
        self.json()["data"].clone()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

type Rule = dyn Fn(&Got, usize) -> Do + Send + Sync;

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    got: Mutex<Vec<Got>>,
    count: watch::Sender<usize>,
    rule: Mutex<Arc<Rule>>,
}

impl Receiver {
    /// Does with each request what `rule` says; it is told how often this id came before.
    pub(crate) async fn new(rule: impl Fn(&Got, usize) -> Do + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            got: Mutex::default(),
            count: watch::Sender::new(0),
            rule: Mutex::new(Arc::new(rule)),
        });
        let router = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared }
    }

    pub(crate) async fn willing() -> Self {
        Self::new(|_, _| Do::Take).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// From now on it does something else.
    pub(crate) fn change(&self, rule: impl Fn(&Got, usize) -> Do + Send + Sync + 'static) {
        *self.shared.rule.lock().unwrap() = Arc::new(rule);
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    /// How often each id was taken.
    pub(crate) fn taken(&self) -> BTreeMap<String, usize> {
        let mut taken = BTreeMap::new();
        for got in self.got().into_iter().filter(|got| got.taken) {
            *taken.entry(got.id).or_default() += 1;
        }
        taken
    }

    /// Waits until the requests so far are enough.
    pub(crate) async fn until(&self, enough: impl Fn(&[Got]) -> bool) -> Vec<Got> {
        let mut count = self.shared.count.subscribe();
        loop {
            count.borrow_and_update();
            let got = self.got();
            if enough(&got) {
                return got;
            }
            count.changed().await.unwrap();
        }
    }

    /// Waits until so many different ids were taken.
    pub(crate) async fn until_taken(&self, ids: usize) {
        self.until(|_| self.taken().len() >= ids).await;
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let id = headers.get("webhook-id").map(|id| id.to_str().unwrap().to_owned()).unwrap_or_default();
    let mut got = Got { id, headers, body, taken: false };
    let rule = Arc::clone(&*shared.rule.lock().unwrap());
    let what = {
        let mut all = shared.got.lock().unwrap();
        let before = all.iter().filter(|other| other.id == got.id).count();
        let what = rule(&got, before);
        got.taken = matches!(what, Do::Take | Do::TakeAndBreak);
        all.push(got);
        what
    };
    shared.count.send_modify(|count| *count += 1);
    match what {
        Do::Take => StatusCode::NO_CONTENT.into_response(),
        Do::Answer(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Do::RetryAfter(status, seconds) => {
            let head = [("retry-after", seconds.to_string())];
            (StatusCode::from_u16(status).unwrap(), head).into_response()
        }
        Do::RedirectTo(url) => (StatusCode::FOUND, [("location", url)]).into_response(),
        Do::Hang => std::future::pending().await,
        // The connection ends without an answer.
        Do::TakeAndBreak => {
            std::panic::resume_unwind(Box::new("the receiver breaks off"));
        }
    }
}

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) fn key() -> SigningKey {
    SigningKey::parse(SECRET).unwrap()
}

/// Checks a signature as a receiver would: with other means than those that made it.
pub(crate) fn is_signed(got: &Got, secret: &str) -> bool {
    use aws_lc_rs::hmac;
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    let key = base64.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let mut content = format!("{}.{}.", got.id, got.header("webhook-timestamp")).into_bytes();
    content.extend_from_slice(&got.body);
    got.header("webhook-signature").split(' ').any(|signature| {
        let signature = base64.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
        hmac::verify(&key, &content, &signature).is_ok()
    })
}
