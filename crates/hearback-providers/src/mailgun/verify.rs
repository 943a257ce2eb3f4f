//! The signature: HMAC-SHA256 in hex over `timestamp` and `token`, from the JSON's `signature` block or the form's fields.

use std::borrow::Cow;

use hearback_event::{DedupKey, Timestamp};

use super::lenient::Text;
use super::payload::{Body, Signed};
use super::{inbound, is_form, lenient};
use crate::crypto::{Hash, HmacKey, hex_decode};
use crate::form::Form;
use crate::{Keys, Proof, Refusal, Request};

/// Checks signatures under several keys.
pub(super) struct Verifier {
    keys: Vec<HmacKey>,
    max_age_seconds: i64,
}

/// What a request claims to be signed with.
struct Claim<'a> {
    timestamp: Cow<'a, str>,
    token: Cow<'a, str>,
    /// The account's own and, on a subaccount's event, its parent's.
    signatures: [Option<Cow<'a, str>>; 2],
}

/// A multipart body has another boundary with every attempt, so that its bytes do not tell a retry from a forgery.
fn multipart_digest(request: &Request<'_>) -> Option<DedupKey> {
    if request.media_type() != "multipart/form-data" {
        return None;
    }
    let content_type = request.header("content-type").unwrap_or_default();
    let form = Form::multipart(content_type, request.body).ok()?;
    Some(DedupKey::of(&[b"mailgun-form", &inbound::digest(&form)]))
}

impl Verifier {
    pub(super) fn new(keys: &Keys, max_age_seconds: i64) -> Self {
        let keys = keys.iter().map(|key| HmacKey::new(Hash::Sha256, key.expose().as_bytes())).collect();
        Self { keys, max_age_seconds }
    }

    pub(super) fn check(&self, request: &Request<'_>, now: Timestamp) -> Result<Proof, Refusal> {
        let claim = Claim::of(request)?;
        if !self.verifies(&claim) {
            return Err(Refusal::BadSignature);
        }
        let signed_at = Timestamp::from_decimal_seconds(&claim.timestamp).map_err(|_| {
            Refusal::Unparsable("the signature's timestamp is not a number of seconds".into())
        })?;
        Refusal::check_age(signed_at, now, self.max_age_seconds)?;
        let token = [b"mailgun-token".as_slice(), claim.timestamp.as_bytes(), claim.token.as_bytes()];
        Ok(Proof {
            replay_token: Some(DedupKey::of(&token)),
            body_digest: multipart_digest(request),
            unchecked: false,
        })
    }

    fn verifies(&self, claim: &Claim<'_>) -> bool {
        let signed = [claim.timestamp.as_bytes(), claim.token.as_bytes()];
        claim
            .signatures
            .iter()
            .flatten()
            .filter_map(|signature| hex_decode(signature))
            .any(|tag| self.keys.iter().any(|key| key.verifies(&signed, &tag)))
    }
}

impl<'a> Claim<'a> {
    fn of(request: &Request<'a>) -> Result<Self, Refusal> {
        if is_form(request) { Self::of_form(request) } else { Self::of_json(request.body) }
    }

    fn of_json(body: &'a [u8]) -> Result<Self, Refusal> {
        let unparsable = |error: &dyn std::fmt::Display| Refusal::Unparsable(error.to_string());
        let text = std::str::from_utf8(body).map_err(|error| unparsable(&error))?;
        let body: Body<'a> = lenient::object(text).map_err(|error| unparsable(&error))?;
        let Signed { timestamp, token, signature, parent_signature } = body.signature.into_inner();
        Self::complete([timestamp, token, signature, parent_signature].map(Text::into_inner))
    }

    /// Variables of the sender's may be merged into the form under the same names; Mailgun's own stand last.
    fn of_form(request: &Request<'_>) -> Result<Self, Refusal> {
        let form = Form::read(request.header("content-type").unwrap_or_default(), request.body)
            .map_err(|error| Refusal::Unparsable(error.to_string()))?;
        let last = |name| form.last(name).map(|value| Cow::Owned(value.to_owned()));
        Self::complete([last("timestamp"), last("token"), last("signature"), last("parent-signature")])
    }

    fn complete([timestamp, token, own, parent]: [Option<Cow<'a, str>>; 4]) -> Result<Self, Refusal> {
        let filled = |part: Option<Cow<'a, str>>| part.filter(|text| !text.is_empty());
        let (own, parent) = (filled(own), filled(parent));
        if own.is_none() && parent.is_none() {
            return Err(Refusal::MissingSignature("signature"));
        }
        Ok(Self {
            timestamp: filled(timestamp).ok_or(Refusal::MissingSignature("timestamp"))?,
            token: filled(token).ok_or(Refusal::MissingSignature("token"))?,
            signatures: [own, parent],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::crypto::hex_encode;
    use crate::{Options, RawRequest};

    const KEY: &str = "mg-test-signing-key-0123456789abcdef";
    const PARENT_KEY: &str = "mg-parent-key-fedcba9876543210";
    const TIMESTAMP: &str = "1760000000";
    const TOKEN: &str = "8f4c1d2e3b5a69788796a5b4c3d2e1f00f1e2d3c4b5a697887";
    const SIGNATURE: &str = "98e56ae4f5c2d4aced22ec8e16144ed912bb7086398c3ab26464fe35a015b2f9";
    const PARENT_SIGNATURE: &str = "a3121fdb30f27edfd0e9856025f890bc6d6d094129ff2caccc101c75899d2f47";

    fn verifier(keys: &[&str], max_age_seconds: i64) -> Verifier {
        #[derive(serde::Deserialize)]
        struct Table {
            keys: Keys,
        }
        let table: Table = Options::from_value(json!({"keys": keys})).read().unwrap();
        Verifier::new(&table.keys, max_age_seconds)
    }

    fn post(signature: &serde_json::Value) -> RawRequest {
        let body = json!({"signature": signature, "event-data": {"event": "delivered"}}).to_string();
        RawRequest::post(
            "https://x.example/mailgun",
            &[("content-type", "application/json")],
            body.into_bytes(),
        )
    }

    fn block(timestamp: &str, token: &str, signature: &str) -> RawRequest {
        post(&json!({"timestamp": timestamp, "token": token, "signature": signature}))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds).unwrap()
    }

    fn check(verifier: &Verifier, raw: &RawRequest, seconds: i64) -> Result<Proof, Refusal> {
        verifier.check(&raw.borrow(&[], None), at(seconds))
    }

    #[test]
    fn a_retry_of_a_multipart_form_says_the_same_under_another_boundary() {
        let digest = |boundary: &str, subject: &str| {
            let part = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"subject\"\r\n\r\n{subject}\r\n"
            );
            let body = format!("{part}--{boundary}--\r\n");
            let url = "https://h.example/webhooks/mailgun";
            let content_type = format!("multipart/form-data; boundary={boundary}");
            let raw = crate::RawRequest::post(url, &[("content-type", &content_type)], body.into_bytes());
            multipart_digest(&raw.borrow(&[], None))
        };
        assert!(digest("one", "hello").is_some());
        assert_eq!(digest("one", "hello"), digest("other", "hello"));
        assert_ne!(digest("one", "hello"), digest("one", "forged"));
    }

    #[test]
    fn vectors_under_any_of_several_keys() {
        let raw = block(TIMESTAMP, TOKEN, SIGNATURE);
        let token = DedupKey::of(&[b"mailgun-token", TIMESTAMP.as_bytes(), TOKEN.as_bytes()]);
        for keys in [&[KEY][..], &["old", KEY], &[KEY, "new"]] {
            let proof = check(&verifier(keys, 86_400), &raw, 1_760_000_005).unwrap();
            assert_eq!(proof.replay_token, Some(token), "{keys:?}");
        }
        assert_eq!(
            check(&verifier(&["old", "new"], 86_400), &raw, 1_760_000_005),
            Err(Refusal::BadSignature)
        );
        let both = post(&json!({"timestamp": TIMESTAMP, "token": TOKEN,
            "signature": "00", "parent-signature": PARENT_SIGNATURE}));
        assert!(check(&verifier(&[PARENT_KEY], 86_400), &both, 1_760_000_005).is_ok());
        assert_eq!(check(&verifier(&[KEY], 86_400), &both, 1_760_000_005), Err(Refusal::BadSignature));
    }

    #[test]
    fn age_limits_hold_to_the_second() {
        let verifier = verifier(&[KEY], 3600);
        let raw = block(TIMESTAMP, TOKEN, SIGNATURE);
        let cases = [(3600, None), (3601, Some("stale")), (0, None), (-300, None), (-301, Some("future"))];
        for (age, expected) in cases {
            let refusal = check(&verifier, &raw, 1_760_000_000 + age).err();
            assert_eq!(refusal.map(|refusal| refusal.cause()), expected, "{age}");
        }
    }

    /// Nothing stands between time and token, so the same bytes can be cut elsewhere; the time then gives it away.
    #[test]
    fn the_border_between_time_and_token_cannot_be_moved() {
        let verifier = verifier(&[KEY], 86_400);
        let whole = format!("{TIMESTAMP}{TOKEN}");
        for border in 1..whole.len() - 1 {
            let (timestamp, token) = whole.split_at(border);
            let outcome = check(&verifier, &block(timestamp, token, SIGNATURE), 1_760_000_005);
            assert_eq!(outcome.is_ok(), border == TIMESTAMP.len(), "{timestamp}");
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_one_flipped_byte_does_not(
            key in "[!-~]{1,40}", seconds in 1_600_000_000_i64..1_900_000_000, token in "[0-9a-f]{50}",
            place in 0_usize..124, bit in 0_u8..7,
        ) {
            let timestamp = seconds.to_string();
            let tag = HmacKey::new(Hash::Sha256, key.as_bytes()).sign(&[timestamp.as_bytes(), token.as_bytes()]);
            let signature = hex_encode(&tag);
            let verifier = verifier(&[&key], 86_400);
            prop_assert!(check(&verifier, &block(&timestamp, &token, &signature), seconds).is_ok());

            let mut all = format!("{timestamp}{token}{signature}").into_bytes();
            all[place] ^= 1 << bit;
            let all = String::from_utf8(all).unwrap();
            let spoilt = block(&all[..10], &all[10..60], &all[60..]);
            // Hexadecimal digits mean the same in either case.
            let same = place >= 60 && all[60..].eq_ignore_ascii_case(&signature);
            prop_assert_eq!(check(&verifier, &spoilt, seconds).is_ok(), same);
        }
    }
}
