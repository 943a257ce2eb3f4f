//! Mailgun's JSON events, correctly signed.

use hearback_event::{Kind, Timestamp};
use serde_json::{Value, json};

use crate::crypto::{Hash, HmacKey, hex_encode, sha256};
use crate::{Happening, Keys, RawRequest, SimulatedRequest, Simulator, Tamper};

pub(super) struct MailgunSimulator {
    key: HmacKey,
}

const KINDS: &[Kind] = &[
    Kind::Queued,
    Kind::Delivered,
    Kind::Deferred,
    Kind::Bounced,
    Kind::Rejected,
    Kind::Failed,
    Kind::Opened,
    Kind::Clicked,
    Kind::Unsubscribed,
    Kind::Complained,
    Kind::Inbound,
];

impl MailgunSimulator {
    pub(super) fn new(keys: &Keys) -> Self {
        let key = keys.first().map(|key| key.expose().as_bytes()).unwrap_or_default();
        Self { key: HmacKey::new(Hash::Sha256, key) }
    }

    fn signature(&self, happening: &Happening, now: Timestamp, tamper: Tamper) -> Value {
        let timestamp = now.as_seconds().to_string();
        let token = digest_text("token", happening, 50);
        let parts = [timestamp.as_bytes(), token.as_bytes()];
        let tag = match tamper {
            Tamper::Forged => HmacKey::new(Hash::Sha256, b"another key").sign(&parts),
            Tamper::None | Tamper::Broken => self.key.sign(&parts),
        };
        json!({"timestamp": timestamp, "token": token, "signature": hex_encode(&tag)})
    }
}

impl Simulator for MailgunSimulator {
    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    fn provider_message_id(&self, happening: &Happening) -> String {
        format!("{}@mg.example.com", happening.message)
    }

    fn request(
        &self,
        happenings: &[Happening],
        url: &str,
        now: Timestamp,
        tamper: Tamper,
    ) -> SimulatedRequest {
        let body = happenings.first().map(|happening| {
            let data = match tamper {
                Tamper::Broken => json!(["failed", happening.serial]),
                Tamper::None | Tamper::Forged => event_data(happening, &self.provider_message_id(happening)),
            };
            json!({"signature": self.signature(happening, now, tamper), "event-data": data}).to_string()
        });
        let headers = [("content-type", "application/json"), ("user-agent", "Go-http-client/2.0")];
        RawRequest::post(url, &headers, body.unwrap_or_default().into_bytes())
    }
}

/// Letters and digits that are always the same for the same happening.
fn digest_text(purpose: &str, happening: &Happening, length: usize) -> String {
    let digest = sha256(&[purpose.as_bytes(), happening.message.as_bytes(), &happening.serial.to_be_bytes()]);
    hex_encode(&digest).chars().take(length).collect()
}

fn event_data(happening: &Happening, message_id: &str) -> Value {
    let recipient = happening.recipient.as_str();
    let mut data = json!({
        "event": native(happening.kind),
        "id": digest_text("id", happening, 22),
        // Mailgun gives microseconds; 2^53 of them reach past the year 2250, so the float holds them.
        "timestamp": happening.occurred_at.as_nanos().div_euclid(1000) as f64 / 1e6,
        "log-level": "info",
        "recipient": recipient,
        "recipient-domain": happening.recipient.domain(),
        "tags": happening.tags,
        "campaigns": [],
        "user-variables": happening.labels,
        "flags": {"is-routed": false, "is-authenticated": true, "is-system-test": false, "is-test-mode": false},
        "envelope": {"transport": "smtp", "sender": "shop@mg.example.com", "sending-ip": "192.0.2.10", "targets": recipient},
        "message": {
            "headers": {"to": recipient, "message-id": message_id, "from": "shop@mg.example.com", "subject": happening.subject},
            "attachments": [],
            "size": 2048,
        },
    });
    if let (Value::Object(data), Value::Object(more)) = (&mut data, details(happening)) {
        data.extend(more);
    }
    data
}

fn native(kind: Kind) -> &'static str {
    match kind {
        Kind::Delivered => "delivered",
        Kind::Deferred | Kind::Bounced | Kind::Rejected | Kind::Failed => "failed",
        Kind::Opened => "opened",
        Kind::Clicked => "clicked",
        Kind::Unsubscribed => "unsubscribed",
        Kind::Complained => "complained",
        Kind::Inbound | Kind::InboundFailed => "stored",
        _ => "accepted",
    }
}

/// What only events of that kind carry.
fn details(happening: &Happening) -> Value {
    let client = json!({
        "client-name": "Firefox", "client-type": "browser", "device-type": "desktop", "client-os": "Linux",
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "bot": "",
    });
    let place = json!({"country": "DE", "region": "BE", "city": "Berlin"});
    match happening.kind {
        Kind::Delivered => json!({"delivery-status": {"tls": true, "mx-host": "mx.example.net", "code": 250,
            "attempt-no": 1, "description": "", "message": "OK", "session-seconds": 0.8, "certificate-verified": true}}),
        Kind::Deferred => failed("temporary", "generic", 452, "4.2.2", "4.2.2 mailbox full, try again later"),
        Kind::Bounced => failed("permanent", "bounce", 550, "5.1.1", "5.1.1 user unknown"),
        Kind::Rejected => {
            failed("permanent", "suppress-bounce", 605, "", "Not delivering to previously bounced address")
        }
        Kind::Failed => failed("permanent", "old", 602, "", "Too old"),
        Kind::Opened | Kind::Unsubscribed => {
            json!({"ip": "203.0.113.5", "geolocation": place, "client-info": client})
        }
        Kind::Clicked => json!({"ip": "203.0.113.5", "geolocation": place, "client-info": client,
            "url": "https://example.org/stay?x=1"}),
        Kind::Inbound | Kind::InboundFailed => json!({"message": {
            "headers": {"to": happening.recipient.as_str(), "from": "guest@example.org", "subject": happening.subject,
                "message-id": format!("{}@mg.example.com", happening.message)},
            "recipients": [happening.recipient.as_str()], "attachments": [], "size": 2048}}),
        _ => json!({"delivery-status": null}),
    }
}

fn failed(severity: &str, reason: &str, code: u16, enhanced: &str, message: &str) -> Value {
    json!({
        "severity": severity, "reason": reason, "log-level": if severity == "permanent" { "error" } else { "warn" },
        "delivery-status": {"tls": true, "mx-host": "mx.example.net", "code": code, "enhanced-code": enhanced,
            "attempt-no": 1, "description": "", "message": message, "session-seconds": 0.8,
            "certificate-verified": true},
    })
}
