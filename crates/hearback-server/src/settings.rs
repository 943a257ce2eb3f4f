//! What the server is told when it starts: validated, secrets resolved, nothing left to go wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hearback_deliver::Destinations;
use hearback_providers::{Endpoint, Provider, ShapeLimits};
use hearback_send::Outlet;
use hearback_store::SourceRef;
use http::HeaderValue;
use ipnet::IpNet;

use crate::ExpectRule;

/// Everything that the HTTP side needs to know.
pub struct Settings {
    /// Where webhooks and health are served; API and metrics too, unless `admin` is set.
    pub listen: SocketAddr,
    /// Where API and metrics are served instead.
    pub admin: Option<SocketAddr>,
    /// Origins (`https://desk.example.com`) whose pages may ask the API from a browser.
    pub cors_origins: Vec<HeaderValue>,
    /// Bounds.
    pub limits: Limits,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The sources.
    pub sources: Vec<Arc<Source>>,
    /// By when registered messages are expected that do not say it themselves; the first that fits holds.
    pub expect: Vec<ExpectRule>,
    /// The destinations, over the same store; `None` where there are none.
    pub destinations: Option<Destinations>,
    /// Pages for people, served where the API is. They look after their own access.
    pub pages: Option<axum::Router>,
}

/// One configured endpoint of a provider.
pub struct Source {
    /// Name, provider and account, as the log has them.
    pub reference: SourceRef,
    /// Its provider.
    pub provider: &'static dyn Provider,
    /// Its keys and rules.
    pub endpoint: Box<dyn Endpoint>,
    /// Further paths under which it answers besides `/webhooks/{name}`, each beginning with `/`. A trailing slash matters not.
    pub paths: Vec<String>,
    /// How strictly signatures are taken.
    pub mode: Mode,
    /// What to do with events of messages that nobody knows.
    pub unknown_message: UnknownMessage,
    /// Longest body in bytes.
    pub body_bytes_max: usize,
    /// Requests per second on average, with bursts of the same size; `None` for no limit.
    pub requests_per_second: Option<u32>,
    /// The public URL of this one source, complete, if it was given.
    pub public_url: Option<String>,
    /// Scheme and host under which the server is reached from outside (`https://hooks.example.com`), if given.
    pub public_base: Option<String>,
    /// Through what messages are sent to its provider, if that is configured.
    pub outlet: Option<Arc<Outlet>>,
}

/// How strictly signatures are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A request without a right signature is refused.
    Enforce,
    /// It is checked, counted, and accepted all the same; its events are marked.
    Shadow,
    /// It is not checked at all.
    Off,
}

impl Mode {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
            Self::Off => "off",
        }
    }
}

/// What to do with events of messages that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownMessage {
    /// Keep them: the event makes the message.
    Store,
    /// Answer 404.
    Reject,
}

/// Bounds that keep one sender from harming the others.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most connections at a time, over both listeners.
    pub connections_max: usize,
    /// Most headers of a request.
    pub headers_max: usize,
    /// How deep JSON may be nested and how many fields a form may have.
    pub shape: ShapeLimits,
    /// Bytes of bodies that are worked on at a time; further requests wait for their turn.
    pub in_flight_bytes_max: usize,
    /// How long a request may take to come in, head and body apart. A connection that is idle for so long is closed.
    pub read_timeout: Duration,
    /// How long running requests may take to end when the server stops.
    pub drain_timeout: Duration,
    /// Refused requests per second and source that are written to the quarantine; beyond that they are only counted.
    pub quarantined_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            headers_max: 100,
            shape: ShapeLimits::default(),
            in_flight_bytes_max: 2 << 20,
            read_timeout: Duration::from_secs(20),
            drain_timeout: Duration::from_secs(10),
            quarantined_per_second: 50,
        }
    }
}

impl Source {
    /// The URL to give to the provider, as far as it is known.
    pub fn callback_url(&self) -> Option<String> {
        let base = self.public_base.as_deref().map(|base| base.trim_end_matches('/'));
        let named = || base.map(|base| format!("{base}/webhooks/{}", self.reference.name));
        self.public_url.clone().or_else(named)
    }

    /// The complete URLs under which the provider may know this source, for a request to `path_and_query`: the source's own
    /// public URL (with the received query where it has none, or where that goes on from its own), then the server's public base with
    /// the received path.
    pub fn public_urls(&self, path_and_query: &str) -> Vec<String> {
        let mut urls = Vec::with_capacity(3);
        if let Some(url) = &self.public_url {
            urls.extend(with_query(url, path_and_query));
            urls.push(url.clone());
        }
        if let Some(base) = &self.public_base {
            urls.push(format!("{}{path_and_query}", base.trim_end_matches('/')));
        }
        urls
    }
}

/// A configured URL with what was received in the query: what a message's callback was given besides.
fn with_query(url: &str, path_and_query: &str) -> Option<String> {
    let (_, received) = path_and_query.split_once('?')?;
    let Some((bare, own)) = url.split_once('?') else { return Some(format!("{url}?{received}")) };
    let goes_on = received.strip_prefix(own).is_some_and(|rest| rest.starts_with('&'));
    goes_on.then(|| format!("{bare}?{received}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_goes_on_from_the_configured_one_or_is_not_taken() {
        let with = |url, line| with_query(url, line);
        assert_eq!(with("https://x/h", "/h?a=1"), Some("https://x/h?a=1".to_owned()));
        assert_eq!(with("https://x/h?src=a", "/h?src=a&b=1"), Some("https://x/h?src=a&b=1".to_owned()));
        for line in ["/h", "/h?src=a", "/h?src=ab=1", "/h?b=1&src=a"] {
            assert_eq!(with("https://x/h?src=a", line), None, "{line}");
        }
    }
}
