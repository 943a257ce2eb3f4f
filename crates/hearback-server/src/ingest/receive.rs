//! One request on its way: read, probe, limit, examine, submit.

use std::net::IpAddr;

use bytes::Bytes;
use hearback_event::{Origin, Timestamp};
use hearback_providers::{Refusal, Reply, Request};
use hearback_store::{Payload, Receipt, Refused, Store, StoreError, Submission};
use http::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method};
use hyper::body::Body;

use super::answer::Verdict;
use super::body::{self, BodyError};
use super::examine::guarded;
use super::gate::Gate;
use super::head::{self, Keep};
use super::outcome::Outcome;
use super::{Denial, Examined, Intake, contract, examine};
use crate::problem::Problem;
use crate::request_id::RequestId;
use crate::{Mode, UnknownMessage};

/// One request to one source.
pub(super) struct Call<'a> {
    pub(super) intake: &'a Intake,
    pub(super) id: RequestId,
    parts: &'a Parts,
    remote: Option<IpAddr>,
    received_at: Timestamp,
    store: &'a dyn Store,
    gate: &'a Gate,
    path_and_query: &'a str,
    public_urls: Vec<String>,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        intake: &'a Intake,
        parts: &'a Parts,
        remote: Option<IpAddr>,
        store: &'a dyn Store,
        gate: &'a Gate,
    ) -> Self {
        let received_at = Timestamp::now();
        let path_and_query = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let source = &intake.source;
        let public_urls = if source.public_url.is_some() || source.public_base.is_some() {
            source.public_urls(path_and_query)
        } else {
            Vec::new()
        };
        let id = RequestId::new(received_at);
        Self { intake, id, parts, remote, received_at, store, gate, path_and_query, public_urls }
    }

    /// The whole way.
    pub(super) async fn decide<B: Body<Data = Bytes> + Unpin>(&self, body: B) -> Verdict {
        let source = &self.intake.source;
        let (headers, timeout) = (&self.parts.headers, self.intake.read_timeout);
        let body = match body::read(body, headers, source.body_bytes_max, timeout).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => return self.deny(Denial::TooLarge, Bytes::new()).await,
            Err(BodyError::TimedOut) => return timed_out(),
            Err(BodyError::Disconnected) => return disconnected(),
        };
        let content_type =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if let Err(error) = self.intake.shape.check(content_type, &body) {
            return self.deny(Denial::TooComplex(error), body).await;
        }
        let Some(_turn) = self.gate.enter(body.len(), timeout).await else {
            return Verdict::store_failed(&StoreError::Overloaded, contract(source).try_again);
        };
        match guarded(|| source.endpoint.probe(&self.request(&body))) {
            Ok(None) => {}
            Ok(Some(reply)) => return Verdict::reply(Outcome::Probe, reply),
            Err(denial) => return self.deny(denial, body).await,
        }
        match guarded(|| self.may_tell(&body)) {
            Ok(true) => {}
            Ok(false) => return self.wrong_method(),
            Err(denial) => return self.deny(denial, body).await,
        }
        if let Err(seconds) = self.intake.admit_request() {
            return self.rate_limited(seconds);
        }
        if is_encoded(self.parts) {
            return self.deny(Denial::UnsupportedEncoding, body).await;
        }
        match examine(source, source.mode, self.request(&body), self.received_at) {
            Ok(examined) => self.keep(examined, body).await,
            Err(denial) => self.deny(denial, body).await,
        }
    }

    /// Whether a request with this method can tell of events. A `GET` that is no probe may (Twilio can be set to it), unless
    /// there is nothing in it to verify; other methods only where their signature is right (the generic provider can be
    /// set to them).
    fn may_tell(&self, body: &[u8]) -> bool {
        let verify = || self.intake.source.endpoint.verify(&self.request(body), self.received_at);
        match self.parts.method {
            Method::POST => true,
            Method::HEAD => false,
            Method::GET => !matches!(verify(), Err(Refusal::Unparsable(_))),
            _ => verify().is_ok(),
        }
    }

    fn request<'b>(&'b self, body: &'b [u8]) -> Request<'b> {
        Request {
            method: self.parts.method.as_str(),
            path_and_query: self.path_and_query,
            headers: &self.parts.headers,
            body,
            public_urls: &self.public_urls,
            remote: self.remote,
        }
    }

    fn head(&self, keep: Keep) -> String {
        head::head(self.parts, &self.intake.credentials, keep)
    }

    /// Gives a genuine request to the store and waits until it is on disk.
    async fn keep(&self, examined: Examined, body: Bytes) -> Verdict {
        let source = &self.intake.source;
        let meters = &self.intake.meters;
        if source.mode == Mode::Shadow {
            meters.shadow(examined.would_refuse);
        }
        let Examined { events, reply, replay_token, digest, verified, .. } = examined;
        if events.is_empty() {
            return Verdict::reply(Outcome::Accepted, reply);
        }
        let mut kinds = meters.tally();
        for event in &events {
            kinds.add(event.kind);
        }
        let receipt = self.store.submit(Submission {
            source: source.reference.clone(),
            origin: Origin::Webhook,
            received_at: self.received_at,
            verified,
            events,
            payload: Payload { head: self.head(Keep::Nothing), body: body.clone() },
            replay_token,
            digest,
            known_messages_only: source.unknown_message == UnknownMessage::Reject,
        });
        match receipt.await {
            Ok(Receipt::Stored { new, duplicates }) => {
                kinds.count(duplicates);
                let known = new == 0 && duplicates > 0;
                Verdict::reply(if known { Outcome::Duplicate } else { Outcome::Accepted }, reply)
            }
            Ok(Receipt::ForgedReplay) => self.deny(Denial::ForgedReplay, body).await,
            Ok(Receipt::UnknownMessage) => self.deny(Denial::UnknownMessage, body).await,
            Err(error) => Verdict::store_failed(&error, contract(source).try_again),
        }
    }

    /// Keeps a refused request in the quarantine, then refuses it; what cannot be kept must come again.
    async fn deny(&self, denial: Denial, body: Bytes) -> Verdict {
        let source = &self.intake.source;
        let contract = contract(source);
        let kept = self.intake.admit_quarantine();
        if kept {
            let refused = Refused {
                source: source.reference.clone(),
                received_at: self.received_at,
                cause: denial.cause().to_owned(),
                detail: denial.detail(),
                remote: self.remote.map(|address| address.to_string()),
                payload: Payload { head: self.head(Keep::Digests), body },
            };
            if let Err(error) = self.store.quarantine(refused).await {
                return Verdict::store_failed(&error, contract.try_again);
            }
        }
        self.intake.meters.refused(denial.cause(), kept);
        let mut verdict = Verdict::problem(denial.outcome(), denial.cause(), denial.problem(&contract));
        verdict.quiet = !kept;
        verdict
    }

    fn rate_limited(&self, seconds: u64) -> Verdict {
        let status = contract(&self.intake.source).rate_limited;
        let problem = Problem::new(
            status,
            "rate_limited",
            "Too many requests",
            "more requests per second than allowed",
        );
        let mut verdict = Verdict::problem(Outcome::RateLimited, "", problem.retry_after(seconds));
        verdict.quiet = true;
        verdict
    }

    fn wrong_method(&self) -> Verdict {
        let answers = |method: &'static str| -> Option<Reply> {
            self.intake.source.endpoint.probe(&Request { method, ..self.request(&[]) })
        };
        let answers = |method| guarded(|| answers(method)).is_ok_and(|reply| reply.is_some());
        let allowed = match (answers("GET"), answers("HEAD")) {
            (true, true) => "POST, GET, HEAD",
            (true, false) => "POST, GET",
            (false, true) => "POST, HEAD",
            (false, false) => "POST",
        };
        let problem = Problem::new(
            405,
            "method_not_allowed",
            "Method not allowed",
            "send events to this path with POST",
        );
        let problem = problem.header(ALLOW, HeaderValue::from_static(allowed));
        Verdict::problem(Outcome::MethodNotAllowed, "", problem)
    }
}

/// No provider of ours compresses, and a small body that unpacks into a huge one is an old trick.
fn is_encoded(parts: &Parts) -> bool {
    parts
        .headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

fn timed_out() -> Verdict {
    let problem = Problem::new(408, "timed_out", "Too slow", "the request did not come in whole in time");
    Verdict::problem(Outcome::TimedOut, "", problem.header(CONNECTION, HeaderValue::from_static("close")))
}

/// Nobody reads this answer.
fn disconnected() -> Verdict {
    let problem = Problem::new(400, "incomplete", "Incomplete", "the body ended before its end");
    Verdict::problem(Outcome::Disconnected, "", problem.header(CONNECTION, HeaderValue::from_static("close")))
}
