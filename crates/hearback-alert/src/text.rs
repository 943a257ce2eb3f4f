//! What is said.

use std::time::Duration;

use hearback_event::{Event, Kind, Record, Share, Timestamp};

use crate::letter::{Letter, Purpose};
use crate::rule::Rule;

/// What an alert is about, in one line: what the first event says, or how many there are.
pub fn title(kind: Kind, count: u64, first_at: Timestamp, cause: Option<&Record>) -> String {
    match cause {
        Some(record) if count <= 1 => hearback_deliver::in_words(record),
        _ => many(kind, count, first_at),
    }
}

fn many(kind: Kind, count: u64, first_at: Timestamp) -> String {
    let name = kind.dotted();
    let what = match name.strip_prefix("message.") {
        Some(word) if count == 1 => format!("message {word}"),
        Some(word) => format!("messages {word}"),
        None => format!("× {name}"),
    };
    format!("{count} {what} since {}", clock(first_at))
}

/// The day, hour and minute, in UTC.
fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} {} UTC", time.get(..5).unwrap_or(time))
}

/// What a letter says.
pub(crate) fn of_letter(
    letter: &Letter,
    rule: Option<&Rule>,
    cause: Option<&Record>,
    now: Timestamp,
) -> String {
    let alert = &letter.alert;
    let kind = cause.map_or(Kind::Unknown, |record| record.event.kind);
    let own = rule.and_then(|rule| match letter.purpose {
        Purpose::Fallback => rule.fallback.as_ref().map(|fallback| &fallback.text),
        _ => rule.text.as_ref().filter(|_| alert.count == 1),
    });
    let said = if let (Some(text), Some(record)) = (own, cause) {
        text.render(record)
    } else {
        let title = title(kind, alert.count, alert.first_at, cause);
        [title, shares(": ", &alert.reasons), shares("; ", &alert.domains)].concat()
    };
    match letter.purpose {
        Purpose::Raised | Purpose::Fallback => said,
        Purpose::Resolved => {
            let nanos = now.as_nanos().saturating_sub(alert.first_at.as_nanos()).max(0);
            format!("Resolved after {}: {said}", span(nanos))
        }
    }
}

fn shares(before: &str, shares: &[Share]) -> String {
    let each: Vec<String> = shares.iter().map(|share| format!("{} ({})", share.name, share.count)).collect();
    if each.is_empty() { String::new() } else { format!("{before}{}", each.join(", ")) }
}

/// Why an event failed, as it can be counted: the code and our word, none of the remote server's, which may name people.
pub(crate) fn reason(event: &Event) -> Option<String> {
    let failure = event.failure.as_ref()?;
    let word = failure.reason.map(|reason| reason.name().replace('_', " "));
    let codes: Vec<&str> =
        [failure.code.as_deref(), failure.enhanced_code.as_deref()].into_iter().flatten().collect();
    let codes = codes.join("-");
    match (codes.is_empty() || codes.len() > 40, word) {
        (true, word) => word,
        (false, Some(word)) => Some(format!("{codes} {word}")),
        (false, None) => Some(codes),
    }
}

/// A span as people say it: `47 min`.
fn span(nanos: i64) -> String {
    let seconds = nanos / 1_000_000_000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

pub(crate) fn later(at: Timestamp, span: Duration) -> Timestamp {
    let nanos = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    Timestamp::from_nanos(at.as_nanos().saturating_add(nanos))
}
