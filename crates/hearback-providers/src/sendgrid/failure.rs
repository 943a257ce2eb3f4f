//! Why a message did not arrive, from SendGrid's classification and the answer of the mail server.

use hearback_event::{Failure, Reason, Severity};

use super::native::Native;
use crate::{json, smtp};

/// A bounce or a block.
pub(super) fn bounced(native: &Native<'_>) -> Failure {
    let blocked = native.kind == "blocked";
    let (enhanced, reply) = codes(native, &native.reason);
    let classified = classification(&native.bounce_classification, &native.reason, enhanced.as_deref());
    let reason = match classified {
        Some(Reason::Other) | None if blocked => Reason::Blocked,
        Some(reason) => reason,
        None => smtp::reason(enhanced.as_deref(), reply.as_deref(), &native.reason),
    };
    // Too much at once passes, whatever the server's code.
    let severity = if blocked || classified == Some(Reason::Policy) {
        Some(Severity::Temporary)
    } else if native.kind == "bounce" {
        Some(Severity::Permanent)
    } else {
        enhanced.as_deref().or(reply.as_deref()).and_then(smtp::severity)
    };
    Failure {
        severity,
        reason: Some(reason),
        code: reply,
        enhanced_code: enhanced,
        response: kept(&native.reason),
        description: kept(&native.bounce_classification),
    }
}

/// A delay.
pub(super) fn deferred(native: &Native<'_>) -> Failure {
    let words = if native.response.is_empty() { &native.reason } else { &native.response };
    let (enhanced, reply) = codes(native, words);
    Failure {
        severity: Some(Severity::Temporary),
        reason: Some(smtp::reason(enhanced.as_deref(), reply.as_deref(), words)),
        code: reply,
        enhanced_code: enhanced,
        response: kept(words),
        description: None,
    }
}

/// A message that SendGrid did not send.
pub(super) fn dropped(native: &Native<'_>) -> Failure {
    let reason = drop_reason(&native.reason).or_else(|| drop_reason(&native.kind)).unwrap_or(Reason::Other);
    Failure {
        severity: Some(Severity::Permanent),
        reason: Some(reason),
        code: None,
        enhanced_code: kept(&native.status),
        response: None,
        description: kept(&native.reason),
    }
}

fn drop_reason(words: &str) -> Option<Reason> {
    let lower = words.trim().to_ascii_lowercase();
    let begins = |start: &str| lower.starts_with(start);
    Some(if begins("bounced") || begins("spam reporting address") {
        Reason::Suppressed
    } else if begins("unsubscribed address") {
        Reason::Unsubscribed
    } else if begins("invalid smtpapi header") {
        Reason::Content
    } else if begins("invalid") {
        Reason::InvalidRecipient
    } else if begins("spam content") {
        Reason::Spam
    } else if begins("recipient list over package quota") {
        Reason::Policy
    } else {
        return None;
    })
}

fn classification(class: &str, words: &str, enhanced: Option<&str>) -> Option<Reason> {
    let says = |needles: &[&str]| {
        let lower = words.to_ascii_lowercase();
        needles.iter().any(|needle| lower.contains(needle))
    };
    Some(match class.to_ascii_lowercase().as_str() {
        "technical" if says(&["dns", "nxdomain", "mx record", "domain not found"]) => Reason::Dns,
        "technical" if says(&["timeout", "timed out", "time out"]) => Reason::Timeout,
        "content" => Reason::Content,
        "reputation" => Reason::Blocked,
        "frequency/volume" | "frequency or volume too high" => Reason::Policy,
        "mailbox unavailable"
            if enhanced.is_some_and(|code| code.ends_with(".2.2")) || says(&["full", "quota"]) =>
        {
            Reason::MailboxFull
        }
        "invalid address" | "mailbox unavailable" => Reason::InvalidRecipient,
        "technical" | "unclassified" => Reason::Other,
        _ => return None,
    })
}

fn codes(native: &Native<'_>, words: &str) -> (Option<String>, Option<String>) {
    (kept(&native.status).or_else(|| smtp::enhanced_code(words)), smtp::reply_code(words))
}

/// A text as events keep it.
pub(super) fn kept(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| json::cut(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(raw: &str) -> Native<'_> {
        serde_json::from_str(raw).unwrap()
    }

    #[test]
    fn bounces() {
        use Reason::{Blocked, Content, Dns, InvalidRecipient, MailboxFull, Other, Policy, Timeout};
        let (permanent, temporary) = (Some(Severity::Permanent), Some(Severity::Temporary));
        let cases = [
            (
                r#"{"type":"bounce","bounce_classification":"Invalid Address","reason":"550 5.1.1 unknown user","status":"5.1.1"}"#,
                permanent,
                InvalidRecipient,
            ),
            (
                r#"{"type":"bounce","bounce_classification":"Technical","reason":"unable to get mx info: DNS error"}"#,
                permanent,
                Dns,
            ),
            (
                r#"{"type":"bounce","bounce_classification":"Technical","reason":"connection timed out"}"#,
                permanent,
                Timeout,
            ),
            (r#"{"type":"bounce","bounce_classification":"Technical","reason":"?"}"#, permanent, Other),
            (
                r#"{"type":"bounce","bounce_classification":"Content","reason":"550 5.7.1 x"}"#,
                permanent,
                Content,
            ),
            (
                r#"{"type":"bounce","bounce_classification":"Frequency/Volume","reason":"550 slow down"}"#,
                temporary,
                Policy,
            ),
            (
                r#"{"type":"bounce","bounce_classification":"Frequency or Volume Too High"}"#,
                temporary,
                Policy,
            ),
            (
                r#"{"type":"bounce","bounce_classification":"Mailbox Unavailable","status":"5.2.2"}"#,
                permanent,
                MailboxFull,
            ),
            (
                r#"{"type":"bounce","bounce_classification":"Mailbox Unavailable","reason":"the mailbox is full"}"#,
                permanent,
                MailboxFull,
            ),
            (
                r#"{"type":"bounce","bounce_classification":"Mailbox Unavailable","reason":"550 disabled"}"#,
                permanent,
                InvalidRecipient,
            ),
            (
                r#"{"type":"bounce","bounce_classification":"Unclassified","reason":"550 5.1.1 x"}"#,
                permanent,
                Other,
            ),
            (
                r#"{"type":"blocked","bounce_classification":"Reputation","reason":"554 5.7.1 blocked","status":"5.7.1"}"#,
                temporary,
                Blocked,
            ),
            (
                r#"{"type":"blocked","bounce_classification":"Content","reason":"554 5.7.1 x"}"#,
                temporary,
                Content,
            ),
            (r#"{"type":"blocked","bounce_classification":"Unclassified"}"#, temporary, Blocked),
            (r#"{"type":"blocked"}"#, temporary, Blocked),
            (r#"{"reason":"550 5.1.1 x","status":"5.1.1"}"#, permanent, InvalidRecipient),
            (r#"{"reason":"452 4.2.2 full","status":"4.2.2"}"#, temporary, MailboxFull),
            (r#"{"reason":"550 no such user","status":""}"#, permanent, InvalidRecipient),
            ("{}", None, Other),
        ];
        for (raw, severity, reason) in cases {
            let failure = bounced(&native(raw));
            assert_eq!((failure.severity, failure.reason), (severity, Some(reason)), "{raw}");
        }
    }

    #[test]
    fn drops() {
        use Reason::{Content, InvalidRecipient, Other, Policy, Spam, Suppressed, Unsubscribed};
        let cases = [
            (r#"{"reason":"Bounced Address"}"#, Suppressed),
            (r#"{"reason":"Unsubscribed Address"}"#, Unsubscribed),
            (r#"{"reason":"Spam Reporting Address"}"#, Suppressed),
            (r#"{"reason":"Invalid"}"#, InvalidRecipient),
            (r#"{"reason":"Invalid Address"}"#, InvalidRecipient),
            (r#"{"reason":"Invalid SMTPAPI header"}"#, Content),
            (r#"{"reason":"Spam Content (if Spam Checker app is enabled)"}"#, Spam),
            (r#"{"reason":"Recipient List over Package Quota"}"#, Policy),
            (r#"{"type":"bounced"}"#, Suppressed),
            (r#"{"reason":"?"}"#, Other),
        ];
        for (raw, reason) in cases {
            let failure = dropped(&native(raw));
            assert_eq!(
                (failure.severity, failure.reason),
                (Some(Severity::Permanent), Some(reason)),
                "{raw}"
            );
        }
    }
}
