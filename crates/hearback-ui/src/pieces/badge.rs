//! What happened, as a word with an icon and a hue.

use hearback_event::{AlertState, Event, Kind, Reason, Status, Urgency};

use super::{Html, escape, icon};

/// How something is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The hue: `data-status`.
    pub(crate) status: &'static str,
    /// The icon of the sprite.
    pub(crate) icon: &'static str,
    /// The word.
    pub(crate) word: &'static str,
}

const fn mark(status: &'static str, icon: &'static str, word: &'static str) -> Mark {
    Mark { status, icon, word }
}

/// Of a kind of event.
pub(crate) const fn kind_mark(kind: Kind) -> Mark {
    match kind {
        Kind::Queued => mark("queued", "queued", "Queued"),
        Kind::Sent => mark("sent", "sent", "Sent"),
        Kind::Delivered => mark("delivered", "delivered", "Delivered"),
        Kind::Deferred => mark("deferred", "deferred", "Deferred"),
        Kind::Bounced => mark("bounced", "bounced", "Bounced"),
        Kind::Rejected => mark("rejected", "rejected", "Rejected"),
        Kind::Failed => mark("failed", "failed", "Failed"),
        Kind::Opened => mark("opened", "opened", "Opened"),
        Kind::Clicked => mark("clicked", "clicked", "Clicked"),
        Kind::Complained => mark("complained", "complained", "Complained"),
        Kind::Unsubscribed => mark("unsubscribed", "unsubscribed", "Unsubscribed"),
        Kind::Subscribed => mark("queued", "plus", "Subscribed"),
        Kind::Autoresponded => mark("queued", "machine", "Auto-reply"),
        Kind::Unknown => mark("queued", "help", "Unknown"),
        Kind::Inbound => mark("queued", "inbound", "Came in"),
        Kind::InboundFailed => mark("failed", "inbound", "Inbound failed"),
        Kind::SuppressionChanged => mark("queued", "shield", "Suppression"),
        Kind::Registered => mark("registered", "registered", "Registered"),
        Kind::Overdue => mark("overdue", "overdue", "Overdue"),
        Kind::Recovered => mark("delivered", "check", "Recovered"),
        Kind::SourceSilent => mark("silent", "silent", "Source silent"),
        Kind::SourceRefusing => mark("refusing", "quarantine", "Source refusing"),
        Kind::SourceRecovered => mark("ok", "check", "Source well"),
        Kind::DestinationFailing => mark("failed", "destination", "Push failing"),
        Kind::RateExceeded => mark("overdue", "alert", "Rate exceeded"),
        Kind::RateRecovered => mark("ok", "check", "Rate recovered"),
        Kind::AlertRaised => mark("overdue", "alert", "Alert"),
        Kind::AlertResolved => mark("ok", "check", "Alert resolved"),
    }
}

/// Of a message's status.
pub(crate) const fn status_mark(status: Status) -> Mark {
    match status {
        Status::Unknown => mark("queued", "help", "Unknown"),
        Status::Registered => kind_mark(Kind::Registered),
        Status::Queued => kind_mark(Kind::Queued),
        Status::Sent => kind_mark(Kind::Sent),
        Status::Deferred => kind_mark(Kind::Deferred),
        Status::Delivered => kind_mark(Kind::Delivered),
        Status::Failed => kind_mark(Kind::Failed),
        Status::Rejected => kind_mark(Kind::Rejected),
        Status::Bounced => kind_mark(Kind::Bounced),
        Status::Complained => kind_mark(Kind::Complained),
        Status::Inbound => kind_mark(Kind::Inbound),
    }
}

/// Of how soon somebody should look.
pub(crate) const fn urgency_mark(urgency: Urgency) -> Mark {
    match urgency {
        Urgency::Critical => mark("failed", "quarantine", "Critical"),
        Urgency::Warning => mark("deferred", "alert", "Warning"),
        Urgency::Info => mark("queued", "info", "Info"),
    }
}

/// Of how an alert stands.
pub(crate) const fn alert_mark(state: AlertState) -> Mark {
    match state {
        AlertState::Open => mark("overdue", "alert", "Open"),
        AlertState::Acknowledged => mark("opened", "opened", "Acknowledged"),
        AlertState::Resolved => mark("ok", "check", "Resolved"),
    }
}

impl Mark {
    /// Of an event: opens and clicks by machines say so.
    pub(crate) fn of(event: &Event) -> Self {
        match (event.kind, event.by_machine()) {
            (Kind::Opened, true) => mark("opened", "machine", "Opened, machine"),
            (Kind::Clicked, true) => mark("clicked", "machine", "Clicked, machine"),
            (kind, _) => kind_mark(kind),
        }
    }
}

/// A badge; `class` may be empty, `badge-lg` or `badge-plain`.
pub(crate) fn badge(mark: Mark, class: &str) -> Html {
    let Mark { status, icon: name, word } = mark;
    Html(format!(
        "<span class=\"badge {class}\" data-status=\"{status}\">{}{}</span>",
        icon(name),
        escape(word)
    ))
}

/// A failure's reason in words.
pub(crate) const fn reason_words(reason: Reason) -> &'static str {
    match reason {
        Reason::InvalidRecipient => "Invalid recipient",
        Reason::MailboxFull => "Mailbox full",
        Reason::Blocked => "Blocked",
        Reason::Spam => "Taken for spam",
        Reason::Dns => "No usable DNS records",
        Reason::Timeout => "No answer in time",
        Reason::Policy => "Against a policy",
        Reason::Content => "Content refused",
        Reason::Suppressed => "On the provider's suppression list",
        Reason::Unsubscribed => "Had unsubscribed",
        Reason::Auth => "Sender not authenticated",
        Reason::Carrier => "Carrier's network",
        Reason::Other => "Other reason",
    }
}

/// A cause of the quarantine in words, with its mark.
pub(crate) fn cause_words(cause: &str) -> Mark {
    match cause {
        "bad_signature" => mark("refusing", "key", "Bad signature"),
        "missing_signature" => mark("refusing", "key", "No signature"),
        "stale" => mark("overdue", "overdue", "Too old"),
        "future" => mark("overdue", "overdue", "From the future"),
        "forged_replay" => mark("complained", "copy", "Forged replay"),
        "network_not_allowed" => mark("refusing", "shield", "Network not allowed"),
        "unparsable" => mark("queued", "code", "Unparsable"),
        "body_too_large" | "too_large" => mark("queued", "inbound", "Too large"),
        "rate_limited" => mark("overdue", "overdue", "Too many"),
        "unknown_message" => mark("queued", "help", "Unknown message"),
        _ => mark("queued", "quarantine", "Refused"),
    }
}
