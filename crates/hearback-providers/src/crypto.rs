//! The signature primitives that the providers share. Every comparison of secrets is in constant time.

use std::sync::Arc;

use aws_lc_rs::{constant_time, digest, hmac, signature};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The hash inside an HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1: Mandrill and Twilio still sign with it. HMAC-SHA1 is not broken by SHA-1's collisions.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    fn algorithm(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// An HMAC key, prepared once and used for every request.
#[derive(Clone, Debug)]
pub struct HmacKey(hmac::Key);

impl HmacKey {
    /// Prepares `key` for `hash`.
    pub fn new(hash: Hash, key: &[u8]) -> Self {
        Self(hmac::Key::new(hash.algorithm(), key))
    }

    /// The tag over the concatenation of `parts`.
    pub fn sign(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        context.sign().as_ref().to_vec()
    }

    /// Whether `tag` is the tag over the concatenation of `parts`; in constant time, wrong lengths are wrong.
    pub fn verifies(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        equal(&self.sign(parts), tag)
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may call it")]
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// SHA-256 of the concatenation of `parts`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

/// The public key kinds that webhooks are signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKeyKind {
    /// ECDSA on P-256 over SHA-256, signature as ASN.1 DER (SendGrid). High S is legal.
    EcdsaP256,
    /// Ed25519 (Standard Webhooks `v1a`, Telnyx).
    Ed25519,
    /// RSA PKCS#1 v1.5 over SHA-256.
    RsaSha256,
    /// RSA PKCS#1 v1.5 over SHA-1, for senders that have nothing better.
    RsaSha1,
}

/// A public key that checks signatures, parsed once.
#[derive(Clone)]
pub struct PublicKey {
    kind: PublicKeyKind,
    key: Arc<signature::ParsedPublicKey>,
}

/// The text is not a usable public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a public key: expected base64 of DER (SubjectPublicKeyInfo), a PEM block, or base64 of the raw key"
)]
pub struct PublicKeyError;

impl PublicKey {
    /// Reads a key from PEM, or from base64 of DER or of the raw key. White space is ignored.
    pub fn parse(kind: PublicKeyKind, text: &str) -> Result<Self, PublicKeyError> {
        let inner: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("-----"))
            .flat_map(str::chars)
            .filter(|c| !c.is_whitespace())
            .collect();
        let bytes = base64_decode(&inner).ok_or(PublicKeyError)?;
        let algorithm: &'static dyn signature::VerificationAlgorithm = match kind {
            PublicKeyKind::EcdsaP256 => &signature::ECDSA_P256_SHA256_ASN1,
            PublicKeyKind::Ed25519 => &signature::ED25519,
            PublicKeyKind::RsaSha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            PublicKeyKind::RsaSha1 => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        };
        let key = signature::ParsedPublicKey::new(algorithm, &bytes).map_err(|_| PublicKeyError)?;
        Ok(Self { kind, key: Arc::new(key) })
    }

    /// Whether `signature` over `message` was made with the private half of this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicKey").field("kind", &self.kind).finish_non_exhaustive()
    }
}

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Decodes standard base64; padding may be missing.
pub fn base64_decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Decodes URL-safe base64; padding may be missing.
pub fn base64url_decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE.decode(text).ok()
}

/// Standard base64 with padding.
pub fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Decodes hexadecimal text of either case.
pub fn hex_decode(text: &str) -> Option<Vec<u8>> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()
}

/// Lower-case hexadecimal text.
pub fn hex_encode(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
