//! Tokens that are believed, and one that is not for each thing that can be wrong.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use hearback_providers::crypto::{Hash, HmacKey};
use serde_json::json;

use super::*;

const NOW: i64 = 1_763_700_000;
const ISSUER: &str = "https://id.example.com/realms/main";

fn encode(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

/// A provider with one key of each kind.
struct Signer {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Signer {
    fn new() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            ed: Ed25519KeyPair::generate().unwrap(),
        }
    }

    /// The modulus: PKCS #1 is a sequence of two integers, and these of 2048 and 17 bits.
    fn modulus(&self) -> &[u8] {
        let der = self.rsa.public_key().as_ref();
        &der[der.len() - 5 - 256..der.len() - 5]
    }

    fn set(&self) -> Value {
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": encode(self.modulus()), "e": "AQAB"},
            {"kty": "RSA", "kid": "free", "n": encode(&[&[0][..], self.modulus()].concat()), "e": "AQAB"},
            {"kty": "RSA", "kid": "enc", "use": "enc", "n": encode(self.modulus()), "e": "AQAB"},
            {"kty": "EC", "kid": "e", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])},
            {"kty": "OKP", "kid": "d", "crv": "Ed25519", "x": encode(self.ed.public_key().as_ref())},
            {"kty": "EC", "kid": "odd", "crv": "secp256k1", "x": "AA", "y": "AA"},
            {"kty": "oct", "kid": "secret", "k": "AAAA"},
            "nonsense",
        ]})
    }

    fn keys(&self) -> Keys {
        Keys::parse(self.set().to_string().as_bytes()).unwrap()
    }

    fn sign(&self, head: &Value, claims: &Value) -> String {
        let message =
            format!("{}.{}", encode(head.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
        let rsa = |padding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa.sign(padding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
            signature
        };
        let signature = match head["alg"].as_str() {
            Some("PS256") => rsa(&RSA_PSS_SHA256),
            Some("ES256") => {
                self.ec.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
            }
            Some("EdDSA") => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
            Some("HS256") => HmacKey::new(Hash::Sha256, self.modulus()).sign(&[message.as_bytes()]),
            Some("none") => Vec::new(),
            _ => rsa(&RSA_PKCS1_SHA256),
        };
        format!("{message}.{}", encode(&signature))
    }
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "hearback", "sub": "s1", "nonce": "n1", "iat": NOW, "exp": NOW + 300})
}

fn with(name: &str, value: Value) -> Value {
    let mut all = claims();
    all[name] = value;
    all
}

fn without(name: &str) -> Value {
    let mut all = claims();
    all.as_object_mut().unwrap().remove(name).unwrap();
    all
}

fn judge(token: &str, keys: &Keys) -> Result<Claims, TokenError> {
    let now = Timestamp::from_seconds(NOW).unwrap();
    verify(token, keys, &Expected { issuer: ISSUER, client_id: "hearback", nonce: "n1", now })
}

#[test]
fn each_kind_of_key_is_believed_under_its_algorithm_only() {
    let signer = Signer::new();
    let keys = signer.keys();
    assert_eq!(keys.len(), 4, "what is not for signatures is left out");
    for (algorithm, key, expected) in [
        ("RS256", Some("r"), Ok(())),
        ("RS256", Some("free"), Ok(())),
        ("PS256", Some("free"), Ok(())),
        ("ES256", Some("e"), Ok(())),
        ("EdDSA", Some("d"), Ok(())),
        ("RS256", None, Ok(())),
        ("ES256", None, Ok(())),
        ("PS256", Some("r"), Err(TokenError::Signature)),
        ("RS256", Some("e"), Err(TokenError::Signature)),
        ("ES256", Some("r"), Err(TokenError::Signature)),
        ("EdDSA", Some("e"), Err(TokenError::Signature)),
        ("RS256", Some("enc"), Err(TokenError::UnknownKey)),
        ("RS256", Some("gone"), Err(TokenError::UnknownKey)),
        ("RS256", Some(""), Err(TokenError::UnknownKey)),
        ("none", Some("r"), Err(TokenError::Algorithm)),
        ("none", None, Err(TokenError::Algorithm)),
        // The public key as a shared secret.
        ("HS256", Some("r"), Err(TokenError::Algorithm)),
        ("HS256", Some("secret"), Err(TokenError::Algorithm)),
        ("rs256", Some("r"), Err(TokenError::Algorithm)),
    ] {
        let mut head = json!({"alg": algorithm, "typ": "JWT"});
        if let Some(key) = key {
            head["kid"] = key.into();
        }
        let found = judge(&signer.sign(&head, &claims()), &keys).map(drop);
        assert_eq!(found, expected, "{algorithm} with {key:?}");
    }
}

#[test]
fn another_providers_key_of_the_same_name_is_not_believed() {
    let (signer, other) = (Signer::new(), Signer::new());
    for (head, expected) in [
        (json!({"alg": "RS256", "kid": "r"}), TokenError::Signature),
        (json!({"alg": "ES256", "kid": "e"}), TokenError::Signature),
        (json!({"alg": "RS256"}), TokenError::UnknownKey),
        // A key in the token itself is nothing.
        (json!({"alg": "RS256", "kid": "r", "jwk": other.set()["keys"][0]}), TokenError::Signature),
        (json!({"alg": "RS256", "kid": "r", "jku": "https://evil.example/keys"}), TokenError::Signature),
    ] {
        assert_eq!(judge(&other.sign(&head, &claims()), &signer.keys()), Err(expected), "{head}");
    }
}

#[test]
fn each_claim_must_be_right() {
    use TokenError::{Audience, Expired, IssuedAt, Issuer, Nonce, Subject};
    let signer = Signer::new();
    let keys = signer.keys();
    let cases = [
        (claims(), Ok(())),
        (with("iss", "https://id.example.com/realms/main/".into()), Err(Issuer)),
        (with("iss", json!([ISSUER])), Err(Issuer)),
        (without("iss"), Err(Issuer)),
        (with("aud", json!(["hearback"])), Ok(())),
        (with("aud", "Hearback".into()), Err(Audience)),
        (with("aud", "hearback other".into()), Err(Audience)),
        (with("aud", json!(["other"])), Err(Audience)),
        (with("aud", json!(["other", "hearback"])), Err(Audience)),
        (with("aud", json!({"hearback": true})), Err(Audience)),
        (without("aud"), Err(Audience)),
        (with("azp", "hearback".into()), Ok(())),
        (with("azp", "other".into()), Err(Audience)),
        (with("azp", json!(null)), Err(Audience)),
        (with("exp", json!(NOW - 59)), Ok(())),
        (with("exp", json!(NOW - 60)), Err(Expired)),
        (with("exp", json!(NOW as f64 + 0.5)), Ok(())),
        (with("exp", "2099-01-01".into()), Err(Expired)),
        (without("exp"), Err(Expired)),
        (with("nbf", json!(NOW + 60)), Ok(())),
        (with("nbf", json!(NOW + 61)), Err(Expired)),
        (with("nbf", "soon".into()), Err(Expired)),
        (with("iat", json!(NOW + 60)), Ok(())),
        (with("iat", json!(NOW + 61)), Err(IssuedAt)),
        (with("iat", json!(NOW - 900)), Ok(())),
        (with("iat", json!(NOW - 901)), Err(IssuedAt)),
        (without("iat"), Err(IssuedAt)),
        (with("nonce", "n2".into()), Err(Nonce)),
        (without("nonce"), Err(Nonce)),
        (with("sub", "".into()), Err(Subject)),
        (with("sub", json!(7)), Err(Subject)),
        (with("sub", "x".repeat(256).into()), Err(Subject)),
        (without("sub"), Err(Subject)),
    ];
    for (claims, expected) in cases {
        let token = signer.sign(&json!({"alg": "ES256", "kid": "e"}), &claims);
        assert_eq!(judge(&token, &keys).map(drop), expected, "{claims}");
    }
    let mut two = with("aud", json!(["other", "hearback"]));
    two["azp"] = "hearback".into();
    assert!(judge(&signer.sign(&json!({"alg": "ES256", "kid": "e"}), &two), &keys).is_ok());
}

#[test]
fn what_was_changed_after_signing_is_not_believed() {
    let signer = Signer::new();
    let keys = signer.keys();
    let token = signer.sign(&json!({"alg": "RS256", "kid": "r"}), &claims());
    assert!(judge(&token, &keys).is_ok());
    let [head, body, signature]: [&str; 3] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = encode(with("sub", "admin".into()).to_string().as_bytes());
    let none = encode(json!({"alg": "none"}).to_string().as_bytes());
    let critical =
        signer.sign(&json!({"alg": "RS256", "kid": "r", "crit": ["b64"], "b64": false}), &claims());
    for (changed, expected) in [
        (format!("{head}.{other}.{signature}"), TokenError::Signature),
        (format!("{head}.{body}."), TokenError::Signature),
        (format!("{none}.{body}."), TokenError::Algorithm),
        (format!("{head}.{body}.{}", &signature[..signature.len() - 2]), TokenError::Signature),
        (format!("{head}.{body}.{signature}="), TokenError::Malformed),
        (format!("{head}.{body}.{signature}.{signature}"), TokenError::Malformed),
        (format!("{head}.{body}"), TokenError::Malformed),
        (format!("{head}.{}.{signature}", encode(b"[1]")), TokenError::Malformed),
        (String::new(), TokenError::Malformed),
        ("..".to_owned(), TokenError::Malformed),
        (critical, TokenError::Malformed),
        ("x".repeat(300 * 1024), TokenError::Malformed),
    ] {
        assert_eq!(judge(&changed, &keys), Err(expected), "{changed:.80}");
    }
}

/// The examples of RFC 7515, A.2 and A.3: made by others, so that we do not only agree with ourselves.
#[test]
fn the_examples_of_the_specification_are_verified() {
    let rsa = json!({"keys": [{"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}]});
    let ec = json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]});
    let body =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    for (set, head, signature) in [
        (
            rsa,
            "eyJhbGciOiJSUzI1NiJ9",
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
        ),
        (
            ec,
            "eyJhbGciOiJFUzI1NiJ9",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        ),
    ] {
        let keys = Keys::parse(set.to_string().as_bytes()).unwrap();
        let token = format!("{head}.{body}.{signature}");
        let claims = Token::parse(&token).unwrap().verified(&keys).unwrap();
        assert_eq!(claims["iss"], "joe");
        let (last, rest) = (&signature[..1], &signature[1..]);
        let other = if last == "A" { "B" } else { "A" };
        let token = format!("{head}.{body}.{other}{rest}");
        assert!(Token::parse(&token).unwrap().verified(&keys).is_err());
    }
}

#[test]
fn what_is_no_key_set_is_none() {
    for text in ["", "[]", "{}", r#"{"keys": 7}"#] {
        assert!(Keys::parse(text.as_bytes()).is_none(), "{text}");
    }
    // Too short, of the wrong length, without what it needs: no key, and none of its neighbours is lost.
    let odd = json!({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, {"kty": "RSA", "n": "AQAB"}, {"kid": 1}]});
    assert_eq!(Keys::parse(odd.to_string().as_bytes()).unwrap().len(), 0);
}
