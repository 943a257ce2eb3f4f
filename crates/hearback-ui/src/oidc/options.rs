//! What `[ui.oidc]` says.

use hearback_providers::Secret;
use hearback_store::Role;

/// How people are signed in by a provider of identities, and what they may do then.
#[derive(Clone, Debug)]
pub struct OidcOptions {
    /// The provider, exactly as it calls itself.
    pub issuer: String,
    /// What the provider calls us.
    pub client_id: String,
    /// What we prove that with.
    pub client_secret: Secret,
    /// What is asked for; `openid` among it.
    pub scopes: Vec<String>,
    /// The words on the button: `Sign in with ...`.
    pub name: String,
    /// Scheme and host under which people reach the pages, without a slash at the end.
    pub public_url: String,
    /// The claim with groups or roles: its name, or names with dots between them where it is inside of another.
    pub role_claim: String,
    /// Which of its values give which role; the greatest counts. If there are none, roles are given by hand in Settings.
    pub roles: Vec<(Role, Vec<String>)>,
    /// The role of whoever has none of these values; none: he is refused.
    pub default_role: Option<Role>,
    /// Domains of verified addresses that are let in, in lower case; empty: all.
    pub allowed_domains: Vec<String>,
    /// Whether a user is made of somebody who comes for the first time.
    pub create_users: bool,
    /// Whether somebody with a verified address becomes the user who is called by that address.
    pub link_by_email: bool,
    /// Hours after which one has to come from the provider again, however much the session is used.
    pub session_hours: u32,
}

impl OidcOptions {
    /// Where the provider sends people back to. The provider must know it.
    pub fn redirect_uri(&self) -> String {
        format!("{}/sign-in/oidc/callback", self.public_url)
    }

    /// Where the provider may send people after they signed out there.
    pub fn signed_out_uri(&self) -> String {
        format!("{}/sign-in", self.public_url)
    }
}
