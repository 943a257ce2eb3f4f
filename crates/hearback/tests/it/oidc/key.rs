//! The keys that the provider signs with, and what it publishes of them.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

pub(super) fn encode(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

/// A key of each kind.
pub(super) struct Key {
    id: String,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl Key {
    pub(super) fn new(id: &str) -> Self {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        Self { id: id.to_owned(), rsa, ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap() }
    }

    /// PKCS #1 is a sequence of two integers, and these of 2048 and 17 bits.
    fn modulus(&self) -> &[u8] {
        let der = self.rsa.public_key().as_ref();
        &der[der.len() - 5 - 256..der.len() - 5]
    }

    pub(super) fn published(&self) -> Value {
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": encode(self.modulus()), "e": "AQAB"},
            {"kty": "EC", "use": "sig", "crv": "P-256", "kid": format!("{}-ec", self.id),
             "x": encode(&point[1..33]), "y": encode(&point[33..])},
        ]})
    }

    pub(super) fn sign(&self, algorithm: &str, claims: &Value) -> String {
        let kid = if algorithm == "ES256" { format!("{}-ec", self.id) } else { self.id.clone() };
        let head = json!({"typ": "JWT", "alg": algorithm, "kid": kid});
        let message =
            format!("{}.{}", encode(head.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let signature = match algorithm {
            "ES256" => self.ec.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.modulus());
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            "none" => Vec::new(),
            _ => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa
                    .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
        };
        format!("{message}.{}", encode(&signature))
    }
}
