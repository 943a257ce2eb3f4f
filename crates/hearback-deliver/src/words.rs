//! An event in words, for people who read it in a chat or on a phone.

use hearback_event::{Address, Alert, Channel, Kind, Label, Reason, Record, Share, Urgency};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Doubtful,
    Bad,
    Neutral,
}

/// What is said of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// What happened, to whom: one line.
    pub(crate) title: String,
    /// Why, where that is known: one line.
    pub(crate) reason: Option<String>,
    /// What else is worth knowing.
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) tone: Tone,
}

/// Labels by which Hearback finds its own events again.
const OUR_LABELS: &[&str] = &[Label::MESSAGE_ID, Label::ALERT];
/// Longest value that is shown.
const LONGEST: usize = 300;

/// An event in one line.
pub fn in_words(record: &Record) -> String {
    Words::of(record).line()
}

impl Words {
    pub(crate) fn of(record: &Record) -> Self {
        let event = &record.event;
        if let Some(alert) = &event.alert {
            return Self::of_alert(record, alert);
        }
        let who = event.recipient.as_ref().map(Address::as_str);
        let what = what(event.kind, event.channel);
        let title = match (who, event.labels.get("destination")) {
            (Some(who), _) => format!("{what}: {who}"),
            (None, Some(destination)) if event.kind == Kind::DestinationFailing => {
                format!("{what}: {destination}")
            }
            _ if event.labels.contains_key("rate_of") => {
                format!("{what}: {}", event.labels.get("rate_of").map(String::as_str).unwrap_or_default())
            }
            _ if event.kind.is_notice() => format!("{what}: {}", record.source),
            _ => what.to_owned(),
        };
        let mut facts = vec![("Source", record.source.to_string())];
        facts.extend(event.subject.clone().map(|subject| ("Subject", short(&subject))));
        if !event.tags.is_empty() {
            facts.push(("Tags", short(&event.tags.join(", "))));
        }
        let labels: Vec<String> = event.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        if !labels.is_empty() {
            facts.push(("Labels", short(&labels.join(", "))));
        }
        facts.push(("Time", record.occurred_at().to_string()));
        facts.push(("Event", record.id().to_string()));
        Self { title, reason: reason(record), facts, tone: tone(event.kind) }
    }

    /// An alert says itself what it is about.
    fn of_alert(record: &Record, alert: &Alert) -> Self {
        let shares = |shares: &[Share]| {
            let each: Vec<String> =
                shares.iter().map(|share| format!("{} ({})", share.name, share.count)).collect();
            (!each.is_empty()).then(|| short(&each.join(", ")))
        };
        let mut facts = vec![("Alert", format!("{} ({}, {})", alert.id, alert.rule, alert.urgency))];
        facts.extend(shares(&alert.reasons).map(|text| ("Reasons", text)));
        facts.extend(shares(&alert.domains).map(|text| ("Domains", text)));
        let labels = record.event.labels.iter().filter(|(key, _)| !OUR_LABELS.contains(&key.as_str()));
        let labels: Vec<String> = labels.map(|(key, value)| format!("{key}={value}")).collect();
        if !labels.is_empty() {
            facts.push(("Labels", short(&labels.join(", "))));
        }
        facts.push(("Since", alert.first_at.to_string()));
        facts.extend(alert.cause.map(|cause| ("Event", cause.to_string())));
        let tone = match (record.event.kind, alert.urgency) {
            (Kind::AlertResolved, _) => Tone::Good,
            (_, Urgency::Info) => Tone::Neutral,
            (_, Urgency::Warning) => Tone::Doubtful,
            (_, Urgency::Critical) => Tone::Bad,
        };
        Self { title: short(record.event.notice.as_deref().unwrap_or("Alert")), reason: None, facts, tone }
    }

    /// In one short text.
    pub(crate) fn line(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{} ({reason})", self.title),
            None => self.title.clone(),
        }
    }
}

/// A text that others wrote: one line, not too long.
fn short(text: &str) -> String {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if line.chars().count() <= LONGEST {
        return line;
    }
    line.chars().take(LONGEST - 1).chain(['…']).collect()
}

const fn what(kind: Kind, channel: Channel) -> &'static str {
    match (kind, channel) {
        (Kind::Queued, _) => "Queued",
        (Kind::Sent, _) => "Sent",
        (Kind::Delivered, _) => "Delivered",
        (Kind::Deferred, _) => "Delayed",
        (Kind::Bounced, Channel::Email) => "Bounced",
        (Kind::Bounced, _) => "Not delivered",
        (Kind::Rejected, _) => "Rejected",
        (Kind::Failed, _) => "Failed",
        (Kind::Opened, _) => "Opened",
        (Kind::Clicked, _) => "Clicked",
        (Kind::Complained, _) => "Spam complaint",
        (Kind::Unsubscribed, _) => "Unsubscribed",
        (Kind::Subscribed, _) => "Subscribed",
        (Kind::Autoresponded, _) => "Automatic answer",
        (Kind::Unknown, _) => "Unknown event",
        (Kind::Inbound, _) => "Message received",
        (Kind::InboundFailed, _) => "Received message failed",
        (Kind::SuppressionChanged, _) => "Suppression list changed",
        (Kind::Registered, _) => "Registered",
        (Kind::Overdue, _) => "Overdue",
        (Kind::Recovered, _) => "Delivered late",
        (Kind::SourceSilent, _) => "Source is silent",
        (Kind::SourceRefusing, _) => "Source refuses requests",
        (Kind::SourceRecovered, _) => "Source is well again",
        (Kind::DestinationFailing, _) => "Destination takes nothing",
        (Kind::RateExceeded, _) => "Too many bounces or complaints",
        (Kind::RateRecovered, _) => "Bounces or complaints are within their limit again",
        (Kind::AlertRaised, _) => "Alert",
        (Kind::AlertResolved, _) => "Resolved",
    }
}

const fn tone(kind: Kind) -> Tone {
    match kind {
        Kind::Delivered
        | Kind::Opened
        | Kind::Clicked
        | Kind::Recovered
        | Kind::SourceRecovered
        | Kind::RateRecovered => Tone::Good,
        Kind::Deferred | Kind::Unsubscribed | Kind::Unknown | Kind::SourceSilent => Tone::Doubtful,
        Kind::Bounced
        | Kind::Rejected
        | Kind::Failed
        | Kind::Complained
        | Kind::InboundFailed
        | Kind::Overdue
        | Kind::SourceRefusing
        | Kind::DestinationFailing
        | Kind::RateExceeded => Tone::Bad,
        _ => Tone::Neutral,
    }
}

fn reason(record: &Record) -> Option<String> {
    let Some(failure) = record.event.failure.as_ref() else {
        return record.event.notice.as_deref().map(short);
    };
    let word = failure.reason.map(|reason| match reason {
        Reason::Other => "other reason".to_owned(),
        reason => reason.name().replace('_', " "),
    });
    let said = failure.response.as_deref().or(failure.description.as_deref()).or(failure.code.as_deref());
    match (word, said.map(short)) {
        (Some(word), Some(said)) => Some(format!("{word}: {said}")),
        (word, said) => word.or(said),
    }
}
