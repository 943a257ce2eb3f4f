//! Asking a provider over HTTP, and telling apart what was never sent from what nobody can know.

use std::time::Duration;

use hearback_event::Timestamp;
use hearback_providers::Outgoing;
use http::HeaderMap;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, redirect};

/// Longest time in which a connection must be made; half of the whole time at most, so that what hangs there is known to hang there.
const CONNECT: Duration = Duration::from_secs(10);
/// An idle connection is kept for so long: shorter than most servers keep theirs.
const IDLE: Duration = Duration::from_secs(50);
/// More of an answer is not read: an id and a sentence.
const ANSWER_MAX: usize = 64 << 10;
/// A provider that asks for more patience than this is asked again after this.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);
const USER_AGENT: &str = concat!("hearback/", env!("CARGO_PKG_VERSION"));

/// A client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up encryption for outgoing connections: {0}")]
pub struct ClientError(String);

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// The provider answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The headers.
        headers: HeaderMap,
        /// The body, or as much of it as came.
        body: Vec<u8>,
    },
    /// Nothing was sent: no connection was made.
    NotSent(String),
    /// It was sent, perhaps in part, and no answer came.
    Unclear(String),
}

/// A client for one provider.
#[derive(Clone, Debug)]
pub(crate) struct Http(Client);

impl Http {
    /// Redirects are not followed: another one would get the key.
    pub(crate) fn new(timeout: Duration) -> Result<Self, ClientError> {
        // Whoever was first has chosen; without any choice making a client would panic.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT.min(timeout / 2))
            .timeout(timeout)
            .pool_idle_timeout(IDLE)
            .user_agent(USER_AGENT)
            .build();
        client.map(Self).map_err(|error| ClientError(causes(&error)))
    }

    pub(crate) async fn exchange(&self, request: Outgoing) -> Exchange {
        let Outgoing { url, headers, body } = request;
        let mut answer = match self.0.post(url).headers(headers).body(body).send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Exchange::NotSent(format!("cannot connect: {}", causes(&error)));
            }
            Err(error) => return Exchange::Unclear(unanswered(&error)),
        };
        let mut body = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(piece)) if body.len() + piece.len() <= ANSWER_MAX => body.extend_from_slice(&piece),
                // A success is in the body; anything else is in the status.
                Err(error) if answer.status().is_success() => return Exchange::Unclear(unanswered(&error)),
                _ => break,
            }
        }
        Exchange::Answered { status: answer.status().as_u16(), headers: answer.headers().clone(), body }
    }
}

fn unanswered(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() { "no answer in time" } else { "the connection broke" };
    format!("{what}: {}", causes(error))
}

/// The causes of an error, the last of which says most; the URL is in none of them.
fn causes(error: &dyn std::error::Error) -> String {
    let mut said = Vec::new();
    let mut source = error.source();
    while let Some(inner) = source {
        said.push(inner.to_string());
        source = inner.source();
    }
    if said.is_empty() { "no cause is known".to_owned() } else { said.join(": ") }
}

/// `Retry-After`: seconds, or a date as HTTP has it.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let until = |date: Timestamp| date.seconds_since(now).max(0) as u64;
    let seconds = text.parse().ok().or_else(|| Timestamp::parse_rfc2822(text).ok().map(until))?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = Timestamp::from_seconds(1_445_412_480).unwrap();
        let read = |text: &str| {
            let headers = [(RETRY_AFTER, text.parse().unwrap())].into_iter().collect();
            retry_after(&headers, now)
        };
        assert_eq!(read("120"), Some(Duration::from_mins(2)));
        assert_eq!(read("Wed, 21 Oct 2015 07:29:00 GMT"), Some(Duration::from_mins(1)));
        assert_eq!(read("99999999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(read("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
