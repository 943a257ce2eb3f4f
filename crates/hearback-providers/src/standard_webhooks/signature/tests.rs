use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Options, RawRequest};

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PUBLIC: &str = "whpk_ebVWLo/mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ=";
const ID: &str = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W";
const AT: i64 = 1_767_225_600;
const BODY: &[u8] = br#"{"type":"email.delivered","timestamp":"2026-01-01T00:00:00Z","data":{"id":"evt_1"}}"#;
const V1: &str = "v1,8p0mNwpMcFulG9PrUFkn/hG8OR8iU1L/VTs81ipBo4A=";
const V1A: &str =
    "v1a,7Hofbgxy12pezh6kdySf/nE9UXbyOYYNwbdK3v1+Jol5h1La/2cGXupZzg2VJkgL/9xGI4jzwGSTGjhqHhHfCg==";

fn keys(texts: &[&str]) -> Keys {
    #[derive(Deserialize)]
    struct Only {
        keys: Keys,
    }
    Options::from_value(json!({ "keys": texts })).read::<Only>().unwrap().keys
}

fn verifier(texts: &[&str]) -> Verifier {
    Verifier::new(keys(texts), KeyEncoding::Base64, 300).unwrap()
}

fn raw(headers: &[(&str, &str)], body: &[u8]) -> RawRequest {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        })
        .collect();
    RawRequest { method: "POST".into(), path_and_query: "/".into(), headers, body: body.to_vec() }
}

fn check(verifier: &Verifier, raw: &RawRequest, now: i64) -> Result<(), Refusal> {
    verifier.verify(&raw.borrow(&[], None), Timestamp::from_seconds(now).unwrap()).map(drop)
}

fn signed(signatures: &str) -> RawRequest {
    let at = AT.to_string();
    raw(&[("webhook-id", ID), ("webhook-timestamp", &at), ("webhook-signature", signatures)], BODY)
}

#[test]
fn vectors() {
    let published = raw(
        &[
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ],
        br#"{"test": 2432232314}"#,
    );
    assert_eq!(
        check(&verifier(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]), &published, 1_614_265_330),
        Ok(())
    );
    assert_eq!(check(&verifier(&[SECRET]), &signed(V1), AT), Ok(()));
    assert_eq!(check(&verifier(&[PUBLIC]), &signed(V1A), AT), Ok(()));
    let resend = raw(
        &[
            ("svix-id", "msg_2abcDEFghiJKLmnoPQRstuVWXyz"),
            ("svix-timestamp", "1760000000"),
            ("svix-signature", "v1,AAAA v1,XzoICT+6w3fX5lSfAnv3qC09/4UdOSJ/RQ2R096SqqM="),
        ],
        br#"{"type":"email.delivered","created_at":"2025-10-09T08:53:20.000Z","data":{"email_id":"4ef9a417-02e9-4d39-ad75-9611e0fcc33c","to":["bob@example.com"]}}"#,
    );
    let key = verifier(&["whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcY"]);
    assert_eq!(check(&key, &resend, 1_760_000_000), Ok(()));
    assert_eq!(check(&key, &resend, 1_760_000_300), Ok(()));
    assert_eq!(
        check(&key, &resend, 1_760_000_301),
        Err(Refusal::Stale { age_seconds: 301, allowed_seconds: 300 })
    );
    assert_eq!(check(&key, &resend, 1_760_000_000 - 301), Err(Refusal::Future { ahead_seconds: 301 }));
}

#[test]
fn one_matching_item_of_the_right_version_suffices() {
    let other = "whsec_/////////////////////////////////////////w==";
    let v1_bytes_as_v1a = V1.replace("v1,", "v1a,");
    let v1a_bytes_as_v1 = V1A.replace("v1a,", "v1,");
    let cases: &[(&[&str], &str, bool)] = &[
        (&[SECRET], "v1,AAAA v1,8p0mNwpMcFulG9PrUFkn/hG8OR8iU1L/VTs81ipBo4A= v2,xyz", true),
        (&[SECRET], "v1,%%% nonsense , v1,8p0mNwpMcFulG9PrUFkn/hG8OR8iU1L/VTs81ipBo4A", true),
        (&[other, SECRET], V1, true),
        (&[SECRET, other], V1, true),
        (&[other], V1, false),
        (&[SECRET, PUBLIC], V1A, true),
        (&[SECRET], V1A, false),
        (&[PUBLIC], V1, false),
        (&[SECRET], &v1_bytes_as_v1a, false),
        (&[PUBLIC], &v1a_bytes_as_v1, false),
        (&[SECRET], "v2,8p0mNwpMcFulG9PrUFkn/hG8OR8iU1L/VTs81ipBo4A=", false),
        (&[SECRET], "8p0mNwpMcFulG9PrUFkn/hG8OR8iU1L/VTs81ipBo4A=", false),
        (&[SECRET], "v1,", false),
    ];
    for (keys, signatures, accepted) in cases {
        let outcome = check(&verifier(keys), &signed(signatures), AT);
        assert_eq!(outcome, if *accepted { Ok(()) } else { Err(Refusal::BadSignature) }, "{signatures}");
    }
}

#[test]
fn sets_of_headers_are_never_mixed() {
    let at = AT.to_string();
    let key = verifier(&[SECRET]);
    let mixed = raw(&[("svix-id", ID), ("webhook-timestamp", &at), ("webhook-signature", V1)], BODY);
    assert_eq!(check(&key, &mixed, AT).unwrap_err().cause(), "missing_signature");
    let neutral = [("webhook-id", ID), ("webhook-timestamp", at.as_str()), ("webhook-signature", V1)];
    let svix = [("svix-id", "other"), ("svix-timestamp", at.as_str()), ("svix-signature", V1)];
    // A stray header of the Svix set alone does not hide the neutral set, a whole one goes first.
    let stray: Vec<_> = neutral.iter().chain(&svix[..1]).copied().collect();
    assert_eq!(check(&key, &raw(&stray, BODY), AT), Ok(()));
    let both: Vec<_> = neutral.iter().chain(&svix).copied().collect();
    assert_eq!(check(&key, &raw(&both, BODY), AT), Err(Refusal::BadSignature));
    for missing in 0..3 {
        let mut headers = neutral.to_vec();
        headers.remove(missing);
        assert_eq!(check(&key, &raw(&headers, BODY), AT).unwrap_err().cause(), "missing_signature");
        let mut headers = neutral;
        headers[missing].1 = "";
        assert_eq!(check(&key, &raw(&headers, BODY), AT).unwrap_err().cause(), "missing_signature");
    }
}

#[test]
fn odd_ids_and_times() {
    let key = verifier(&[SECRET]);
    let signer = Signer::new(&keys(&[SECRET]), KeyEncoding::Base64).unwrap();
    let outcome = |id: &str, at: &str| {
        let signature = signer.sign(id, at, BODY, Tamper::None);
        let headers = [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", &signature)];
        check(&key, &raw(&headers, BODY), AT).map_err(|refusal| refusal.cause())
    };
    let at = AT.to_string();
    assert_eq!(outcome(ID, &at), Ok(()));
    assert_eq!(outcome("msg.1", &at), Err("bad_signature"));
    assert_eq!(outcome(ID, &format!("{at}.0")), Err("bad_signature"));
    for text in ["soon", "-1", "+1767225600", "99999999999999999999", "9223372036854775807", "1e9"] {
        assert_eq!(outcome(ID, text), Err("unparsable"), "{text}");
    }
}

#[test]
fn keys_are_read_and_mistakes_named() {
    let attempt = |text: &str, encoding| Verifier::new(keys(&[text]), encoding, 300).map(drop);
    let base64 = KeyEncoding::Base64;
    assert_eq!(attempt("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", base64), Ok(()));
    assert_eq!(attempt("whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGQ", base64), Ok(()));
    assert_eq!(attempt("no base64!", KeyEncoding::Text), Ok(()));
    let wrong = [
        "",
        "whsec_",
        "no base64!",
        "whsk_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
        "whpk_AAAA",
        "whpk_",
    ];
    for text in wrong {
        let error = attempt(text, base64).unwrap_err();
        assert_eq!(error.option.as_deref(), Some("keys"), "{text}");
        assert!(text.len() < 8 || !error.problem.contains(&text[5..]), "{error} shows the key");
    }
    assert_eq!(verifier(&["whsec_AQIDBA=="]).warnings().len(), 1);
    assert!(verifier(&[SECRET]).warnings().is_empty());
    // As text the prefix belongs to the key.
    let text = Verifier::new(keys(&[SECRET]), KeyEncoding::Text, 300).unwrap();
    assert_eq!(check(&text, &signed(V1), AT), Err(Refusal::BadSignature));
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_one_flipped_byte_does_not(
        secret in proptest::collection::vec(any::<u8>(), 1..70),
        id in "[!-+/-~]{1,40}",
        body in proptest::collection::vec(any::<u8>(), 1..200),
        age in -300_i64..=300,
        flip in any::<proptest::sample::Index>(),
    ) {
        let secret = format!("whsec_{}", crypto::base64_encode(&secret));
        let (key, signer) =
            (verifier(&[&secret]), Signer::new(&keys(&[&secret]), KeyEncoding::Base64).unwrap());
        let at = AT.to_string();
        let signature = signer.sign(&id, &at, &body, Tamper::None);
        let headers = [("svix-id", id.as_str()), ("svix-timestamp", &at), ("svix-signature", &signature)];
        let good = raw(&headers, &body);
        prop_assert_eq!(check(&key, &good, AT + age), Ok(()));
        let mut bad = good.clone();
        bad.body[flip.index(body.len())] ^= 1;
        prop_assert_eq!(check(&key, &bad, AT + age), Err(Refusal::BadSignature));
        let forged = signer.sign(&id, &at, &body, Tamper::Forged);
        let mut bad = good;
        bad.headers.insert("svix-signature", forged.parse().unwrap());
        prop_assert_eq!(check(&key, &bad, AT + age), Err(Refusal::BadSignature));
    }

    #[test]
    fn any_headers_get_an_answer(id in "[ -~]{0,30}", at in "[ -~]{0,30}", signatures in "(v1a?,)?[ -~]{0,80}") {
        let headers = [("webhook-id", id.as_str()), ("webhook-timestamp", &at), ("webhook-signature", &signatures)];
        prop_assert!(check(&verifier(&[SECRET, PUBLIC]), &raw(&headers, BODY), AT).is_err());
    }
}
