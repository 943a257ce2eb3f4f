//! What the interface is told when it starts.

use hearback_server::ExpectRule;
use hearback_store::Role;
use http::HeaderName;
use ipnet::IpNet;

/// How people get in, and what they see.
#[derive(Clone, Debug)]
pub struct Options {
    /// The header in which an authenticating proxy names who asks. Believed from `trusted_networks` only.
    pub trusted_header: Option<HeaderName>,
    /// Where that proxy is.
    pub trusted_networks: Vec<IpNet>,
    /// What somebody may do whom the proxy names and who is no user here.
    pub trusted_role: Role,
    /// Whether viewers see addresses whole, and raw requests.
    pub viewers_see_addresses: bool,
    /// Days after which a session ends that is not used.
    pub session_days: u32,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Scheme and host under which the pages are reached from outside, if that is known.
    pub public_url: Option<String>,
    /// Words on the pages of a demonstration, so that nobody takes it for the truth.
    pub demo: bool,
    /// The names of the rules that raise alerts, in their order.
    pub rules: Vec<String>,
    /// By when messages are expected whose registration does not say.
    pub expect: Vec<ExpectRule>,
    /// The provider of identities that people may be signed in by.
    #[cfg(feature = "oidc")]
    pub oidc: Option<crate::Oidc>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            trusted_header: None,
            trusted_networks: Vec::new(),
            trusted_role: Role::Viewer,
            viewers_see_addresses: false,
            session_days: 14,
            trusted_proxies: Vec::new(),
            public_url: None,
            demo: false,
            rules: Vec::new(),
            expect: Vec::new(),
            #[cfg(feature = "oidc")]
            oidc: None,
        }
    }
}
