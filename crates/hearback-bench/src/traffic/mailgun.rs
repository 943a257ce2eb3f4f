//! Mailgun's events with everything that real ones carry: about 1.7 KB. (The simulator's leave out what Hearback does not read.)

use hearback_event::{Kind, Timestamp};
use hearback_providers::Happening;
use hearback_providers::crypto::{Hash, HmacKey, hex_encode, sha256};

use super::population::scatter;
use crate::wire;

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
];
const PLACES: [(&str, &str, &str, &str); 4] = [
    ("DE", "BE", "Berlin", "Europe/Berlin"),
    ("FR", "IDF", "Paris", "Europe/Paris"),
    ("US", "CA", "San Francisco", "America/Los_Angeles"),
    ("AT", "9", "Vienna", "Europe/Vienna"),
];

/// Makes and signs.
pub(super) struct Maker {
    key: HmacKey,
}

impl Maker {
    /// With this signing key.
    pub(super) fn new(key: &str) -> Self {
        Self { key: HmacKey::new(Hash::Sha256, key.as_bytes()) }
    }

    /// The complete request.
    pub(super) fn request(&self, happening: &Happening) -> Box<[u8]> {
        let digest = hex_encode(&sha256(&[b"event", &happening.serial.to_be_bytes()]));
        let (token, id) = (digest.get(..50).unwrap_or_default(), digest.get(40..62).unwrap_or_default());
        let timestamp = Timestamp::now().as_seconds().to_string();
        let signature = hex_encode(&self.key.sign(&[timestamp.as_bytes(), token.as_bytes()]));
        let body = format!(
            r#"{{"signature":{{"token":"{token}","timestamp":"{timestamp}","signature":"{signature}"}},"event-data":{}}}"#,
            event(happening, id, &digest)
        );
        let headers = [
            ("Content-Type", "application/json"),
            ("User-Agent", "Go-http-client/2.0"),
            ("Accept-Encoding", "gzip"),
        ];
        wire::post("/webhooks/mailgun", &headers, body.as_bytes())
    }
}

/// `event-data`. Nothing in it needs escaping.
fn event(happening: &Happening, id: &str, digest: &str) -> String {
    let recipient = happening.recipient.as_str();
    let domain = happening.recipient.domain().unwrap_or_default();
    let at = happening.occurred_at.as_nanos() / 1000;
    let labels: Vec<String> =
        happening.labels.iter().map(|(key, value)| format!(r#""{key}":"{value}""#)).collect();
    let tag = happening.tags.first().map_or("", String::as_str);
    let (name, told) = told(happening, scatter(happening.serial));
    format!(
        concat!(
            r#"{{"id":"{}","timestamp":{}.{:06},"log-level":"info","event":"{}",{},"#,
            r#""flags":{{"is-routed":false,"is-authenticated":true,"is-system-test":false,"is-test-mode":false,"is-delayed-bounce":false}},"#,
            r#""envelope":{{"transport":"smtp","sender":"bookings@mg.example.com","sending-ip":"192.0.2.{}","targets":"{}"}},"#,
            r#""message":{{"headers":{{"to":"Guest <{}>","message-id":"{}@mg.example.com","from":"The Old Mill <bookings@mg.example.com>","#,
            r#""subject":"{}"}},"attachments":[],"size":{}}},"#,
            r#""recipient":"{}","recipient-domain":"{}","recipient-provider":"Other","#,
            r#""storage":{{"url":["https://storage-europe-west1.api.mailgun.net/v3/domains/mg.example.com/messages/BAABAg{}{}"],"#,
            r#""region":"europe-west1","env":"production","key":"BAABAg{}{}"}},"#,
            r#""campaigns":[],"mailing-list":null,"tags":["{}","transactional"],"user-variables":{{{}}}}}"#,
        ),
        id,
        at / 1_000_000,
        at % 1_000_000,
        name,
        told,
        happening.serial % 200,
        recipient,
        recipient,
        happening.message,
        happening.subject,
        18_000 + happening.serial % 9000,
        recipient,
        domain,
        digest,
        id,
        digest,
        id,
        tag,
        labels.join(","),
    )
}

/// The event's name, and what only such events carry.
fn told(happening: &Happening, chance: u64) -> (&'static str, String) {
    let status = |code: u16, text: &str| {
        format!(
            concat!(
                r#""delivery-status":{{"tls":true,"mx-host":"mx{}.example.net","code":{},"enhanced-code":"","description":"","#,
                r#""session-seconds":{}.{:03},"utf8":true,"attempt-no":1,"first-delivery-attempt-seconds":0.0{},"message":"{}","certificate-verified":true}}"#,
            ),
            chance % 5,
            code,
            chance % 3,
            chance % 1000,
            chance % 90 + 10,
            text,
        )
    };
    match happening.kind {
        Kind::Queued => ("accepted", status(250, "")),
        Kind::Deferred => (
            "failed",
            format!(r#""severity":"temporary","reason":"generic",{}"#, status(452, "4.2.2 mailbox full")),
        ),
        Kind::Bounced => (
            "failed",
            format!(r#""severity":"permanent","reason":"bounce",{}"#, status(550, "5.1.1 user unknown")),
        ),
        Kind::Opened => ("opened", visitor(chance)),
        Kind::Unsubscribed => ("unsubscribed", visitor(chance)),
        Kind::Complained => ("complained", visitor(chance)),
        Kind::Clicked => {
            let url = format!("https://stay.example.org/b/{}?utm_source=mail", happening.serial);
            ("clicked", format!(r#""url":"{url}",{}"#, visitor(chance)))
        }
        _ => ("delivered", status(250, "OK")),
    }
}

fn visitor(chance: u64) -> String {
    let agent = AGENTS[chance as usize % AGENTS.len()];
    let (country, region, city, zone) = PLACES[(chance >> 8) as usize % PLACES.len()];
    format!(
        concat!(
            r#""ip":"203.0.113.{}","geolocation":{{"country":"{}","region":"{}","city":"{}","timezone":"{}"}},"#,
            r#""client-info":{{"client-os":"iOS","device-type":"mobile","client-name":"Mobile Safari","client-type":"browser","#,
            r#""bot":"","user-agent":"{}"}}"#,
        ),
        chance % 250,
        country,
        region,
        city,
        zone,
        agent,
    )
}

#[cfg(test)]
mod tests {
    use hearback_providers::{Options, RawRequest, Verified, provider};
    use serde_json::json;

    use super::super::population::{Series, happening};
    use super::*;

    #[test]
    fn requests_are_genuine_understood_and_of_the_right_size() {
        let mailgun = provider("mailgun").unwrap();
        let key = "a-signing-key-of-some-length";
        let endpoint = mailgun.endpoint(&Options::from_value(json!({"keys": key}))).unwrap();
        let mut total = 0;
        for serial in 0..4000 {
            let happening = happening(Series::Mailgun, serial);
            let raw = RawRequest::parse(&Maker::new(key).request(&happening)).unwrap();
            total += raw.body.len();
            let verified =
                Verified::check(endpoint.as_ref(), raw.borrow(&[], None), Timestamp::now()).unwrap();
            let [event] = &*endpoint.normalise(&verified) else { panic!("one event") };
            assert_eq!((event.kind, &event.recipient), (happening.kind, &Some(happening.recipient)));
            assert_eq!(event.labels.len(), 2);
        }
        let mean = total / 4000;
        assert!((1600..=1800).contains(&mean), "{mean} bytes");
    }
}
