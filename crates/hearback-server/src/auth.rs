//! Who may ask what: bearer tokens, of which the store keeps only the hashes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use axum::extract::FromRequestParts;
use hearback_providers::crypto;
use hearback_store::{Store, TokenView};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// How long a list of tokens is believed: a removed token stops working within this time.
const FRESH: Duration = Duration::from_secs(2);
/// What every token starts with, so that a leaked one is recognised by scanners and people.
const TOKEN_PREFIX: &str = "hb_";

/// What a token may do; greater scopes hold the smaller ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Read,
    Write,
    Admin,
}

impl Scope {
    const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Read, Self::Write, Self::Admin].into_iter().find(|scope| scope.name() == name)
    }
}

/// A caller with the scope `read`, as a handler's argument.
pub(crate) struct Reader;
/// A caller with the scope `write`: the name of its token, as what it does is kept under.
pub(crate) struct Writer(pub(crate) String);
/// A caller with the scope `admin`.
pub(crate) struct Admin;

macro_rules! caller {
    ($type:ident, $scope:expr, $made:expr) => {
        impl FromRequestParts<Arc<Shared>> for $type {
            type Rejection = Problem;
            async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Outcome<Self> {
                shared.tokens.authorise(&parts.headers, $scope).await.map($made)
            }
        }
    };
}

caller!(Reader, Scope::Read, |_| Self);
caller!(Writer, Scope::Write, Self);
caller!(Admin, Scope::Admin, |_| Self);

/// Who holds the database itself, and needs no token.
const NOBODY_ASKED: &str = "command line";

/// The tokens, as the store had them a moment ago.
pub(crate) struct Tokens {
    store: Arc<dyn Store>,
    list: ArcSwapOption<List>,
    /// Held while the list is read anew, so that many callers ask the store once.
    reading: tokio::sync::Mutex<()>,
    /// False where the caller holds the database itself.
    asked_for: bool,
}

struct List {
    read_at: Instant,
    tokens: Vec<TokenView>,
}

impl Tokens {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let reading = tokio::sync::Mutex::new(());
        Self { store, list: ArcSwapOption::empty(), reading, asked_for: true }
    }

    /// Everybody may do everything: for callers in this process who hold the database.
    pub(crate) fn not_asked_for(store: Arc<dyn Store>) -> Self {
        Self { asked_for: false, ..Self::new(store) }
    }

    /// The name of the token. 401 without a right one, 403 where its scope is too small.
    async fn authorise(&self, headers: &HeaderMap, needed: Scope) -> Outcome<String> {
        if !self.asked_for {
            return Ok(NOBODY_ASKED.to_owned());
        }
        let token = bearer(headers).ok_or_else(|| unauthorised("send `Authorization: Bearer hb_...`"))?;
        let hash = crypto::sha256(&[token.as_bytes()]);
        let list = self.list().await?;
        // Every token is compared, so that the time says nothing about which one came near.
        let mut found = None;
        for known in &list.tokens {
            if crypto::equal(&known.hash, &hash) {
                found = Some(known);
            }
        }
        let known = found.ok_or_else(|| unauthorised("this token is not known, or was removed"))?;
        if Scope::parse(&known.scope).is_some_and(|scope| scope >= needed) {
            return Ok(known.name.clone());
        }
        let detail = format!("the scope `{}` is needed, this token has `{}`", needed.name(), known.scope);
        let expected = format!("a token with the scope `{}`", needed.name());
        Err(Problem::new(403, "forbidden", "Not allowed", detail).about("authorization", expected))
    }

    async fn list(&self) -> Outcome<Arc<List>> {
        let fresh = || self.list.load_full().filter(|list| list.read_at.elapsed() < FRESH);
        if let Some(list) = fresh() {
            return Ok(list);
        }
        let _one_at_a_time = self.reading.lock().await;
        if let Some(list) = fresh() {
            return Ok(list);
        }
        // Taken before the store is asked: the list may be older than its answer, never younger.
        let read_at = Instant::now();
        let tokens = self.store.tokens().await.map_err(|error| crate::api::store_failed(&error))?;
        let list = Arc::new(List { read_at, tokens });
        self.list.store(Some(Arc::clone(&list)));
        Ok(list)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.starts_with(TOKEN_PREFIX)).then_some(token)
}

fn unauthorised(detail: &'static str) -> Problem {
    Problem::new(401, "unauthorised", "A token is needed", detail)
        .about("authorization", "Bearer hb_..., a token that `hearback token create` made")
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hearback\""))
}
