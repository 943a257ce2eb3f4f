//! P-256 key pairs for the simulator and for trials, in the forms that SendGrid uses.

use aws_lc_rs::agreement;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

use crate::crypto;

/// The DER of a SubjectPublicKeyInfo up to the point: id-ecPublicKey on prime256v1, then a bit string of 65 bytes.
const SPKI_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A key pair as texts.
pub(super) struct KeyPair {
    /// Base64 of the DER public key, as SendGrid shows it.
    pub(super) public: String,
    /// Base64 of the PKCS#8 private key.
    pub(super) private: String,
}

impl KeyPair {
    /// A key pair that is a function of the random bytes, so that the same bytes give the same pair.
    pub(super) fn fresh(random: &mut dyn FnMut(&mut [u8])) -> Option<Self> {
        let mut scalar = [0; 32];
        random(&mut scalar);
        Self::of(scalar)
    }

    fn of(scalar: [u8; 32]) -> Option<Self> {
        // One in 2^32 scalars is zero or above the group's order; another one is made of it.
        let (scalar, private) = (0_u8..4)
            .map(|n| if n == 0 { scalar } else { crypto::sha256(&[&scalar, &[n]]) })
            .find_map(|scalar| {
                let key = agreement::PrivateKey::from_private_key(&agreement::ECDH_P256, &scalar).ok()?;
                Some((scalar, key))
            })?;
        let point = private.compute_public_key().ok()?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            &scalar,
            point.as_ref(),
        )
        .ok()?;
        Some(Self {
            public: crypto::base64_encode(&[SPKI_HEAD.as_slice(), point.as_ref()].concat()),
            private: crypto::base64_encode(pair.to_pkcs8v1().ok()?.as_ref()),
        })
    }
}

/// A private key that signs.
pub(super) struct SigningKey(EcdsaKeyPair);

impl SigningKey {
    /// Reads base64 of PKCS#8, with or without PEM lines.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let inner: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("-----"))
            .flat_map(str::chars)
            .filter(|c| !c.is_whitespace())
            .collect();
        let der = crypto::base64_decode(&inner)?;
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der).ok().map(Self)
    }

    /// Base64 of the signature over `message`; empty in the case, never seen, that signing fails.
    pub(super) fn sign(&self, message: &[u8]) -> String {
        let signature = self.0.sign(&SystemRandom::new(), message);
        signature.map(|signature| crypto::base64_encode(signature.as_ref())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{PublicKey, PublicKeyKind};

    #[test]
    fn pairs_belong_together_and_depend_on_the_bytes_only() {
        let pair = |byte: u8| KeyPair::fresh(&mut |buffer| buffer.fill(byte)).unwrap();
        let (one, again, other) = (pair(1), pair(1), pair(2));
        assert_eq!((one.public.len(), one.public.as_str()), (124, again.public.as_str()));
        assert!(one.public.starts_with("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"));
        assert_ne!(one.public, other.public);
        let key = PublicKey::parse(PublicKeyKind::EcdsaP256, &one.public).unwrap();
        let signed_by = |pair: &KeyPair| {
            crypto::base64_decode(&SigningKey::parse(&pair.private).unwrap().sign(b"x")).unwrap()
        };
        assert!(key.verifies(b"x", &signed_by(&one)));
        assert!(!key.verifies(b"x", &signed_by(&other)));
        assert!(KeyPair::of([0xff; 32]).is_some(), "a scalar beyond the order of the group");
        assert!(SigningKey::parse("AAAA").is_none());
    }
}
