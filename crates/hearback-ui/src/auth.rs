//! Sessions: what the browser has, what the store has, and how often somebody may try to begin one.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use hearback_event::Timestamp;
use hearback_providers::crypto;
use hearback_store::{NewSession, StoreError, User};
use http::{HeaderMap, HeaderValue, header};

use crate::single;
use crate::ui::Parts;

/// The cookie of a session.
pub(crate) const SESSION: &str = "hearback_session";
/// The cookie that ties a form to the browser that asked for it where there is no session yet.
pub(crate) const FORM: &str = "hearback_form";
/// A session is extended no more often.
const EXTEND_AFTER_SECONDS: i64 = 300;
/// Bytes of a browser's name that are kept.
const AGENT_MAX: usize = 200;

/// Random bytes.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // aws-lc aborts the process itself when its source fails at start; a failure after that cannot be survived either.
    assert!(aws_lc_rs::rand::fill(&mut bytes).is_ok(), "the operating system gives no random bytes");
    bytes
}

/// A secret of 256 bits as text.
pub(crate) fn fresh_token() -> String {
    data_encoding::BASE32_NOPAD.encode(&random::<32>()).to_ascii_lowercase()
}

/// What the store keeps of a session's secret.
pub(crate) fn session_hash(token: &str) -> [u8; 32] {
    crypto::sha256(&[b"session", token.as_bytes()])
}

/// The value of a cookie; of several with the name, the first.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|pair| {
        let (found, value) = pair.trim().split_once('=')?;
        (found == name).then_some(value)
    })
}

/// A cookie to be set. Only the server reads it where `http_only`; `max_age` in seconds, 0 to remove it.
pub(crate) fn set_cookie(
    name: &str,
    value: &str,
    max_age: i64,
    secure: bool,
    http_only: bool,
) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let http_only = if http_only { "; HttpOnly" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={max_age}; SameSite=Lax{http_only}{secure}");
    HeaderValue::from_str(&text).ok()
}

/// Begins a session, and gives the browser's part of it.
pub(crate) async fn begin(
    parts: &Parts,
    user: &User,
    remote: Option<IpAddr>,
    headers: &HeaderMap,
    secure: bool,
) -> Result<Option<HeaderValue>, StoreError> {
    let token = fresh_token();
    let now = Timestamp::now();
    let seconds = seconds_of(parts, user);
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let session = NewSession {
        user_id: user.id,
        hash: session_hash(&token),
        created_at: now,
        expires_at: now.plus_seconds(seconds),
        remote: remote.map(|address| address.to_string()),
        agent: agent.map(|agent| agent.chars().take(AGENT_MAX).collect()),
    };
    parts.accounts.begin_session(session).await?;
    Ok(set_cookie(SESSION, &token, seconds, secure, true))
}

/// The session and its user, extended now and then as long as it is used.
pub(crate) async fn find(
    parts: &Parts,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Option<(hearback_store::UserSession, User)>, StoreError> {
    let Some(token) = cookie(headers, SESSION) else { return Ok(None) };
    let Some((session, user)) = parts.accounts.session(session_hash(token), now).await? else {
        return Ok(None);
    };
    if now.seconds_since(session.seen_at) >= EXTEND_AFTER_SECONDS {
        // Whom a provider of identities signs in has to come from there again, however much he does here.
        let ends = match user.identity {
            Some(_) => session.expires_at,
            None => now.plus_seconds(seconds_of(parts, &user)),
        };
        parts.accounts.extend_session(session.id, now, ends).await?;
    }
    Ok(Some((session, user)))
}

fn seconds_of(parts: &Parts, user: &User) -> i64 {
    let days = i64::from(parts.options.session_days) * 86_400;
    user.identity.as_ref().and_then(|_| single::session_seconds(&parts.options)).unwrap_or(days)
}

/// How often somebody may try a password: by address, and by the name that is tried.
pub(crate) struct Attempts {
    by_address: DefaultKeyedRateLimiter<IpAddr>,
    by_name: DefaultKeyedRateLimiter<[u8; 8]>,
}

/// Ten at once, and then one in six seconds.
const BURST: NonZeroU32 = NonZeroU32::new(10).unwrap();
const ONE_IN: Duration = Duration::from_secs(6);
/// Beyond so many keys those that are full again are forgotten.
const KEYS_MAX: usize = 10_000;

impl Attempts {
    pub(crate) fn new() -> Self {
        let quota = Quota::with_period(ONE_IN).unwrap_or_else(|| Quota::per_minute(BURST)).allow_burst(BURST);
        Self { by_address: RateLimiter::keyed(quota), by_name: RateLimiter::keyed(quota) }
    }

    /// Whether one more is allowed, of this address and of this name. It counts against both.
    pub(crate) fn allow(&self, address: Option<IpAddr>, name: &str) -> bool {
        if self.by_name.len() > KEYS_MAX {
            self.by_name.retain_recent();
        }
        let mut key = [0; 8];
        key.copy_from_slice(&crypto::sha256(&[name.to_lowercase().as_bytes()])[..8]);
        self.allow_from(address) && self.by_name.check_key(&key).is_ok()
    }

    /// Whether one more is allowed of this address, whatever the name.
    pub(crate) fn allow_from(&self, address: Option<IpAddr>) -> bool {
        if self.by_address.len() > KEYS_MAX {
            self.by_address.retain_recent();
        }
        let address = address.map(network);
        address.is_none_or(|address| self.by_address.check_key(&address).is_ok())
    }
}

/// Who has an IPv6 address has a network of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hearback_store::sqlite::SqliteOptions;
    use hearback_store::{Accounts as _, Database, Identity, LogStore, NewUser, Role};

    use super::*;
    use crate::Ui;

    #[tokio::test]
    async fn use_extends_the_session_of_who_has_a_password_and_not_of_whom_a_provider_signs_in() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(folder.path().join("hearback.db"));
        let store: Arc<LogStore> = Arc::new(Database::Sqlite(options).open().unwrap());
        let destinations = hearback_deliver::Destinations::new(Vec::new(), Arc::clone(&store) as _);
        let ui = Ui::new(
            Arc::clone(&store) as _,
            Arc::clone(&store) as _,
            Vec::new(),
            destinations,
            crate::Options::default(),
        );
        let identity = Identity { issuer: "https://id.example.com".to_owned(), subject: "1".to_owned() };
        for (name, identity, is_extended) in [("ann", None, true), ("nora", Some(identity), false)] {
            let created_at = Timestamp::now();
            let new =
                NewUser { name: name.to_owned(), role: Role::Viewer, password: None, identity, created_at };
            let user = store.add_user(new).await.unwrap().unwrap();
            let cookie = begin(&ui.0, &user, None, &HeaderMap::new(), true).await.unwrap().unwrap();
            let headers: HeaderMap = [(header::COOKIE, cookie)].into_iter().collect();
            let later = Timestamp::now().plus_seconds(3600);
            let (session, _) = find(&ui.0, &headers, later).await.unwrap().unwrap();
            let (again, _) = find(&ui.0, &headers, later).await.unwrap().unwrap();
            assert_eq!(
                (again.seen_at, again.expires_at > session.expires_at),
                (later, is_extended),
                "{name}"
            );
        }
    }

    #[test]
    fn attempts_are_counted_by_address_and_by_name() {
        let attempts = Attempts::new();
        let address = |n: u8| Some(IpAddr::from([192, 0, 2, n]));
        for n in 0..10 {
            assert!(attempts.allow(address(1), &format!("user{n}")));
        }
        assert!(!attempts.allow(address(1), "another"), "one address tries many names");
        for n in 10..20 {
            assert!(attempts.allow(address(n), "Ann"));
        }
        assert!(!attempts.allow(address(99), "ann"), "many addresses try one name");
        assert!(attempts.allow(address(100), "bob"));
        let six = |text: &str| Some(text.parse().unwrap());
        for n in 0..10 {
            assert!(attempts.allow(six(&format!("2001:db8::{n}")), &format!("six{n}")));
        }
        assert!(!attempts.allow(six("2001:db8::ffff"), "six"), "a network of addresses is one");
    }

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; hearback_session=abc=; b=2".parse().unwrap());
        assert_eq!(cookie(&headers, SESSION), Some("abc="));
        assert_eq!(cookie(&headers, "b"), Some("2"));
        assert_eq!(cookie(&headers, "session"), None);
        let set = set_cookie(SESSION, "x", 60, true, true).unwrap();
        assert_eq!(set, "hearback_session=x; Path=/; Max-Age=60; SameSite=Lax; HttpOnly; Secure");
    }
}
