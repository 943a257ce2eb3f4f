//! Mandrill's batches, correctly signed. Of list changes and incoming mail, which belong to no sent message, it tells nothing.

use hearback_event::{Kind, Timestamp};
use serde_json::{Value, json};

use super::verify::{signed_parts, sorted};
use super::{FIELD, Settings};
use crate::crypto::{Hash, HmacKey, base64_encode, hex_encode, sha256};
use crate::form::Form;
use crate::{Happening, RawRequest, Secret, SimulatedRequest, Simulator, Tamper};

pub(super) struct MandrillSimulator {
    settings: Settings,
}

const KINDS: &[Kind] = &[
    Kind::Sent,
    Kind::Delivered,
    Kind::Deferred,
    Kind::Bounced,
    Kind::Rejected,
    Kind::Opened,
    Kind::Clicked,
    Kind::Complained,
    Kind::Unsubscribed,
];

impl MandrillSimulator {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn sign(&self, url: &str, body: &str, tamper: Tamper) -> String {
        let key = match tamper {
            Tamper::Forged => "another key",
            Tamper::None | Tamper::Broken => {
                self.settings.keys.first().map(Secret::expose).unwrap_or_default()
            }
        };
        let form = Form::urlencoded(body.as_bytes()).unwrap_or_default();
        base64_encode(&HmacKey::new(Hash::Sha1, key.as_bytes()).sign(&signed_parts(url, &sorted(&form))))
    }

    /// The URL as it stands in Mandrill: with the secret, if one is configured.
    fn url_with_secret(&self, url: &str) -> String {
        let Some(secret) = &self.settings.secret else { return url.to_owned() };
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let name = &self.settings.secret_name;
        if form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == name.as_str()) {
            return url.to_owned();
        }
        let pair =
            form_urlencoded::Serializer::new(String::new()).append_pair(name, secret.expose()).finish();
        format!("{url}{}{pair}", if url.contains('?') { '&' } else { '?' })
    }
}

impl Simulator for MandrillSimulator {
    fn batch_limit(&self) -> usize {
        1000
    }

    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn provider_message_id(&self, happening: &Happening) -> String {
        let digest = sha256(&[b"mandrill", happening.message.as_bytes()]);
        hex_encode(&digest).chars().take(32).collect()
    }

    fn request(
        &self,
        happenings: &[Happening],
        url: &str,
        _now: Timestamp,
        tamper: Tamper,
    ) -> SimulatedRequest {
        let url = self.url_with_secret(url);
        let mut batch: Vec<Value> = happenings
            .iter()
            .take(self.batch_limit())
            .map(|happening| element(happening, &self.provider_message_id(happening)))
            .collect();
        if tamper == Tamper::Broken
            && let Some(first) = batch.first_mut()
        {
            // Told apart by the number, or all broken elements would count as one.
            let serial = happenings.first().map(|happening| happening.serial);
            *first = json!({"event": 17, "msg": "no message", "number": serial});
        }
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair(FIELD, &Value::from(batch).to_string())
            .finish();
        let signature = self.sign(&url, &body, tamper);
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("user-agent", "Mandrill-Webhook/1.0"),
            ("x-mandrill-signature", signature.as_str()),
        ];
        RawRequest::post(&url, &headers, body.into_bytes())
    }
}

fn element(happening: &Happening, id: &str) -> Value {
    let seconds = happening.occurred_at.as_seconds();
    let mut msg = json!({
        "_id": id, "ts": seconds - 10, "email": happening.recipient.as_str(), "sender": "shop@example.org",
        "subject": happening.subject, "state": state(happening.kind), "tags": happening.tags, "opens": [], "clicks": [],
        "smtp_events": [], "resends": [], "metadata": happening.labels, "_version": "aB3dE5fG7hI9jK1lM3nO5p",
    });
    let mut element = json!({"event": native(happening.kind), "_id": id, "ts": seconds});
    let (of_event, of_message) = details(happening.kind, seconds);
    for (into, more) in [(&mut element, of_event), (&mut msg, of_message)] {
        if let (Value::Object(into), Value::Object(more)) = (into, more) {
            into.extend(more);
        }
    }
    if let Value::Object(element) = &mut element {
        element.insert("msg".to_owned(), msg);
    }
    element
}

fn native(kind: Kind) -> &'static str {
    match kind {
        Kind::Delivered => "delivered",
        Kind::Deferred => "deferral",
        Kind::Bounced | Kind::Failed => "hard_bounce",
        Kind::Rejected => "reject",
        Kind::Opened => "open",
        Kind::Clicked => "click",
        Kind::Complained => "spam",
        Kind::Unsubscribed => "unsub",
        _ => "send",
    }
}

fn state(kind: Kind) -> &'static str {
    match kind {
        Kind::Deferred => "deferred",
        Kind::Bounced | Kind::Failed => "bounced",
        Kind::Rejected => "rejected",
        Kind::Complained => "spam",
        Kind::Unsubscribed => "unsub",
        _ => "sent",
    }
}

/// What only events of that kind carry: beside the message, and in it.
fn details(kind: Kind, seconds: i64) -> (Value, Value) {
    let client = json!({
        "ip": "203.0.113.5", "user_agent": "Mozilla/5.0 (Windows NT 10.0)", "user_agent_parsed": null,
        "location": {"country_short": "DE", "country_long": "Germany", "region": "Berlin", "city": "Berlin",
            "postal_code": "10115", "timezone": "+01:00", "latitude": 52.52, "longitude": 13.4},
    });
    let url = "https://example.org/stay?x=1";
    match kind {
        Kind::Deferred => (
            json!({}),
            json!({"smtp_events": [{"ts": seconds, "type": "deferred", "diag": "451 4.3.5 Temporarily unavailable",
                "source_ip": "192.0.2.8", "destination_ip": "198.51.100.9", "size": 0}]}),
        ),
        Kind::Bounced | Kind::Failed => (
            json!({}),
            json!({"bounce_description": "bad_mailbox", "bgtools_code": 10,
                "diag": "smtp;550 5.1.1 The email account does not exist"}),
        ),
        Kind::Rejected => {
            (json!({}), json!({"reject": {"reason": "hard-bounce", "last_event_at": "2025-10-09 08:53:21"}}))
        }
        Kind::Opened => (client, json!({"opens": [{"ts": seconds}]})),
        Kind::Clicked => {
            let mut client = client;
            if let Value::Object(fields) = &mut client {
                fields.insert("url".to_owned(), json!(url));
            }
            (client, json!({"opens": [{"ts": seconds}], "clicks": [{"ts": seconds, "url": url}]}))
        }
        _ => (json!({}), json!({})),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Options;

    #[test]
    fn the_secret_is_added_to_the_url_once() {
        let options = json!({"keys": "k", "secret": "a b&c", "secret_name": "key"});
        let simulator = MandrillSimulator::new(Settings::read(&Options::from_value(options)).unwrap());
        for (url, expected) in [
            ("https://x.example/m", "https://x.example/m?key=a+b%26c"),
            ("https://x.example/m?a=1", "https://x.example/m?a=1&key=a+b%26c"),
            ("https://x.example/m?key=other", "https://x.example/m?key=other"),
        ] {
            assert_eq!(simulator.url_with_secret(url), expected);
        }
    }
}
