//! Receivers that were written for the signals of django-anymail and of Djrill, behind the Django example.

use serde_json::{Value, json};

use super::{Push, SECRET, bounced, is_taken, try_framework, what_the_program_pushes_is_handled};
use crate::receiver::{Receiver, Start};

/// A change of an event's members.
fn with(mut event: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

/// What the receivers of a signal were told until then, of the lines that begin with its name.
fn told(lines: &[String], signal: &str) -> Vec<Value> {
    let lines = lines.iter().filter_map(|line| line.strip_prefix(signal));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Has these events pushed, and a last one after them; what the receivers were told of them.
fn tell(start: Start, events: &[Value]) -> (Vec<Value>, Vec<Value>) {
    let mut receiver = start(SECRET).unwrap();
    let last = with(bounced(98), json!({"type": "alert.raised", "message": null, "recipient": null}));
    for event in events.iter().chain([&last]) {
        assert!(is_taken(Push::of(event).send(&receiver)), "{event}");
    }
    let lines = receiver.lines_until(last["id"].as_str().unwrap());
    (told(&lines, "anymail "), told(&lines, "djrill "))
}

fn a_bounce_has_every_attribute(start: Start) {
    let (anymail, djrill) = tell(start, &[bounced(1)]);
    let expected = json!({
        "esp_name": "Mailgun",
        "esp_event_type": "message.bounced",
        "aware": true,
        "event_type": "bounced",
        "timestamp": "2026-11-20 10:02:11.412305+00:00",
        // As Mailgun's answer and anymail's webhooks have it.
        "message_id": "<20261120.1.AAAA@mg.example.com>",
        "event_id": "evt_01KAGR1Z1KE7NB800000000001",
        "recipient": "alice@example.com",
        "reject_reason": "bounced",
        "description": "Not delivering to previously bounced address",
        "mta_response": "550 5.1.1 no such user",
        "tags": ["pre-arrival"],
        "metadata": {"booking_id": "42", "note": "  as it was  ", "empty": ""},
        "click_url": null,
        "user_agent": null
    });
    assert_eq!(anymail, [expected]);
    let why = "Not delivering to previously bounced address";
    assert_eq!(djrill, [json!({"type": "hard_bounce", "email": "alice@example.com", "why": why})]);
}

fn a_click_has_its_url(start: Start) {
    let click = with(
        bounced(2),
        json!({
            "type": "message.clicked", "provider": "mandrill", "failure": null,
            "message": {"id": "msg_0ETAK2TA35SX5EDNGG601ZY2DD", "provider_id": "537fe8caf5e6ecf2391e10e905c6da9e"},
            "engagement": {"url": "https://example.com/?a=b", "user_agent": "Mozilla/5.0", "ip": "192.0.2.7"}
        }),
    );
    let (anymail, djrill) = tell(start, &[click]);
    let [event] = &anymail[..] else { panic!("{anymail:?}") };
    for (name, value) in [
        ("esp_name", json!("Mandrill")),
        ("event_type", json!("clicked")),
        ("click_url", json!("https://example.com/?a=b")),
        ("user_agent", json!("Mozilla/5.0")),
        ("message_id", json!("537fe8caf5e6ecf2391e10e905c6da9e")),
        ("reject_reason", json!(null)),
        ("mta_response", json!(null)),
    ] {
        assert_eq!(event[name], value, "{name}");
    }
    let expected = json!({
        "type": "click", "email": "alice@example.com", "url": "https://example.com/?a=b", "ts": 1_795_168_931,
        "id": "537fe8caf5e6ecf2391e10e905c6da9e"
    });
    assert_eq!(djrill, [expected]);
}

fn types_and_reasons_are_those_of_anymail_and_mandrill(start: Start) {
    // Type, severity and reason here; type and reason there; Mandrill's type.
    let cases = [
        ("message.bounced", "temporary", "mailbox_full", "bounced", Some("bounced"), Some("soft_bounce")),
        ("message.bounced", "permanent", "spam", "bounced", Some("spam"), Some("hard_bounce")),
        ("message.bounced", "permanent", "content", "bounced", Some("other"), Some("hard_bounce")),
        ("message.bounced", "temporary", "timeout", "bounced", Some("timed_out"), Some("soft_bounce")),
        ("message.rejected", "permanent", "invalid_recipient", "rejected", Some("invalid"), Some("reject")),
        ("message.rejected", "permanent", "suppressed", "rejected", Some("blocked"), Some("reject")),
        ("message.rejected", "permanent", "unsubscribed", "rejected", Some("unsubscribed"), Some("reject")),
        ("message.failed", "permanent", "auth", "failed", None, Some("reject")),
        ("message.deferred", "temporary", "timeout", "deferred", None, Some("deferral")),
        ("message.complained", "permanent", "spam", "complained", None, Some("spam")),
        ("message.unsubscribed", "permanent", "other", "unsubscribed", None, Some("unsub")),
        ("message.queued", "permanent", "other", "queued", None, None),
        ("message.suppression_changed", "permanent", "other", "unknown", None, None),
        ("message.unknown", "permanent", "other", "unknown", None, None),
    ];
    let events: Vec<Value> = (10..)
        .zip(cases)
        .map(|(number, (kind, severity, reason, ..))| {
            with(bounced(number), json!({"type": kind, "failure": {"severity": severity, "reason": reason}}))
        })
        .collect();
    let (anymail, djrill) = tell(start, &events);
    let found: Vec<(&str, Option<&str>)> = anymail
        .iter()
        .map(|event| (event["event_type"].as_str().unwrap(), event["reject_reason"].as_str()))
        .collect();
    assert_eq!(found, cases.map(|(.., kind, reason, _)| (kind, reason)));
    let found: Vec<&str> = djrill.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(found, cases.iter().filter_map(|case| case.5).collect::<Vec<_>>());
}

fn what_neither_knows_is_told_to_neither(start: Start) {
    let kinds =
        ["message.inbound", "message.registered", "message.overdue", "source.silent", "rate.exceeded"];
    let events: Vec<Value> = (30..)
        .zip(kinds)
        .map(|(number, kind)| with(bounced(number), json!({"type": kind, "failure": null, "message": null})))
        .collect();
    assert_eq!(tell(start, &events), (vec![], vec![]));
}

/// Everything that the real program pushes of messages is told to who listens to anymail's signal.
fn what_the_program_pushes_is_told(start: Start) {
    let mut receiver = start(SECRET).unwrap();
    let events = what_the_program_pushes_is_handled(&mut receiver, "");
    // One more, because the lines about an event come after the one that is waited for.
    let last = Push::of(&bounced(97));
    assert!(is_taken(last.send(&receiver)));
    receiver.lines_until(&last.id);
    let told = told(&receiver.said, "anymail ");
    for event in &events {
        let mut of_it = told.iter().filter(|told| told["event_id"] == event["id"]);
        let Some(told) = of_it.next() else { panic!("nothing is told of {event}") };
        assert_eq!(of_it.next(), None);
        assert_eq!(told["event_type"], event["type"].as_str().unwrap().trim_start_matches("message."));
        assert_eq!(told["recipient"], event["recipient"]);
        assert_eq!(told["metadata"], event["labels"]);
        assert_eq!(told["tags"], event["tags"]);
        assert_eq!(told["mta_response"], event["failure"]["response"]);
        assert_eq!(told["user_agent"], event["engagement"]["user_agent"]);
        assert_eq!(told["click_url"], event["engagement"]["url"]);
        assert_eq!(told["message_id"], format!("<{}>", event["message"]["provider_id"].as_str().unwrap()));
    }
}

fn try_signals(start: Start) {
    a_bounce_has_every_attribute(start);
    a_click_has_its_url(start);
    types_and_reasons_are_those_of_anymail_and_mandrill(start);
    what_neither_knows_is_told_to_neither(start);
    what_the_program_pushes_is_told(start);
}

#[test]
#[ignore = "needs Django: ./test examples"]
fn django() {
    try_framework(Receiver::django_alone);
}

#[test]
#[ignore = "needs Django: ./test examples"]
fn django_signals() {
    try_signals(Receiver::django_alone);
}

#[test]
#[ignore = "needs Django and django-anymail: ./test examples"]
fn django_beside_anymail() {
    try_signals(Receiver::django);
}
