//! Signing in with OpenID Connect: the authorization code flow with PKCE (S256), `state` and `nonce`, and nothing else of it.
//!
//! Follows OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated Logout 1.0, RFC 7515 to 7518 (signatures and keys), RFC 7636
//! (PKCE) and RFC 9207 (`iss` in the answer). The way: `attempt` is what the browser keeps while it is at the provider,
//! `provider` asks the provider, `jws` and `token` say whether what it tells is genuine and meant for us, `person` reads who
//! it is and what he may do, `admit` finds or makes the user. All but `provider` (over `http`) and `admit` are pure.
//!
//! Signatures are checked with aws-lc-rs directly: with a fixed list of algorithms, each bound to its kind of key, that is less to
//! read than a library's options. `none` and HMAC are not in the list, so that no configuration can let them in.

mod admit;
mod attempt;
mod http;
mod jws;
mod kept;
mod metadata;
mod options;
mod person;
mod provider;
mod token;

pub(crate) use admit::{Refused, admit};
pub(crate) use attempt::{Attempt, LIVES as ATTEMPT_LIVES};
pub use http::OidcError;
pub use options::OidcOptions;
pub(crate) use person::NotAllowed;
pub use provider::Oidc;
