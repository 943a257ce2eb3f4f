//! Why a message did not arrive, from the words of Resend.

use hearback_event::{Failure, Kind, Reason, Severity};
use serde_json::Value;

use crate::{json, smtp};

/// The failure that `data` tells of, with the kind that it makes of the event where that differs from `kind`.
pub(super) fn failure(kind: Kind, data: &Value) -> (Kind, Option<Failure>) {
    match kind {
        Kind::Bounced if on_suppression_list(data) => (Kind::Rejected, Some(suppressed(data, "/bounce"))),
        Kind::Bounced => (kind, Some(bounced(data))),
        Kind::Rejected => (kind, Some(suppressed(data, "/suppressed"))),
        Kind::Failed => (kind, Some(failed(data))),
        Kind::Deferred => (kind, Some(of(Severity::Temporary, Reason::Other))),
        _ => (kind, None),
    }
}

/// Before there was `email.suppressed`, such messages were told of as bounces.
fn on_suppression_list(data: &Value) -> bool {
    let subtype = json::text(data, "/bounce/subType").unwrap_or_default();
    let message = json::text(data, "/bounce/message").unwrap_or_default();
    matches!(subtype.as_str(), "Suppressed" | "OnAccountSuppressionList")
        || message.to_ascii_lowercase().contains("suppressed sending")
}

fn bounced(data: &Value) -> Failure {
    let subtype = json::text(data, "/bounce/subType");
    let response = diagnostics(data, "/bounce/diagnosticCode");
    let answer = Answer::read(response);
    let severity = match json::text(data, "/bounce/type").map(|native| native.to_ascii_lowercase()).as_deref()
    {
        Some("permanent") => Some(Severity::Permanent),
        Some("transient" | "undetermined") => Some(Severity::Temporary),
        _ => answer.severity(),
    };
    let reason = match subtype.as_deref() {
        Some("NoEmail") => Reason::InvalidRecipient,
        Some("MailboxFull") => Reason::MailboxFull,
        Some("MessageTooLarge" | "ContentRejected" | "AttachmentRejected") => Reason::Content,
        _ => answer.reason(),
    };
    Failure {
        severity,
        reason: Some(reason),
        code: answer.reply.or(subtype),
        enhanced_code: answer.enhanced,
        response: answer.text,
        description: json::text(data, "/bounce/message"),
    }
}

fn suppressed(data: &Value, at: &str) -> Failure {
    let text = |member: &str| json::text(data, &format!("{at}/{member}"));
    let answer = Answer::read(diagnostics(data, &format!("{at}/diagnosticCode")));
    Failure {
        code: text("reason").or_else(|| text("subType")).or_else(|| text("type")),
        enhanced_code: answer.enhanced,
        response: answer.text,
        description: text("message"),
        ..of(Severity::Permanent, Reason::Suppressed)
    }
}

fn failed(data: &Value) -> Failure {
    let words = json::text(data, "/failed/reason");
    let lower = words.as_deref().unwrap_or_default().to_ascii_lowercase().replace('_', " ");
    let says = |needle: &str| lower.contains(needle);
    let (severity, reason) = if says("quota") {
        (Severity::Temporary, Reason::Policy)
    } else if says("invalid") && says("recipient") {
        (Severity::Permanent, Reason::InvalidRecipient)
    } else if says("domain") || says("api key") {
        (Severity::Permanent, Reason::Auth)
    } else {
        (Severity::Permanent, Reason::Other)
    };
    Failure { description: words, ..of(severity, reason) }
}

fn of(severity: Severity, reason: Reason) -> Failure {
    Failure { severity: Some(severity), reason: Some(reason), ..Failure::default() }
}

/// One text per recipient; there is mostly one.
fn diagnostics(data: &Value, pointer: &str) -> Option<String> {
    let texts = json::texts(data, pointer);
    (!texts.is_empty()).then(|| json::cut(&texts.join("\n")).to_owned())
}

/// A mail server's answer and the codes in it.
struct Answer {
    text: Option<String>,
    enhanced: Option<String>,
    reply: Option<String>,
}

impl Answer {
    fn read(text: Option<String>) -> Self {
        let words = text.as_deref().unwrap_or_default();
        Self { enhanced: smtp::enhanced_code(words), reply: smtp::reply_code(words), text }
    }

    fn severity(&self) -> Option<Severity> {
        self.enhanced.as_deref().or(self.reply.as_deref()).and_then(smtp::severity)
    }

    fn reason(&self) -> Reason {
        let words = self.text.as_deref().unwrap_or_default();
        smtp::reason(self.enhanced.as_deref(), self.reply.as_deref(), words)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bounces() {
        use Reason::{Content, Dns, InvalidRecipient, MailboxFull, Other, Policy};
        let (permanent, temporary) = (Some(Severity::Permanent), Some(Severity::Temporary));
        let cases = [
            (json!({"type": "Permanent", "subType": "NoEmail"}), permanent, InvalidRecipient),
            (json!({"type": "Transient", "subType": "MailboxFull"}), temporary, MailboxFull),
            (json!({"type": "Transient", "subType": "AttachmentRejected"}), temporary, Content),
            (json!({"type": "Undetermined", "subType": "Undetermined"}), temporary, Other),
            (
                json!({"type": "Permanent", "subType": "General", "diagnosticCode": ["smtp; 550 5.1.1 user unknown"]}),
                permanent,
                InvalidRecipient,
            ),
            (
                json!({"type": "Transient", "subType": "General", "diagnosticCode": ["smtp; 452 4.2.2 full"]}),
                temporary,
                MailboxFull,
            ),
            (
                json!({"type": "Permanent", "subType": "General", "diagnosticCode": "smtp; 554 5.7.1 not allowed"}),
                permanent,
                Policy,
            ),
            (
                json!({"type": "Transient", "subType": "General", "diagnosticCode": ["smtp; 421 4.4.4 no route"]}),
                temporary,
                Dns,
            ),
            (json!({"message": "bounced"}), None, Other),
            (
                json!({"message": "bounced", "diagnosticCode": ["smtp; 550 5.1.1 x"]}),
                permanent,
                InvalidRecipient,
            ),
            (json!({"type": null, "subType": []}), None, Other),
        ];
        for (bounce, severity, reason) in cases {
            let (kind, failure) = failure(Kind::Bounced, &json!({ "bounce": bounce }));
            let failure = failure.unwrap();
            assert_eq!(
                (kind, failure.severity, failure.reason),
                (Kind::Bounced, severity, Some(reason)),
                "{bounce}"
            );
        }
    }

    #[test]
    fn older_bounces_from_the_suppression_list_are_rejections() {
        let cases = [
            json!({"message": "Resend has suppressed sending to this address because it has a recent history of bouncing."}),
            json!({"type": "Permanent", "subType": "Suppressed", "message": "..."}),
            json!({"type": "Permanent", "subType": "OnAccountSuppressionList"}),
        ];
        for bounce in cases {
            let (kind, failure) = failure(Kind::Bounced, &json!({ "bounce": bounce }));
            assert_eq!(
                (kind, failure.unwrap().reason),
                (Kind::Rejected, Some(Reason::Suppressed)),
                "{bounce}"
            );
        }
    }

    #[test]
    fn failures_by_their_words() {
        let cases = [
            ("reached_daily_quota", Severity::Temporary, Reason::Policy),
            ("Invalid recipient address", Severity::Permanent, Reason::InvalidRecipient),
            ("domain_not_verified", Severity::Permanent, Reason::Auth),
            ("The API key is revoked", Severity::Permanent, Reason::Auth),
            ("", Severity::Permanent, Reason::Other),
        ];
        for (words, severity, reason) in cases {
            let (_, failure) = failure(Kind::Failed, &json!({"failed": {"reason": words}}));
            let failure = failure.unwrap();
            assert_eq!((failure.severity, failure.reason), (Some(severity), Some(reason)), "{words}");
        }
    }
}
