//! What an alert is about, and what ends it.

use hearback_event::{DedupKey, Kind, Record, Status};

/// A digest of what an alert is about.
pub(crate) type Subject = [u8; 16];

/// What an event is about: its message; of notices the source, destination or rate; if nothing else, the event itself.
pub(crate) fn subject(record: &Record) -> Subject {
    candidates(record).into_iter().next().unwrap_or_else(|| digest("event", &record.position.to_string()))
}

/// Whatever an alert may be about that this event ends: a message has several names.
pub(crate) fn candidates(record: &Record) -> Vec<Subject> {
    let event = &record.event;
    let label = |name: &str| event.labels.get(name).map(String::as_str).unwrap_or_default();
    match event.kind {
        Kind::SourceSilent | Kind::SourceRefusing | Kind::SourceRecovered => {
            vec![digest("source", &record.source)]
        }
        Kind::DestinationFailing => vec![of_destination(label("destination"))],
        Kind::RateExceeded | Kind::RateRecovered => {
            vec![digest("rate", &format!("{} {}", label("rate"), label("rate_of")))]
        }
        _ => event.message_ids(&record.account).map(|id| digest("message", &id.to_string())).collect(),
    }
}

/// Of a destination.
pub(crate) fn of_destination(name: &str) -> Subject {
    digest("destination", name)
}

/// Of one that sums up many: its own.
pub(crate) fn of_sum(rule: &str, cause: u64) -> Subject {
    *DedupKey::of(&[b"sum", rule.as_bytes(), &cause.to_be_bytes()]).as_bytes()
}

/// Within a rule: the same message may be late and then bounce.
pub(crate) fn digest(what: &str, name: &str) -> Subject {
    *DedupKey::of(&[what.as_bytes(), name.as_bytes()]).as_bytes()
}

/// Kinds of events that end something.
pub(crate) const ENDS: &[Kind] = &[Kind::Recovered, Kind::SourceRecovered, Kind::RateRecovered];

/// Whether an event of the kind `end` is the end of what one of the kind `of` began. That a message was delivered after all is
/// looked up instead: deliveries are nearly all that there is in the log.
pub(crate) const fn is_end(end: Kind, of: Kind) -> bool {
    match end {
        Kind::Recovered => matches!(of, Kind::Overdue | Kind::Deferred),
        Kind::SourceRecovered => matches!(of, Kind::SourceSilent | Kind::SourceRefusing),
        Kind::RateRecovered => matches!(of, Kind::RateExceeded),
        _ => false,
    }
}

/// Whether a message that stands so ends what an event of this kind began.
pub(crate) const fn ends(status: Status, of: Kind) -> bool {
    match of {
        Kind::Overdue | Kind::Bounced | Kind::Rejected | Kind::Failed => matches!(status, Status::Delivered),
        Kind::Deferred => !status.is_under_way(),
        _ => false,
    }
}
