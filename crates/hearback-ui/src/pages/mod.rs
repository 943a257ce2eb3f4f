//! One file a page, or a family of pages: what is asked of the store, and what the template is given.

pub(crate) mod alerts;
pub(crate) mod destinations;
pub(crate) mod entrance;
pub(crate) mod events;
pub(crate) mod home;
pub(crate) mod messages;
pub(crate) mod quarantine;
pub(crate) mod recipients;
pub(crate) mod settings;
#[cfg(feature = "oidc")]
pub(crate) mod single_sign_on;
pub(crate) mod sources;
pub(crate) mod suppressions;
pub(crate) mod timelines;
pub(crate) mod watchdog;
