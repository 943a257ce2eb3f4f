//! One event, and tables of events.

use hearback_event::Timestamp;
use serde_json::Value;

use super::{Looks, ago, clean, exact, short, table, text};

/// The kind of an event without its prefix: `bounced`.
pub(crate) fn kind(event: &Value) -> String {
    let kind = text(event, "/type");
    kind.strip_prefix("message.").map(ToOwned::to_owned).unwrap_or(kind)
}

/// The moment at a pointer, as the looks want it; `~` marks the time of receipt in place of the provider's.
pub(crate) fn when(value: &Value, pointer: &str, looks: Looks, now: Timestamp) -> String {
    let Some(moment) = moment(value, pointer) else { return String::new() };
    let mark = if value.pointer("/occurred_at_approximate") == Some(&Value::Bool(true)) { "~" } else { "" };
    format!("{mark}{}", if looks.relative { ago(moment, now) } else { exact(moment) })
}

/// The moment at a pointer.
pub(crate) fn moment(value: &Value, pointer: &str) -> Option<Timestamp> {
    value.pointer(pointer)?.as_str()?.parse().ok()
}

/// What is worth knowing of an event besides its kind: why it failed, who opened, what was clicked.
pub(crate) fn detail(event: &Value) -> String {
    let mut parts = Vec::new();
    let mut add = |text: String| {
        if !text.is_empty() && !parts.contains(&text) {
            parts.push(text);
        }
    };
    if event.pointer("/verified") == Some(&Value::Bool(false)) {
        add("UNVERIFIED".to_owned());
    }
    if event.pointer("/test") == Some(&Value::Bool(true)) {
        add("test".to_owned());
    }
    for pointer in ["/failure/severity", "/failure/reason", "/failure/code", "/failure/enhanced_code"] {
        add(text(event, pointer));
    }
    let said = text(event, "/failure/response");
    add(if said.is_empty() { text(event, "/failure/description") } else { said });
    let by = text(event, "/engagement/by");
    let why = text(event, "/engagement/why");
    add(match (by.as_str(), why.as_str()) {
        ("", _) => String::new(),
        (_, "") => format!("by {by}"),
        _ => format!("by {by} ({why})"),
    });
    for pointer in ["/engagement/url", "/suppression/action", "/suppression/reason", "/suppression/scope"] {
        add(text(event, pointer));
    }
    let from = text(event, "/inbound/from");
    if !from.is_empty() {
        add(format!("from {from}"));
    }
    if kind(event) == "unknown" {
        let native = text(event, "/native_type");
        add(if native.is_empty() { native } else { format!("`{native}`") });
        add(text(event, "/error"));
    }
    clean(&parts.join(" "))
}

/// Events, one per row.
pub(crate) fn events_table(events: &[Value], looks: Looks, now: Timestamp) -> String {
    let rows = events.iter().map(|event| row(event, looks, now));
    table(looks, &["TIME (UTC)", "TYPE", "RECIPIENT", "DETAIL", "SOURCE", "EVENT"], rows)
}

/// An event on one line, for lists that grow.
pub(crate) fn event_line(event: &Value, looks: Looks, now: Timestamp) -> String {
    let cells = row(event, looks, now);
    let [time, kind, recipient, detail, source, id] = cells.as_slice() else { return cells.join("  ") };
    format!("{time:<19}  {kind:<12}  {recipient:<32}  {source:<14}  {id}  {detail}").trim_end().to_owned()
}

fn row(event: &Value, looks: Looks, now: Timestamp) -> Vec<String> {
    let mut recipient = text(event, "/recipient");
    if recipient.is_empty() {
        let several: Vec<String> = super::list(event, "/ambiguous_recipients")
            .iter()
            .filter_map(|address| address.as_str().map(clean))
            .collect();
        if !several.is_empty() {
            recipient = format!("one of {}", several.join(" "));
        }
    }
    let detail = if looks.terminal { short(&detail(event), 90) } else { detail(event) };
    vec![
        when(event, "/occurred_at", looks, now),
        kind(event),
        recipient,
        detail,
        text(event, "/source"),
        text(event, "/id"),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_detail_of_each_kind() {
        let cases = [
            (
                json!({"type": "message.bounced", "failure": {"severity": "permanent", "reason": "invalid_recipient", "code": "550",
                    "enhanced_code": "5.1.1", "response": "550 5.1.1 user\nunknown", "description": "x"}}),
                "permanent invalid_recipient 550 5.1.1 550 5.1.1 user unknown",
            ),
            (
                json!({"type": "message.clicked", "engagement": {"by": "machine", "why": "scanner", "url": "https://x.example/"}}),
                "by machine (scanner) https://x.example/",
            ),
            (
                json!({"type": "message.unknown", "native_type": "teleported", "error": "no such type", "verified": false}),
                "UNVERIFIED `teleported` no such type",
            ),
            (json!({"type": "message.delivered", "verified": true}), ""),
        ];
        for (event, expected) in cases {
            assert_eq!(detail(&event), expected);
        }
    }

    #[test]
    fn a_table_of_events() {
        let events =
            [json!({"id": "evt_1", "type": "message.opened", "occurred_at": "2026-11-20T10:02:11.4Z",
            "occurred_at_approximate": true, "recipient": "a@example.com", "source": "mailgun"})];
        let now = "2026-11-20T10:03:11Z".parse().unwrap();
        let plain = events_table(&events, Looks::default(), now);
        let row = plain.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(row, "~2026-11-20 10:02:11 opened a@example.com mailgun evt_1");
        let relative = events_table(&events, Looks { relative: true, terminal: false }, now);
        assert!(relative.contains("~1m ago"), "{relative}");
    }
}
