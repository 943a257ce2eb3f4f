//! Whether an ID token is genuine, meant for us, of this sign-in, and of now: OpenID Connect Core 1.0, 3.1.3.7.

use hearback_event::Timestamp;
use serde_json::{Map, Value};

use super::jws::{Keys, Token};

/// Seconds that clocks may differ.
const LEEWAY: i64 = 60;
/// A token that was made longer ago than this, in seconds, was not made for this answer.
const OLDEST: i64 = 900;

/// What a token says.
pub(crate) type Claims = Map<String, Value>;

/// What a token must say.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) now: Timestamp,
}

/// Why a token is not believed. Nothing of the token stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// It is no token.
    #[error("the ID token is not a signed token of the usual form")]
    Malformed,
    /// It is signed in a way that is not taken, or not signed.
    #[error(
        "the ID token is signed with an algorithm that is not taken; set the client to RS256, ES256 or another asymmetric one"
    )]
    Algorithm,
    /// It is signed with a key that the provider does not publish.
    #[error("the ID token is signed with a key that is not among those that the provider publishes")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the signature of the ID token is wrong")]
    Signature,
    /// It is of another provider.
    #[error("the ID token names another issuer (`iss`)")]
    Issuer,
    /// It is for another client.
    #[error("the ID token is for another client (`aud`, `azp`)")]
    Audience,
    /// It is no longer, or not yet, valid.
    #[error("the ID token is not valid now (`exp`, `nbf`); do the clocks agree?")]
    Expired,
    /// It was not made just now.
    #[error("the ID token was not made just now (`iat`); do the clocks agree?")]
    IssuedAt,
    /// It is of another sign-in.
    #[error("the ID token is of another sign-in (`nonce`)")]
    Nonce,
    /// It names nobody.
    #[error("the ID token names nobody (`sub`)")]
    Subject,
}

/// What the token says, if it is to be believed.
pub(crate) fn verify(text: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Claims, TokenError> {
    let claims = Token::parse(text)?.verified(keys)?;
    check(&claims, expected)?;
    Ok(claims)
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), TokenError> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let holds = |is_right: bool, error: TokenError| if is_right { Ok(()) } else { Err(error) };
    holds(text("iss") == Some(expected.issuer), TokenError::Issuer)?;
    holds(is_for(claims, expected.client_id), TokenError::Audience)?;
    let now = expected.now.as_seconds();
    let seconds = |name: &str| claims.get(name).map(seconds_of);
    let expires = seconds("exp").flatten();
    holds(expires.is_some_and(|at| now < at.saturating_add(LEEWAY)), TokenError::Expired)?;
    let is_yet = seconds("nbf").is_none_or(|at| at.is_some_and(|at| at <= now + LEEWAY));
    holds(is_yet, TokenError::Expired)?;
    let issued = seconds("iat").flatten();
    let is_fresh = issued.is_some_and(|at| (now - OLDEST..=now + LEEWAY).contains(&at));
    holds(is_fresh, TokenError::IssuedAt)?;
    let nonce = text("nonce").unwrap_or_default();
    holds(hearback_providers::crypto::equal(nonce.as_bytes(), expected.nonce.as_bytes()), TokenError::Nonce)?;
    holds(text("sub").is_some_and(|sub| !sub.is_empty() && sub.len() <= 255), TokenError::Subject)
}

/// Whether we are among those that it is for, and it was made for us.
fn is_for(claims: &Claims, client_id: &str) -> bool {
    let (is_ours, several) = match claims.get("aud") {
        Some(Value::String(one)) => (one == client_id, false),
        Some(Value::Array(all)) => (all.iter().any(|one| one.as_str() == Some(client_id)), all.len() > 1),
        _ => (false, false),
    };
    let made_for_us = match claims.get("azp") {
        None => !several,
        Some(azp) => azp.as_str() == Some(client_id),
    };
    is_ours && made_for_us
}

/// Seconds since 1970, with or without a fraction.
fn seconds_of(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

#[cfg(test)]
mod tests;
