//! A sign-in that has begun: what the browser keeps while it is at the provider.
//!
//! It is a cookie and nothing in memory, so that it survives a restart, and another process of ours may read the answer. All that
//! the two requests share follows from one random secret in it: `state` proves that the answer comes to the browser that asked,
//! `nonce` that the token was made for it, the verifier that the code is used by us. What goes over the wire of these are hashes
//! that tell nothing of the secret. The cookie is authenticated under a key that follows from the client's secret, so that time and
//! way back can be believed.

use hearback_event::Timestamp;
use hearback_providers::Secret;
use hearback_providers::crypto::{self, Hash, HmacKey};

use crate::auth::random;
use crate::url::own_path;

/// How long somebody may take to sign in at the provider, in seconds.
pub(crate) const LIVES: i64 = 900;
/// A longer way back is forgotten.
const NEXT_MAX: usize = 1500;
/// Bytes of the secret, and of the time behind it.
const SECRET: usize = 32;
const HEAD: usize = SECRET + 8;

/// A sign-in that has begun.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    secret: [u8; SECRET],
    begun_at: i64,
    next: String,
}

impl Attempt {
    /// One that begins now, and leads to a path of ours.
    pub(crate) fn begin(next: &str, now: Timestamp) -> Self {
        let next = if next.len() > NEXT_MAX { "/" } else { own_path(next) };
        Self { secret: random(), begun_at: now.as_seconds(), next: next.to_owned() }
    }

    /// The key of cookies.
    pub(crate) fn key(client_id: &str, secret: &Secret) -> HmacKey {
        let key =
            crypto::sha256(&[b"oidc attempt\0", client_id.as_bytes(), b"\0", secret.expose().as_bytes()]);
        HmacKey::new(Hash::Sha256, &key)
    }

    /// As the cookie holds it.
    pub(crate) fn seal(&self, key: &HmacKey) -> String {
        let mut bytes = self.secret.to_vec();
        bytes.extend(self.begun_at.to_be_bytes());
        bytes.extend(self.next.as_bytes());
        let tag = key.sign(&[&bytes]);
        format!("{}.{}", base64url(&bytes), base64url(&tag))
    }

    /// Out of a cookie, if we made it and it is not too old.
    pub(crate) fn open(text: &str, key: &HmacKey, now: Timestamp) -> Option<Self> {
        let (bytes, tag) = text.split_once('.')?;
        let decode = |text: &str| data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok();
        let (bytes, tag) = (decode(bytes)?, decode(tag)?);
        if !key.verifies(&[&bytes], &tag) {
            return None;
        }
        let (head, next) = bytes.split_at_checked(HEAD)?;
        let (secret, begun_at) = head.split_at(SECRET);
        let begun_at = i64::from_be_bytes(begun_at.try_into().ok()?);
        if !(0..=LIVES).contains(&now.as_seconds().saturating_sub(begun_at)) {
            return None;
        }
        let next = own_path(std::str::from_utf8(next).ok()?).to_owned();
        Some(Self { secret: secret.try_into().ok()?, begun_at, next })
    }

    /// Where he wanted to go.
    pub(crate) fn next(&self) -> &str {
        &self.next
    }

    /// `state`: comes back beside the code.
    pub(crate) fn state(&self) -> String {
        self.derived(b"state")
    }

    /// Whether the answer belongs to this attempt.
    pub(crate) fn is_answered_by(&self, state: &str) -> bool {
        crypto::equal(self.state().as_bytes(), state.as_bytes())
    }

    /// `nonce`: comes back inside of the token.
    pub(crate) fn nonce(&self) -> String {
        self.derived(b"nonce")
    }

    /// The PKCE verifier: goes to the provider with the code, from server to server.
    pub(crate) fn verifier(&self) -> String {
        self.derived(b"verifier")
    }

    /// The PKCE challenge (S256): goes over the browser.
    pub(crate) fn challenge(&self) -> String {
        base64url(&crypto::sha256(&[self.verifier().as_bytes()]))
    }

    fn derived(&self, what: &[u8]) -> String {
        base64url(&crypto::sha256(&[b"oidc ", what, b"\0", &self.secret]))
    }
}

fn base64url(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_seconds(n).unwrap()
    }

    #[test]
    fn an_attempt_is_opened_by_who_sealed_it_and_while_it_lives() {
        let key = Attempt::key("hearback", &Secret::new("geheim"));
        let attempt = Attempt::begin("/events?type=bounced", second(1000));
        let sealed = attempt.seal(&key);
        let open = |text: &str, at| Attempt::open(text, &key, second(at));
        assert!(open(&sealed, 1000) == Some(attempt.clone()) && open(&sealed, 1900).is_some());
        assert!(open(&sealed, 1901).is_none(), "too old");
        assert!(open(&sealed, 999).is_none(), "from the future");
        for other in [
            Attempt::key("another", &Secret::new("geheim")),
            Attempt::key("hearback", &Secret::new("anders")),
        ] {
            assert!(Attempt::open(&sealed, &other, second(1000)).is_none(), "another key");
        }
        let (bytes, tag) = sealed.split_once('.').unwrap();
        let longer = Attempt { next: "/quarantine".to_owned(), ..attempt };
        let forged = longer.seal(&Attempt::key("hearback", &Secret::new("anders")));
        let forged = format!("{}.{tag}", forged.split('.').next().unwrap());
        for bad in ["", ".", "x", bytes, &format!("{bytes}."), &format!("{bytes}.AAAA"), &forged] {
            assert!(open(bad, 1000).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_is_sent_differs_by_purpose_and_by_attempt() {
        let (one, other) = (Attempt::begin("/", second(1)), Attempt::begin("/", second(1)));
        let texts = |one: &Attempt| [one.state(), one.nonce(), one.verifier(), one.challenge()];
        let all: std::collections::BTreeSet<_> = [texts(&one), texts(&other)].concat().into_iter().collect();
        assert_eq!(all.len(), 8);
        // RFC 7636: 43 to 128 characters.
        assert!(all.iter().all(|text| text.len() == 43));
        assert!(one.is_answered_by(&one.state()));
        assert!(!one.is_answered_by(&other.state()) && !one.is_answered_by(""));
    }

    #[test]
    fn nobody_is_led_elsewhere() {
        let next = |text: &str| Attempt::begin(text, second(1)).next;
        assert_eq!(next("/alerts/7"), "/alerts/7");
        for bad in ["https://x.example", "//x.example", "", &format!("/{}", "x".repeat(2000))] {
            assert_eq!(next(bad), "/");
        }
    }
}
