//! What happened, step by step, in words.

use hearback_event::{Actor, Channel, Engagement, Event, Kind, Reason, Record, Severity, Timestamp};
use hearback_store::MessageView;

use crate::pieces::{Clock, Html, Mark, duration, escape, icon, reason_words};
use crate::visit::Visit;

/// A wait of so many seconds before a step is worth asking about.
const SLOW_SECONDS: i64 = 300;

/// A shorter wait is none.
const SHOWN_NANOS: i64 = 50_000_000;

/// One step.
pub(crate) struct Step {
    pub(crate) mark: Mark,
    pub(crate) icon: Html,
    pub(crate) time: Html,
    /// The wait before it.
    pub(crate) gap: Option<String>,
    pub(crate) slow: bool,
    /// Whether Hearback itself says it.
    pub(crate) is_note: bool,
    pub(crate) title: String,
    /// What follows the title in the same line.
    pub(crate) rest: Html,
    pub(crate) lines: Vec<Html>,
    /// The remote server's, or the provider's, own.
    pub(crate) words: Option<String>,
}

/// The steps of a message.
pub(crate) fn steps(view: &MessageView, visit: &Visit) -> Vec<Step> {
    let clock = Clock::of(visit);
    let sent = view.events.iter().find(|record| is_beginning(record.event.kind)).map(Record::occurred_at);
    let mut before: Option<Timestamp> = None;
    let mut steps = Vec::with_capacity(view.events.len());
    for record in &view.events {
        let mut step = step(record, visit, &clock);
        let at = record.occurred_at();
        if let Some(before) = before.replace(at) {
            let wait = at.as_nanos().saturating_sub(before.as_nanos());
            step.gap = (wait >= SHOWN_NANOS).then(|| duration(wait));
            // Who opens a mail late is not slow.
            step.slow = !is_engagement(record.event.kind) && wait >= SLOW_SECONDS * 1_000_000_000;
        }
        if let (Kind::Delivered, Some(sent)) = (record.event.kind, sent) {
            let words =
                format!("{} after it was sent", duration(at.as_nanos().saturating_sub(sent.as_nanos())));
            step.lines.insert(0, Html(words));
        }
        steps.push(step);
    }
    steps
}

const fn is_beginning(kind: Kind) -> bool {
    matches!(kind, Kind::Registered | Kind::Queued | Kind::Sent)
}

const fn is_engagement(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Opened | Kind::Clicked | Kind::Unsubscribed | Kind::Complained | Kind::SuppressionChanged
    )
}

/// One event as a step, without what depends on the others.
pub(crate) fn step(record: &Record, visit: &Visit, clock: &Clock) -> Step {
    let event = &record.event;
    let mark = Mark::of(event);
    let provider = hearback_providers::provider(&record.provider);
    let provider =
        provider.map_or_else(|| record.provider.to_string(), |provider| provider.title().to_owned());
    let seen = |text: &str| Html(escape(&visit.eyes.text(text)));
    let (title, rest) = words(event, &provider);
    let mut lines: Vec<Html> = Vec::new();
    if let Some(failure) = &event.failure {
        let temporary = failure.severity == Some(Severity::Temporary) && event.kind == Kind::Deferred;
        let again = if temporary { format!(" {provider} tries again by itself.") } else { String::new() };
        let reason = failure.reason.filter(|reason| *reason != Reason::Other).map(reason_words);
        match reason {
            Some(reason) => lines.push(seen(&format!("{reason}.{again}"))),
            None if temporary => lines.push(seen(again.trim())),
            None => {}
        }
    }
    if let Some(registration) = &event.registration
        && let Some(within) = registration.expect_delivered_within
    {
        lines.push(Html(format!("Expected within {}.", duration(i64::from(within) * 1_000_000_000))));
    }
    lines.extend(event.notice.as_deref().map(|notice| seen(&sentence(notice))));
    lines.extend(event.alert.as_deref().map(alert_line));
    if let Some(engagement) = &event.engagement {
        lines.extend(engagement.url.as_deref().map(seen));
        let place = place(engagement);
        if !place.is_empty() {
            lines.push(seen(&place));
        }
        if event.by_machine() {
            let why = engagement.why.as_deref().map(why_machine).unwrap_or_default();
            lines.push(Html(format!("{why}Not counted as read.")));
        }
    }
    if let Some(change) = &event.suppression {
        lines.extend(change.reason.as_deref().map(seen));
    }
    let failure = event.failure.as_ref();
    let said = failure.and_then(|failure| failure.response.as_deref().or(failure.description.as_deref()));
    Step {
        icon: icon(mark.icon),
        time: clock.clock(record.occurred_at()),
        gap: None,
        slow: false,
        is_note: event.kind.is_notice(),
        title,
        rest: seen(&rest),
        lines,
        words: visit.eyes.maybe(said),
        mark,
    }
}

/// Where an alert is followed, and who was told.
pub(crate) fn alert_line(alert: &hearback_event::Alert) -> Html {
    let (id, rule) = (alert.id, escape(&alert.rule));
    let to = if alert.to.is_empty() {
        "told to nobody".to_owned()
    } else {
        format!("told to {}", escape(&alert.to.join(", ")))
    };
    Html(format!("<a href=\"/alerts/{id}\">Alert {id}</a> of the rule {rule}, {to}."))
}

/// A notice as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn why_machine(why: &str) -> &'static str {
    match why {
        "apple_mpp" => "Apple Mail Privacy Protection fetched the pictures. ",
        "google_proxy" | "gmail_proxy" => "Gmail fetched the pictures. ",
        _ => "",
    }
}

/// A step's title, and what follows it in the same line.
fn words(event: &Event, provider: &str) -> (String, String) {
    let plain = |word: &str| (word.to_owned(), String::new());
    let attempt = event.registration.as_ref().and_then(|one| one.attempt);
    match event.kind {
        Kind::Registered | Kind::Queued if attempt.is_some() => {
            let again = attempt.filter(|attempt| *attempt > 1);
            let again = again.map(|attempt| format!(", attempt {attempt}")).unwrap_or_default();
            if event.provider_message_id.is_some() {
                ("Handed over".to_owned(), format!("to {provider}{again}"))
            } else {
                ("Sending".to_owned(), format!("through {provider}{again}"))
            }
        }
        Kind::Registered => ("Registered".to_owned(), "by the application".to_owned()),
        Kind::Queued => ("Accepted".to_owned(), format!("by {provider}")),
        Kind::Sent => ("Sent".to_owned(), format!("by {provider}")),
        Kind::Rejected => ("Rejected".to_owned(), format!("by {provider}, not sent")),
        Kind::Failed => ("Failed".to_owned(), format!("at {provider}, not sent")),
        Kind::Opened if event.by_machine() => plain("Opened by a machine"),
        Kind::Opened if by_human(event) => plain("Opened by a person"),
        Kind::Clicked if event.by_machine() => plain("Clicked by a machine"),
        Kind::Complained => ("Complained".to_owned(), "as spam".to_owned()),
        Kind::Inbound => ("Came in".to_owned(), "from outside".to_owned()),
        Kind::SuppressionChanged => {
            let change = event.suppression.as_ref();
            let title = match change.map(|change| change.action) {
                Some(hearback_event::ListAction::Removed) => "Suppression lifted",
                Some(hearback_event::ListAction::Added) => "Suppressed",
                _ => "Suppression changed",
            };
            let by = change.and_then(|change| change.by.as_deref());
            (title.to_owned(), by.map_or_else(|| format!("by {provider}"), |by| format!("by hand, {by}")))
        }
        kind => plain(crate::pieces::kind_mark(kind).word),
    }
}

fn by_human(event: &Event) -> bool {
    event.engagement.as_ref().is_some_and(|engagement| engagement.by == Some(Actor::Human))
}

/// Where somebody was: `London, GB`.
pub(crate) fn place(engagement: &Engagement) -> String {
    let parts = [engagement.city.as_deref(), engagement.region.as_deref(), engagement.country.as_deref()];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// What came of an event, in few words: their own where there are any.
pub(crate) fn result(event: &Event) -> String {
    if let Some(failure) = &event.failure {
        let reason = failure.reason.map(|reason| reason_words(reason).to_owned());
        let code = failure.enhanced_code.clone().or_else(|| failure.code.clone());
        return failure
            .response
            .clone()
            .or_else(|| failure.description.clone())
            .or(reason)
            .or(code)
            .unwrap_or_default();
    }
    if let Some(engagement) = &event.engagement {
        let by = match engagement.by {
            Some(Actor::Machine) => "by a machine",
            Some(Actor::Human) => "by a person",
            None => "",
        };
        let place = place(engagement);
        let parts = [engagement.url.as_deref().unwrap_or_default(), by, &place];
        return parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    }
    if let Some(change) = &event.suppression {
        return change.reason.clone().unwrap_or_default();
    }
    event.notice.clone().or_else(|| event.error.clone()).unwrap_or_default()
}

/// What an event does to its address, where it takes it out of the list of those that may be sent to.
pub(crate) fn suppresses(event: &Event) -> Option<&'static str> {
    match event.kind {
        Kind::Bounced
            if event.severity() == Some(Severity::Permanent)
                && event.reason() == Some(Reason::InvalidRecipient) =>
        {
            Some("This bounce suppresses the address until a later delivery.")
        }
        Kind::Complained => Some("A complaint suppresses the address until somebody lifts that."),
        Kind::Unsubscribed => Some("Who unsubscribes must not be sent to until they subscribe again."),
        _ => None,
    }
}

/// The icon of a channel.
pub(crate) const fn channel_icon(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms | Channel::Whatsapp | Channel::Rcs => "sms",
        Channel::Email | Channel::Other => "message",
    }
}

/// The word of a channel.
pub(crate) const fn channel_word(channel: Channel) -> &'static str {
    match channel {
        Channel::Email => "E-mail",
        Channel::Sms => "SMS",
        Channel::Whatsapp => "WhatsApp",
        Channel::Rcs => "RCS",
        Channel::Other => "Message",
    }
}

#[cfg(test)]
mod tests {
    use hearback_event::{Channel, DedupKey, Registration};

    use super::*;

    #[test]
    fn what_hearback_sends_is_told_as_sent_from_here() {
        let told = |kind, attempt, provider_message_id: Option<&str>| {
            let event = Event {
                registration: Some(Registration { attempt, ..Registration::default() }),
                provider_message_id: provider_message_id.map(str::to_owned),
                ..Event::new(kind, "x", Channel::Email, DedupKey::of(&[]))
            };
            let (title, rest) = words(&event, "Mailgun");
            format!("{title} {rest}")
        };
        assert_eq!(told(Kind::Registered, None, Some("p")), "Registered by the application");
        assert_eq!(told(Kind::Registered, Some(1), None), "Sending through Mailgun");
        assert_eq!(told(Kind::Registered, Some(1), Some("p")), "Handed over to Mailgun");
        assert_eq!(told(Kind::Queued, Some(2), Some("p")), "Handed over to Mailgun, attempt 2");
        assert_eq!(told(Kind::Queued, None, Some("p")), "Accepted by Mailgun");
    }
}
