//! Hearback's web interface: pages for people, made on the server, over the [`Store`](hearback_store::Store) contract.
//!
//! Everything that can be seen has a URL; pages read without scripts; nothing is loaded from elsewhere. Who asks is told by a
//! session, or by a proxy in front ([`Options::trusted_header`]); what changes something is a `change::Change`, which cannot
//! be had without the form's secret.
//!
//! A page is one template in `templates/`, one file in `pages`, and one line in [`router`](router()).

mod answer;
mod assets;
mod auth;
mod change;
mod eyes;
mod frame;
mod link;
#[cfg(feature = "oidc")]
mod oidc;
mod options;
mod pages;
mod password;
mod pieces;
mod preferences;
mod recent;
mod refusal;
mod router;
mod search;
mod single;
mod ui;
mod url;
mod visit;

pub use link::SignInLink;
#[cfg(feature = "oidc")]
pub use oidc::{Oidc, OidcError, OidcOptions};
pub use options::Options;
pub use password::{PasswordError, hash_password};
pub use router::router;
pub use ui::Ui;
