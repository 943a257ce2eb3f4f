//! Asking other people's servers: guarded, bounded, and with errors that a person can act on.

use std::error::Error as _;
use std::time::Duration;

use hearback_event::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Request, StatusCode, Url, redirect};

use crate::network::{Guard, GuardedResolver, Refused};
use crate::parcel::{Failure, Outcome};

/// How long a connection may take to be made; the time of the whole is the destination's own.
const CONNECT: Duration = Duration::from_secs(10);
/// An idle connection is kept for so long: shorter than most servers keep theirs.
const IDLE: Duration = Duration::from_secs(50);
/// So much of an answer is read, so that its connection can be used again; a longer one costs the connection.
const ANSWER_MAX: usize = 16 << 10;
const USER_AGENT: &str = concat!("hearback/", env!("CARGO_PKG_VERSION"));

/// A client for one destination.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client,
    guard: Guard,
}

/// A client cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up encryption for outgoing connections: {0}")]
pub struct ClientError(String);

impl Http {
    /// Redirects are not followed and proxies not used: both would connect to what the guard has not seen.
    pub(crate) fn new(guard: Guard) -> Result<Self, ClientError> {
        // Whoever was first has chosen; without any choice making a client would panic.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let client = Client::builder()
            .dns_resolver(GuardedResolver(guard.clone()))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .user_agent(USER_AGENT)
            .build()
            .map_err(|error| ClientError(root_cause(&error)))?;
        Ok(Self { client, guard })
    }

    /// For making requests.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a request, and says what the answer means.
    pub(crate) async fn send(&self, request: Request, now: Timestamp) -> Outcome {
        if let Err(refused) = self.guard.check_url(request.url()) {
            return Failure::new(refused.to_string()).into();
        }
        match self.client.execute(request).await {
            Ok(mut answer) => {
                let outcome = meaning(answer.status(), answer.headers(), now);
                let mut read = 0;
                while let Ok(Some(piece)) = answer.chunk().await {
                    read += piece.len();
                    if read > ANSWER_MAX {
                        break;
                    }
                }
                outcome
            }
            Err(error) => Failure::new(explain(&error)).into(),
        }
    }
}

/// What an answer's head means.
fn meaning(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Outcome {
    if status.is_success() {
        return Outcome::Taken;
    }
    let mut why = match status.canonical_reason() {
        Some(reason) => format!("it answered {} {reason}", status.as_u16()),
        None => format!("it answered {}", status.as_u16()),
    };
    if status.is_redirection() {
        why.push_str("; redirects are not followed: configure the URL that it redirects to");
    }
    let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    Outcome::Failed(Failure {
        status: Some(status.as_u16()),
        why,
        retry_after: retry_after.and_then(|text| self::retry_after(text, now)),
        gone: status == StatusCode::GONE,
    })
}

/// `Retry-After`: seconds, or a date as HTTP has it.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = Timestamp::parse_rfc2822(text.trim()).ok()?;
    Some(Duration::from_secs(date.seconds_since(now).max(0) as u64))
}

/// Why no answer came.
fn explain(error: &reqwest::Error) -> String {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return refused.to_string();
        }
        source = inner.source();
    }
    let what = if error.is_timeout() {
        "no connection in time"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the connection broke"
    };
    format!("{what}: {}", root_cause(error))
}

/// The first cause, which says most: those in between name layers of the client. The URL, which may hold a secret, is in none of them.
fn root_cause(error: &dyn std::error::Error) -> String {
    let Some(mut cause) = error.source() else { return "no cause is known".to_owned() };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// A URL as it may be shown: without a password, and without path and query where these are the secret.
pub(crate) fn shown(url: &Url, with_path: bool) -> String {
    let origin = url.origin().ascii_serialization();
    if with_path { format!("{origin}{}", url.path()) } else { format!("{origin}/…") }
}

/// Reads the URL of a destination.
///
/// # Errors
/// In words for the person who wrote it.
pub fn parse_url(text: &str, guard: &Guard) -> Result<Url, String> {
    let url: Url = text.trim().parse().map_err(|error| format!("this is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("a URL that begins with https:// is expected".to_owned());
    }
    guard.check_url(&url).map_err(|refused| refused.to_string())?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = Timestamp::from_nanos(1_445_412_480 * 1_000_000_000);
        assert_eq!(retry_after("120", now), Some(Duration::from_mins(2)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:29:00 GMT", now), Some(Duration::from_mins(1)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:00:00 GMT", now), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-1", "1.5"] {
            assert_eq!(retry_after(nonsense, now), None, "{nonsense}");
        }
    }
}
