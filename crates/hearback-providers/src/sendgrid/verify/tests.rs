use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::keypair::{KeyPair, SigningKey};
use super::*;
use crate::{Options, RawRequest};

const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEpbvuhZnS7Vn7ik8SSJtq5gQZW38m1nWkGKXFobJaksg3HMq6/5loCLV0kwZdvGdmz1szVf7n6mHb9wBUBsFhSA==";
const AT: i64 = 1_760_000_005;
const BODY: &[u8] = b"[{\"email\":\"bob@example.com\",\"timestamp\":1760000000,\"event\":\"delivered\",\"sg_event_id\":\"ZGVsaXZlcmVkLTAtMTIz\",\"sg_message_id\":\"14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0\",\"response\":\"250 OK\"}]\r\n";
const SIGNED: &str =
    "MEUCIQCLPBg4p6zt798CGgRL2dDFNWaFmJvHmNsRmG5YHnmLMwIgFg0k/Mir+1fIqUR6zItTEidXOjQTj7zC+iwtSbdl9Qc=";

fn verifier(options: Value) -> Result<Verifier, Vec<OptionError>> {
    Verifier::new(&Options::from_value(options).read().unwrap())
}

fn check(verifier: &Verifier, headers: &[(&str, &str)], body: &[u8], now: i64) -> Result<(), &'static str> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        })
        .collect();
    let raw = RawRequest { method: "POST".into(), path_and_query: "/".into(), headers, body: body.to_vec() };
    let outcome = verifier.verify(&raw.borrow(&[], None), Timestamp::from_seconds(now).unwrap());
    outcome.map(drop).map_err(|refusal| refusal.cause())
}

#[test]
fn the_vector_with_its_line_end() {
    assert_eq!(BODY.len(), 201);
    let headers = [(SIGNATURE, SIGNED), (TIMESTAMP, "1760000005")];
    let pem =
        format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n", &KEY[..64], &KEY[64..]);
    for key in [KEY, &pem, &format!("  {KEY}\n")] {
        let verifier = verifier(json!({ "keys": key })).unwrap();
        assert_eq!(check(&verifier, &headers, BODY, AT), Ok(()));
        assert_eq!(check(&verifier, &headers, &BODY[..199], AT), Err("bad_signature"));
    }
    let verifier = verifier(json!({ "keys": KEY })).unwrap();
    assert_eq!(check(&verifier, &headers, BODY, AT + 90_000), Ok(()));
    assert_eq!(check(&verifier, &headers, BODY, AT + 90_001), Err("stale"));
    assert_eq!(check(&verifier, &headers, BODY, AT - 300), Ok(()));
    assert_eq!(check(&verifier, &headers, BODY, AT - 301), Err("future"));
    assert_eq!(check(&verifier, &headers[..1], BODY, AT), Err("missing_signature"));
    assert_eq!(check(&verifier, &headers[1..], BODY, AT), Err("missing_signature"));
    let later = [(SIGNATURE, SIGNED), (TIMESTAMP, "1760000006")];
    assert_eq!(check(&verifier, &later, BODY, AT), Err("bad_signature"));
    for wrong in ["AAAA", "no base64!", "MEUCIQ=="] {
        let headers = [(SIGNATURE, wrong), (TIMESTAMP, "1760000005")];
        assert_eq!(check(&verifier, &headers, BODY, AT), Err("bad_signature"), "{wrong}");
    }
}

#[test]
fn credentials_instead_of_or_beside_a_signature() {
    let signed = [(SIGNATURE, SIGNED), (TIMESTAMP, "1760000005")];
    let bearer = ("authorization", "Bearer a-long-static-token");
    let basic = ("authorization", "Basic aG9vazpzM2NyZXQtUGE1NQ==");
    let wrong = ("authorization", "Bearer another-static-tok");
    let both = |credential| [signed[0], signed[1], credential];
    let token = verifier(json!({"bearer": ["old-static-token-x", "a-long-static-token"]})).unwrap();
    assert_eq!(check(&token, &[bearer], b"[]", AT), Ok(()));
    assert_eq!(check(&token, &[wrong], b"[]", AT), Err("bad_signature"));
    assert_eq!(check(&token, &[basic], b"[]", AT), Err("bad_signature"));
    assert_eq!(check(&token, &[], b"[]", AT), Err("missing_signature"));
    let password = verifier(json!({"user": "hook", "password": "s3cret-Pa55"})).unwrap();
    assert_eq!(check(&password, &[basic], b"[]", AT), Ok(()));
    assert_eq!(check(&password, &[("authorization", "Basic ***")], b"[]", AT), Err("bad_signature"));
    assert_eq!(check(&password, &[("authorization", "Digest x")], b"[]", AT), Err("bad_signature"));
    let all = verifier(json!({"keys": KEY, "bearer": "a-long-static-token"})).unwrap();
    assert_eq!(check(&all, &both(bearer), BODY, AT), Ok(()));
    assert_eq!(check(&all, &both(wrong), BODY, AT), Err("bad_signature"));
    assert_eq!(check(&all, &[bearer], BODY, AT), Err("missing_signature"));
    assert_eq!(check(&all, &signed, BODY, AT), Err("missing_signature"));
}

#[test]
fn mistakes_are_named() {
    let option = |options: Value| verifier(options).err().unwrap()[0].option.clone().unwrap();
    assert_eq!(option(json!({})), "keys");
    assert_eq!(option(json!({"keys": ""})), "keys");
    assert_eq!(option(json!({"keys": "AAAA"})), "keys");
    assert_eq!(option(json!({"user": "hook"})), "password");
    assert_eq!(option(json!({"password": "x"})), "user");
    assert_eq!(verifier(json!({"keys": KEY, "max_age": 300})).unwrap().warnings().len(), 1);
    assert!(verifier(json!({ "keys": KEY })).unwrap().warnings().is_empty());
}

#[test]
fn a_signed_time_that_is_no_time() {
    let pair = KeyPair::fresh(&mut |buffer| buffer.fill(7)).unwrap();
    let (key, verifier) =
        (SigningKey::parse(&pair.private).unwrap(), verifier(json!({"keys": pair.public})).unwrap());
    let outcome = |at: &str| {
        let signature = key.sign(&[at.as_bytes(), BODY].concat());
        check(&verifier, &[(SIGNATURE, &signature), (TIMESTAMP, at)], BODY, AT)
    };
    assert_eq!(outcome("1760000005"), Ok(()));
    assert_eq!(outcome("2025-10-09T08:53:25Z"), Ok(()));
    assert_eq!(outcome("soon"), Err("unparsable"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_signed_verifies_and_one_flipped_byte_does_not(
        seed in any::<u8>(),
        body in proptest::collection::vec(any::<u8>(), 1..200),
        flip in any::<proptest::sample::Index>(),
        rotated in any::<bool>(),
    ) {
        let pair = KeyPair::fresh(&mut |buffer| buffer.fill(seed)).unwrap();
        let keys = if rotated { json!([KEY, pair.public]) } else { json!([pair.public, KEY]) };
        let verifier = verifier(json!({ "keys": keys })).unwrap();
        let signature = SigningKey::parse(&pair.private).unwrap().sign(&[b"1760000005", body.as_slice()].concat());
        let headers = [(SIGNATURE, signature.as_str()), (TIMESTAMP, "1760000005")];
        prop_assert_eq!(check(&verifier, &headers, &body, AT), Ok(()));
        let mut other = body;
        let at = flip.index(other.len());
        other[at] ^= 1;
        prop_assert_eq!(check(&verifier, &headers, &other, AT), Err("bad_signature"));
    }
}
