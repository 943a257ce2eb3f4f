//! A request's end: the outcome, the answer, and the line in the log.

use bytes::Bytes;
use hearback_providers::Reply;
use hearback_store::StoreError;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use super::outcome::Outcome;
use super::receive::Call;
use crate::problem::Problem;

/// When to try again after the queue was full.
pub(super) const OVERLOAD_SECONDS: u64 = 5;
/// When to try again after a fault of ours.
pub(super) const FAULT_SECONDS: u64 = 30;

/// What was decided about a request.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) answer: Response<Full<Bytes>>,
    /// More about it in one word: the cause of a refusal or fault.
    pub(super) cause: &'static str,
    /// One of very many of its kind: worth a line only when somebody looks closely.
    pub(super) quiet: bool,
}

impl Verdict {
    pub(super) fn reply(outcome: Outcome, reply: Reply) -> Self {
        let mut answer = Response::new(Full::from(reply.body));
        *answer.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
        if let Some(media_type) = reply.content_type {
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        Self { outcome, answer, cause: "", quiet: false }
    }

    pub(super) fn problem(outcome: Outcome, cause: &'static str, problem: Problem) -> Self {
        Self { outcome, answer: problem.into_answer(), cause, quiet: false }
    }

    /// The store could not keep the request: the answer on which this provider tries again.
    pub(super) fn store_failed(error: &StoreError, status: u16) -> Self {
        let (outcome, seconds, detail) = match error {
            StoreError::Overloaded => {
                (Outcome::Overloaded, OVERLOAD_SECONDS, "too many requests wait to be stored")
            }
            _ => (Outcome::Failed, FAULT_SECONDS, "the request could not be stored"),
        };
        Self::problem(outcome, error.word(), Problem::try_again(status, seconds, detail))
    }

    /// One line: no payload, no secret, no address.
    pub(super) fn log(&self, call: &Call<'_>) {
        let source = &*call.intake.source.reference.name;
        let (outcome, cause, status) = (self.outcome.name(), self.cause, self.answer.status().as_u16());
        let request_id = call.id;
        if self.outcome.is_own_fault() {
            tracing::warn!(%request_id, source, outcome, cause, status, "could not keep a request to {source}");
        } else if self.outcome.is_good() || self.quiet {
            tracing::debug!(%request_id, source, outcome, cause, status, "answered a request to {source}");
        } else {
            tracing::info!(%request_id, source, outcome, cause, status, "refused a request to {source}");
        }
    }
}
