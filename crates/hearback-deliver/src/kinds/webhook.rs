//! `webhook`: signed HTTP requests as Standard Webhooks has them
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! The body of one event is `{"type": ..., "timestamp": ..., "data": <the event>}`; of a destination that takes batches it is a list
//! of these, also where there is only one. `webhook-id` is the event's id, or what follows from the ids of a batch: a try that is
//! repeated has the same one.

use aws_lc_rs::digest;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hearback_event::{Record, Timestamp};
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use crate::http::{ClientError, Http, shown};
use crate::network::Guard;
use crate::parcel::{Carrier, Failure, Outcome, Parcel};
use crate::signature::{SigningKey, signatures};

/// Headers that are ours to set.
const RESERVED: &[&str] = &[
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "content-type",
    "content-length",
    "transfer-encoding",
    "connection",
    "host",
];

/// What a webhook is made of.
#[derive(Clone, Debug)]
pub struct WebhookOptions {
    /// Where it goes.
    pub url: Url,
    /// Each request is signed with all of them, so that they can be changed without a gap. May be empty: then nothing is signed.
    pub keys: Vec<SigningKey>,
    /// Further headers.
    pub headers: HeaderMap,
    /// Networks that may be connected to.
    pub guard: Guard,
    /// Whether bodies are lists of events.
    pub batches: bool,
}

/// Pushes to a URL.
#[derive(Debug)]
pub struct Webhook {
    http: Http,
    options: WebhookOptions,
}

/// The body of a request for one event.
#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    timestamp: Timestamp,
    data: &'a Record,
}

impl<'a> Body<'a> {
    fn of(parcel: &'a Parcel) -> Self {
        let record = &*parcel.record;
        Self { r#type: record.event.kind.dotted(), timestamp: record.occurred_at(), data: record }
    }
}

impl Webhook {
    /// A webhook.
    pub fn new(options: WebhookOptions) -> Result<Self, ClientError> {
        Ok(Self { http: Http::new(options.guard.clone())?, options })
    }

    /// Reads a further header.
    ///
    /// # Errors
    /// In words for the person who wrote it; the value, which may be a secret, is not in them.
    pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
        let header: HeaderName = name.parse().map_err(|_| format!("`{name}` is no name of a header"))?;
        if RESERVED.contains(&header.as_str()) {
            return Err(format!("`{header}` is set by Hearback itself"));
        }
        let mut value: HeaderValue = value
            .parse()
            .map_err(|_| format!("the value of `{header}` has characters that no header may have"))?;
        value.set_sensitive(true);
        Ok((header, value))
    }

    fn request(&self, load: &[Parcel], now: Timestamp) -> Result<reqwest::Request, Failure> {
        let (id, body) = if self.options.batches {
            let bodies: Vec<Body<'_>> = load.iter().map(Body::of).collect();
            (batch_id(load), serde_json::to_vec(&bodies))
        } else {
            let Some(parcel) = load.first() else { return Err(Failure::new("there is nothing to push")) };
            (parcel.id.clone(), serde_json::to_vec(&Body::of(parcel)))
        };
        let body =
            body.map_err(|error| Failure::new(format!("the event cannot be written as JSON: {error}")))?;
        let seconds = now.as_seconds();
        let mut request = self
            .http
            .client()
            .post(self.options.url.clone())
            .headers(self.options.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds);
        if !self.options.keys.is_empty() {
            let signed = signatures(&self.options.keys, &id, seconds, &body);
            request = request.header("webhook-signature", signed);
        }
        request.body(body).build().map_err(|_| Failure::new("the request cannot be made"))
    }
}

/// The name of a batch: of one event its own; else what follows from all of theirs, so that the same batch has the same name.
fn batch_id(load: &[Parcel]) -> String {
    if let [one] = load {
        return one.id.clone();
    }
    let mut context = digest::Context::new(&digest::SHA256);
    for parcel in load {
        context.update(parcel.id.as_bytes());
        context.update(b"\n");
    }
    let digest = context.finish();
    let half = digest.as_ref().first_chunk::<16>().copied().unwrap_or_default();
    format!("batch_{:032x}", u128::from_be_bytes(half))
}

impl Carrier for Webhook {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn target(&self) -> String {
        shown(&self.options.url, true)
    }

    fn carry<'a>(&'a self, load: &'a [Parcel], now: Timestamp) -> BoxFuture<'a, Outcome> {
        async move {
            match self.request(load, now) {
                Ok(request) => self.http.send(request, now).await,
                Err(failure) => failure.into(),
            }
        }
        .boxed()
    }
}
