//! The stand-ins for a signature: HTTP Basic, a secret header, the sender's network.

use super::options::{Access, Login, SecretHeader};
use crate::{Proof, Refusal, Request, crypto};

/// Checks a request: everything that is configured must hold. The network comes first, so that a stranger does not
/// learn whether a password is right.
pub(super) fn check(access: &Access, request: &Request<'_>) -> Result<Proof, Refusal> {
    if !access.networks.is_empty() {
        // A listener on an IPv6 socket sees IPv4 senders as `::ffff:a.b.c.d`.
        let remote = request.remote.map(|remote| remote.to_canonical());
        if !remote.is_some_and(|remote| access.networks.iter().any(|network| network.contains(&remote))) {
            return Err(Refusal::NetworkNotAllowed);
        }
    }
    if !access.credentials.is_empty() {
        check_basic(&access.credentials, request)?;
    }
    if let Some(header) = &access.header {
        check_header(header, request)?;
    }
    Ok(Proof::default())
}

fn check_basic(credentials: &[Login], request: &Request<'_>) -> Result<(), Refusal> {
    let encoded = request
        .header("authorization")
        .and_then(|value| value.trim().split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .map(|(_, encoded)| encoded.trim())
        .ok_or(Refusal::MissingSignature("Authorization: Basic"))?;
    let decoded = crypto::base64_decode(encoded).ok_or(Refusal::BadSignature)?;
    let colon = decoded.iter().position(|byte| *byte == b':').ok_or(Refusal::BadSignature)?;
    let (user, password) = decoded.split_at_checked(colon).ok_or(Refusal::BadSignature)?;
    let password = password.get(1..).unwrap_or_default();
    let right = any(credentials.iter().map(|pair| {
        // Both are compared, so that the time does not tell which one is wrong.
        crypto::equal(pair.user.expose().as_bytes(), user)
            & crypto::equal(pair.password.expose().as_bytes(), password)
    }));
    if right { Ok(()) } else { Err(Refusal::BadSignature) }
}

fn check_header(header: &SecretHeader, request: &Request<'_>) -> Result<(), Refusal> {
    let given = request
        .headers
        .get(&header.name)
        .filter(|value| !value.is_empty())
        .ok_or(Refusal::MissingSignature("the secret header"))?;
    let right =
        any(header.values.iter().map(|value| crypto::equal(value.expose().as_bytes(), given.as_bytes())));
    if right { Ok(()) } else { Err(Refusal::BadSignature) }
}

/// Whether any is true, looking at all of them.
fn any(found: impl Iterator<Item = bool>) -> bool {
    found.fold(false, |any, one| any | one)
}
