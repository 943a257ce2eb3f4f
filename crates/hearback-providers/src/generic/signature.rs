//! Signatures over the content of a request: HMAC with shared secrets, or Ed25519 and RSA with public keys.

use std::borrow::Cow;

use hearback_event::{DedupKey, Timestamp};
use http::HeaderName;
use serde_json::Value;

use super::content::{Content, Named, Variable, whole_text};
use super::document::Shape;
use super::extract::Extract;
use super::moment::Unit;
use super::source::{Pointer, Source, header_name, query_name};
use crate::crypto::{self, HmacKey, PublicKey};
use crate::{Proof, Refusal, Request};

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Hex,
    Base64,
    Base64Url,
    /// The text is the bytes (secrets only).
    Utf8,
}

impl Encoding {
    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => crypto::hex_decode(text),
            Self::Base64 => crypto::base64_decode(text),
            Self::Base64Url => crypto::base64url_decode(text),
            Self::Utf8 => Some(text.as_bytes().to_vec()),
        }
    }

    pub(super) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => crypto::hex_encode(bytes),
            Self::Base64Url => crypto::base64_encode(bytes).replace('+', "-").replace('/', "_"),
            Self::Base64 => crypto::base64_encode(bytes),
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// The keys of a signature; any of them may be right.
#[derive(Debug)]
pub(super) enum Verifiers {
    Hmac(Vec<HmacKey>),
    Public(Vec<PublicKey>),
}

impl Verifiers {
    fn verifies(&self, parts: &[Cow<'_, [u8]>], signature: &[u8]) -> bool {
        let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
        match self {
            Self::Hmac(keys) => keys.iter().any(|key| key.verifies(&parts, signature)),
            Self::Public(keys) => {
                let message = parts.concat();
                keys.iter().any(|key| key.verifies(&message, signature))
            }
        }
    }
}

/// Where a value that belongs to the signature stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Header(HeaderName),
    Query(String),
    /// Another key of the signature's own header.
    Sibling(String),
    Json(Pointer),
}

impl Place {
    /// Reads `header:Name`, `query:name`, `kv:t` or `json:/pointer`; `extract` is `None` where it could not be read.
    pub(super) fn parse(text: &str, extract: Option<&Extract>) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("header", name)) => header_name(name).map(Self::Header),
            Some(("query", name)) => query_name(name).map(Self::Query),
            Some(("kv", key)) if matches!(extract, None | Some(Extract::Pairs { .. })) => {
                Ok(Self::Sibling(key.to_owned()))
            }
            Some(("kv", _)) => Err("`kv:` needs `extract = {kv = {...}}`".to_owned()),
            Some(("json", pointer)) => Pointer::parse(pointer).map(Self::Json),
            _ => Err("expected `header:Name`, `query:name`, `kv:key` or `json:/pointer`".to_owned()),
        }
    }
}

/// The time of a signature.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    pub(super) from: Place,
    pub(super) unit: Unit,
    /// The age that is allowed; `None` where the time is not signed and means nothing.
    pub(super) tolerance: Option<i64>,
    pub(super) required: bool,
}

impl Stamp {
    fn check(&self, text: Option<&str>, now: Timestamp) -> Result<(), Refusal> {
        let Some(text) = text else {
            let missing = Refusal::MissingSignature("there is no time of signing");
            return if self.required { Err(missing) } else { Ok(()) };
        };
        let Some(tolerance) = self.tolerance else { return Ok(()) };
        let signed_at = self.unit.read(text).ok_or_else(|| {
            Refusal::Unparsable("the time of signing is not written as configured".to_owned())
        })?;
        Refusal::check_age(signed_at, now, tolerance)?;
        let ahead_seconds = signed_at.as_seconds() - now.as_seconds();
        if ahead_seconds > tolerance { Err(Refusal::Future { ahead_seconds }) } else { Ok(()) }
    }
}

/// A configured signature.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) verifiers: Verifiers,
    pub(super) header: Option<HeaderName>,
    pub(super) extract: Extract,
    pub(super) encoding: Encoding,
    pub(super) content: Content,
    pub(super) stamp: Option<Stamp>,
    pub(super) id: Option<Place>,
    pub(super) nonce: Option<Place>,
}

impl Signature {
    /// Checks the signature, then its age.
    pub(super) fn check(
        &self,
        request: &Request<'_>,
        shape: &Shape,
        now: Timestamp,
    ) -> Result<Proof, Refusal> {
        let body =
            if self.reads_body() { Some(shape.value(request).map_err(Refusal::Unparsable)?) } else { None };
        let seen = Seen { request, headers: self.headers(request), body: body.as_ref() };
        let candidates = self.candidates(&seen);
        if candidates.is_empty() {
            return Err(Refusal::MissingSignature("there is none where it is configured to be"));
        }
        let named = self.named(&seen);
        let contents = self.content.render(request, &named, seen.body)?;
        let right = candidates
            .iter()
            .filter_map(|candidate| self.encoding.decode(candidate))
            .any(|signature| contents.iter().any(|content| self.verifiers.verifies(content, &signature)));
        if !right {
            return Err(Refusal::BadSignature);
        }
        if let Some(stamp) = &self.stamp {
            stamp.check(named.timestamp.as_deref(), now)?;
        }
        Ok(self.proof(&named))
    }

    /// Whether the content holds what stands in a header or the query.
    pub(super) fn signs(&self, source: &Source) -> bool {
        let place = match source {
            Source::Header(name) => Place::Header(name.clone()),
            Source::Query(name) => Place::Query(name.clone()),
            Source::Pointer(_) | Source::Fixed(_) => return self.content.covers_body(),
        };
        let by_name = match source {
            Source::Header(name) => self.content.uses(&Variable::Header(name.clone())),
            Source::Query(name) => {
                self.content.covers_query() || self.content.uses(&Variable::Query(name.clone()))
            }
            _ => false,
        };
        let as_id = self.content.uses(&Variable::Id) && self.id.as_ref() == Some(&place);
        let as_nonce = self.content.uses(&Variable::Nonce) && self.nonce.as_ref() == Some(&place);
        by_name || as_id || as_nonce
    }

    /// A nonce that is signed while the body is not ties the body to the signature by being used once.
    fn proof(&self, named: &Named) -> Proof {
        let once = named.nonce.as_ref().filter(|_| !self.content.covers_body());
        let used = once.filter(|_| self.content.uses(&Variable::Nonce));
        Proof {
            replay_token: used.map(|nonce| DedupKey::of(&[b"generic", b"nonce", nonce.as_bytes()])),
            ..Proof::default()
        }
    }

    fn reads_body(&self) -> bool {
        let places = [self.stamp.as_ref().map(|stamp| &stamp.from), self.id.as_ref(), self.nonce.as_ref()];
        matches!(self.extract, Extract::JsonField(_))
            || self.content.reads_body()
            || places.into_iter().flatten().any(|place| matches!(place, Place::Json(_)))
    }

    /// The lines of the signature's header.
    fn headers<'a>(&self, request: &Request<'a>) -> Vec<&'a str> {
        let Some(name) = &self.header else { return Vec::new() };
        request.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    }

    fn candidates(&self, seen: &Seen<'_>) -> Vec<String> {
        let found: Vec<String> = match &self.extract {
            Extract::JsonField(pointer) => seen.json(pointer).into_iter().collect(),
            extract => {
                seen.headers.iter().flat_map(|line| extract.candidates(line)).map(ToOwned::to_owned).collect()
            }
        };
        found.into_iter().filter(|candidate| !candidate.is_empty()).take(MOST_CANDIDATES).collect()
    }

    fn named(&self, seen: &Seen<'_>) -> Named {
        let value = |place: Option<&Place>| place.and_then(|place| self.value(place, seen));
        Named {
            timestamp: value(self.stamp.as_ref().map(|stamp| &stamp.from)),
            id: value(self.id.as_ref()),
            nonce: value(self.nonce.as_ref()),
        }
    }

    fn value(&self, place: &Place, seen: &Seen<'_>) -> Option<String> {
        let found = match place {
            Place::Header(name) => seen.request.header(name.as_str()).map(|text| text.trim().to_owned()),
            Place::Query(name) => seen.request.query_value(name),
            Place::Sibling(key) => {
                seen.headers.iter().find_map(|line| self.extract.sibling(line, key)).map(ToOwned::to_owned)
            }
            Place::Json(pointer) => seen.json(pointer),
        };
        found.filter(|text| !text.is_empty())
    }
}

/// More candidates than any key rotation gives: each costs a signature check per key.
const MOST_CANDIDATES: usize = 16;

/// What of a request the signature looks at.
struct Seen<'a> {
    request: &'a Request<'a>,
    headers: Vec<&'a str>,
    body: Option<&'a Value>,
}

impl Seen<'_> {
    fn json(&self, pointer: &Pointer) -> Option<String> {
        whole_text(pointer.get(self.body?)?)
    }
}
