//! Pages about one message, one recipient, one timeline.

use hearback_event::Timestamp;
use serde_json::Value;

use super::event::moment;
use super::{Looks, ago, clean, detail, exact, gap, kind, list, number, pointed, short, table, text, when};

/// Where a message stands and why, with its events and the time between them.
pub(crate) fn message_page(message: &Value, looks: Looks, now: Timestamp) -> String {
    let mut lines =
        vec![format!("Message {}", text(message, "/id")), format!("  {}", status_line(message, now))];
    let facts = [
        ("to", with(text(message, "/recipient"), text(message, "/channel"))),
        ("subject", text(message, "/subject")),
        ("your key", text(message, "/key")),
        ("your id for the recipient", text(message, "/user_id")),
        ("provider's id", text(message, "/provider_id")),
        ("source", with(text(message, "/source"), text(message, "/provider"))),
        ("sending", text(message, "/sending/note")),
        ("labels", labels(message)),
        ("tags", words(message, "/tags")),
        ("opened", by_whom(message, "/opens")),
        ("clicked", by_whom(message, "/clicks")),
    ];
    lines.extend(fact_lines(&facts));
    lines.push(String::new());
    lines.push(history(message, looks, now));
    lines.join("\n")
}

/// Messages, one per row.
pub(crate) fn messages_table(messages: &[Value], looks: Looks, now: Timestamp) -> String {
    let rows = messages.iter().map(|message| {
        let after = message.pointer("/delivered_after").and_then(Value::as_f64);
        let subject = text(message, "/subject");
        let overdue = if is_overdue(message) { " overdue" } else { "" };
        vec![
            when(message, "/since", looks, now),
            format!("{}{overdue}", text(message, "/status")),
            text(message, "/recipient"),
            if looks.terminal { short(&subject, 40) } else { subject },
            after.map(|seconds| format!("{seconds:.1} s")).unwrap_or_default(),
            text(message, "/source"),
            text(message, "/id"),
        ]
    });
    let head = ["SINCE (UTC)", "STATUS", "RECIPIENT", "SUBJECT", "DELIVERED IN", "SOURCE", "MESSAGE"];
    table(looks, &head, rows.collect::<Vec<_>>())
}

fn is_overdue(message: &Value) -> bool {
    message.pointer("/overdue") == Some(&Value::Bool(true))
}

/// The status in words: what it is, since when, and what it rests on.
fn status_line(message: &Value, now: Timestamp) -> String {
    let status = text(message, "/status").to_uppercase();
    let is_implied = message.pointer("/implied") == Some(&Value::Bool(true));
    let implied = if is_implied { " (nobody told of the delivery, but what followed proves it)" } else { "" };
    let since = moment(message, "/since")
        .map(|since| format!(" since {} UTC, {}", exact(since), ago(since, now)))
        .unwrap_or_default();
    let failure = detail(message);
    let failure = if failure.is_empty() { failure } else { format!(": {failure}") };
    let overdue = moment(message, "/due_at").filter(|_| is_overdue(message));
    let overdue = overdue.map(|due| format!("; overdue since {} UTC", exact(due))).unwrap_or_default();
    format!("{status}{implied}{since}{failure}{overdue}")
}

fn history(message: &Value, looks: Looks, now: Timestamp) -> String {
    let mut before: Option<Timestamp> = None;
    let explained = list(message, "/explanation");
    let rows = list(message, "/events").iter().map(|event| {
        let at = moment(event, "/occurred_at");
        let since = before.zip(at).map(|(before, at)| gap(before, at)).unwrap_or_default();
        before = at.or(before);
        let id = text(event, "/id");
        let why = explained.iter().find(|one| text(one, "/event") == id);
        let decided = why.is_some_and(|why| why.pointer("/decided") == Some(&Value::Bool(true)));
        let detail = if looks.terminal { short(&detail(event), 70) } else { detail(event) };
        vec![
            if decided { "→".to_owned() } else { String::new() },
            when(event, "/occurred_at", looks, now),
            since,
            kind(event),
            why.map(|why| text(why, "/why")).unwrap_or_default(),
            detail,
        ]
    });
    table(
        looks,
        &["", "TIME (UTC)", "AFTER", "EVENT", "HOW IT BEARS ON THE STATUS", "DETAIL"],
        rows.collect::<Vec<_>>(),
    )
}

/// What is known of a recipient.
pub(crate) fn recipient_page(recipient: &Value, events: &[Value], looks: Looks, now: Timestamp) -> String {
    let mut lines = vec![format!("Recipient {}", text(recipient, "/address"))];
    lines.push(format!("  {}", standing(recipient, now)));
    let moment_of = |pointer: &str| {
        moment(recipient, pointer)
            .map(|at| format!("{} UTC, {}", exact(at), ago(at, now)))
            .unwrap_or_default()
    };
    let last = kind(&recipient.pointer("/last_event").cloned().unwrap_or_default());
    let facts = [
        ("last event", with_comma(last, moment_of("/last_event/occurred_at"))),
        ("last sent to", moment_of("/last_sent_at")),
        ("first event", moment_of("/first_event_at")),
        ("name", text(recipient, "/name")),
        ("user id", text(recipient, "/user_id")),
        ("also", others(recipient)),
        ("counts", counts(recipient)),
    ];
    lines.extend(fact_lines(&facts));
    if !events.is_empty() {
        lines.push(String::new());
        lines.push(super::events_table(events, looks, now));
    }
    lines.join("\n")
}

/// The other addresses of the same person.
fn others(recipient: &Value) -> String {
    let other = |one: &Value| with(text(one, "/address"), text(one, "/status"));
    list(recipient, "/addresses").iter().map(other).collect::<Vec<_>>().join(", ")
}

/// The status of a recipient in words.
fn standing(recipient: &Value, now: Timestamp) -> String {
    let status = text(recipient, "/status");
    let words = match status.as_str() {
        "suppressed" => "must not be sent to",
        "failing" => "the last message did not arrive",
        "deliverable" => "the last message arrived",
        "pending" => "no message has arrived or failed yet",
        _ => "",
    };
    let mut line = with_comma(status.to_uppercase(), words.to_owned());
    let reason = text(recipient, "/suppression/reason");
    if reason.is_empty() {
        return line;
    }
    line.push_str(": ");
    line.push_str(match reason.as_str() {
        "manual" => "a person put it on the list",
        "complained" => "reported a message as spam",
        "unsubscribed" => "unsubscribed",
        "listed" => "is on the provider's list",
        "bounced" => "the address does not exist",
        other => other,
    });
    let source = text(recipient, "/suppression/source");
    if !source.is_empty() {
        line.push_str(", told by ");
        line.push_str(&source);
    }
    match moment(recipient, "/suppression/since") {
        Some(since) => format!("{line}, since {} UTC ({})", exact(since), ago(since, now)),
        None => line,
    }
}

/// The counters in the order of a message's life, without those that are zero.
fn counts(recipient: &Value) -> String {
    const NAMES: &[(&str, &str)] = &[
        ("registered", "registered"),
        ("queued", "queued"),
        ("sent", "sent"),
        ("delivered", "delivered"),
        ("deferred", "deferred"),
        ("bounced/permanent", "bounced for good"),
        ("bounced/temporary", "bounced for now"),
        ("rejected", "rejected"),
        ("failed", "failed"),
        ("opened/human", "opened"),
        ("opened/machine", "opened by machines"),
        ("clicked/human", "clicked"),
        ("clicked/machine", "clicked by machines"),
        ("complained", "complained"),
        ("unsubscribed", "unsubscribed"),
        ("inbound", "inbound"),
        ("other", "other"),
    ];
    let parts: Vec<String> = NAMES
        .iter()
        .map(|(pointer, name)| (number(recipient, &format!("/counts/{pointer}")), name))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{name} {count}"))
        .collect();
    parts.join(", ")
}

/// Everything under one label: its messages, and all that happened in the order of time.
pub(crate) fn timeline_page(timeline: &Value, looks: Looks, now: Timestamp) -> String {
    let messages = list(timeline, "/messages");
    let rows = messages.iter().map(|message| {
        vec![
            text(message, "/recipient"),
            text(message, "/subject"),
            text(message, "/status"),
            when(message, "/since", looks, now),
            text(message, "/provider_id"),
        ]
    });
    let title = format!("Timeline {}={}", text(timeline, "/key"), text(timeline, "/value"));
    let messages = table(looks, &["RECIPIENT", "SUBJECT", "STATUS", "SINCE (UTC)", "PROVIDER'S ID"], rows);
    let mut events: Vec<&Value> = list(timeline, "/data").iter().collect();
    // The API gives them in the order of receipt; people want to read what happened after what.
    events.sort_by_key(|event| moment(event, "/occurred_at"));
    let mut before: Option<Timestamp> = None;
    let rows = events.into_iter().map(|event| {
        let at = moment(event, "/occurred_at");
        let since = before.zip(at).map(|(before, at)| gap(before, at)).unwrap_or_default();
        before = at.or(before);
        let subject = text(event, "/message/subject");
        let detail = if looks.terminal { short(&detail(event), 60) } else { detail(event) };
        vec![
            when(event, "/occurred_at", looks, now),
            since,
            kind(event),
            text(event, "/recipient"),
            subject,
            detail,
        ]
    });
    let head = ["TIME (UTC)", "AFTER", "EVENT", "RECIPIENT", "SUBJECT", "DETAIL"];
    let events = table(looks, &head, rows.collect::<Vec<_>>());
    format!("{title}\n\n{messages}\n\n{events}")
}

fn fact_lines<'a>(facts: &'a [(&'a str, String)]) -> impl Iterator<Item = String> + 'a {
    facts.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("  {name:<14} {value}"))
}

fn with(text: String, more: String) -> String {
    if text.is_empty() || more.is_empty() { text } else { format!("{text} ({more})") }
}

fn with_comma(text: String, more: String) -> String {
    if text.is_empty() || more.is_empty() { text } else { format!("{text}, {more}") }
}

fn by_whom(message: &Value, pointer: &str) -> String {
    let (people, machines) =
        (number(message, &format!("{pointer}/human")), number(message, &format!("{pointer}/machine")));
    match (people, machines) {
        (0, 0) => String::new(),
        (people, 0) => format!("{people} times"),
        (0, machines) => format!("{machines} times by machines only"),
        (people, machines) => format!("{people} times, and {machines} times by machines"),
    }
}

/// Labels as `key=value`.
pub(super) fn labels(value: &Value) -> String {
    let Some(labels) = value.pointer("/labels").and_then(Value::as_object) else { return String::new() };
    let pair = |key: &String| format!("{}={}", clean(key), text(value, &format!("/labels/{}", pointed(key))));
    labels.keys().map(pair).collect::<Vec<_>>().join(", ")
}

/// Texts of a list.
pub(super) fn words(value: &Value, pointer: &str) -> String {
    list(value, pointer).iter().filter_map(|word| word.as_str().map(clean)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
