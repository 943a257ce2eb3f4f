//! The rules of signatures and keys, on vectors made with Twilio's own libraries.

use std::collections::BTreeMap;

use hearback_event::{Channel, DedupKey, Kind, Reason, Severity, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Happening, RawRequest, Tamper};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const URL: &str = "https://hooks.example.com/in/twilio?src=a";
const UNDELIVERED: &str = "AccountSid=ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa&ApiVersion=2010-04-01&ErrorCode=30003\
    &From=%2B15005550006&MessageSid=SMbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb&MessageStatus=undelivered\
    &RawDlrDoneDate=2510090853&SmsSid=SMbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb&SmsStatus=undelivered&To=%2B15558675310";
const JSON_URL: &str = "https://hooks.example.com/in/twilio?bodySHA256=\
    be2e490e0140d358f268e94b8ef2ded14ffff25aae91a5515fb9e1a38dd4d505";
const FORM: &str = "application/x-www-form-urlencoded";

fn endpoint(options: Value) -> Box<dyn Endpoint> {
    Twilio.endpoint(&Options::from_value(options)).unwrap()
}

fn post(url: &str, content_type: &str, signature: &str, body: &str) -> RawRequest {
    RawRequest::post(url, &[("content-type", content_type), (verify::SIGNATURE, signature)], body.into())
}

fn check(options: Value, raw: &RawRequest, public: &str) -> Result<Proof, Refusal> {
    let urls = [public.to_owned()];
    endpoint(options).verify(&raw.borrow(&urls, None), Timestamp::EPOCH)
}

fn normalised(raw: &RawRequest) -> Vec<Event> {
    normalise::events(&raw.borrow(&[], None))
}

#[test]
fn vectors() {
    let docs_body = "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310\
        &To=%2B18005551212";
    let docs_url = "https://example.com/myapp.php?foo=1&bar=2";
    let form_url = "https://hooks.example.com/in/twilio?src=a";
    let json_body = "{\"specversion\":\"1.0\",\"id\":\"EZ1\"}";
    let json = "application/json";
    let cases = [
        ("12345", docs_url, FORM, docs_body, "L/OH5YylLD5NRKLltdqwSvS0BnU="),
        (TOKEN, form_url, FORM, UNDELIVERED, "XUNrkwoCojzd2ZltQRMQ047a7pM="),
        (TOKEN, form_url, FORM, UNDELIVERED, "ZV8IfhKZlbLGtgUpPAnwMAjpcig="),
        (TOKEN, JSON_URL, json, json_body, "Z/8YpoNHBiqlOdgncTLFHxXzgvU="),
        (TOKEN, form_url, FORM, "a=2&a=1&B=x&a=1", "jDfb0baPie72SzLWBuh4zdxBqwc="),
    ];
    for (token, url, content_type, body, signature) in cases {
        let raw = post(url, content_type, signature, body);
        assert_eq!(check(json!({"keys": token}), &raw, url), Ok(Proof::default()), "{signature}");
        let rotating = json!({"keys": ["another-token", token]});
        assert_eq!(check(rotating, &raw, url), Ok(Proof::default()), "{signature}");
        assert_eq!(check(json!({"keys": "another"}), &raw, url), Err(Refusal::BadSignature));
        let elsewhere = "https://other.example/in/twilio";
        assert_eq!(check(json!({"keys": token}), &raw, elsewhere), Err(Refusal::BadSignature));
        let nowhere = endpoint(json!({"keys": token})).verify(&raw.borrow(&[], None), Timestamp::EPOCH);
        assert_eq!(nowhere, Err(Refusal::BadSignature), "no public URL is configured");
        let mut longer = raw.clone();
        longer.body.push(b' ');
        assert_eq!(check(json!({"keys": token}), &longer, url), Err(Refusal::BadSignature));
    }
}

#[test]
fn a_shared_key_is_chosen_from_the_configuration_and_cannot_be_downgraded() {
    let sha256 = "OMTYn/l64bJfZ7Em0ZfnlO3JSXwYTvEJ68tdMAem/5E=";
    let sha1 = "XUNrkwoCojzd2ZltQRMQ047a7pM=";
    let shared = json!({"shared_keys": {"SK1": TOKEN}});
    let strict = json!({"keys": TOKEN, "shared_keys": {"SK1": TOKEN}, "require_sha256": true});
    let token = json!({"keys": TOKEN});
    let cases = [
        (&shared, "key=SK1,algorithm=HMAC_SHA256", sha256, true),
        (&shared, " key = SK1 , algorithm = HMAC_SHA256 ", sha256, true),
        (&shared, "key=SK1,algorithm=HMAC_SHA1", sha1, true),
        (&shared, "key=SK1", sha1, true),
        (&shared, "key=SK2,algorithm=HMAC_SHA256", sha256, false),
        (&shared, "key=SK1,algorithm=HMAC_MD5", sha256, false),
        (&shared, "key=SK1,algorithm=none", sha1, false),
        (&shared, "", sha1, false),
        (&strict, "key=SK1,algorithm=HMAC_SHA256", sha256, true),
        (&strict, "key=SK1,algorithm=HMAC_SHA1", sha1, false),
        (&strict, "key=SK1", sha1, false),
        (&strict, "", sha1, false),
        (&token, "algorithm=HMAC_SHA256", sha256, true),
        (&token, "", sha1, true),
        (&token, "", sha256, false),
        (&token, "key=SK1,algorithm=HMAC_SHA256", sha256, false),
    ];
    for (options, settings, signature, right) in cases {
        let headers = [("content-type", FORM), (verify::SIGNATURE, signature), (verify::SETTINGS, settings)];
        let raw = RawRequest::post(URL, &headers, UNDELIVERED.into());
        let expected = if right { Ok(Proof::default()) } else { Err(Refusal::BadSignature) };
        assert_eq!(check(options.clone(), &raw, URL), expected, "{options} {settings}");
    }
}

#[test]
fn ports_are_tried_both_ways() {
    let with_port = "ZV8IfhKZlbLGtgUpPAnwMAjpcig=";
    let without = "XUNrkwoCojzd2ZltQRMQ047a7pM=";
    for public in ["https://hooks.example.com/in/twilio", "https://hooks.example.com:443/in/twilio#rc=5"] {
        for signature in [with_port, without] {
            let raw = post(URL, FORM, signature, UNDELIVERED);
            assert_eq!(check(json!({"keys": TOKEN}), &raw, public), Ok(Proof::default()), "{public}");
        }
    }
    let raw = post(URL, FORM, without, UNDELIVERED);
    assert_eq!(
        check(json!({"keys": TOKEN}), &raw, "https://hooks.example.com:8443/in/twilio"),
        Ok(Proof::default())
    );
}

#[test]
fn missing_and_unreadable() {
    let keys = json!({"keys": TOKEN});
    let unsigned = RawRequest::post(URL, &[("content-type", FORM)], UNDELIVERED.into());
    assert!(matches!(check(keys.clone(), &unsigned, URL), Err(Refusal::MissingSignature(_))));
    let empty = post(URL, FORM, "", UNDELIVERED);
    assert!(matches!(check(keys.clone(), &empty, URL), Err(Refusal::MissingSignature(_))));
    let no_digest = post(URL, "application/json", "XUNrkwoCojzd2ZltQRMQ047a7pM=", "{}");
    assert!(matches!(check(keys.clone(), &no_digest, URL), Err(Refusal::MissingSignature(_))));
    let not_base64 = post(URL, FORM, "***", UNDELIVERED);
    assert_eq!(check(keys.clone(), &not_base64, URL), Err(Refusal::BadSignature));
    let endless = post(URL, FORM, "XUNrkwoCojzd2ZltQRMQ047a7pM=", &"a&".repeat(crate::form::MOST_FIELDS + 1));
    assert!(matches!(check(keys, &endless, URL), Err(Refusal::Unparsable(_))));
}

#[test]
fn options() {
    let refused = [
        json!({}),
        json!({"keys": ["", " "]}),
        json!({"keys": TOKEN, "require_sha256": true}),
        json!({"keys": TOKEN, "max_age": 5}),
        json!({"shared_keys": {"SK1": ""}}),
    ];
    for options in refused {
        assert!(Twilio.endpoint(&Options::from_value(options.clone())).is_err(), "{options}");
    }
    assert_eq!(endpoint(json!({"keys": "12345"})).warnings().len(), 1);
    assert!(endpoint(json!({"keys": TOKEN})).warnings().is_empty());
}

#[test]
fn statuses() {
    type Case = (&'static str, Kind, Option<(Severity, Reason)>);
    let cases: &[Case] = &[
        ("MessageStatus=accepted", Kind::Queued, None),
        ("MessageStatus=scheduled", Kind::Queued, None),
        ("MessageStatus=queued", Kind::Queued, None),
        ("MessageStatus=sending", Kind::Queued, None),
        ("MessageStatus=sent", Kind::Sent, None),
        ("MessageStatus=delivered&ErrorCode=0", Kind::Delivered, None),
        ("SmsStatus=delivered", Kind::Delivered, None),
        ("MessageStatus=undelivered", Kind::Bounced, Some((Severity::Temporary, Reason::Other))),
        (
            "MessageStatus=undelivered&ErrorCode=30005",
            Kind::Bounced,
            Some((Severity::Permanent, Reason::InvalidRecipient)),
        ),
        (
            "MessageStatus=undelivered&ErrorCode=39999",
            Kind::Bounced,
            Some((Severity::Temporary, Reason::Carrier)),
        ),
        (
            "MessageStatus=undelivered&ErrorCode=21610",
            Kind::Bounced,
            Some((Severity::Permanent, Reason::Unsubscribed)),
        ),
        ("MessageStatus=failed&ErrorCode=39999", Kind::Failed, Some((Severity::Permanent, Reason::Carrier))),
        ("MessageStatus=failed&ErrorCode=49999", Kind::Failed, Some((Severity::Permanent, Reason::Other))),
        ("MessageStatus=failed&ErrorCode=30008", Kind::Failed, Some((Severity::Temporary, Reason::Carrier))),
        (
            "MessageStatus=failed&ErrorCode=21610",
            Kind::Rejected,
            Some((Severity::Permanent, Reason::Unsubscribed)),
        ),
        ("MessageStatus=canceled", Kind::Failed, Some((Severity::Permanent, Reason::Other))),
        ("MessageStatus=read&EventType=READ", Kind::Opened, None),
        ("MessageStatus=partially_delivered", Kind::Unknown, None),
        ("MessageStatus=teleported", Kind::Unknown, None),
        ("MessageStatus=received", Kind::Inbound, None),
        ("SmsStatus=receiving", Kind::Inbound, None),
        ("Surprise=1", Kind::Unknown, None),
    ];
    for (body, kind, failure) in cases {
        let events = normalised(&post(URL, FORM, "", &format!("{body}&MessageSid=SM1&To=%2B15558675310")));
        let [event] = events.as_slice() else { panic!("{body}: {} events", events.len()) };
        assert_eq!(event.kind, *kind, "{body}");
        assert_eq!(event.severity().zip(event.reason()), *failure, "{body}");
        assert_eq!(event.occurred_at, None, "{body}");
        assert_eq!(event.labels, BTreeMap::from([("src".to_owned(), "a".to_owned())]), "{body}");
    }
}

#[test]
fn channels() {
    let cases = [
        ("To=whatsapp%3A%2B15558675310", Channel::Whatsapp),
        ("To=RCS%3A%2B15558675310", Channel::Rcs),
        ("To=%2B15558675310", Channel::Sms),
        ("To=%2B15558675310&From=rcs%3Abrand", Channel::Rcs),
        ("From=%2B15558675310&ChannelPrefix=whatsapp", Channel::Whatsapp),
        ("To=messenger%3A123", Channel::Other),
        ("Nothing=1", Channel::Other),
    ];
    for (body, channel) in cases {
        let events = normalised(&post(URL, FORM, "", &format!("{body}&MessageStatus=sent")));
        assert_eq!(events[0].channel, channel, "{body}");
    }
}

/// The recipe, spelt out, so that a change of it is noticed.
#[test]
fn keys_are_made_of_what_was_told_only() {
    let raw = post(URL, FORM, "", UNDELIVERED);
    let expected = DedupKey::of(&[
        b"twilio",
        b"ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        b"SMbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        b"undelivered",
        b"30003",
        b"",
    ]);
    assert_eq!(normalised(&raw)[0].dedup, [expected]);
    let same = UNDELIVERED.replace("2510090853", "2510090854") + "&NewParameter=1";
    let mut again = post("https://x.example/?other=1", FORM, "another signature", &same);
    again.headers.insert("i-twilio-idempotency-token", "t-1".parse().unwrap());
    assert_eq!(normalised(&again)[0].dedup, [expected]);
    let other = post(URL, FORM, "", &UNDELIVERED.replace("30003", "30005"));
    assert_ne!(normalised(&other)[0].dedup, [expected]);
}

#[test]
fn what_names_no_message_is_known_by_what_is_signed() {
    let key = |raw: &RawRequest| normalised(raw)[0].dedup.clone();
    let one = post(URL, FORM, "", "Surprise=a+b&Other=1");
    assert_eq!(key(&one), key(&post(URL, FORM, "", "Other=1&Surprise=a%20b")));
    assert_ne!(key(&one), key(&post(URL, FORM, "", "Other=1&Surprise=b")));
    let mut get = post("https://hooks.example.com/in/twilio?Surprise=1", FORM, "", "");
    get.method = "GET".to_owned();
    let mut with_body = get.clone();
    with_body.body = b"not signed".to_vec();
    assert_eq!(key(&get), key(&with_body));
}

#[test]
fn a_stream_and_a_callback_about_the_same_status_share_a_key() {
    let event = json!({"type": "com.twilio.messaging.message.undelivered", "id": "EZ1", "data": {
        "accountSid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "messageSid": "SMbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "errorCode": 30003, "to": "+15558675310"}});
    let streamed = normalised(&post(JSON_URL, "application/json", "", &event.to_string()));
    let called = normalised(&post(URL, FORM, "", UNDELIVERED));
    assert_eq!(streamed[0].dedup[0], called[0].dedup[0]);
    assert_eq!(streamed[0].dedup.len(), 2);
}

fn happening(kind: Kind, recipient: &str) -> Happening {
    Happening {
        kind,
        occurred_at: Timestamp::EPOCH,
        recipient: recipient.parse().unwrap(),
        message: "m-1".to_owned(),
        serial: 1,
        labels: [("booking_id".to_owned(), "4 2&ä".to_owned())].into(),
        tags: Vec::new(),
        subject: String::new(),
    }
}

#[test]
fn a_simulated_stop_tells_of_two_things() {
    let options = Options::from_value(json!({"shared_keys": {"SK1": TOKEN}, "require_sha256": true}));
    let simulator = Twilio.simulator(&options).unwrap();
    let stop = happening(Kind::Unsubscribed, "+15558675310");
    let raw = simulator.request(std::slice::from_ref(&stop), URL, Timestamp::EPOCH, Tamper::None);
    let urls = [URL.to_owned()];
    let endpoint = Twilio.endpoint(&options).unwrap();
    let verified = Verified::check(endpoint.as_ref(), raw.borrow(&urls, None), Timestamp::EPOCH).unwrap();
    let events = endpoint.normalise(&verified);
    assert_eq!(
        events.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [Kind::Inbound, Kind::Unsubscribed]
    );
    assert_eq!(events[1].recipient.as_ref(), Some(&stop.recipient));
    assert_eq!(events[1].labels["booking_id"], "4 2&ä");
    assert_eq!(endpoint.accepted(&verified).body, b"<Response/>");
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_one_other_byte_does_not(
        token in "[a-f0-9]{32}",
        kind in 0..Kind::TOLD_BY_PROVIDERS.len(),
        label in "\\PC{0,12}",
        place: proptest::sample::Index,
        flip in 1_u8..=255,
    ) {
        let options = json!({"keys": ["an older token", token.clone()]});
        let simulator = Twilio.simulator(&Options::from_value(json!({"keys": token}))).unwrap();
        let mut told = happening(Kind::TOLD_BY_PROVIDERS[kind], "+15558675310");
        told.labels.insert("note".to_owned(), label);
        let mut raw = simulator.request(&[told], URL, Timestamp::EPOCH, Tamper::None);
        prop_assert_eq!(check(options.clone(), &raw, URL), Ok(Proof::default()));

        let mut elsewhere = raw.clone();
        elsewhere.path_and_query.push('x');
        prop_assert_eq!(check(options.clone(), &elsewhere, URL), Err(Refusal::BadSignature));

        let before = crate::form::Form::urlencoded(&raw.body).unwrap();
        let at = place.index(raw.body.len());
        raw.body[at] ^= flip;
        let after = crate::form::Form::urlencoded(&raw.body).unwrap();
        // What is signed are the fields without separators, not the bytes: the flip must change those.
        if verify::joined(before.fields()) != verify::joined(after.fields()) {
            prop_assert_eq!(check(options, &raw, URL), Err(Refusal::BadSignature));
        }
    }

    #[test]
    fn the_order_of_fields_does_not_matter(
        fields in proptest::collection::vec(("[a-zA-Z]{1,3}", "[ -~]{0,4}"), 0..8),
        turn: proptest::sample::Index,
    ) {
        let mut turned = fields.clone();
        if !turned.is_empty() { let by = turn.index(turned.len()); turned.rotate_left(by); }
        prop_assert_eq!(verify::joined(&fields), verify::joined(&turned));
    }
}
