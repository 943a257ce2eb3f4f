//! Pages that say no.

use askama::Template;
use axum::response::{IntoResponse, Response};
use hearback_store::{Role, StoreError};
use http::{HeaderMap, StatusCode};

use crate::answer;
use crate::assets::ASSETS;
use crate::url::Query;
use crate::visit::{Caller, Visit};

/// Why a page is not shown, or a change not made.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Go and sign in; then come back to this path.
    SignIn(String),
    /// A page with these words.
    Page { status: StatusCode, title: &'static str, words: String, theme: Option<&'static str> },
}

/// What a handler gives.
pub(crate) type Outcome<T = Response> = Result<T, Refusal>;

impl Refusal {
    pub(crate) fn not_signed_in(caller: &Caller) -> Self {
        Self::SignIn(if caller.only_looks { caller.here.clone() } else { "/".to_owned() })
    }

    pub(crate) fn needs(role: Role, visit: &Visit) -> Self {
        Self::Page {
            status: StatusCode::FORBIDDEN,
            title: "Not for your role",
            words: format!(
                "This needs the role {role}; yours is {}. An admin can change it in Settings.",
                visit.role
            ),
            theme: visit.caller.preferences.theme,
        }
    }

    pub(crate) fn foreign_form() -> Self {
        Self::Page {
            status: StatusCode::FORBIDDEN,
            title: "Nothing was changed",
            words: "This form was not made by a page of this session: it is too old, or comes from elsewhere. Go back, load the page anew, and try again."
                .to_owned(),
            theme: None,
        }
    }

    pub(crate) fn not_found(words: impl Into<String>) -> Self {
        let words = words.into();
        Self::Page { status: StatusCode::NOT_FOUND, title: "Not found", words, theme: None }
    }

    pub(crate) fn bad(words: impl Into<String>) -> Self {
        let words = words.into();
        Self::Page {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            title: "Nothing was changed",
            words,
            theme: None,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the store could not answer a page");
        Self::Page {
            status: StatusCode::SERVICE_UNAVAILABLE,
            title: "The database does not answer",
            words: "Try again in a moment. What is wrong stands in the log of the server.".to_owned(),
            theme: None,
        }
    }
}

#[derive(Template)]
#[template(path = "refusal.html")]
struct Page<'a> {
    title: &'a str,
    words: &'a str,
    theme: Option<&'static str>,
    style: &'a str,
    icon: &'a str,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn(next) => {
                let query = if next == "/" { Query::default() } else { Query::default().with("next", next) };
                answer::redirect(&query.of("/sign-in"), [])
            }
            Self::Page { status, title, words, theme } => {
                let page =
                    Page { title, words: &words, theme, style: &ASSETS.style.path, icon: &ASSETS.icon.path };
                answer::page(status, &HeaderMap::new(), &page)
            }
        }
    }
}
