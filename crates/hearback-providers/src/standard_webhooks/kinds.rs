//! What a sender's own event type means: first what the user says, then a guess from its last one or two words.

use hearback_event::{Kind, Severity};

use Severity::{Permanent, Temporary};

/// The last words of event types, without `_`, `-`, dots and case, as senders of the field use them.
const GUESSES: &[(&str, Kind, Option<Severity>)] = &[
    ("queued", Kind::Queued, None),
    ("scheduled", Kind::Queued, None),
    ("accepted", Kind::Queued, None),
    ("sent", Kind::Sent, None),
    ("delivered", Kind::Delivered, None),
    ("deliverydelayed", Kind::Deferred, Some(Temporary)),
    ("deferred", Kind::Deferred, Some(Temporary)),
    ("delayed", Kind::Deferred, Some(Temporary)),
    ("bounced", Kind::Bounced, Some(Permanent)),
    ("hardbounced", Kind::Bounced, Some(Permanent)),
    ("softbounced", Kind::Bounced, Some(Temporary)),
    ("rejected", Kind::Rejected, None),
    ("dropped", Kind::Rejected, None),
    ("suppressed", Kind::Rejected, None),
    ("failed", Kind::Failed, None),
    ("undelivered", Kind::Failed, None),
    ("opened", Kind::Opened, None),
    ("clicked", Kind::Clicked, None),
    ("complained", Kind::Complained, None),
    ("spamreported", Kind::Complained, None),
    ("unsubscribed", Kind::Unsubscribed, None),
    ("subscribed", Kind::Subscribed, None),
    ("resubscribed", Kind::Subscribed, None),
    ("received", Kind::Inbound, None),
    ("inbound", Kind::Inbound, None),
];

/// A native type's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    /// What happened.
    pub(super) kind: Kind,
    /// For failures, whether trying again can help.
    pub(super) severity: Option<Severity>,
}

impl Meaning {
    /// What the last words of a type say: the last two together first (`email.soft.bounced`), then the last alone.
    pub(super) fn guess(native: &str) -> Self {
        let mut segments = native.rsplit('.');
        let last = word(segments.next().unwrap_or_default());
        let two = segments.next().map(|before| word(before) + &last);
        let find = |wanted: &str| GUESSES.iter().find(|(name, ..)| *name == wanted);
        two.as_deref().and_then(find).or_else(|| find(&last)).map_or(
            Self { kind: Kind::Unknown, severity: None },
            |(_, kind, severity)| Self { kind: *kind, severity: *severity },
        )
    }

    /// What the user says of a type: a kind (`bounced`), with a severity behind it where that is not the usual one
    /// (`bounced temporary`).
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let kind = Kind::parse(words.next().unwrap_or_default()).map_err(|error| error.to_string())?;
        let severity = match words.next() {
            Some(name) => Some(name.parse().map_err(|error| format!("{error}"))?),
            None => usual_severity(kind),
        };
        match words.next() {
            Some(_) => Err("expected a kind, or a kind and a severity: `bounced temporary`".to_owned()),
            None => Ok(Self { kind, severity }),
        }
    }
}

fn usual_severity(kind: Kind) -> Option<Severity> {
    match kind {
        Kind::Bounced => Some(Permanent),
        Kind::Deferred => Some(Temporary),
        _ => None,
    }
}

fn word(segment: &str) -> String {
    segment.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses() {
        let cases = [
            ("email.delivered", Kind::Delivered, None),
            ("delivered", Kind::Delivered, None),
            ("email.delivery_delayed", Kind::Deferred, Some(Temporary)),
            ("message.delivery.delayed", Kind::Deferred, Some(Temporary)),
            ("email.hardBounced", Kind::Bounced, Some(Permanent)),
            ("email.soft_bounced", Kind::Bounced, Some(Temporary)),
            ("email.soft.bounced", Kind::Bounced, Some(Temporary)),
            ("EMAIL.BOUNCED", Kind::Bounced, Some(Permanent)),
            ("email.spamReported", Kind::Complained, None),
            ("email.suppressed", Kind::Rejected, None),
            ("sms.undelivered", Kind::Failed, None),
            ("contact.resubscribed", Kind::Subscribed, None),
            ("email.received", Kind::Inbound, None),
            ("user.created", Kind::Unknown, None),
            ("undeliveredly", Kind::Unknown, None),
            ("", Kind::Unknown, None),
            ("...", Kind::Unknown, None),
        ];
        for (native, kind, severity) in cases {
            assert_eq!(Meaning::guess(native), Meaning { kind, severity }, "{native}");
        }
    }

    #[test]
    fn what_the_user_says() {
        let cases = [
            ("bounced", Kind::Bounced, Some(Permanent)),
            ("message.bounced", Kind::Bounced, Some(Permanent)),
            ("bounced temporary", Kind::Bounced, Some(Temporary)),
            ("failed permanent", Kind::Failed, Some(Permanent)),
            ("unknown", Kind::Unknown, None),
        ];
        for (text, kind, severity) in cases {
            assert_eq!(Meaning::parse(text), Ok(Meaning { kind, severity }), "{text}");
        }
        for bad in ["", "bouncd", "bounced soft", "bounced temporary now"] {
            assert!(Meaning::parse(bad).is_err(), "{bad}");
        }
    }
}
