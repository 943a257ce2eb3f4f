//! Single sign-on as the pages see it, whether it is built in or not: the button, and how long its sessions last.

use crate::Options;

/// The button of the sign-in page.
pub(crate) struct SingleSignOn {
    /// The words on it: `Sign in with ...`.
    pub(crate) name: String,
    /// Where it leads.
    pub(crate) link: String,
}

/// What somebody is told who signed out.
pub(crate) struct Left {
    /// Who signed him in.
    pub(crate) name: String,
    /// Where he can sign out there as well.
    pub(crate) link: Option<String>,
}

#[cfg(feature = "oidc")]
mod built_in {
    use super::{Left, Options, SingleSignOn};
    use crate::url::Query;

    /// The button, if single sign-on is configured. It leads to the public URL, because there the answer comes to, with its cookie.
    pub(crate) fn button(options: &Options, next: &str) -> Option<SingleSignOn> {
        let oidc = options.oidc.as_ref()?.options();
        let query = if next == "/" { Query::default() } else { Query::default().with("next", next) };
        let link = query.of(&format!("{}/sign-in/oidc", oidc.public_url));
        Some(SingleSignOn { name: oidc.name.clone(), link })
    }

    /// How long a session lasts that somebody has by single sign-on, in seconds.
    pub(crate) fn session_seconds(options: &Options) -> Option<i64> {
        Some(i64::from(options.oidc.as_ref()?.options().session_hours) * 3600)
    }

    /// What somebody is told who signed out.
    pub(crate) async fn left(options: &Options) -> Option<Left> {
        let oidc = options.oidc.as_ref()?;
        let link = oidc.sign_out_at(hearback_event::Timestamp::now()).await;
        Some(Left { name: oidc.options().name.clone(), link: link.map(String::from) })
    }
}

#[cfg(not(feature = "oidc"))]
mod built_in {
    use super::{Left, Options, SingleSignOn};

    pub(crate) const fn button(_options: &Options, _next: &str) -> Option<SingleSignOn> {
        None
    }

    pub(crate) const fn session_seconds(_options: &Options) -> Option<i64> {
        None
    }

    pub(crate) async fn left(_options: &Options) -> Option<Left> {
        None
    }
}

pub(crate) use built_in::{button, left, session_seconds};
