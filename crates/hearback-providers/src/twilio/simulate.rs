//! Requests as Twilio sends them.
//!
//! Labels travel in the query of the callback URL, as a sender has to do it; tags and the subject have no place in a
//! text message and are left out. Where a person opts out or in, one request tells of two things, so those kinds can
//! be asked for but are not in the list.

use hearback_event::{Kind, Timestamp};

use super::verify;
use crate::crypto::{self, Hash, HmacKey};
use crate::{Happening, RawRequest, Secret, Simulator, Tamper};

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const OUR_NUMBER: &str = "+15005550006";
const GUEST: &str = "+15558675310";

/// Who signs, and how.
pub(super) struct Signer {
    secret: Secret,
    /// The id of a shared key, which goes into a header; then the hash is SHA-256.
    shared: Option<String>,
}

impl Signer {
    pub(super) const fn token(secret: Secret) -> Self {
        Self { secret, shared: None }
    }

    pub(super) const fn shared(id: String, secret: Secret) -> Self {
        Self { secret, shared: Some(id) }
    }

    fn sign(&self, url: &str, fields: &[(&'static str, String)], tamper: Tamper) -> String {
        let hash = if self.shared.is_some() { Hash::Sha256 } else { Hash::Sha1 };
        let key = match tamper {
            Tamper::Forged => HmacKey::new(hash, b"not the key of this endpoint"),
            Tamper::None | Tamper::Broken => HmacKey::new(hash, self.secret.expose().as_bytes()),
        };
        crypto::base64_encode(&key.sign(&[url.as_bytes(), verify::joined(fields).as_bytes()]))
    }
}

/// Makes Twilio's requests.
pub(super) struct TwilioSimulator {
    signer: Signer,
}

impl TwilioSimulator {
    pub(super) const fn new(signer: Signer) -> Self {
        Self { signer }
    }
}

impl Simulator for TwilioSimulator {
    fn kinds(&self) -> &'static [Kind] {
        &[
            Kind::Queued,
            Kind::Sent,
            Kind::Delivered,
            Kind::Bounced,
            Kind::Rejected,
            Kind::Failed,
            Kind::Opened,
            Kind::Inbound,
        ]
    }

    fn provider_message_id(&self, happening: &Happening) -> String {
        format!("SM{}", hex32(&[happening.message.as_bytes()]))
    }

    fn request(
        &self,
        happenings: &[Happening],
        url: &str,
        _now: Timestamp,
        tamper: Tamper,
    ) -> crate::SimulatedRequest {
        let happening = happenings.first();
        let url = happening.map_or_else(|| url.to_owned(), |happening| with_labels(url, happening));
        let fields = if let (Some(happening), Tamper::None | Tamper::Forged) = (happening, tamper) {
            fields(happening, &self.provider_message_id(happening))
        } else {
            // Told apart by the number, or all broken requests would count as one.
            let serial = happening.map_or(0, |happening| happening.serial);
            vec![("AccountSid", ACCOUNT.to_owned()), ("Surprise", serial.to_string())]
        };
        let signature = self.signer.sign(&url, &fields, tamper);
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        let settings = self.signer.shared.as_ref().map(|id| format!("key={id},algorithm=HMAC_SHA256"));
        let idempotency = hex32(&[body.as_bytes()]);
        let mut headers = vec![
            ("content-type", "application/x-www-form-urlencoded; charset=UTF-8"),
            ("user-agent", "TwilioProxy/1.1"),
            ("i-twilio-idempotency-token", idempotency.as_str()),
            (verify::SIGNATURE, signature.as_str()),
        ];
        headers.extend(settings.as_deref().map(|settings| (verify::SETTINGS, settings)));
        RawRequest::post(&url, &headers, body.into_bytes())
    }
}

/// The callback URL with the labels in its query. The fragment with Twilio's retry settings is never sent.
fn with_labels(url: &str, happening: &Happening) -> String {
    let url = url.split('#').next().unwrap_or(url);
    if happening.labels.is_empty() {
        return url.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&happening.labels).finish();
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{query}")
}

fn fields(happening: &Happening, sid: &str) -> Vec<(&'static str, String)> {
    match happening.kind {
        Kind::Inbound | Kind::InboundFailed => {
            inbound(sid, GUEST, happening.recipient.as_str(), "What time can we check in?")
        }
        Kind::Unsubscribed | Kind::Complained | Kind::SuppressionChanged => {
            inbound(sid, happening.recipient.as_str(), OUR_NUMBER, "STOP")
        }
        Kind::Subscribed => inbound(sid, happening.recipient.as_str(), OUR_NUMBER, "START"),
        Kind::Autoresponded => {
            inbound(sid, happening.recipient.as_str(), OUR_NUMBER, "I am driving and will answer later.")
        }
        _ => callback(happening, sid),
    }
}

fn callback(happening: &Happening, sid: &str) -> Vec<(&'static str, String)> {
    let (status, error) = status(happening);
    let channel = if status == "read" { "whatsapp:" } else { "" };
    let mut fields = common(
        sid,
        status,
        &format!("{channel}{OUR_NUMBER}"),
        &format!("{channel}{}", happening.recipient.as_str()),
    );
    fields.push(("MessageStatus", status.to_owned()));
    fields.extend(error.map(|code| ("ErrorCode", code.to_owned())));
    if matches!(status, "delivered" | "undelivered") {
        fields.push(("RawDlrDoneDate", carrier_time(happening.occurred_at)));
    }
    if status == "read" {
        fields.push(("EventType", "READ".to_owned()));
        fields.push(("ChannelPrefix", "whatsapp".to_owned()));
    }
    fields
}

/// The status that tells of a kind, or of the nearest one, and an error code that goes with it.
fn status(happening: &Happening) -> (&'static str, Option<&'static str>) {
    match happening.kind {
        Kind::Queued => ("queued", None),
        Kind::Delivered => ("delivered", None),
        // Both a phone that is off for now and a number that does not exist.
        Kind::Bounced => {
            ("undelivered", Some(if happening.serial.is_multiple_of(2) { "30003" } else { "30005" }))
        }
        Kind::Rejected => ("failed", Some("21610")),
        Kind::Failed => ("failed", Some("30020")),
        Kind::Opened | Kind::Clicked => ("read", None),
        Kind::Unknown => ("partially_delivered", None),
        _ => ("sent", None),
    }
}

fn inbound(sid: &str, from: &str, to: &str, body: &str) -> Vec<(&'static str, String)> {
    let mut fields = common(sid, "received", from, to);
    fields.extend([
        ("SmsMessageSid", sid.to_owned()),
        ("Body", body.to_owned()),
        ("NumMedia", "0".to_owned()),
        ("NumSegments", "1".to_owned()),
        ("FromCountry", "US".to_owned()),
        ("ToCountry", "US".to_owned()),
    ]);
    fields
}

fn common(sid: &str, status: &str, from: &str, to: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AccountSid", ACCOUNT.to_owned()),
        ("ApiVersion", "2010-04-01".to_owned()),
        ("From", from.to_owned()),
        ("MessageSid", sid.to_owned()),
        ("SmsSid", sid.to_owned()),
        ("SmsStatus", status.to_owned()),
        ("To", to.to_owned()),
    ]
}

/// `YYMMDDhhmm`.
fn carrier_time(moment: Timestamp) -> String {
    moment.to_string().chars().filter(char::is_ascii_digit).skip(2).take(10).collect()
}

fn hex32(parts: &[&[u8]]) -> String {
    crypto::hex_encode(&crypto::sha256(parts)).chars().take(32).collect()
}
