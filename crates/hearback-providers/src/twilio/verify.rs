//! `X-Twilio-Signature`: base64 of HMAC over the URL, followed by each form field in byte order of the names, name
//! and value without anything between. A repeated name gives its values sorted, each once. A JSON body is covered by
//! its SHA-256 in the query (`bodySHA256`), a `GET` by the URL alone.
//!
//! SHA-1 under an account's auth token, or SHA-256 under a shared key that a header names. The header is not signed:
//! it only chooses among configured keys, and `require_sha256` keeps it from choosing SHA-1.

use std::collections::{BTreeMap, BTreeSet};

use super::payload::Shape;
use super::url;
use crate::crypto::{Hash, HmacKey};
use crate::form::Form;
use crate::{Keys, Proof, Refusal, Request, Secret, crypto};

pub(super) const SIGNATURE: &str = "x-twilio-signature";
pub(super) const SETTINGS: &str = "x-twilio-webhooks-signature-settings";

/// One secret, ready for either hash.
struct KeyPair {
    sha1: HmacKey,
    sha256: HmacKey,
}

impl KeyPair {
    fn new(secret: &Secret) -> Self {
        let bytes = secret.expose().as_bytes();
        Self { sha1: HmacKey::new(Hash::Sha1, bytes), sha256: HmacKey::new(Hash::Sha256, bytes) }
    }

    fn of(&self, hash: Hash) -> &HmacKey {
        if hash == Hash::Sha256 { &self.sha256 } else { &self.sha1 }
    }
}

/// The keys of one endpoint.
pub(super) struct Keyring {
    tokens: Vec<KeyPair>,
    shared: BTreeMap<String, KeyPair>,
    require_sha256: bool,
}

impl Keyring {
    pub(super) fn new(tokens: &Keys, shared: &BTreeMap<String, Secret>, require_sha256: bool) -> Self {
        Self {
            tokens: tokens.iter().map(KeyPair::new).collect(),
            shared: shared.iter().map(|(id, secret)| (id.clone(), KeyPair::new(secret))).collect(),
            require_sha256,
        }
    }

    /// Checks a request. Without a configured public URL nothing can be right.
    pub(super) fn check(&self, request: &Request<'_>) -> Result<Proof, Refusal> {
        let given = request
            .header(SIGNATURE)
            .filter(|value| !value.trim().is_empty())
            .ok_or(Refusal::MissingSignature("X-Twilio-Signature"))?;
        let fields = covered_fields(request)?;
        let tag = crypto::base64_decode(given.trim()).ok_or(Refusal::BadSignature)?;
        let (keys, hash) =
            self.choose(request.header(SETTINGS).unwrap_or_default()).ok_or(Refusal::BadSignature)?;
        let right = url::candidates(request).iter().any(|url| {
            keys.iter().any(|key| key.of(hash).verifies(&[url.as_bytes(), fields.as_bytes()], &tag))
        });
        if right { Ok(Proof::default()) } else { Err(Refusal::BadSignature) }
    }

    /// The keys and the hash that the settings header asks for, as far as the configuration allows them.
    fn choose(&self, settings: &str) -> Option<(Vec<&KeyPair>, Hash)> {
        let settings = Settings::read(settings);
        let hash = match settings.algorithm {
            None | Some("HMAC_SHA1") => Hash::Sha1,
            Some("HMAC_SHA256") => Hash::Sha256,
            Some(_) => return None,
        };
        if self.require_sha256 && hash != Hash::Sha256 {
            return None;
        }
        match settings.key {
            Some(id) => Some((vec![self.shared.get(id)?], hash)),
            None => Some((self.tokens.iter().collect(), hash)),
        }
    }
}

/// `key=<id>,algorithm=HMAC_SHA256`, either part optional.
#[derive(Default)]
struct Settings<'a> {
    key: Option<&'a str>,
    algorithm: Option<&'a str>,
}

impl<'a> Settings<'a> {
    fn read(header: &'a str) -> Self {
        let mut settings = Self::default();
        for (name, value) in header.split(',').filter_map(|part| part.split_once('=')) {
            match name.trim() {
                "key" => settings.key = Some(value.trim()),
                "algorithm" => settings.algorithm = Some(value.trim()),
                _ => {}
            }
        }
        settings
    }
}

/// Whether there is a signature at all, right or wrong.
pub(super) fn is_signed(request: &Request<'_>) -> bool {
    request.headers.contains_key(SIGNATURE)
}

/// What is signed behind the URL.
fn covered_fields(request: &Request<'_>) -> Result<String, Refusal> {
    match Shape::of(request) {
        Shape::Query => Ok(String::new()),
        Shape::Form => Form::urlencoded(request.body)
            .map(|form| joined(form.fields()))
            .map_err(|error| Refusal::Unparsable(error.to_string())),
        Shape::Json => {
            let told = request
                .query_value("bodySHA256")
                .ok_or(Refusal::MissingSignature("bodySHA256 in the query"))?;
            let digest = crypto::hex_encode(&crypto::sha256(&[request.body]));
            if crypto::equal(digest.as_bytes(), told.as_bytes()) {
                Ok(String::new())
            } else {
                Err(Refusal::BadSignature)
            }
        }
    }
}

/// The fields as they are signed.
pub(super) fn joined<S: AsRef<str>>(fields: &[(S, String)]) -> String {
    let mut sorted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in fields {
        sorted.entry(name.as_ref()).or_default().insert(value);
    }
    let mut text = String::new();
    for (name, values) in sorted {
        for value in values {
            text.push_str(name);
            text.push_str(value);
        }
    }
    text
}
