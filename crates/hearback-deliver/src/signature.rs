//! Signatures of Standard Webhooks (<https://github.com/standard-webhooks/standard-webhooks>).

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Before the secret in base64.
const PREFIX: &str = "whsec_";
/// Shortest and longest secret in bytes, as the specification has it.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A key that requests are signed with.
#[derive(Clone)]
pub struct SigningKey(hmac::Key);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl SigningKey {
    /// From `whsec_` and base64.
    ///
    /// # Errors
    /// In words for the person who wrote it; the secret is not in them.
    pub fn parse(secret: &str) -> Result<Self, String> {
        let make = "`openssl rand -base64 32` makes what belongs behind `whsec_`";
        let encoded =
            secret.strip_prefix(PREFIX).ok_or_else(|| format!("a secret begins with `whsec_`; {make}"))?;
        let bytes =
            STANDARD.decode(encoded).map_err(|_| format!("what follows `whsec_` is not base64; {make}"))?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err(format!(
                "the secret has {} bytes; it must have {} to {}; {make}",
                bytes.len(),
                LENGTHS.start(),
                LENGTHS.end()
            ));
        }
        // To HMAC that is the same as an empty key, with which anybody may sign.
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(format!("the secret is nothing but zeros; {make}"));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    fn sign(&self, content: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, content)))
    }
}

/// The header `webhook-signature`: one signature for each key, so that a receiver may know any of them.
pub(crate) fn signatures(keys: &[SigningKey], id: &str, seconds: i64, body: &[u8]) -> String {
    let content = [format!("{id}.{seconds}.").as_bytes(), body].concat();
    keys.iter().map(|key| key.sign(&content)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the specification's own libraries.
    #[test]
    fn the_specifications_example_is_signed_as_there() {
        let key = SigningKey::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signed =
            signatures(std::slice::from_ref(&key), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let two = signatures(&[key.clone(), key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(two, format!("{signed} {signed}"));
    }

    #[test]
    fn a_bad_secret_is_told_from_a_good_one_without_being_told() {
        for (secret, expected) in [
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "begins with `whsec_`"),
            ("whsec_???", "not base64"),
            ("whsec_c2hvcnQ=", "has 5 bytes"),
        ] {
            let problem = SigningKey::parse(secret).unwrap_err();
            assert!(problem.contains(expected) && !problem.contains("MfKQ"), "{problem}");
        }
    }
}
