//! Why a message failed: Mailgun's words and codes, then the answer of the mail server.
//!
//! Mailgun's `reason` words are listed in its SDK and explained nowhere; its codes of 4xx and 6xx that no mail server
//! sends were collected from its examples. Where neither tells, the server's codes and words do ([`smtp::reason`]).

use hearback_event::{Failure, Kind, Reason, Severity};

use super::payload::EventData;
use crate::smtp;

/// What a `failed` event means, and why.
pub(super) fn failed(data: &EventData<'_>) -> (Kind, Failure) {
    let status = &data.delivery_status;
    let word = data.reason.or_empty();
    let code = status.code.kept();
    let response = status.message.kept();
    let enhanced = status
        .enhanced_code
        .kept()
        .or_else(|| status.bounce_code.kept())
        .or_else(|| response.as_deref().and_then(smtp::enhanced_code));
    let told = match data.severity.or_empty() {
        "permanent" => Some(Severity::Permanent),
        "temporary" => Some(Severity::Temporary),
        _ => code.as_deref().and_then(smtp::severity),
    };
    let (kind, severity) = match (word, told) {
        // The last attempt before giving up may still be told as temporary.
        ("old", _) => (Kind::Failed, Some(Severity::Permanent)),
        (word, _) if word.starts_with("suppress-") => (Kind::Rejected, Some(Severity::Permanent)),
        (_, Some(Severity::Temporary)) => (Kind::Deferred, told),
        _ => (Kind::Bounced, told),
    };
    let words = format!("{} {}", response.as_deref().unwrap_or_default(), status.description.or_empty());
    let failure = Failure {
        severity,
        reason: Some(reason(word, code.as_deref(), enhanced.as_deref(), &words)),
        code,
        enhanced_code: enhanced,
        response,
        description: status.description.kept().or_else(|| data.reason.kept()),
    };
    (kind, failure)
}

/// Why Mailgun itself refused to take the message (`rejected`).
pub(super) fn rejected(data: &EventData<'_>) -> Failure {
    Failure {
        severity: Some(Severity::Permanent),
        reason: Some(Reason::Policy),
        description: data.reject.description.kept().or_else(|| data.reject.reason.kept()),
        ..Failure::default()
    }
}

/// The cause from Mailgun's word, its code, the enhanced code and the words of the answer, in this order.
pub(super) fn reason(word: &str, code: Option<&str>, enhanced: Option<&str>, words: &str) -> Reason {
    match word {
        "suppress-bounce" | "suppress-complaint" => return Reason::Suppressed,
        "suppress-unsubscribe" => return Reason::Unsubscribed,
        "espblock" | "blacklisted" => return Reason::Blocked,
        "greylisted" => return Reason::Policy,
        "old" => return Reason::Timeout,
        _ => {}
    }
    match code {
        Some("498") => Reason::Dns,
        Some("499" | "680") => Reason::Timeout,
        Some("605" | "607") => Reason::Suppressed,
        Some("606") => Reason::Unsubscribed,
        // Old events say `hardfail` for all of 605, 606 and 607.
        _ if word == "hardfail" => Reason::Suppressed,
        _ => smtp::reason(enhanced, code, words),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lenient;
    use super::*;

    #[test]
    fn reasons_of_words_and_codes() {
        let cases = [
            ("suppress-bounce", Some("605"), None, Reason::Suppressed),
            ("suppress-complaint", Some("607"), None, Reason::Suppressed),
            ("suppress-unsubscribe", Some("606"), None, Reason::Unsubscribed),
            ("espblock", Some("550"), Some("5.1.1"), Reason::Blocked),
            ("blacklisted", None, None, Reason::Blocked),
            ("greylisted", Some("451"), Some("4.7.1"), Reason::Policy),
            ("old", Some("602"), None, Reason::Timeout),
            ("hardfail", Some("605"), None, Reason::Suppressed),
            ("hardfail", Some("606"), None, Reason::Unsubscribed),
            ("hardfail", None, None, Reason::Suppressed),
            ("generic", Some("498"), None, Reason::Dns),
            ("generic", Some("499"), None, Reason::Timeout),
            ("unknown", Some("680"), None, Reason::Timeout),
            ("bounce", Some("550"), Some("5.1.1"), Reason::InvalidRecipient),
            ("bounce", Some("552"), Some("5.2.2"), Reason::MailboxFull),
            ("bounce", Some("554"), Some("5.3.4"), Reason::Content),
            ("bounce", Some("554"), Some("5.6.0"), Reason::Content),
            ("bounce", Some("421"), Some("4.4.1"), Reason::Timeout),
            ("bounce", Some("550"), Some("5.4.4"), Reason::Dns),
            ("bounce", Some("554"), Some("5.7.1"), Reason::Policy),
            ("bounce", Some("552"), None, Reason::MailboxFull),
            ("bounce", Some("550"), None, Reason::InvalidRecipient),
            ("bounce", Some("554"), None, Reason::Blocked),
            ("", Some("451"), None, Reason::Other),
            ("", None, None, Reason::Other),
        ];
        for (word, code, enhanced, expected) in cases {
            assert_eq!(reason(word, code, enhanced, ""), expected, "{word} {code:?} {enhanced:?}");
        }
    }

    #[test]
    fn kinds_of_failed() {
        let (permanent, temporary) = (Some(Severity::Permanent), Some(Severity::Temporary));
        let cases = [
            (r#"{"severity":"permanent","reason":"bounce"}"#, Kind::Bounced, permanent),
            (r#"{"severity":"permanent","reason":"suppress-bounce"}"#, Kind::Rejected, permanent),
            (r#"{"severity":"permanent","reason":"old"}"#, Kind::Failed, permanent),
            (r#"{"severity":"temporary","reason":"old"}"#, Kind::Failed, permanent),
            (r#"{"severity":"temporary","reason":"generic"}"#, Kind::Deferred, temporary),
            (r#"{"severity":7,"delivery-status":{"code":451}}"#, Kind::Deferred, temporary),
            (r#"{"delivery-status":{"code":"550"}}"#, Kind::Bounced, permanent),
            (r#"{"delivery-status":null}"#, Kind::Bounced, None),
        ];
        for (text, kind, severity) in cases {
            let data: EventData<'_> = lenient::object(text).unwrap();
            let (found, failure) = failed(&data);
            assert_eq!((found, failure.severity), (kind, severity), "{text}");
        }
    }
}
