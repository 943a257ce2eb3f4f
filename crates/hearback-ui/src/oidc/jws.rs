//! Signatures of tokens (JWS, compact) and the keys that check them (JWK): RFC 7515, 7517, 7518, 8037.
//!
//! An algorithm fits one kind of key, and a key may be bound to one algorithm. There is no HMAC and no `none`: whoever knows a public
//! key cannot use it as a secret.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde_json::{Map, Value};

use super::token::TokenError;

/// Longest token; with some hundred groups in it they have a few ten KiB.
const TOKEN_MAX: usize = 256 * 1024;
/// More keys of a provider are not looked at.
const KEYS_MAX: usize = 100;

/// The algorithms that are taken.
const ALGORITHMS: &[(&str, Algorithm)] = &[
    ("RS256", Algorithm::Rsa(&RSA_PKCS1_2048_8192_SHA256)),
    ("RS384", Algorithm::Rsa(&RSA_PKCS1_2048_8192_SHA384)),
    ("RS512", Algorithm::Rsa(&RSA_PKCS1_2048_8192_SHA512)),
    ("PS256", Algorithm::Rsa(&RSA_PSS_2048_8192_SHA256)),
    ("PS384", Algorithm::Rsa(&RSA_PSS_2048_8192_SHA384)),
    ("PS512", Algorithm::Rsa(&RSA_PSS_2048_8192_SHA512)),
    ("ES256", Algorithm::P256),
    ("ES384", Algorithm::P384),
    ("EdDSA", Algorithm::Ed25519),
    ("Ed25519", Algorithm::Ed25519),
];

#[derive(Clone, Copy)]
enum Algorithm {
    Rsa(&'static RsaParameters),
    P256,
    P384,
    Ed25519,
}

enum Material {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

struct Key {
    id: Option<String>,
    /// The one algorithm that it is for, where the provider says so.
    algorithm: Option<String>,
    material: Material,
}

/// The public keys of a provider.
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    /// Reads a key set. What is not for signatures, or of a kind that is not known here, is left out. `None` where it is no key set.
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        let set: Value = serde_json::from_slice(json).ok()?;
        let keys = set.get("keys")?.as_array()?.iter().take(KEYS_MAX);
        Some(Self(keys.filter_map(Key::parse).collect()))
    }

    /// How many can be used.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the signature of the token was made with one of them.
    ///
    /// # Errors
    /// `UnknownKey` where the key that it names is not among them (or it names none, and none fits): the provider may have newer ones.
    pub(crate) fn verify(&self, token: &Token<'_>) -> Result<(), TokenError> {
        let fits = |key: &&Key| key.fits(token);
        match token.key_id.as_deref() {
            None => {
                let one = self.0.iter().filter(fits).any(|key| key.verifies(token));
                if one { Ok(()) } else { Err(TokenError::UnknownKey) }
            }
            Some(id) => {
                let mut named = self.0.iter().filter(|key| key.id.as_deref() == Some(id)).peekable();
                if named.peek().is_none() {
                    return Err(TokenError::UnknownKey);
                }
                let one = named.filter(fits).any(|key| key.verifies(token));
                if one { Ok(()) } else { Err(TokenError::Signature) }
            }
        }
    }
}

impl Key {
    fn parse(json: &Value) -> Option<Self> {
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        if text("use").is_some_and(|for_what| for_what != "sig") {
            return None;
        }
        let bytes = |name: &str| text(name).and_then(decode);
        // A coordinate has as many bytes as the curve's field, leading zeros among them.
        let point = |length: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == length && y.len() == length).then(|| [&[4][..], &x, &y].concat())
        };
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                Material::Rsa(RsaPublicKeyComponents { n: unpadded(bytes("n")?), e: unpadded(bytes("e")?) })
            }
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x")?),
            _ => return None,
        };
        Some(Self { id: text("kid").map(str::to_owned), algorithm: text("alg").map(str::to_owned), material })
    }

    fn fits(&self, token: &Token<'_>) -> bool {
        self.algorithm.as_deref().is_none_or(|only| only == token.name)
    }

    fn verifies(&self, token: &Token<'_>) -> bool {
        let (message, signature) = (token.message.as_bytes(), &token.signature);
        let verified = match (token.algorithm, &self.material) {
            (Algorithm::Rsa(parameters), Material::Rsa(key)) => key.verify(parameters, message, signature),
            (Algorithm::P256, Material::P256(key)) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature)
            }
            (Algorithm::P384, Material::P384(key)) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key).verify(message, signature)
            }
            (Algorithm::Ed25519, Material::Ed25519(key)) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
            _ => return false,
        };
        verified.is_ok()
    }
}

/// A token of which nothing is believed yet.
pub(crate) struct Token<'a> {
    algorithm: Algorithm,
    /// The algorithm, by its name.
    name: &'static str,
    key_id: Option<String>,
    message: &'a str,
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

impl<'a> Token<'a> {
    /// Takes a compact token apart.
    pub(crate) fn parse(text: &'a str) -> Result<Self, TokenError> {
        if text.len() > TOKEN_MAX {
            return Err(TokenError::Malformed);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (head, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let head = object(head).ok_or(TokenError::Malformed)?;
        // What must be understood and is not.
        if head.contains_key("crit") {
            return Err(TokenError::Malformed);
        }
        let algorithm = head.get("alg").and_then(Value::as_str).ok_or(TokenError::Malformed)?;
        let known = ALGORITHMS.iter().find(|(name, _)| *name == algorithm);
        let (name, algorithm) = *known.ok_or(TokenError::Algorithm)?;
        Ok(Self {
            algorithm,
            name,
            key_id: head.get("kid").and_then(Value::as_str).map(str::to_owned),
            message,
            signature: decode(signature).ok_or(TokenError::Malformed)?,
            claims: object(claims).ok_or(TokenError::Malformed)?,
        })
    }

    /// What it says, once its signature is known to be right.
    pub(crate) fn verified(self, keys: &Keys) -> Result<Map<String, Value>, TokenError> {
        keys.verify(&self)?;
        Ok(self.claims)
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

fn object(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&decode(text)?).ok()
}

/// Some providers put a zero in front of the modulus.
fn unpadded(bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).map(<[u8]>::to_vec).unwrap_or_default()
}
