//! The bounce webhook: 22 types, some of which are no bounces at all (auto-answers, opt-outs, SMTP API errors).

use hearback_event::Reason::{
    self, Auth, Blocked, Content, Dns, InvalidRecipient, MailboxFull, Other, Policy, Spam, Suppressed,
};
use hearback_event::Severity::{self, Permanent, Temporary};
use hearback_event::{Event, Failure, Kind, ListAction, SuppressionChange};
use serde_json::Value;

use super::payload;
use crate::{json, smtp};

/// What a bounce type means.
struct BounceType {
    name: &'static str,
    code: &'static str,
    kind: Kind,
    severity: Option<Severity>,
    /// `None` where the message did not fail.
    reason: Option<Reason>,
}

const fn failing(
    name: &'static str,
    code: &'static str,
    kind: Kind,
    severity: Severity,
    reason: Reason,
) -> BounceType {
    BounceType { name, code, kind, severity: Some(severity), reason: Some(reason) }
}

const fn other(name: &'static str, code: &'static str, kind: Kind) -> BounceType {
    BounceType { name, code, kind, severity: None, reason: None }
}

#[rustfmt::skip]
const TYPES: &[BounceType] = &[
    failing("HardBounce", "1", Kind::Bounced, Permanent, InvalidRecipient),
    failing("Transient", "2", Kind::Deferred, Temporary, Other),
    other("Unsubscribe", "16", Kind::Unsubscribed),
    other("Subscribe", "32", Kind::Subscribed),
    other("AutoResponder", "64", Kind::Autoresponded),
    other("AddressChange", "128", Kind::Autoresponded),
    failing("DnsError", "256", Kind::Deferred, Temporary, Dns),
    failing("SpamNotification", "512", Kind::Bounced, Permanent, Spam),
    other("OpenRelayTest", "1024", Kind::Unknown),
    failing("Unknown", "2048", Kind::Bounced, Temporary, Other),
    failing("SoftBounce", "4096", Kind::Bounced, Temporary, Other),
    failing("VirusNotification", "8192", Kind::Bounced, Permanent, Content),
    // Not delivered yet: the receiver asks a person to confirm.
    BounceType { name: "ChallengeVerification", code: "16384", kind: Kind::Autoresponded, severity: None, reason: Some(Policy) },
    failing("BadEmailAddress", "100000", Kind::Rejected, Permanent, InvalidRecipient),
    other("SpamComplaint", "100001", Kind::Complained),
    failing("ManuallyDeactivated", "100002", Kind::Rejected, Permanent, Suppressed),
    failing("Unconfirmed", "100003", Kind::Rejected, Permanent, Policy),
    failing("Blocked", "100006", Kind::Bounced, Permanent, Blocked),
    failing("SMTPApiError", "100007", Kind::Rejected, Permanent, Suppressed),
    failing("InboundError", "100008", Kind::Failed, Temporary, Other),
    failing("DMARCPolicy", "100009", Kind::Bounced, Permanent, Auth),
    failing("TemplateRenderingFailed", "100010", Kind::Failed, Permanent, Content),
];

/// By name; by code only where the name is missing or new, because codes are told wrongly in some places.
fn find(name: &str, code: &str) -> Option<&'static BounceType> {
    TYPES.iter().find(|row| row.name == name).or_else(|| TYPES.iter().find(|row| row.code == code))
}

/// Completes the event of a `Bounce` record.
pub(super) fn fill(event: &mut Event, payload: &Value) {
    let name = json::text(payload, "/Type").unwrap_or_default();
    let code = json::text(payload, "/TypeCode").unwrap_or_default();
    let known = find(&name, &code);
    let name = if name.is_empty() { known.map_or(code.as_str(), |row| row.name) } else { &name };
    event.native_type = format!("Bounce:{name}");
    let Some(row) = known else { return };
    event.kind = row.kind;
    event.failure = failure(row, payload);
    event.suppression = list_change(row.kind, name, payload);
}

fn failure(row: &BounceType, payload: &Value) -> Option<Failure> {
    let stated = row.reason?;
    let details = json::text(payload, "/Details");
    let words = details.as_deref().unwrap_or_default();
    let enhanced = smtp::enhanced_code(words);
    let reply = smtp::reply_code(words);
    Some(Failure {
        severity: row.severity,
        reason: Some(refined(row.name, stated, enhanced.as_deref(), reply.as_deref(), words)),
        code: reply.or_else(|| Some(row.code.to_owned())),
        enhanced_code: enhanced,
        response: details,
        description: json::first_text(payload, &["/Description", "/Name"]),
    })
}

/// Some types say only how grave it is; why is to be read from the remote server's words.
fn refined(name: &str, stated: Reason, enhanced: Option<&str>, reply: Option<&str>, words: &str) -> Reason {
    let full =
        enhanced.is_some_and(|code| code.ends_with(".2.2")) || words.to_ascii_lowercase().contains("full");
    match name {
        "HardBounce" | "Transient" => match smtp::reason(enhanced, reply, words) {
            Other => stated,
            found => found,
        },
        "SoftBounce" if full => MailboxFull,
        _ => stated,
    }
}

/// Opt-outs and opt-ins change Postmark's list, and so does a bounce that deactivates the address.
fn list_change(kind: Kind, name: &str, payload: &Value) -> Option<SuppressionChange> {
    let action = match kind {
        Kind::Subscribed => ListAction::Removed,
        Kind::Unsubscribed => ListAction::Added,
        _ if json::truthy(payload, "/Inactive") => ListAction::Added,
        _ => return None,
    };
    Some(SuppressionChange {
        action,
        reason: Some(name.to_owned()),
        scope: payload::scope(payload),
        by: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(payload: &Value) -> Event {
        let mut event = Event::default();
        fill(&mut event, payload);
        event
    }

    #[test]
    fn every_type_by_name_and_by_code() {
        for row in TYPES {
            let wrong_code = json!({"Type": row.name, "TypeCode": 16});
            let code_only = json!({"TypeCode": row.code.parse::<u32>().unwrap()});
            let new_name = json!({"Type": "BrandNew", "TypeCode": row.code});
            for payload in [wrong_code, code_only, new_name] {
                let event = filled(&payload);
                assert_eq!(event.kind, row.kind, "{payload}");
                assert_eq!(event.severity(), row.severity, "{payload}");
                assert_eq!(event.reason(), row.reason, "{payload}");
            }
        }
        assert_eq!(TYPES.len(), 22);
        let new = filled(&json!({"Type": "BrandNew", "TypeCode": 5}));
        assert_eq!((new.kind, new.native_type.as_str()), (Kind::Unknown, "Bounce:BrandNew"));
        assert_eq!(filled(&json!({"TypeCode": 1})).native_type, "Bounce:HardBounce");
        assert_eq!(filled(&json!({})).native_type, "Bounce:");
    }

    #[test]
    fn reasons_from_the_remote_words() {
        let cases = [
            ("HardBounce", "smtp;550 5.1.1 The email account does not exist", InvalidRecipient),
            ("HardBounce", "", InvalidRecipient),
            ("HardBounce", "554 5.7.1 Blocked by Spamhaus", Blocked),
            ("Transient", "452 4.2.2 mailbox full", MailboxFull),
            ("Transient", "421 4.4.2 connection timed out", Reason::Timeout),
            ("Transient", "come back later", Other),
            ("SoftBounce", "smtp;552 5.2.2 over quota", MailboxFull),
            ("SoftBounce", "Mailbox is FULL", MailboxFull),
            ("SoftBounce", "smtp;451 4.7.1 greylisted", Other),
            ("DMARCPolicy", "550 5.7.1 blocked", Auth),
        ];
        for (name, details, expected) in cases {
            let event = filled(&json!({"Type": name, "Details": details}));
            assert_eq!(event.reason(), Some(expected), "{name} {details}");
        }
    }
}
