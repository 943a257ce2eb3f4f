//! Reading the answers of mail servers: reply codes, enhanced status codes (RFC 3463) and the usual words.

use hearback_event::{Reason, Severity};

/// An enhanced status code found in a text: the first `d.d.d` whose first digit is 2, 4 or 5.
pub fn enhanced_code(text: &str) -> Option<String> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .find(|word| is_enhanced_code(word))
        .map(ToOwned::to_owned)
}

fn is_enhanced_code(word: &str) -> bool {
    let mut parts = word.split('.');
    let class = parts.next();
    let rest: Vec<&str> = parts.collect();
    matches!(class, Some("2" | "4" | "5"))
        && rest.len() == 2
        && rest.iter().all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
}

/// A reply code found in a text: the first word of three digits that starts with 2, 4 or 5.
pub fn reply_code(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .find(|word| {
            word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit()) && word.starts_with(['2', '4', '5'])
        })
        .map(ToOwned::to_owned)
}

/// Severity from the first digit of a reply code or enhanced code.
pub fn severity(code: &str) -> Option<Severity> {
    match code.as_bytes().first() {
        Some(b'5') => Some(Severity::Permanent),
        Some(b'4') => Some(Severity::Temporary),
        _ => None,
    }
}

/// The reason that an enhanced code stands for: x.1.1 to x.1.3 and x.1.6 a bad address, x.1.10 and x.4.4 DNS, x.2.2 a full
/// mailbox, x.3.4 and x.6.x content, x.4.x time-outs, x.7.x policy.
pub fn reason_of_enhanced(code: &str) -> Option<Reason> {
    let mut parts = code.split('.').skip(1);
    let (subject, detail) = (parts.next()?, parts.next()?);
    Some(match (subject, detail) {
        ("1", "10") | ("4", "4") => Reason::Dns,
        ("1", "7" | "8") => Reason::Auth,
        ("1", _) | ("2", "1") => Reason::InvalidRecipient,
        ("2", "2") => Reason::MailboxFull,
        ("2", "3") | ("3", "4") | ("6", _) => Reason::Content,
        ("4", _) => Reason::Timeout,
        ("7", "8" | "9" | "20" | "21" | "22" | "23" | "24" | "25" | "26" | "27" | "28" | "29" | "30") => {
            Reason::Auth
        }
        ("7", _) => Reason::Policy,
        _ => return None,
    })
}

/// The best guess from an enhanced code, a reply code and the words of the answer.
pub fn reason(enhanced: Option<&str>, reply: Option<&str>, words: &str) -> Reason {
    if let Some(reason) = enhanced.and_then(reason_of_enhanced)
        && reason != Reason::Policy
    {
        return reason;
    }
    let lower = words.to_ascii_lowercase();
    let says = |needles: &[&str]| needles.iter().any(|needle| lower.contains(needle));
    if says(&["mailbox full", "mailbox is full", "over quota", "quota exceeded"]) {
        Reason::MailboxFull
    } else if says(&["blocked", "blacklist", "blocklist", "denylist", "spamhaus", "poor reputation"]) {
        Reason::Blocked
    } else if says(&["spam", "unsolicited"]) {
        Reason::Spam
    } else if says(&["user unknown", "unknown user", "no such user", "does not exist", "mailbox not found"]) {
        Reason::InvalidRecipient
    } else if enhanced.and_then(reason_of_enhanced) == Some(Reason::Policy) {
        Reason::Policy
    } else {
        match reply {
            Some("552") => Reason::MailboxFull,
            Some("550" | "551" | "553") if enhanced.is_none() => Reason::InvalidRecipient,
            Some("554") if enhanced.is_none() => Reason::Blocked,
            _ => Reason::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_in_answers() {
        let cases = [
            (
                "smtp;550 5.1.1 The email account does not exist",
                Some("5.1.1"),
                Some("550"),
                Reason::InvalidRecipient,
            ),
            ("452 4.2.2 mailbox full", Some("4.2.2"), Some("452"), Reason::MailboxFull),
            ("554 5.7.1 Blocked by Spamhaus", Some("5.7.1"), Some("554"), Reason::Blocked),
            ("550-5.7.26 unauthenticated mail", Some("5.7.26"), Some("550"), Reason::Auth),
            ("421 4.4.4 no route", Some("4.4.4"), Some("421"), Reason::Dns),
            ("connection to 192.0.2.10 lost", None, None, Reason::Other),
            ("550 no such user", None, Some("550"), Reason::InvalidRecipient),
        ];
        for (text, enhanced, reply, expected) in cases {
            assert_eq!(enhanced_code(text).as_deref(), enhanced, "{text}");
            assert_eq!(reply_code(text).as_deref(), reply, "{text}");
            assert_eq!(reason(enhanced, reply, text), expected, "{text}");
        }
    }
}
