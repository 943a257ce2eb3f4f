//! Asking the provider over HTTP: bounded in time and size, and with errors that say what was asked.

use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{Client, RequestBuilder, redirect};

/// A provider may take so long for an answer: somebody waits.
const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT: Duration = Duration::from_secs(5);
/// More of an answer is not read.
const ANSWER_MAX: usize = 1 << 20;
const USER_AGENT: &str = concat!("hearback/", env!("CARGO_PKG_VERSION"));

/// The provider did not do what it should. The words are for the log: nothing of a token or a code stands in them; of the
/// provider's own words only those with which it refuses a code.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OidcError {
    /// There is no usable answer.
    #[error("{url}: {why}")]
    Unanswered {
        /// What was asked.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The code is not taken.
    #[error("the provider does not take the code: {0}")]
    Refused(String),
    /// The token is not to be believed.
    #[error("{0}")]
    Token(String),
    /// A client cannot be made.
    #[error("cannot set up encryption for outgoing connections: {0}")]
    Client(String),
}

/// A client for the provider.
pub(super) struct Http(Client);

impl Http {
    pub(super) fn new() -> Result<Self, OidcError> {
        // Whoever was first has chosen; without any choice making a client would panic.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        // Redirects are not followed: another one would get the secret.
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT)
            .user_agent(USER_AGENT)
            .build();
        client.map(Self).map_err(|error| OidcError::Client(root_cause(&error)))
    }

    /// For making requests.
    pub(super) const fn client(&self) -> &Client {
        &self.0
    }

    /// What is found at a URL.
    pub(super) async fn fetch(&self, url: &str) -> Result<Vec<u8>, OidcError> {
        match self.send(self.0.get(url), url).await? {
            (200, body) => Ok(body),
            (status, _) => Err(unanswered(url, format!("it answered {status}"))),
        }
    }

    /// The status and the body of the answer.
    pub(super) async fn send(&self, request: RequestBuilder, url: &str) -> Result<(u16, Vec<u8>), OidcError> {
        let broken = |error: reqwest::Error| {
            let what = if error.is_timeout() { "no answer in time: " } else { "" };
            unanswered(url, format!("{what}{}", root_cause(&error)))
        };
        let mut answer = request.header(ACCEPT, "application/json").send().await.map_err(broken)?;
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(broken)? {
            if body.len() + piece.len() > ANSWER_MAX {
                return Err(unanswered(url, "the answer is longer than 1 MiB".to_owned()));
            }
            body.extend_from_slice(&piece);
        }
        Ok((answer.status().as_u16(), body))
    }
}

/// What went wrong with a URL of the provider; its query, which may say more than it should, is left out.
pub(super) fn unanswered(url: &str, why: String) -> OidcError {
    let url = url.split(['?', '#']).next().unwrap_or_default().to_owned();
    OidcError::Unanswered { url, why }
}

/// The first cause, which says most. The URL is not in it.
fn root_cause(error: &dyn std::error::Error) -> String {
    let Some(mut cause) = error.source() else { return "no cause is known".to_owned() };
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
