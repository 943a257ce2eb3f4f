//! Why a message failed: Mandrill's words and codes, then the answer of the mail server.
//!
//! The words `bad_mailbox`, `invalid_domain` and `mailbox_full` were seen in real events. The numbers look like those of
//! the BoogieTools bounce list; of them 10, 21 and 22 were seen, the others are that list's.

use hearback_event::{Failure, Reason, Severity};
use serde_json::Value;

use super::message::newest;
use crate::json::{first_text, text};
use crate::smtp;

/// Mandrill goes on trying: the newest answer of the mail server tells why.
pub(super) fn deferred(value: &Value) -> Failure {
    let response = newest(value, "/msg/smtp_events")
        .and_then(|entry| text(entry, "/diag"))
        .or_else(|| text(value, "/msg/diag"));
    let (code, enhanced, reason) = of_answer(response.as_deref());
    Failure {
        severity: Some(Severity::Temporary),
        reason: Some(reason),
        code,
        enhanced_code: enhanced,
        response,
        description: None,
    }
}

/// Mandrill gave up.
pub(super) fn bounced(value: &Value, soft: bool) -> Failure {
    let description = text(value, "/msg/bounce_description");
    let own_code = text(value, "/msg/bgtools_code");
    let response = text(value, "/msg/diag")
        .or_else(|| newest(value, "/msg/smtp_events").and_then(|entry| text(entry, "/diag")));
    let (code, enhanced, answered) = of_answer(response.as_deref());
    let told =
        description.as_deref().and_then(of_description).or_else(|| own_code.as_deref().and_then(of_own_code));
    Failure {
        severity: Some(if soft { Severity::Temporary } else { Severity::Permanent }),
        reason: Some(told.unwrap_or(answered)),
        code: code.or(own_code),
        enhanced_code: enhanced,
        response,
        description,
    }
}

/// Mandrill did not try.
pub(super) fn rejected(value: &Value) -> Failure {
    let description = first_text(value, &["/msg/reject/reason", "/msg/reject", "/reject/reason"]);
    Failure {
        severity: Some(Severity::Permanent),
        reason: Some(reason_of_rejection(description.as_deref())),
        response: text(value, "/msg/diag"),
        description,
        ..Failure::default()
    }
}

/// Why Mandrill does not try, by its word for it.
pub(super) fn reason_of_rejection(word: Option<&str>) -> Reason {
    match word {
        Some("hard-bounce" | "soft-bounce" | "spam" | "custom") => Reason::Suppressed,
        Some("unsub") => Reason::Unsubscribed,
        Some("invalid-sender" | "unsigned") => Reason::Auth,
        Some("invalid") => Reason::InvalidRecipient,
        Some("test-mode-limit" | "rule") => Reason::Policy,
        _ => Reason::Other,
    }
}

fn of_answer(answer: Option<&str>) -> (Option<String>, Option<String>, Reason) {
    let words = answer.unwrap_or_default();
    let (code, enhanced) = (smtp::reply_code(words), smtp::enhanced_code(words));
    let reason = smtp::reason(enhanced.as_deref(), code.as_deref(), words);
    (code, enhanced, reason)
}

fn of_description(description: &str) -> Option<Reason> {
    match description {
        "bad_mailbox" => Some(Reason::InvalidRecipient),
        "invalid_domain" => Some(Reason::Dns),
        "mailbox_full" => Some(Reason::MailboxFull),
        _ => None,
    }
}

/// `None` for general codes, on which the mail server's answer knows better.
fn of_own_code(code: &str) -> Option<Reason> {
    match code {
        "10" => Some(Reason::InvalidRecipient),
        "21" => Some(Reason::Dns),
        "22" => Some(Reason::MailboxFull),
        "23" | "53" => Some(Reason::Content),
        "50" | "51" => Some(Reason::Blocked),
        "52" => Some(Reason::Spam),
        "54" => Some(Reason::Policy),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bounces() {
        let cases = [
            (json!("bad_mailbox"), json!(10), "", Reason::InvalidRecipient),
            (json!("invalid_domain"), json!("21"), "", Reason::Dns),
            (json!("mailbox_full"), json!(22), "", Reason::MailboxFull),
            (json!("general"), json!(40), "smtp;550 5.1.1 no", Reason::InvalidRecipient),
            (json!(null), json!(20), "smtp;421 4.4.1 late", Reason::Timeout),
            (json!(["?"]), json!(23), "smtp;550 5.1.1 no", Reason::Content),
            (json!(null), json!(50), "", Reason::Blocked),
            (json!(null), json!(51), "", Reason::Blocked),
            (json!(null), json!(52), "", Reason::Spam),
            (json!(null), json!(53), "", Reason::Content),
            (json!(null), json!(54), "", Reason::Policy),
            (json!(null), json!(70), "", Reason::Other),
            (json!(null), json!(null), "", Reason::Other),
        ];
        for (description, code, diag, expected) in cases {
            let value =
                json!({"msg": {"bounce_description": description, "bgtools_code": code, "diag": diag}});
            assert_eq!(bounced(&value, false).reason, Some(expected), "{value}");
        }
    }

    #[test]
    fn rejects() {
        let cases = [
            ("hard-bounce", Reason::Suppressed),
            ("soft-bounce", Reason::Suppressed),
            ("spam", Reason::Suppressed),
            ("custom", Reason::Suppressed),
            ("unsub", Reason::Unsubscribed),
            ("invalid-sender", Reason::Auth),
            ("unsigned", Reason::Auth),
            ("invalid", Reason::InvalidRecipient),
            ("test-mode-limit", Reason::Policy),
            ("rule", Reason::Policy),
            ("something new", Reason::Other),
        ];
        for (word, expected) in cases {
            assert_eq!(
                rejected(&json!({"msg": {"reject": {"reason": word}}})).reason,
                Some(expected),
                "{word}"
            );
        }
        assert_eq!(rejected(&json!({"msg": {"reject": null}})).reason, Some(Reason::Other));
    }
}
