//! The signature scheme of Standard Webhooks and of Svix, which are the same but for the header names.
//!
//! Signed are `<id>.<timestamp>.<raw body>` with the header texts exactly as received: `v1` is HMAC-SHA256 under the
//! decoded bytes of a `whsec_` secret, `v1a` is Ed25519 under a `whpk_` public key. The signature header is a list of
//! `version,base64` items parted by blanks; items of other versions and malformed ones are passed over, and one match
//! under any key suffices, which is how keys are rotated. Each attempt is signed anew, so the age limit can be narrow.
//! Limits: [`MOST_ITEMS`] items are looked at. Facts: "Standard Webhooks" 1.0.0 and "Verifying Webhooks Manually" of Svix.

use hearback_event::Timestamp;
use serde::Deserialize;

use crate::crypto::{self, Hash, HmacKey, PublicKey, PublicKeyKind};
use crate::{Keys, OptionError, Proof, Refusal, Request, Secret, Tamper};

/// More items than any rotation needs; the rest is not looked at.
const MOST_ITEMS: usize = 32;

/// The least that the specification asks of a secret, in bytes.
const SHORTEST_SECRET: usize = 24;

/// Two names for the same three headers. The Svix set goes first, as in the Svix libraries; sets are never mixed.
const HEADER_SETS: [[&str; 3]; 2] = [
    ["svix-id", "svix-timestamp", "svix-signature"],
    ["webhook-id", "webhook-timestamp", "webhook-signature"],
];

/// How the text of a secret stands for its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyEncoding {
    /// `whsec_` (optional), then base64.
    #[default]
    Base64,
    /// The text as it is, with whatever it begins with.
    Text,
}

/// The three headers of one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignedHeaders<'a> {
    /// The event's id, the same on every retry.
    pub(crate) id: &'a str,
    /// Seconds since the epoch of this attempt.
    pub(crate) timestamp: &'a str,
    /// The list of signatures.
    pub(crate) signatures: &'a str,
}

impl<'a> SignedHeaders<'a> {
    /// The first set that is there whole.
    pub(crate) fn of(request: &Request<'a>) -> Option<Self> {
        HEADER_SETS.iter().find_map(|names| {
            let mut values = names.iter().map(|name| request.header(name).filter(|value| !value.is_empty()));
            Some(Self { id: values.next()??, timestamp: values.next()??, signatures: values.next()?? })
        })
    }
}

/// Checks requests under any of several keys.
#[derive(Clone, Debug)]
pub(crate) struct Verifier {
    secrets: Vec<HmacKey>,
    public: Vec<PublicKey>,
    short: usize,
    max_age: i64,
}

impl Verifier {
    /// Prepares the keys: `whpk_` ones for `v1a`, all others for `v1`.
    pub(crate) fn new(keys: Keys, encoding: KeyEncoding, max_age: u32) -> Result<Self, OptionError> {
        let keys = keys.required("keys", "set the endpoint's signing secret (`whsec_...`)")?;
        let mut verifier =
            Self { secrets: Vec::new(), public: Vec::new(), short: 0, max_age: i64::from(max_age) };
        for key in &keys {
            if let Some(text) = key.expose().strip_prefix("whpk_") {
                let public = PublicKey::parse(PublicKeyKind::Ed25519, text)
                    .map_err(|error| OptionError::new("keys", format!("a `whpk_` key is {error}")))?;
                verifier.public.push(public);
            } else {
                let bytes = secret_bytes(key, encoding)?;
                verifier.short += usize::from(bytes.len() < SHORTEST_SECRET);
                verifier.secrets.push(HmacKey::new(Hash::Sha256, &bytes));
            }
        }
        Ok(verifier)
    }

    /// Checks the signature, then its age.
    pub(crate) fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<Proof, Refusal> {
        let headers = SignedHeaders::of(request)
            .ok_or(Refusal::MissingSignature("the id, timestamp and signature headers must all be there"))?;
        // A dot in the id or the time would let the same signed bytes be read in two ways.
        if headers.id.contains('.') || headers.timestamp.contains('.') {
            return Err(Refusal::BadSignature);
        }
        if !self.matches(&headers, request.body) {
            return Err(Refusal::BadSignature);
        }
        let signed_at = seconds(headers.timestamp)
            .ok_or_else(|| Refusal::Unparsable("the timestamp header is not a whole number".to_owned()))?;
        Refusal::check_age(signed_at, now, self.max_age)?;
        Ok(Proof::default())
    }

    /// Warnings about secrets shorter than the specification asks for.
    pub(crate) fn warnings(&self) -> Vec<String> {
        if self.short == 0 {
            return Vec::new();
        }
        vec![format!("{} key(s) shorter than the {SHORTEST_SECRET} bytes of the specification", self.short)]
    }

    fn matches(&self, headers: &SignedHeaders<'_>, body: &[u8]) -> bool {
        let parts = [headers.id.as_bytes(), b".", headers.timestamp.as_bytes(), b".", body];
        let candidates = |version: &str| -> Vec<Vec<u8>> {
            let items = headers.signatures.split_ascii_whitespace().take(MOST_ITEMS);
            items
                .filter_map(|item| item.split_once(','))
                .filter(|(found, _)| *found == version)
                .filter_map(|(_, text)| crypto::base64_decode(text))
                .collect()
        };
        let symmetric = candidates("v1");
        if !symmetric.is_empty() {
            let tags: Vec<_> = self.secrets.iter().map(|key| key.sign(&parts)).collect();
            if tags.iter().any(|tag| symmetric.iter().any(|found| crypto::equal(tag, found))) {
                return true;
            }
        }
        let asymmetric = candidates("v1a");
        if self.public.is_empty() || asymmetric.is_empty() {
            return false;
        }
        let message = parts.concat();
        self.public.iter().any(|key| asymmetric.iter().any(|found| key.verifies(&message, found)))
    }
}

/// The time in a timestamp header: digits only, as every sender writes it.
pub(crate) fn seconds(text: &str) -> Option<Timestamp> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().and_then(Timestamp::from_seconds)
}

fn secret_bytes(key: &Secret, encoding: KeyEncoding) -> Result<Vec<u8>, OptionError> {
    let text = key.expose();
    let problem = |problem: &str| Err(OptionError::new("keys", problem));
    if encoding == KeyEncoding::Text {
        return Ok(text.as_bytes().to_vec());
    }
    if text.starts_with("whsk_") {
        return problem("a `whsk_` key is the sender's private key; give its public half, `whpk_...`");
    }
    match crypto::base64_decode(text.strip_prefix("whsec_").unwrap_or(text)) {
        Some(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => problem("a key is not base64 (after `whsec_`); copy it whole from the sender's settings"),
    }
}

/// Signs as a sender does, for the simulators.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    key: HmacKey,
    other: HmacKey,
}

impl Signer {
    /// Signs with the first secret among the keys.
    pub(crate) fn new(keys: &Keys, encoding: KeyEncoding) -> Result<Self, OptionError> {
        let secret = keys.iter().find(|key| !key.expose().starts_with("whpk_")).ok_or_else(|| {
            OptionError::new("keys", "to sign requests a `whsec_` secret is needed; `whpk_` keys only verify")
        })?;
        let bytes = secret_bytes(secret, encoding)?;
        let other = crypto::sha256(&[b"another key", &bytes]);
        Ok(Self { key: HmacKey::new(Hash::Sha256, &bytes), other: HmacKey::new(Hash::Sha256, &other) })
    }

    /// The value of the signature header.
    pub(crate) fn sign(&self, id: &str, timestamp: &str, body: &[u8], tamper: Tamper) -> String {
        let key = if tamper == Tamper::Forged { &self.other } else { &self.key };
        let tag = key.sign(&[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
        format!("v1,{}", crypto::base64_encode(&tag))
    }
}

/// A fresh secret for a trial.
pub(crate) fn trial_secret(random: &mut dyn FnMut(&mut [u8])) -> String {
    let mut bytes = [0; SHORTEST_SECRET];
    random(&mut bytes);
    format!("whsec_{}", crypto::base64_encode(&bytes))
}

#[cfg(test)]
mod tests;
