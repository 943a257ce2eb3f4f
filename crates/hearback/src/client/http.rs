//! Asking a server over its API.

use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

use hearback_providers::Secret;
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use crate::exit::CliError;

/// A server that does not answer within this time is taken for dead.
const TIMEOUT: Duration = Duration::from_secs(30);
/// More than any page of the API.
const ANSWER_BYTES_MAX: usize = 64 << 20;

static TLS: Once = Once::new();

/// An HTTP client that follows no redirects: neither a webhook nor a token may go anywhere but where it was sent.
pub(crate) fn http_client() -> Result<reqwest::Client, CliError> {
    TLS.call_once(|| {
        // An error says that one is installed already, which is as good.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    });
    reqwest::Client::builder()
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
        Ok(Self { http: http_client()?, base: base_url(base)?, token: token.map(Secret::new) })
    }

    /// What is at `path`; `None` where there is nothing.
    pub(crate) async fn get(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Option<Value>, CliError> {
        self.ask(Method::GET, path, query).await
    }

    /// Asks for something to be done.
    pub(crate) async fn post(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Option<Value>, CliError> {
        self.ask(Method::POST, path, query).await
    }

    /// Takes something away.
    pub(crate) async fn delete(&self, path: &[&str]) -> Result<Option<Value>, CliError> {
        self.ask(Method::DELETE, path, &[]).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<Option<Value>, CliError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Segment by segment, so that a slash in an address or a label stays in its place.
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query.iter().map(|(name, value)| (*name, value.as_str())));
        }
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let answer = request.send().await.map_err(|error| unreachable(&self.base, &error))?;
        let status = answer.status();
        let body = read(answer).await.map_err(|error| unreachable(&self.base, &error))?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !status.is_success() {
            return Err(refused(status, &body));
        }
        if body.is_empty() {
            return Ok(Some(Value::Null));
        }
        serde_json::from_slice(&body).map(Some).map_err(|_| {
            CliError::failed(format!("{} answered with something that is not JSON", self.base))
                .hint("is this the address of a Hearback server's API?")
        })
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

fn refused(status: StatusCode, body: &[u8]) -> CliError {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let said = text("detail").or_else(|| text("title")).unwrap_or_else(|| status.to_string());
    match status {
        StatusCode::UNAUTHORIZED => CliError::failed(format!("the server does not take this token: {said}"))
            .hint("give one with --token or HEARBACK_TOKEN; `hearback token create` makes one"),
        StatusCode::FORBIDDEN => CliError::failed(format!("the token does not allow this: {said}"))
            .hint("`hearback token create` makes one of a greater scope"),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => CliError::usage(said),
        _ => CliError::failed(format!("the server answered {status}: {said}")),
    }
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
        for bad in ["127.0.0.1:8025", "ftp://x", "", "http://"] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }
}
