//! Any text as each of the small values: what is read once reads the same when it is stored and read again.

#![no_main]

use hearback_event::{Address, EventId, Kind, Label, MessageId, Timestamp, labels_from_json, mask};
use hearback_fuzz::seed_texts;
use hearback_providers::form::{Form, MOST_FIELDS};
use hearback_providers::{crypto, json, smtp};
use libfuzzer_sys::fuzz_target;

/// What these values look like where providers write them.
const SEEDS: &[&str] = &[
    "2025-10-09T09:01:41.2493688-04:00",
    "2023-04-03 22:13:42.674981+00",
    "Thu, 11 Dec 2025 01:49:40 +0000",
    "1759999998.412305",
    "Bob <whatsapp:+1 (555) 867-5310>",
    " Amy Smith <Amy.Smith@Example.com> ",
    "msg_7P1DTG0ZBN9QW5DP7AMWRRFPQV",
    "evt_01M7XWWD8ZEDR800000000001J",
    "message.bounced",
    "smtp; 550-5.1.1 The email account that you tried to reach does not exist. 452 4.2.2 mailbox full",
    "aGVhcmJhY2s=",
    "6865617262",
    "a=1&b%5B%5D=%C3%A4+b&a=2",
    "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\nx\r\n--b--\r\n",
    "[{\"a\":[\"t\",1,{\"x\":null}]},1759999998.5,\"2025-10-09T08:53:20Z\"]",
];

fuzz_target!(init: seed_texts("values", SEEDS), |data: &[u8]| {
    forms(data);
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(data) {
        for value in labels_from_json(&value).values() {
            let _ = Label::is_indexed(value);
        }
        let _ = (json::texts(&value, "/a"), json::epoch_seconds(&value, ""), json::iso8601(&value, ""));
    }
    let _ = json::elements(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    times(text);
    addresses(text);
    ids(text);
    codes(text);
    let _ = (Kind::parse(text), json::cut(text), mask(text));
    for decoded in [crypto::base64_decode(text), crypto::base64url_decode(text)].into_iter().flatten() {
        assert_eq!(crypto::base64_decode(&crypto::base64_encode(&decoded)), Some(decoded));
    }
    if let Some(decoded) = crypto::hex_decode(text) {
        assert_eq!(crypto::hex_decode(&crypto::hex_encode(&decoded)), Some(decoded));
    }
});

fn times(text: &str) {
    let parsers = [Timestamp::parse_iso8601, Timestamp::parse_rfc2822, Timestamp::from_decimal_seconds];
    for moment in parsers.iter().filter_map(|parse| parse(text).ok()) {
        assert_eq!(moment.to_string().parse(), Ok(moment));
        let _ = (moment.hour(), moment.day(), moment.plus_seconds(i64::MAX).seconds_since(moment));
    }
}

fn addresses(text: &str) {
    if let Ok(address) = Address::parse(text) {
        assert_eq!(
            Address::parse(address.as_str()).as_ref(),
            Ok(&address),
            "an address that is read never changes again"
        );
        let _ = (address.domain(), address.is_phone(), address.masked());
    }
}

fn ids(text: &str) {
    if let Ok(id) = text.parse::<EventId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(id) = text.parse::<MessageId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}

fn codes(text: &str) {
    let (enhanced, reply) = (smtp::enhanced_code(text), smtp::reply_code(text));
    for code in enhanced.iter().chain(&reply) {
        let _ = (smtp::severity(code), smtp::reason_of_enhanced(code));
    }
    let _ = smtp::reason(enhanced.as_deref(), reply.as_deref(), text);
}

fn forms(data: &[u8]) {
    let boundary = "multipart/form-data; boundary=b";
    for form in [Form::urlencoded(data), Form::multipart(boundary, data)].into_iter().flatten() {
        assert!(form.fields().len() + form.files().len() <= MOST_FIELDS);
        for (name, _) in form.fields() {
            assert!(form.first(name).is_some() && form.last(name).is_some());
        }
    }
}
