//! Who is believed, what is configured, and the keys.

use std::net::IpAddr;

use hearback_event::{DedupKey, Kind, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Happening, RawRequest, Tamper};

const URL: &str = "https://hooks.example.com/in/postmark";

fn check(options: &Value, headers: &[(&'static str, &str)], remote: Option<&str>) -> Result<Proof, Refusal> {
    let endpoint = Postmark.endpoint(&Options::from_value(options.clone())).unwrap();
    let raw = RawRequest::post(URL, headers, b"{}".to_vec());
    let remote = remote.map(|remote| remote.parse::<IpAddr>().unwrap());
    endpoint.verify(&raw.borrow(&[], remote), Timestamp::EPOCH)
}

fn event(body: &Value, trace: Option<&str>) -> Event {
    let headers: Vec<_> = trace.map(|trace| (normalise::TRACE, trace)).into_iter().collect();
    let raw = RawRequest::post(URL, &headers, body.to_string().into_bytes());
    normalise::event(&raw.borrow(&[], None))
}

#[test]
fn basic() {
    let one = json!({"user": "hook-user", "password": "s3cr:et"});
    let umlaut = json!({"user": "hook-user", "password": "s3cr:et-P\u{e4}"});
    let pairs = json!({"credentials": ["old:one", "hook-user:s3cr:et", "hook-user:s3cr:et-P\u{e4}"]});
    let vector = "Basic aG9vay11c2VyOnMzY3I6ZXQ=";
    let umlaut_vector = "Basic aG9vay11c2VyOnMzY3I6ZXQtUMOk";
    let wrong_case = format!("Basic {}", crypto::base64_encode(b"hook-user:S3cr:et"));
    let wrong_user = format!("Basic {}", crypto::base64_encode(b"Hook-user:s3cr:et"));
    let no_colon = format!("Basic {}", crypto::base64_encode(b"hook-user"));
    let missing = Err("missing_signature");
    let bad = Err("bad_signature");
    let cases = [
        (&one, vector, Ok(())),
        (&one, "bAsIc  aG9vay11c2VyOnMzY3I6ZXQ", Ok(())),
        (&one, umlaut_vector, bad),
        (&one, &wrong_case, bad),
        (&one, &wrong_user, bad),
        (&one, &no_colon, bad),
        (&one, "Basic ***", bad),
        (&one, "Basic", missing),
        (&one, "Bearer aG9vay11c2VyOnMzY3I6ZXQ=", missing),
        (&one, "", missing),
        (&umlaut, umlaut_vector, Ok(())),
        (&umlaut, vector, bad),
        (&pairs, vector, Ok(())),
        (&pairs, umlaut_vector, Ok(())),
        (&pairs, &wrong_case, bad),
    ];
    for (options, header, expected) in cases {
        let found = check(options, &[("authorization", header)], None);
        let found = found.map(drop).map_err(|refusal| refusal.cause());
        assert_eq!(found, expected, "{options} {header}");
    }
    assert!(matches!(check(&one, &[], None), Err(Refusal::MissingSignature(_))));
}

#[test]
fn every_configured_kind_must_hold() {
    let all = json!({
        "user": "u", "password": "p", "header": "X-Hook", "header_value": ["new", "old"],
        "networks": ["203.0.113.0/24", "2001:db8::1"],
    });
    let basic = ("authorization", "Basic dTpw");
    let inside = Some("203.0.113.9");
    assert_eq!(check(&all, &[basic, ("x-hook", "new")], inside), Ok(Proof::default()));
    assert_eq!(check(&all, &[basic, ("x-hook", "old")], Some("2001:db8::1")), Ok(Proof::default()));
    assert_eq!(check(&all, &[basic, ("x-hook", "old")], Some("::ffff:203.0.113.9")), Ok(Proof::default()));
    assert_eq!(check(&all, &[basic, ("x-hook", "older")], inside), Err(Refusal::BadSignature));
    assert!(matches!(check(&all, &[basic], inside), Err(Refusal::MissingSignature(_))));
    assert!(matches!(check(&all, &[("x-hook", "new")], inside), Err(Refusal::MissingSignature(_))));
    for outside in [Some("192.0.2.1"), None] {
        assert_eq!(check(&all, &[basic, ("x-hook", "new")], outside), Err(Refusal::NetworkNotAllowed));
        assert_eq!(check(&all, &[], outside), Err(Refusal::NetworkNotAllowed));
    }
    let networks = json!({"networks": "3.134.147.250"});
    assert_eq!(check(&networks, &[], Some("3.134.147.250")), Ok(Proof::default()));
}

#[test]
fn options() {
    let refused = [
        (json!({}), "user"),
        (json!({"user": "u"}), "password"),
        (json!({"password": "p"}), "user"),
        (json!({"user": "a:b", "password": "p"}), "user"),
        (json!({"credentials": ["no colon"]}), "credentials"),
        (json!({"credentials": [":p"]}), "credentials"),
        (json!({"header": "X-Hook"}), "header_value"),
        (json!({"header_value": "v"}), "header"),
        (json!({"header": "not a name", "header_value": "v"}), "header"),
        (json!({"networks": ["nowhere"]}), "networks"),
        (json!({"user": "", "password": "", "credentials": [""], "networks": [""]}), "user"),
    ];
    for (options, option) in refused {
        let errors = Postmark.endpoint(&Options::from_value(options.clone())).err().unwrap();
        assert_eq!(errors.first().and_then(|error| error.option.as_deref()), Some(option), "{options}");
    }
    let secret = "a very secret thing";
    let error = Postmark.endpoint(&Options::from_value(json!({"credentials": [secret]}))).err().unwrap();
    assert!(!format!("{error:?}").contains(secret));
    let count = |options: Value| Postmark.endpoint(&Options::from_value(options)).unwrap().warnings().len();
    assert_eq!(count(json!({"networks": ["203.0.113.0/24"]})), 1);
    assert_eq!(count(json!({"user": "u", "password": "short"})), 1);
    assert_eq!(count(json!({"user": "u", "password": "0123456789abcdef"})), 0);
    assert_eq!(count(json!({"header": "X-Hook", "header_value": "short"})), 1);
}

#[test]
fn keys_of_bounces_are_their_ids() {
    let bounce = json!({"RecordType": "Bounce", "ID": 692_560_173, "Type": "HardBounce", "ServerID": 23});
    let key = DedupKey::of(&[b"postmark", b"23", b"Bounce", b"692560173"]);
    assert_eq!(event(&bounce, None).dedup, [key]);
    let older = json!({"RecordType": "Bounce", "ID": "692560173", "Type": "HardBounce", "ServerId": 23});
    assert_eq!(event(&older, None).dedup, [key]);
    let traced = event(&bounce, Some("t-1"));
    assert_eq!(traced.dedup, [key, DedupKey::of(&[b"postmark", b"trace", b"t-1"])]);
    assert_eq!(traced.provider_event_id.as_deref(), Some("692560173"));
    let complaint = json!({"RecordType": "SpamComplaint", "ID": 692_560_173, "ServerID": 23});
    assert_ne!(event(&complaint, None).dedup, [key]);
}

#[test]
fn keys_of_all_others_are_their_content() {
    let click = json!({
        "RecordType": "Click", "MessageID": "m", "Recipient": "Amy@Example.net", "ReceivedAt": "2025-10-09T09:01:41Z",
        "OriginalLink": "https://a.example", "UserAgent": "M", "Geo": {"IP": "203.0.113.5"},
    });
    let key = DedupKey::of(&[
        b"postmark",
        b"Click",
        b"m",
        b"amy@example.net",
        b"2025-10-09T09:01:41Z",
        b"https://a.example",
        b"M",
        b"203.0.113.5",
        b"",
    ]);
    assert_eq!(event(&click, None).dedup, [key]);
    let mut again = click.clone();
    again["Recipient"] = json!("amy@example.net");
    again["New"] = json!("member");
    assert_eq!(event(&again, None).dedup, [key]);
    for (member, value) in [("OriginalLink", "https://b.example"), ("ReceivedAt", "2025-10-09T09:01:42Z")] {
        let mut other = click.clone();
        other[member] = json!(value);
        assert_ne!(event(&other, None).dedup, [key], "{member}");
    }
    let bare = |n: u32| event(&json!({"RecordType": "Open", "n": n}), None).dedup;
    assert_ne!(bare(1), bare(2), "without a message the bytes decide");
}

fn happening(kind: Kind) -> Happening {
    Happening {
        kind,
        occurred_at: Timestamp::from_seconds(1_760_000_000).unwrap(),
        recipient: "stay@example.org".parse().unwrap(),
        message: "m-1".to_owned(),
        serial: u64::MAX,
        labels: [("booking_id".to_owned(), "42".to_owned())].into(),
        tags: vec!["pre-arrival".to_owned()],
        subject: "Your stay".to_owned(),
    }
}

#[test]
fn every_kind_is_simulated_as_itself_or_its_nearest() {
    let options = Options::from_value(json!({"header": "X-Hook", "header_value": "a secret of 24 bytes"}));
    let simulator = Postmark.simulator(&options).unwrap();
    let endpoint = Postmark.endpoint(&options).unwrap();
    for kind in Kind::TOLD_BY_PROVIDERS {
        let told = happening(*kind);
        let raw = simulator.request(std::slice::from_ref(&told), URL, Timestamp::EPOCH, Tamper::None);
        let verified = Verified::check(endpoint.as_ref(), raw.borrow(&[], None), Timestamp::EPOCH).unwrap();
        let events = endpoint.normalise(&verified);
        let expected = match kind {
            Kind::Queued | Kind::Sent => Kind::Delivered,
            Kind::InboundFailed => Kind::Inbound,
            kind => *kind,
        };
        assert_eq!(events[0].kind, expected);
        assert_eq!(events[0].recipient.as_ref(), Some(&told.recipient), "{kind}");
        let forged = simulator.request(&[told], URL, Timestamp::EPOCH, Tamper::Forged);
        let refusal = endpoint.verify(&forged.borrow(&[], None), Timestamp::EPOCH);
        assert_eq!(refusal, Err(Refusal::BadSignature));
    }
}

proptest! {
    #[test]
    fn right_credentials_verify_and_others_do_not(
        user in "[a-z][^:\\pC]{0,10}[a-z]",
        password in "[a-zA-Z0-9][^\\pC]{0,20}[a-zA-Z0-9]",
        place: proptest::sample::Index,
        flip in 1_u8..=255,
    ) {
        let options = json!({"user": "old", "password": "old", "credentials": [format!("{user}:{password}")]});
        let mut bytes = format!("{user}:{password}").into_bytes();
        let header = format!("Basic {}", crypto::base64_encode(&bytes));
        prop_assert_eq!(check(&options, &[("authorization", &header)], None), Ok(Proof::default()));
        let at = place.index(bytes.len());
        bytes[at] ^= flip;
        let header = format!("Basic {}", crypto::base64_encode(&bytes));
        prop_assert_eq!(check(&options, &[("authorization", &header)], None), Err(Refusal::BadSignature));
    }
}
