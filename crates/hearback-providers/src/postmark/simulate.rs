//! Requests as Postmark sends them.
//!
//! There is no signature: a forged request has a wrong password or a wrong secret header. Where only networks are
//! configured nothing in a request can be wrong. Inbound mail can be asked for but is not in the list of kinds,
//! because it has no place for a sender's labels. There is no queued or sent event: a delivery is the nearest.

use std::net::IpAddr;

use hearback_event::{Kind, Timestamp};
use http::HeaderValue;
use serde_json::{Value, json};

use super::normalise::TRACE;
use super::options::Access;
use crate::{Happening, RawRequest, Simulator, Tamper, crypto};

const SERVER: u64 = 23;

/// Makes Postmark's requests.
pub(super) struct PostmarkSimulator {
    access: Access,
}

impl PostmarkSimulator {
    pub(super) const fn new(access: Access) -> Self {
        Self { access }
    }

    fn authorise(&self, request: &mut RawRequest, tamper: Tamper) {
        let forged = tamper == Tamper::Forged;
        let mut set = |name: http::HeaderName, value: &[u8]| {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                request.headers.insert(name, value);
            }
        };
        if let Some(pair) = self.access.credentials.first() {
            let password = if forged { "not the password of this endpoint" } else { pair.password.expose() };
            let encoded = crypto::base64_encode(format!("{}:{password}", pair.user.expose()).as_bytes());
            set(http::header::AUTHORIZATION, format!("Basic {encoded}").as_bytes());
        }
        if let Some(header) = &self.access.header {
            let value = header.values.first().map(crate::Secret::expose).unwrap_or_default();
            let value = if forged { "not the value of this endpoint" } else { value };
            set(header.name.clone(), value.as_bytes());
        }
    }
}

impl Simulator for PostmarkSimulator {
    fn kinds(&self) -> &'static [Kind] {
        &[
            Kind::Delivered,
            Kind::Deferred,
            Kind::Bounced,
            Kind::Rejected,
            Kind::Failed,
            Kind::Opened,
            Kind::Clicked,
            Kind::Complained,
            Kind::Unsubscribed,
            Kind::Subscribed,
            Kind::Autoresponded,
            Kind::SuppressionChanged,
        ]
    }

    fn provider_message_id(&self, happening: &Happening) -> String {
        uuid(&[happening.message.as_bytes()])
    }

    fn request(
        &self,
        happenings: &[Happening],
        url: &str,
        _now: Timestamp,
        tamper: Tamper,
    ) -> crate::SimulatedRequest {
        let payload = match (happenings.first(), tamper) {
            (Some(happening), Tamper::None | Tamper::Forged) => {
                payload(happening, &self.provider_message_id(happening))
            }
            // Told apart by the number, or all broken requests would count as one.
            (told, _) => {
                let serial = told.map(|happening| happening.serial);
                json!({"RecordType": "Surprise", "MessageStream": "outbound", "Surprise": [serial, {"a": null}]})
            }
        };
        let body = payload.to_string().into_bytes();
        let trace = uuid(&[b"trace", &body]);
        let headers =
            [("content-type", "application/json"), ("user-agent", "Postmark"), (TRACE, trace.as_str())];
        let mut request = RawRequest::post(url, &headers, body);
        self.authorise(&mut request, tamper);
        request
    }
}

fn payload(happening: &Happening, message: &str) -> Value {
    let bounce = |row| bounce(happening, message, row);
    match happening.kind {
        Kind::Deferred => bounce(("Transient", 2, "smtp;451 4.3.2 Try again later", false)),
        Kind::Bounced => bounce(("HardBounce", 1, "smtp;550 5.1.1 The email account does not exist", true)),
        Kind::Rejected => bounce(("SMTPApiError", 100_007, "Recipient is inactive on this stream.", false)),
        Kind::Failed => bounce(("TemplateRenderingFailed", 100_010, "", false)),
        Kind::Autoresponded => bounce(("AutoResponder", 64, "", false)),
        Kind::Unknown => bounce(("OpenRelayTest", 1024, "", false)),
        Kind::Complained => complaint(happening, message),
        Kind::Opened | Kind::Clicked => engagement(happening, message),
        Kind::Unsubscribed => list(happening, message, true, Some("ManualSuppression"), "Recipient"),
        Kind::Subscribed => list(happening, message, false, None, "Recipient"),
        Kind::SuppressionChanged => list(happening, message, true, Some("HardBounce"), "Recipient"),
        Kind::Inbound | Kind::InboundFailed => inbound(happening, message),
        _ => with(
            common(happening, message, "Delivery"),
            json!({
                "Recipient": happening.recipient, "DeliveredAt": happening.occurred_at,
                "Details": "smtp;250 2.0.0 OK",
            }),
        ),
    }
}

fn common(happening: &Happening, message: &str, record: &str) -> Value {
    json!({
        "RecordType": record, "MessageID": message, "ServerID": SERVER, "MessageStream": "outbound",
        "Tag": happening.tags.first(), "Metadata": happening.labels,
    })
}

/// Adds the members of one object to another.
fn with(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}

fn bounce(happening: &Happening, message: &str, row: (&str, u32, &str, bool)) -> Value {
    let (name, code, details, inactive) = row;
    with(
        common(happening, message, "Bounce"),
        json!({
            "ID": 692_560_000_u64.wrapping_add(happening.serial), "Type": name, "TypeCode": code, "Name": name,
            "Description": "Simulated.", "Details": details, "Email": happening.recipient,
            "From": "shop@example.org", "BouncedAt": happening.occurred_at, "DumpAvailable": false,
            "Inactive": inactive, "CanActivate": true, "Subject": happening.subject,
        }),
    )
}

fn complaint(happening: &Happening, message: &str) -> Value {
    let base = bounce(happening, message, ("SpamComplaint", 100_001, "", true));
    with(base, json!({"RecordType": "SpamComplaint"}))
}

fn engagement(happening: &Happening, message: &str) -> Value {
    let octet = (happening.serial % 254) + 1;
    let what = if happening.kind == Kind::Opened {
        json!({"RecordType": "Open", "FirstOpen": true, "ReadSeconds": 0})
    } else {
        json!({
            "RecordType": "Click", "ClickLocation": "HTML",
            "OriginalLink": format!("https://shop.example.org/stay?n={}", happening.serial),
        })
    };
    let client = json!({
        "Recipient": happening.recipient, "ReceivedAt": happening.occurred_at, "UserAgent": "Mozilla/5.0",
        "Platform": "Desktop", "Client": {"Name": "Apple Mail", "Company": "Apple Inc.", "Family": "Apple Mail"},
        "OS": {"Name": "OS X", "Company": "Apple Inc.", "Family": "OS X"},
        "Geo": {
            "CountryISOCode": "DE", "Country": "Germany", "RegionISOCode": null, "Region": null, "City": null,
            "Zip": null, "Coords": null, "IP": IpAddr::from([203, 0, 113, octet as u8]),
        },
    });
    with(with(common(happening, message, ""), client), what)
}

fn list(happening: &Happening, message: &str, suppress: bool, reason: Option<&str>, origin: &str) -> Value {
    with(
        common(happening, message, "SubscriptionChange"),
        json!({
            "ChangedAt": happening.occurred_at, "Recipient": happening.recipient, "Origin": origin,
            "SuppressSending": suppress, "SuppressionReason": reason,
        }),
    )
}

fn inbound(happening: &Happening, message: &str) -> Value {
    let from = "guest@example.net";
    json!({
        "From": from, "FromName": "A Guest", "FromFull": {"Email": from, "Name": "A Guest", "MailboxHash": ""},
        "To": happening.recipient, "ToFull": [{"Email": happening.recipient, "Name": "", "MailboxHash": ""}],
        "OriginalRecipient": happening.recipient, "MailboxHash": "", "Subject": happening.subject,
        "MessageID": message, "MessageStream": "inbound", "Date": "Thu, 9 Oct 2025 10:00:00 +0200",
        "TextBody": "What time can we check in?", "HtmlBody": "", "Tag": "", "Attachments": [],
        "Headers": [
            {"Name": "Return-Path", "Value": format!("<{from}>")},
            {"Name": "Message-ID", "Value": format!("<{}@example.net>", happening.message)},
        ],
    })
}

/// A digest in the form of a UUID, version 8.
fn uuid(parts: &[&[u8]]) -> String {
    let hex = crypto::hex_encode(&crypto::sha256(parts));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}
