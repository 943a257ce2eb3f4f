//! Alerts: a bounce reaches those who are to be told, once; people say that they have seen it.

use std::time::Duration;

use serde_json::Value;

use crate::program::{Done, Program};

const CONFIGURATION: &str = r#"
[sources.mailgun]
provider = "mailgun"
keys = ["mg-signing-key-0123456789"]

[destinations.ops]
kind = "file"
path = "../alerts.ndjson"
alerts = true

[alerts.bounces]
text = "Booking {event.labels.booking_id}: {event.failure.reason}"
urgency = "critical"

[alerts.complaints]
enabled = false
"#;

fn lines(done: &Done) -> Vec<Value> {
    assert_eq!(done.code, 0, "{}", done.err);
    done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What is in the file, once there is so much.
fn told(program: &Program, count: usize) -> Vec<Value> {
    loop {
        let text = std::fs::read_to_string(program.path("alerts.ndjson")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let events: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if events.len() >= count {
            return events;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_bounce_is_told_once_and_people_see_to_it() {
    let program = Program::new();
    program.write("hearback.toml", CONFIGURATION);
    assert_eq!(program.run(&["check"]).code, 0, "{}", program.run(&["check"]).out);
    let serving = program.serve(&[]);
    let url = format!("http://{}", serving.address());
    let sent = program.run(&["simulate", "mailgun", "--count", "60", "--seed", "7", "--url", &url]);
    assert_eq!(sent.code, 0, "{}", sent.err);
    let bounced = lines(&program.run(&["events", "--type", "bounced", "--json", "-n", "100"]));
    let permanent = bounced.iter().filter(|event| event["failure"]["severity"] == "permanent");
    let messages: std::collections::BTreeSet<&str> =
        permanent.map(|event| event["message"]["id"].as_str().unwrap()).collect();
    assert!((2..=5).contains(&messages.len()), "{bounced:?}");

    let events = told(&program, messages.len());
    for event in &events {
        let event = event.get("data").unwrap_or(event);
        assert_eq!(event["type"], "alert.raised", "only alerts come here");
        assert_eq!(event["alert"]["rule"], "bounces");
        assert!(event["notice"].as_str().unwrap().starts_with("Booking "), "{event}");
    }
    let listed = lines(&program.run(&["alerts", "list", "--json"]));
    assert!(!listed.is_empty());
    assert_eq!(listed[0]["urgency"], "critical");
    let first = listed.last().unwrap();
    let id = first["id"].to_string();
    assert!(first["told"][0]["to"].as_array().unwrap().contains(&"ops".into()), "{first}");
    let shown = program.run(&["alerts", "show", &id]).out;
    assert!(shown.contains("OPEN") && shown.contains("to ops"), "{shown}");
    let seen = program.run(&["alerts", "acknowledge", &id, "--json"]);
    assert!(seen.out.contains("\"acknowledged\""), "{}{}", seen.out, seen.err);
    assert_eq!(program.run(&["alerts", "acknowledge", "9999"]).code, 1);
    let over = program.run(&["alerts", "resolve", &id]);
    assert!(over.out.contains("RESOLVED"), "{}{}", over.out, over.err);
    assert!(lines(&program.run(&["alerts", "list", "--json"])).iter().all(|one| one["id"] != first["id"]));
    let resolved =
        lines(&program.run(&["alerts", "list", "--state", "resolved", "--rule", "bounces", "--json"]));
    assert_eq!(resolved.len(), 1);

    // Nothing is told again after a restart, and the timeline of a booking has the alert in it.
    assert_eq!(serving.stop(), 0);
    let before = told(&program, 0).len();
    let serving = program.serve(&[]);
    let booking =
        events[0].get("data").unwrap_or(&events[0])["labels"]["booking_id"].as_str().unwrap().to_owned();
    let timeline = program.run(&["timeline", &format!("booking_id={booking}")]);
    assert!(timeline.out.contains("alert.raised"), "{}", timeline.out);
    let states = lines(&program.run(&["destinations", "list", "--json"]));
    assert_eq!(states[0]["dead"], 0);
    assert_eq!(serving.stop(), 0);
    assert_eq!(told(&program, 0).len(), before);

    // They go along with an export, like all that happened.
    let alerts = |data: &str| {
        let exported = lines(&program.run(&["--data", data, "export", "events", "--type", "alert.raised"]));
        exported
            .into_iter()
            .map(|event| (event["alert"].clone(), event["notice"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(program.run(&["export", "events", "--output", "all.ndjson"]).code, 0);
    assert_eq!(program.run(&["--data", "other", "import", "all.ndjson"]).code, 0);
    let raised = alerts("data");
    assert!(raised.len() >= messages.len(), "{raised:?}");
    assert_eq!(alerts("other"), raised);
}
