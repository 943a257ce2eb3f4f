//! Requests as Resend sends them.

use hearback_event::{Kind, Timestamp};
use serde_json::{Map, Value, json};

use crate::standard_webhooks::signature::{KeyEncoding, Signer};
use crate::{Happening, Keys, OptionError, RawRequest, SimulatedRequest, Simulator, Tamper, crypto};

/// The kinds that Resend tells of a message. Those of contacts, and inbound mail, name no message that was sent.
const KINDS: &[Kind] = &[
    Kind::Queued,
    Kind::Sent,
    Kind::Delivered,
    Kind::Deferred,
    Kind::Bounced,
    Kind::Rejected,
    Kind::Failed,
    Kind::Opened,
    Kind::Clicked,
    Kind::Complained,
];

/// A webhook of Resend.
pub(super) struct ResendSimulator {
    signer: Signer,
}

impl ResendSimulator {
    /// One that signs with the first of the keys.
    pub(super) fn new(keys: &Keys) -> Result<Self, OptionError> {
        Ok(Self { signer: Signer::new(keys, KeyEncoding::Base64)? })
    }

    fn body(&self, happening: &Happening) -> Value {
        let (native, details) = told(happening);
        let mut data = json!({
            "created_at": happening.occurred_at.plus_seconds(-9),
            "email_id": self.provider_message_id(happening),
            "from": "Stay <stay@example.org>",
            "to": [happening.recipient],
            "subject": happening.subject,
            "tags": happening.labels,
        });
        if !happening.tags.is_empty() {
            let tags = json!(happening.tags).to_string();
            set(&mut data, "headers", json!([{"name": "X-Tags", "value": tags}]));
        }
        for (name, value) in details {
            set(&mut data, &name, value);
        }
        json!({"type": native, "created_at": happening.occurred_at, "data": data})
    }
}

fn set(data: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = data {
        fields.insert(name.to_owned(), value);
    }
}

/// The native type and what it adds to `data`.
fn told(happening: &Happening) -> (&'static str, Map<String, Value>) {
    let (native, name, details) = match happening.kind {
        Kind::Queued => ("email.scheduled", "", Value::Null),
        Kind::Delivered => ("email.delivered", "", Value::Null),
        Kind::Deferred => ("email.delivery_delayed", "", Value::Null),
        Kind::Bounced => (
            "email.bounced",
            "bounce",
            json!({"type": "Permanent", "subType": "NoEmail", "message": "The recipient's address does not exist.",
                "diagnosticCode": ["smtp; 550 5.1.1 user unknown"]}),
        ),
        Kind::Rejected => (
            "email.suppressed",
            "suppressed",
            json!({"type": "OnAccountSuppressionList", "reason": "previous_bounce",
                "message": "Sending to this address is suppressed.", "diagnosticCode": []}),
        ),
        Kind::Failed => ("email.failed", "failed", json!({"reason": "reached_daily_quota"})),
        Kind::Opened => ("email.opened", "", Value::Null),
        Kind::Clicked => (
            "email.clicked",
            "click",
            json!({"ipAddress": "203.0.113.5", "link": "https://example.org/stay",
                "timestamp": happening.occurred_at, "userAgent": "Mozilla/5.0"}),
        ),
        Kind::Complained => ("email.complained", "", Value::Null),
        _ => ("email.sent", "", Value::Null),
    };
    let details = (!name.is_empty()).then(|| (name.to_owned(), details));
    (native, details.into_iter().collect())
}

impl Simulator for ResendSimulator {
    fn kinds(&self) -> &'static [Kind] {
        KINDS
    }

    /// A UUID, as Resend's are.
    fn provider_message_id(&self, happening: &Happening) -> String {
        let hex = crypto::hex_encode(&crypto::sha256(&[b"resend", happening.message.as_bytes()]));
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
    }

    fn request(
        &self,
        happenings: &[Happening],
        url: &str,
        now: Timestamp,
        tamper: Tamper,
    ) -> SimulatedRequest {
        let told = happenings.first();
        let id = format!("msg_{:027}", told.map_or(0, |happening| happening.serial));
        let body = match (told, tamper) {
            (Some(happening), Tamper::None | Tamper::Forged) => self.body(happening),
            _ => json!({"type": "email.teleported", "data": []}),
        }
        .to_string()
        .into_bytes();
        let timestamp = now.as_seconds().to_string();
        let signature = self.signer.sign(&id, &timestamp, &body, tamper);
        let headers = [
            ("content-type", "application/json"),
            ("user-agent", "Svix-Webhooks/1.84.0 (sender-9YMgn; +https://www.svix.com/http-sender/)"),
            ("svix-id", &id),
            ("svix-timestamp", &timestamp),
            ("svix-signature", &signature),
        ];
        RawRequest::post(url, &headers, body)
    }
}
