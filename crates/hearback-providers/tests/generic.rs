//! Rules of the generic provider that samples do not show: mistakes in options, warnings, keys, ages, key rotation.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use hearback_event::{DedupKey, Event, Timestamp};
use hearback_providers::crypto::{Hash, HmacKey, hex_encode};
use hearback_providers::{Endpoint, Options, RawRequest, Refusal, Trust, Verified, provider};
use proptest::prelude::*;
use serde_json::{Value, json};

const SECRET: &str = "a-secret-of-more-than-16-bytes";
const URL: &str = "https://hooks.example.com/webhooks/generic";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_760_000_000).unwrap()
}

fn endpoint(options: Value) -> Box<dyn Endpoint> {
    let made = provider("generic").unwrap().endpoint(&Options::from_value(options));
    made.unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// Every option that is complained of.
fn mistakes(options: Value) -> Vec<String> {
    let Err(errors) = provider("generic").unwrap().endpoint(&Options::from_value(options)) else {
        return Vec::new();
    };
    for error in &errors {
        assert!(!error.problem.contains(SECRET), "a secret in a message: {}", error.problem);
    }
    errors.into_iter().map(|error| error.option.unwrap_or_default()).collect()
}

/// A valid configuration with some members replaced.
fn with(changes: &Value) -> Value {
    let mut options = json!({
        "auth": [{"kind": "hmac", "header": "X-Signature", "secrets": [SECRET]}],
        "map": {"type": "/type", "event_id": "/id", "message_id": "/message", "recipient": "/to", "timestamp": "/at"},
        "types": {"delivered": "delivered", "bounced": "bounced"}
    });
    for (name, value) in changes.as_object().unwrap() {
        options[name] = value.clone();
    }
    options
}

/// The same with changes to the one check.
fn with_auth(changes: &Value) -> Value {
    let mut options = with(&json!({}));
    for (name, value) in changes.as_object().unwrap() {
        options["auth"][0][name] = value.clone();
    }
    options
}

fn check_mistakes(cases: Vec<(Value, Vec<&str>)>) {
    for (options, mut expected) in cases {
        let mut found = mistakes(options.clone());
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{options}");
    }
}

#[test]
fn every_mistake_in_requests_and_keys_is_told_by_its_name() {
    let cases = [
        (with(&json!({"formt": "json"})), vec!["formt"]),
        (
            with(&json!({"format": "xml", "events": "events", "max_body": 0})),
            vec!["format", "events", "max_body"],
        ),
        (with(&json!({"methods": ["DELETE"], "channel": "fax"})), vec!["methods", "channel"]),
        (with(&json!({"format": "json", "json_fields": ["a"]})), vec!["json_fields"]),
        (with(&json!({"auth": []})), vec!["auth"]),
        (with(&json!({"auth": [{}], "auth_mode": "some"})), vec!["auth_mode", "auth[0].kind"]),
        (with(&json!({"auth": [{"kind": "jwt"}]})), vec!["auth[0].kind"]),
        (
            with(&json!({"auth": [{"kind": "basic", "user": "", "password": ""}]})),
            vec!["auth[0].user", "auth[0].password"],
        ),
        (with(&json!({"auth": [{"kind": "header"}]})), vec!["auth[0].header", "auth[0].value"]),
        (with(&json!({"auth": [{"kind": "query"}]})), vec!["auth[0].value", "auth[0].parameter"]),
        (with(&json!({"auth": [{"kind": "ip", "networks": ["localhost"]}]})), vec!["auth[0].networks"]),
        (
            with(&json!({"auth": [{"kind": "ed25519", "header": "x", "public_key": "AAAA"}]})),
            vec!["auth[0].public_key"],
        ),
        (with_auth(&json!({"secrets": ["", " "]})), vec!["auth[0].secrets"]),
        (with_auth(&json!({"secret_encoding": "hex"})), vec!["auth[0].secrets"]),
        (with_auth(&json!({"secrets": "whsec_", "secret_prefix": "whsec_"})), vec!["auth[0].secrets"]),
        (with_auth(&json!({"algorithm": "md5"})), vec!["auth[0].algorithm"]),
        (
            with_auth(&json!({"encoding": "utf8", "extract": "tail"})),
            vec!["auth[0].encoding", "auth[0].extract"],
        ),
        (with_auth(&json!({"header": "no blanks"})), vec!["auth[0].header"]),
        (with_auth(&json!({"extract": "json_field:/s"})), vec!["auth[0].header"]),
        (with_auth(&json!({"content": "{boddy}"})), vec!["auth[0].content"]),
        (with_auth(&json!({"content": "{body_md5_hex}"})), vec!["auth[0].content"]),
        (with_auth(&json!({"content": "fixed"})), vec!["auth[0].content"]),
        (with_auth(&json!({"content": "{json:a}{body}"})), vec!["auth[0].content"]),
        (
            with_auth(&json!({"content": "{id}{timestamp}{nonce}"})),
            vec!["auth[0].timestamp", "auth[0].id", "auth[0].nonce"],
        ),
        (
            with_auth(&json!({"timestamp": {"from": "kv:t", "unit": "h", "x": 1}})),
            vec!["auth[0].timestamp.x", "auth[0].timestamp.from", "auth[0].timestamp.unit"],
        ),
    ];
    check_mistakes(cases.into());
}

#[test]
fn every_mistake_in_the_meaning_is_told_by_its_name() {
    let cases = [
        (
            with(
                &json!({"map": {"recipient": "to", "type": ["x"], "sender": "/from", "geo": {"zip": "/z"}}}),
            ),
            vec!["map.type", "map.recipient", "map.geo.zip", "map.sender"],
        ),
        (
            with(&json!({"map": {"timestamp_unit": "%H", "metadata": {"a": "b"}}})),
            vec!["map.timestamp_unit", "map.metadata.a"],
        ),
        (
            with(&json!({"types": {"a": "delivred", "b": {"severity": "soft", "categry": "x"}, "c": 1}})),
            vec!["types.\"a\".type", "types.\"b\".severity", "types.\"b\".categry", "types.\"c\""],
        ),
        (
            with(&json!({"types": {"a": "registered", "b": "message.overdue"}})),
            vec!["types.\"a\".type", "types.\"b\".type"],
        ),
        (
            with(&json!({"refine": [{"when": {"pointer": "/a"}, "type": "sent"}, {"set": 1}]})),
            vec!["refine[0].when", "refine[1].when", "refine[1]", "refine[1].set"],
        ),
        (
            with(&json!({"refine": {"when": {"pointer": "/a", "range": [1]}, "severity": "permanent"}})),
            vec!["refine.when.range", "refine.when"],
        ),
        (with(&json!({"dedup": "{eventid}", "dedup_ignore": "attempt"})), vec!["dedup", "dedup_ignore"]),
        (with(&json!({"dedup": "{subject}"})), vec!["dedup"]),
        (with(&json!({"dedup": "all"})), vec!["dedup"]),
        (
            with(&json!({"success_status": 302, "reject_status": 410, "retry_status": 450})),
            vec!["success_status", "reject_status", "retry_status"],
        ),
        (with(&json!({"success_content_type": "text/html"})), vec!["success_content_type"]),
        (
            with(&json!({"handshake": [{"text": "x"}, {"when": {"query": "a"}}]})),
            vec!["handshake[0].when", "handshake[1]"],
        ),
    ];
    check_mistakes(cases.into());
}

#[test]
fn what_works_and_is_unwise_is_a_warning() {
    let header_key =
        json!({"map": {"type": "/type", "event_id": "header:X-Id", "message_id": "/m", "recipient": "/to"}});
    let cases = [
        (with(&json!({})), vec![]),
        (with_auth(&json!({"secrets": ["short"]})), vec!["auth[0].secrets"]),
        (with_auth(&json!({"content": "{path}"})), vec!["auth[0].content"]),
        (
            with_auth(&json!({"timestamp": {"from": "header:X-Time", "tolerance_s": 60}})),
            vec!["auth[0].timestamp.tolerance_s"],
        ),
        (with(&json!({"methods": ["GET"]})), vec!["auth[0].content"]),
        (with(&json!({"auth": [{"kind": "ip", "networks": "192.0.2.1"}]})), vec!["auth[0]"]),
        (with(&header_key), vec!["map.event_id"]),
        (with(&json!({"types": {}})), vec!["types"]),
        (with(&json!({"map": {"type": "/type"}})), vec!["map.message_id", "map.recipient"]),
        (with(&json!({"auth": [], "allow_unauthenticated": true})), vec!["allow_unauthenticated"]),
    ];
    for (options, expected) in cases {
        let found = endpoint(options.clone()).warnings();
        let names: Vec<_> = found.iter().map(|text| text.split('`').nth(1).unwrap()).collect();
        assert_eq!(names, expected, "{options}");
    }
}

fn request(body: &str, headers: &[(&'static str, &str)]) -> RawRequest {
    let headers: Vec<_> = [("content-type", "application/json")].iter().chain(headers).copied().collect();
    RawRequest::post(URL, &headers, body.as_bytes().to_vec())
}

fn events(endpoint: &dyn Endpoint, body: &str) -> Vec<Event> {
    let raw = request(body, &[("x-id", "header-id")]);
    endpoint.normalise(&Verified::presume(raw.borrow(&[], None)))
}

fn keys(options: &Value, body: &str) -> Vec<DedupKey> {
    events(endpoint(options.clone()).as_ref(), body).into_iter().flat_map(|event| event.dedup).collect()
}

#[test]
fn keys_are_the_same_for_the_same_event_only() {
    let by_id = with(&json!({}));
    let digest = with(&json!({"map": {"type": "/type"}, "dedup_ignore": ["/attempt", "/meta/sent~1at"]}));
    let template = with(&json!({"dedup": "{message_id}:{type}:{timestamp}"}));
    let (one, two) = (r#"{"id":"1","type":"delivered"}"#, r#"{"id":"2","type":"delivered"}"#);
    assert_ne!(keys(&by_id, one), keys(&by_id, two));
    assert_eq!(keys(&by_id, one), keys(&by_id, r#"{"attempt": 2, "id": "1"}"#));
    assert_ne!(keys(&digest, one), keys(&digest, two));
    let whole = keys(&digest, r#"{"type":"x","attempt":1,"meta":{"sent/at":1,"k":2}}"#);
    assert_eq!(whole, keys(&digest, r#"{"meta":{"k":2,"sent/at":9}, "type":"x"}"#));
    assert_ne!(whole, keys(&digest, r#"{"type":"x","meta":{"k":3}}"#));
    let full = r#"{"message":"m","type":"delivered","at":1}"#;
    assert_eq!(keys(&template, full), keys(&template, r#"{"message":"m","type":"delivered","at":1,"n":2}"#));
    // Without a time the template would make two bounces of a message one.
    let (first, second) =
        (r#"{"message":"m","type":"bounced","n":1}"#, r#"{"message":"m","type":"bounced","n":2}"#);
    assert_ne!(keys(&template, first), keys(&template, second));
    // No two lists of values give one key, wherever the separator is.
    let (third, fourth) =
        (r#"{"message":"a:b","type":"c","at":1}"#, r#"{"message":"a","type":"b:c","at":1}"#);
    assert_ne!(keys(&template, third), keys(&template, fourth));
}

#[test]
fn nothing_is_called_verified_where_nothing_was_checked() {
    let raw = request(r#"{"id":"1"}"#, &[]);
    let trust = |options: Value| {
        let endpoint = endpoint(options);
        Verified::check(&*endpoint, raw.borrow(&[], None), Timestamp::now()).unwrap().trust()
    };
    assert_eq!(trust(with(&json!({"auth": [], "allow_unauthenticated": true}))), Trust::Presumed);
    let networks =
        json!({"auth": [{"kind": "header", "header": "content-type", "value": "application/json"}]});
    assert_eq!(trust(with(&networks)), Trust::Verified);
}

#[test]
fn each_recipient_has_its_own_key_and_there_is_a_limit() {
    let options = with(&json!({}));
    let two = keys(&options, r#"{"id":"1","to":["a@example.com","b@example.com"]}"#);
    assert_eq!(two.len(), 2);
    assert_ne!(two[0], two[1]);
    let many: Vec<String> = (0..1500).map(|n| format!("g{n}@example.com")).collect();
    let found = events(endpoint(options).as_ref(), &json!({"id": "1", "to": many}).to_string());
    assert_eq!(found.len(), 1001);
    assert!(found.last().unwrap().error.as_deref().unwrap().contains("more than 1000"));
}

#[test]
fn answers_make_a_contract_of_their_own() {
    assert!(endpoint(with(&json!({}))).contract().is_none());
    let options = with(&json!({"success_status": 204, "reject_status": 403, "retry_status": 429}));
    let contract = endpoint(options).contract().unwrap();
    assert_eq!((contract.accepted, contract.refused, contract.unparsable), (204, 403, 400));
    assert_eq!((contract.try_again, contract.rate_limited), (429, 429));
}

#[test]
fn a_nonce_is_a_token_only_where_the_body_is_not_signed() {
    let key = HmacKey::new(Hash::Sha256, SECRET.as_bytes());
    let check = |content: &str, signed: &str| {
        let options = with_auth(&json!({"content": content, "nonce": "header:X-Nonce"}));
        let raw = request(
            "{}",
            &[("x-nonce", "n-1"), ("x-signature", &hex_encode(&key.sign(&[signed.as_bytes()])))],
        );
        endpoint(options).verify(&raw.borrow(&[], None), now()).unwrap().replay_token
    };
    assert!(check("{nonce}", "n-1").is_some());
    assert_eq!(check("{nonce}{body}", "n-1{}"), None);
    assert_eq!(check("{path}", "/webhooks/generic"), None);
}

#[test]
fn types_match_exactly_then_without_case_then_by_the_longest_pattern() {
    let options = with(&json!({"types": {
        "Sent": "sent", "sent": "queued", "bounce*": "bounced", "bounce.soft*": "deferred", "*": "failed"
    }}));
    let endpoint = endpoint(options);
    let cases = [
        ("Sent", "sent"),
        ("sent", "queued"),
        ("bounce", "bounced"),
        ("Bounce.Hard", "bounced"),
        ("bounce.soft.full", "deferred"),
        ("else", "failed"),
    ];
    for (native, expected) in cases {
        let found = events(endpoint.as_ref(), &json!({"type": native}).to_string());
        assert_eq!((found[0].kind.name(), found[0].native_type.as_str()), (expected, native));
    }
}

#[test]
fn what_cannot_be_run_backwards_is_told() {
    let cases = [
        (with(&json!({"format": "jsonl"})), "format"),
        (with(&json!({"parse_string": ["/a"]})), "parse_string"),
        (with(&json!({"auth": [{"kind": "basic", "user": "u", "password": SECRET}]})), "auth"),
        (with_auth(&json!({"content": "{json:/a}{body}"})), "auth[0]"),
        (with_auth(&json!({"header": null, "extract": {"json_field": "/s"}})), "auth[0]"),
        (with(&json!({"map": {"type": "/type"}})), "map"),
    ];
    for (options, expected) in cases {
        let Err(errors) = provider("generic").unwrap().simulator(&Options::from_value(options)) else {
            panic!()
        };
        assert_eq!(errors[0].option.as_deref(), Some(expected), "{errors:?}");
    }
}

#[test]
fn ages_at_their_exact_borders() {
    for (tolerance, age, expected) in [
        (300, 300, None),
        (300, 301, Some("stale")),
        (300, -300, None),
        (300, -301, Some("future")),
        (60, 60, None),
        (60, 61, Some("stale")),
        (60, -60, None),
        (60, -61, Some("future")),
        (86_400, 86_400, None),
        (86_400, -301, Some("future")),
    ] {
        let options = with_auth(&json!({
            "content": "{timestamp}.{body}", "timestamp": {"from": "header:X-Time", "tolerance_s": tolerance}
        }));
        let time = (now().as_seconds() - age).to_string();
        let key = HmacKey::new(Hash::Sha256, SECRET.as_bytes());
        let signature = hex_encode(&key.sign(&[format!("{time}.{{}}").as_bytes()]));
        let raw = request("{}", &[("x-time", &time), ("x-signature", &signature)]);
        let refused = endpoint(options).verify(&raw.borrow(&[], None), now()).err();
        assert_eq!(refused.as_ref().map(Refusal::cause), expected, "{tolerance} {age}");
    }
}

proptest! {
    #[test]
    fn what_is_signed_with_any_key_verifies_and_a_flipped_byte_does_not(
        body in proptest::collection::vec(any::<u8>(), 1..200),
        place in any::<proptest::sample::Index>(),
        flip in 1_u8..,
        which in 0_usize..3,
    ) {
        let secrets = ["first-secret-0123456789", "second-secret-0123456789", "third-secret-0123456789"];
        let endpoint = endpoint(with_auth(&json!({
            "secrets": secrets, "content": "{id}.{body}", "id": "header:X-Id", "extract": {"prefix": "sha256="}
        })));
        let key = HmacKey::new(Hash::Sha256, secrets[which].as_bytes());
        let signature = format!("sha256={}", hex_encode(&key.sign(&[b"id-1.", &body])));
        let mut raw = RawRequest::post(URL, &[("x-id", "id-1"), ("x-signature", &signature)], body);
        prop_assert!(endpoint.verify(&raw.borrow(&[], None), now()).is_ok());
        let at = place.index(raw.body.len());
        raw.body[at] ^= flip;
        prop_assert_eq!(endpoint.verify(&raw.borrow(&[], None), now()), Err(Refusal::BadSignature));
        raw.body[at] ^= flip;
        raw.headers.insert("x-id", "id-2".parse().unwrap());
        prop_assert_eq!(endpoint.verify(&raw.borrow(&[], None), now()), Err(Refusal::BadSignature));
    }

    #[test]
    fn options_of_any_shape_never_panic(name in "[a-z_]{0,8}", text in "\\PC{0,20}", number in any::<i64>()) {
        let shapes = [json!(text), json!(number), json!([text]), json!({ text.clone(): number }), json!([{ name.clone(): text }]), json!(null)];
        let options = ["format", "events", "auth", "map", "types", "refine", "dedup", "handshake", "methods", "retry_status"];
        for option in options {
            for shape in &shapes {
                drop(mistakes(with(&json!({ option: shape }))));
            }
        }
    }
}
