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
        ("provider's id", text(message, "/provider_id")),
        ("source", with(text(message, "/source"), text(message, "/provider"))),
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
    format!("{status}{implied}{since}{failure}")
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
        ("user id", text(recipient, "/user_id")),
        ("counts", counts(recipient)),
    ];
    lines.extend(fact_lines(&facts));
    if !events.is_empty() {
        lines.push(String::new());
        lines.push(super::events_table(events, looks, now));
    }
    lines.join("\n")
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

fn counts(recipient: &Value) -> String {
    let Some(counts) = recipient.pointer("/counts").and_then(Value::as_object) else { return String::new() };
    let mut parts = Vec::new();
    for (name, count) in counts {
        match count {
            Value::Object(parts_of) => {
                let told: Vec<String> = parts_of
                    .iter()
                    .filter(|(_, count)| count.as_u64() != Some(0))
                    .map(|(of, count)| format!("{} {}", clean(of), clean(&count.to_string())))
                    .collect();
                if !told.is_empty() {
                    parts.push(format!("{} ({})", clean(name), told.join(", ")));
                }
            }
            Value::Number(count) if count.as_u64() != Some(0) => {
                parts.push(format!("{} {count}", clean(name)));
            }
            _ => {}
        }
    }
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
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn squeezed(page: &str) -> String {
        page.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_message_says_where_it_stands_and_why() {
        let message = json!({
            "id": "msg_1", "provider_id": "a@b", "source": "eu", "provider": "mailgun", "channel": "email",
            "recipient": "a@example.com", "subject": "Your stay", "status": "bounced", "implied": false,
            "since": "2026-11-20T10:00:03Z", "opens": {"human": 0, "machine": 2}, "clicks": {"human": 0, "machine": 0},
            "tags": ["pre-arrival"], "labels": {"booking_id": "42"},
            "failure": {"severity": "permanent", "reason": "invalid_recipient"},
            "explanation": [{"event": "evt_1", "decided": false, "why": "the message's way had ended"},
                {"event": "evt_2", "decided": true, "why": "decided the status"}],
            "events": [{"id": "evt_1", "type": "message.queued", "occurred_at": "2026-11-20T10:00:00Z"},
                {"id": "evt_2", "type": "message.bounced", "occurred_at": "2026-11-20T10:00:03Z"}],
        });
        let page = squeezed(&message_page(&message, Looks::default(), now()));
        for expected in [
            "BOUNCED since 2026-11-20 10:00:03 UTC, 1h 59m ago: permanent invalid_recipient",
            "to a@example.com (email)",
            "labels booking_id=42",
            "opened 2 times by machines only",
            "2026-11-20 10:00:00 queued the message's way had ended",
            "→ 2026-11-20 10:00:03 +3s bounced decided the status",
        ] {
            assert!(page.contains(expected), "{expected}\n{page}");
        }
        assert!(!page.contains("clicked"), "{page}");
    }

    #[test]
    fn a_recipient_says_whether_it_may_be_sent_to() {
        let recipient = json!({
            "address": "a@example.com", "status": "suppressed",
            "suppression": {"reason": "bounced", "since": "2026-11-20T10:00:00Z", "source": "eu"},
            "last_event": {"type": "message.bounced", "occurred_at": "2026-11-20T10:00:00Z"},
            "counts": {"sent": 2, "bounced": {"permanent": 1, "temporary": 0}, "opened": {"human": 0, "machine": 0}},
        });
        let page = squeezed(&recipient_page(&recipient, &[], Looks::default(), now()));
        for expected in [
            "SUPPRESSED, must not be sent to: the address does not exist, told by eu, since 2026-11-20 10:00:00 UTC (2h ago)",
            "last event bounced, 2026-11-20 10:00:00 UTC, 2h ago",
            "bounced (permanent 1)",
            "sent 2",
        ] {
            assert!(page.contains(expected), "{expected}\n{page}");
        }
    }

    #[test]
    fn a_timeline_reads_in_the_order_of_time() {
        let event =
            |kind: &str, at: &str| json!({"type": kind, "occurred_at": at, "recipient": "a@example.com"});
        let timeline = json!({"key": "booking_id", "value": "42",
            "messages": [{"recipient": "a@example.com", "status": "delivered", "provider_id": "a@b"}],
            "data": [event("message.delivered", "2026-11-20T10:00:07Z"), event("message.queued", "2026-11-20T10:00:00Z")]});
        let page = squeezed(&timeline_page(&timeline, Looks::default(), now()));
        assert!(page.starts_with("Timeline booking_id=42"), "{page}");
        let (queued, delivered) = (page.find("10:00:00 queued"), page.find("10:00:07 +7s delivered"));
        assert!(queued.is_some() && queued < delivered, "{page}");
    }
}
