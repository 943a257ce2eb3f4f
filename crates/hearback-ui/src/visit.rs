//! Who asks for a page, and how he wants to see it.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use hearback_event::Timestamp;
use hearback_providers::crypto;
use hearback_store::Role;
use http::HeaderMap;
use http::request::Parts;

use crate::auth;
use crate::eyes::Eyes;
use crate::preferences::Preferences;
use crate::refusal::Refusal;
use crate::ui::{Parts as UiParts, Ui};

/// A request, before anybody knows who sends it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The address of the sender, as far as proxies are believed.
    pub(crate) remote: Option<IpAddr>,
    /// Whether the pages are reached over HTTPS.
    pub(crate) secure: bool,
    /// Path and query.
    pub(crate) here: String,
    /// Whether it only looks.
    pub(crate) only_looks: bool,
    /// How he wants to see it.
    pub(crate) preferences: Preferences,
    /// The head of the request.
    pub(crate) headers: HeaderMap,
}

impl Caller {
    fn of(parts: &Parts, ui: &UiParts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let trusted = &ui.options.trusted_proxies;
        let from_proxy =
            peer.is_some_and(|peer| trusted.iter().any(|net| net.contains(&peer.ip().to_canonical())));
        let proto = parts.headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
        let public = ui.options.public_url.as_deref();
        let told = proto.filter(|_| from_proxy).map(|proto| proto.eq_ignore_ascii_case("https"));
        Self {
            remote: hearback_server::remote(peer, &parts.headers, trusted),
            secure: told.unwrap_or_else(|| public.is_some_and(|url| is_reached_by(url, &parts.headers))),
            here: parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned(),
            only_looks: matches!(parts.method.as_str(), "GET" | "HEAD"),
            preferences: Preferences::of(&parts.headers),
            headers: parts.headers.clone(),
        }
    }
}

/// Whether this request came under the public URL, and that is encrypted: on the machine itself, without the proxy, a cookie
/// that is for HTTPS only would be lost.
fn is_reached_by(url: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    url.strip_prefix("https://").is_some_and(|rest| {
        let public = rest.split('/').next().unwrap_or_default();
        host.is_some_and(|host| host.eq_ignore_ascii_case(public))
    })
}

impl FromRequestParts<Ui> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, ui: &Ui) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, &ui.0))
    }
}

/// Somebody who may look.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    /// The request.
    pub(crate) caller: Caller,
    /// The name of a user, or what the proxy says.
    pub(crate) name: String,
    /// What he may do.
    pub(crate) role: Role,
    /// How he sees addresses.
    pub(crate) eyes: Eyes,
    /// His number, where he is a user here.
    pub(crate) user: Option<u64>,
    /// Whether he has a password here.
    pub(crate) has_password: bool,
    /// Whether a provider of identities knows him.
    pub(crate) is_identified: bool,
    /// The session's number; none where a proxy vouches for him.
    pub(crate) session: Option<u64>,
    /// When the page is made.
    pub(crate) now: Timestamp,
    /// What his forms must carry.
    pub(crate) form: FormKey,
}

/// The secret of somebody's forms.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct FormKey([u8; 32]);

impl std::fmt::Debug for FormKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FormKey(…)")
    }
}

impl FormKey {
    /// Of a cookie that only this browser has.
    pub(crate) fn of_cookie(value: &str) -> Self {
        Self(crypto::sha256(&[b"form", value.as_bytes()]))
    }

    fn of_name(secret: &[u8; 32], name: &str) -> Self {
        Self(crypto::sha256(&[b"form of", secret, name.as_bytes()]))
    }

    /// As it stands in a page: under a mask, another one each time, so that compressed pages tell nothing of it.
    pub(crate) fn masked(self) -> String {
        let mask: [u8; 32] = auth::random();
        let mut bytes = mask.to_vec();
        bytes.extend(mask.iter().zip(self.0).map(|(mask, byte)| mask ^ byte));
        data_encoding::BASE64URL_NOPAD.encode(&bytes)
    }

    /// Whether a form carries it.
    pub(crate) fn is_in(self, text: &str) -> bool {
        let Ok(bytes) = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()) else { return false };
        let Some((mask, masked)) = bytes.split_at_checked(32) else { return false };
        let bare: Vec<u8> = mask.iter().zip(masked).map(|(mask, byte)| mask ^ byte).collect();
        crypto::equal(&bare, &self.0)
    }
}

impl Visit {
    /// Who sends this request.
    pub(crate) async fn of(caller: Caller, peer: Option<SocketAddr>, ui: &UiParts) -> Result<Self, Refusal> {
        let now = Timestamp::now();
        let (name, role, user, session, form) = if let Some(name) = named_by_proxy(&caller, peer, ui) {
            let known = ui.accounts.user(name.clone()).await?;
            let role = known.as_ref().map_or(ui.options.trusted_role, |user| user.role);
            let form = FormKey::of_name(&ui.secret, &name);
            (name, role, known, None, form)
        } else {
            let found = auth::find(ui, &caller.headers, now).await?;
            let Some((session, user)) = found else { return Err(Refusal::not_signed_in(&caller)) };
            let cookie = auth::cookie(&caller.headers, auth::SESSION).unwrap_or_default();
            (user.name.clone(), user.role, Some(user), Some(session.id), FormKey::of_cookie(cookie))
        };
        let clear = role >= Role::Operator || ui.options.viewers_see_addresses;
        let has_password = session.is_some() && user.as_ref().is_some_and(|user| user.password.is_some());
        let is_identified = session.is_some() && user.as_ref().is_some_and(|user| user.identity.is_some());
        let user = user.map(|user| user.id);
        let eyes = Eyes { clear };
        Ok(Self { caller, name, role, eyes, user, has_password, is_identified, session, now, form })
    }

    /// Refuses whoever may do less.
    pub(crate) fn require(&self, role: Role) -> Result<(), Refusal> {
        if self.role >= role { Ok(()) } else { Err(Refusal::needs(role, self)) }
    }
}

/// The name in the proxy's header, where the request comes from the proxy.
fn named_by_proxy(caller: &Caller, peer: Option<SocketAddr>, ui: &UiParts) -> Option<String> {
    let header = ui.options.trusted_header.as_ref()?;
    let peer = peer?.ip().to_canonical();
    if !ui.options.trusted_networks.iter().any(|net| net.contains(&peer)) {
        return None;
    }
    let name = caller.headers.get(header)?.to_str().ok()?.trim();
    (!name.is_empty() && name.len() <= 200).then(|| name.to_owned())
}

impl FromRequestParts<Ui> for Visit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, ui: &Ui) -> Result<Self, Refusal> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        Self::of(Caller::of(parts, &ui.0), peer, &ui.0).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forms_secret_looks_different_each_time_and_is_the_same() {
        let (one, other) = (FormKey::of_cookie("a"), FormKey::of_cookie("b"));
        let (first, second) = (one.masked(), one.masked());
        assert_ne!(first, second);
        assert!(one.is_in(&first) && one.is_in(&second));
        assert!(!other.is_in(&first));
        for bad in ["", "x", "AAAA", &first[1..]] {
            assert!(!one.is_in(bad), "{bad}");
        }
    }
}
