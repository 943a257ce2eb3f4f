//! Asking a server over its API.

use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

use hearback_providers::Secret;
use reqwest::{Method, Url};
use serde_json::Value;

use super::{Query, answer, with_path};
use crate::exit::CliError;

/// A server that does not answer within this time is taken for dead.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What changes things may have to look through everything that is kept.
const CHANGE_TIMEOUT: Duration = Duration::from_hours(4);
/// More than any page of the API.
const ANSWER_BYTES_MAX: usize = 64 << 20;

static TLS: Once = Once::new();

/// An HTTP client that follows no redirects: neither a webhook nor a token may go anywhere but where it was sent.
/// On this machine no proxy has a say, whatever the environment names.
pub(crate) fn http_client(target: &Url) -> Result<reqwest::Client, CliError> {
    TLS.call_once(|| {
        // An error says that one is installed already, which is as good.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    });
    let builder = reqwest::Client::builder();
    let builder = if is_loopback(target) { builder.no_proxy() } else { builder };
    builder
        .user_agent(concat!("hearback/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .map_err(|error| CliError::failed(format!("cannot set up HTTP: {error}")))
}

/// Reads the base URL of a server: `http` or `https`, without query.
pub(crate) fn base_url(text: &str) -> Result<Url, CliError> {
    let url: Url = text.parse().map_err(|error| {
        CliError::usage(format!("`{text}` is not a URL: {error}"))
            .hint("write for example http://127.0.0.1:8025")
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(CliError::usage(format!("`{text}` is not an http or https URL")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Errors show the URL, and whoever may read the token's variable need not read a password there.
        return Err(CliError::usage(
            "the URL holds a user or a password; the API takes a token, with --token",
        ));
    }
    Ok(url)
}

/// Whether the URL can only mean this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A server's API.
pub(crate) struct HttpClient {
    http: reqwest::Client,
    base: Url,
    token: Option<Secret>,
}

impl HttpClient {
    /// The API at `base`, asked with `token`.
    pub(crate) fn new(base: &str, token: Option<&str>) -> Result<Self, CliError> {
        let base = base_url(base)?;
        Ok(Self { http: http_client(&base)?, base, token: token.map(Secret::new) })
    }

    /// Asks the server, and reads its answer.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: Query<'_>,
        body: Vec<u8>,
    ) -> Result<Option<Value>, CliError> {
        let changes = method != Method::GET;
        let mut request = self.http.request(method, with_path(self.base.clone(), path, query)).body(body);
        if changes {
            request = request.timeout(CHANGE_TIMEOUT);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let answer = request.send().await.map_err(|error| unreachable(&self.base, &error))?;
        let status = answer.status();
        let body = read(answer).await.map_err(|error| unreachable(&self.base, &error))?;
        answer::read(status, &body)
    }
}

/// Reads a body as far as any answer of the API goes.
async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The error for a server that cannot be reached.
pub(crate) fn unreachable(base: &Url, error: &reqwest::Error) -> CliError {
    let mut reason: &dyn std::error::Error = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    let failed = CliError::failed(format!("cannot reach {base}: {reason}"));
    if error.is_connect() { failed.hint("is it running? `hearback serve` starts a server") } else { failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for here in ["http://127.0.0.1:8025", "http://localhost", "https://[::1]:443/x", "http://127.8.9.1"] {
            assert!(is_loopback(&base_url(here).unwrap()), "{here}");
        }
        for elsewhere in [
            "http://example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "http://localhost.example",
        ] {
            assert!(!is_loopback(&base_url(elsewhere).unwrap()), "{elsewhere}");
        }
        for bad in ["127.0.0.1:8025", "ftp://x", "", "http://", "http://me:pw@127.0.0.1"] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }
}
