//! The signature: HMAC-SHA1 in base64 over the configured URL and the sorted form.

use super::{Settings, form};
use crate::crypto::{self, Hash, HmacKey, base64_decode};
use crate::form::Form;
use crate::{Credential, Proof, Refusal, Request, Secret};

/// Checks signatures under several keys and several spellings of the URL.
pub(super) struct Verifier {
    keys: Vec<HmacKey>,
    secret: Option<(String, Secret)>,
}

impl Verifier {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            keys: settings.keys.iter().map(|key| HmacKey::new(Hash::Sha1, key.expose().as_bytes())).collect(),
            secret: settings.secret.clone().map(|secret| (settings.secret_name.clone(), secret)),
        }
    }

    pub(super) fn check(&self, request: &Request<'_>) -> Result<Proof, Refusal> {
        self.check_secret(request)?;
        let signature = request
            .header("x-mandrill-signature")
            .filter(|text| !text.is_empty())
            .ok_or(Refusal::MissingSignature("header X-Mandrill-Signature"))?;
        let form = form(request).map_err(|error| Refusal::Unparsable(error.to_string()))?;
        let tag = base64_decode(signature.trim()).ok_or(Refusal::BadSignature)?;
        let fields = sorted(&form);
        let genuine = request.public_urls.iter().any(|url| {
            let signed = signed_parts(url, &fields);
            self.keys.iter().any(|key| key.verifies(&signed, &tag))
        });
        if genuine { Ok(Proof::default()) } else { Err(Refusal::BadSignature) }
    }

    pub(super) fn credential(&self) -> Option<Credential> {
        self.secret.as_ref().map(|(name, secret)| Credential::query(name, [secret]))
    }

    fn check_secret(&self, request: &Request<'_>) -> Result<(), Refusal> {
        let Some((name, secret)) = &self.secret else { return Ok(()) };
        let given = request.query_value(name).ok_or(Refusal::MissingSignature("query parameter"))?;
        if crypto::equal(secret.expose().as_bytes(), given.as_bytes()) {
            Ok(())
        } else {
            Err(Refusal::BadSignature)
        }
    }
}

/// The form's fields in the order in which they are signed.
pub(super) fn sorted(form: &Form) -> Vec<(&str, &str)> {
    let mut fields: Vec<(&str, &str)> =
        form.fields().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.sort_by_key(|(name, _)| *name);
    fields
}

/// What is signed: the URL, then names and values without anything between.
pub(super) fn signed_parts<'a>(url: &'a str, fields: &[(&'a str, &'a str)]) -> Vec<&'a [u8]> {
    std::iter::once(url.as_bytes())
        .chain(fields.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::crypto::base64_encode;
    use crate::{Options, RawRequest};

    const KEY: &str = "mandrill-test-key_AbC123";
    const URL: &str = "https://hooks.example.com/in/mandrill?src=a&b=2";
    const EVENTS: &str = r#"[{"event":"hard_bounce","_id":"e1f2a3b4c5d6e7f8a9b0c1d2e3f4a5b6","ts":1760000000,"msg":{"email":"bob@example.com"}}]"#;
    const SIGNATURE: &str = "pptPxwSUDMSM+fpAoq//1cCqc4Y=";

    fn verifier(options: serde_json::Value) -> Verifier {
        Verifier::new(&Settings::read(&Options::from_value(options)).unwrap())
    }

    fn post(url: &str, fields: &[(String, String)], signature: &str) -> RawRequest {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("x-mandrill-signature", signature)];
        RawRequest::post(url, &headers, body.into_bytes())
    }

    fn check(verifier: &Verifier, raw: &RawRequest, urls: &[&str]) -> Result<Proof, Refusal> {
        let urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
        verifier.check(&raw.borrow(&urls, None))
    }

    #[test]
    fn vectors_under_any_of_several_keys_and_urls() {
        let raw = post(URL, &[("mandrill_events".to_owned(), EVENTS.to_owned())], SIGNATURE);
        for keys in [json!(KEY), json!(["old", KEY]), json!([KEY, "new"])] {
            assert!(
                check(&verifier(json!({"keys": keys})), &raw, &["https://x.example", URL]).is_ok(),
                "{keys}"
            );
        }
        let verifier = verifier(json!({"keys": KEY}));
        assert_eq!(check(&verifier, &raw, &[]), Err(Refusal::BadSignature), "no public URL");
        for url in ["https://hooks.example.com/in/mandrill", "http://hooks.example.com/in/mandrill?src=a&b=2"]
        {
            assert_eq!(check(&verifier, &raw, &[url]), Err(Refusal::BadSignature), "{url}");
        }
    }

    #[test]
    fn the_url_check_is_signed_with_a_key_that_everybody_knows() {
        let url = "https://hooks.example.com/in/mandrill";
        let raw =
            post(url, &[("mandrill_events".to_owned(), "[]".to_owned())], "WAc3auxoYGhsUV7D+Hl33hoa8dE=");
        assert!(check(&verifier(json!({"keys": "test-webhook"})), &raw, &[url]).is_ok());
        assert_eq!(check(&verifier(json!({"keys": KEY})), &raw, &[url]), Err(Refusal::BadSignature));
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_one_flipped_byte_does_not(
            key in "[!-~]{1,40}", fields in proptest::collection::btree_map("[a-z_]{1,8}", "\\PC{0,20}", 1..4),
            field in any::<proptest::sample::Index>(), place in any::<proptest::sample::Index>(), bit in 0_u8..7,
        ) {
            let mut fields: Vec<(String, String)> = fields.into_iter().rev().collect();
            let mut signed = URL.to_owned();
            for (name, value) in fields.iter().rev() { signed.push_str(name); signed.push_str(value); }
            let tag = HmacKey::new(Hash::Sha1, key.as_bytes()).sign(&[signed.as_bytes()]);
            let verifier = verifier(json!({"keys": key}));
            let signature = base64_encode(&tag);
            prop_assert!(check(&verifier, &post(URL, &fields, &signature), &[URL]).is_ok());

            let mut spoilt_tag = tag.clone();
            spoilt_tag[place.index(tag.len())] ^= 1 << bit;
            prop_assert!(check(&verifier, &post(URL, &fields, &base64_encode(&spoilt_tag)), &[URL]).is_err());
            let at = field.index(fields.len());
            fields[at].1.push((b'a' + bit) as char);
            prop_assert!(check(&verifier, &post(URL, &fields, &signature), &[URL]).is_err());
        }
    }
}
