//! Rules of alerts and what the watchdog looks for: what is taken, and what is refused with which words.

use std::time::Duration;

use hearback_event::Urgency;
use hearback_server::{ExpectRule, ExpectWhich};

use super::Bench;

const BEFORE: &str = r#"
[sources.mailgun]
provider = "mailgun"
keys = ["0123456789abcdef"]

[destinations.ops]
kind = "file"
path = "ops.ndjson"
alerts = true

[destinations.crm]
kind = "file"
path = "crm.ndjson"

[destinations.phone]
kind = "sms"
account_sid = "AC0123"
auth_token = "0123456789abcdef"
from = "+15550001111"
to = "+1 555 765 4321"
alerts = true
events = ["message.bounced"]
"#;

fn bench(toml: &str) -> Bench {
    Bench::new(&format!("{BEFORE}{toml}"))
}

#[test]
fn without_a_word_there_are_the_default_rules_for_those_who_want_alerts() {
    let config = bench("").load().config.unwrap();
    let names: Vec<&str> = config.alerts.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["bounces", "complaints", "overdue", "sources", "destinations", "rates"]);
    assert!(config.alerts.iter().all(|rule| rule.to == ["ops", "phone"]));
    let only = |at: usize| config.destinations[at].destination.alerts_only;
    let names: Vec<&str> = config.destinations.iter().map(|one| one.destination.name.as_str()).collect();
    let at = |name: &str| names.iter().position(|one| *one == name).unwrap();
    assert_eq!((only(at("ops")), only(at("crm")), only(at("phone"))), (true, false, false));
}

#[test]
fn a_rule_is_read_with_everything_that_can_be_said() {
    let bench = bench(
        r#"
        [alerts.checkin]
        events = ["message.bounced", "message.overdue"]
        when = 'event.labels.purpose == "check_in"'
        to = ["crm"]
        urgency = "critical"
        text = "Booking {event.labels.booking_id}"
        burst = 2
        window_s = 60
        interval_s = 5
        quiet_hours = "22:00-07:00"
        time_zone = "Europe/Berlin"
        resolve_after_h = 12
        tell_resolved = false
        fallback = { to = "phone", label = "booking_id", text = "Look at {event.labels.booking_id}", per_hour = 7 }

        [alerts.bounces]
        urgency = "info"

        [alerts.complaints]
        enabled = false
        "#,
    );
    assert_eq!(bench.complaints(), "");
    let config = bench.load().config.unwrap();
    let rule = |name: &str| config.alerts.iter().find(|rule| rule.name == name);
    let checkin = rule("checkin").unwrap();
    assert_eq!(checkin.filter.types(), ["message.bounced", "message.overdue"]);
    assert_eq!((checkin.to.as_slice(), checkin.urgency), (&["crm".to_owned()][..], Urgency::Critical));
    assert_eq!((checkin.pacing.burst, checkin.pacing.window), (2, Duration::from_mins(1)));
    assert_eq!(checkin.quiet.as_ref().unwrap().hours(), "22:00-07:00");
    assert_eq!((checkin.resolve_after, checkin.tell_resolved), (Duration::from_hours(12), false));
    let fallback = checkin.fallback.as_ref().unwrap();
    assert_eq!(
        (fallback.to.as_str(), fallback.label.as_str(), fallback.per_hour),
        ("phone", "booking_id", 7)
    );
    // What a table does not say of a default rule stays.
    let bounces = rule("bounces").unwrap();
    assert_eq!(
        (bounces.urgency, bounces.filter.types()),
        (Urgency::Info, &["message.bounced".to_owned()][..])
    );
    assert!(bounces.filter.when().unwrap().contains("permanent"));
    assert!(rule("complaints").is_none());
    let shown = config.to_shown()["alerts"]["checkin"].clone();
    assert_eq!((&shown["time_zone"], &shown["burst"]), (&"Europe/Berlin".into(), &2.into()));
}

#[test]
fn what_the_watchdog_looks_for_is_read() {
    let bench = bench(
        r#"
        [watchdog]
        silence = false
        refused_min = 0
        bounced_max = "2.5%"
        complained_max = "0.05 %"
        messages_min = 100
        expect = [{ label = "purpose=pre_arrival", within_s = 900 }, { tag = "invoice", within_s = 60 }, { source = "mailgun", within_s = 3600 }]
        "#,
    );
    assert_eq!(bench.complaints(), "");
    let config = bench.load().config.unwrap();
    let limits = config.watchdog.limits;
    assert_eq!((limits.silence, limits.refused, limits.rates.messages_min), (false, 0, 100));
    assert!((limits.rates.bounced - 0.025).abs() < 1e-9 && (limits.rates.complained - 0.0005).abs() < 1e-9);
    assert_eq!(
        config.watchdog.expect[0],
        ExpectRule {
            which: ExpectWhich::Label("purpose".to_owned(), "pre_arrival".to_owned()),
            within_seconds: 900
        }
    );
    assert_eq!(config.watchdog.expect.len(), 3);
    assert_eq!(config.to_shown()["watchdog"]["bounced_max"], "2.5 %");
}

#[test]
fn every_problem_is_named_with_its_place_and_what_to_write() {
    for (toml, expected) in [
        ("[[alerts]]\nname = \"x\"", "write one table per rule: `[alerts.bounces]`"),
        ("[alerts]\nx = 1", "`x` is a table: write `[alerts.x]`"),
        ("[alerts.x]", "`events` is missing: which events raise the alert"),
        ("[alerts.bounces]\nto = [\"opps\"]", "there is no destination `opps`; did you mean `ops`?"),
        ("[alerts.bounces]\nurgency = \"high\"", "expected one of \"info\", \"warning\", \"critical\""),
        ("[alerts.bounces]\ntext = \"{event.recipent}\"", "did you mean `recipient`?"),
        ("[alerts.bounces]\nevents = [\"bouncd\"]", "there is no event type `bouncd`"),
        ("[alerts.bounces]\nquiet_hours = \"22-7\"", "expected two times of the day such as \"22:00-07:00\""),
        (
            "[alerts.bounces]\nquiet_hours = \"22:00-07:00\"\ntime_zone = \"Berlin\"",
            "there is no time zone `Berlin`",
        ),
        ("[alerts.bounces]\nfallback = true", "`fallback` is a table"),
        ("[alerts.bounces]\nfallback = { to = \"phone\" }", "`fallback` lacks `label`, `text`"),
        (
            "[alerts.bounces]\nfallback = { to = \"crm\", label = \"a\", text = \"b\" }",
            "`crm` is no destination of the kind sms",
        ),
        ("[alerts.bounces]\nburts = 1", "did you mean `burst`?"),
        ("[watchdog]\nbounced_max = 5", "expected text in quotes"),
        ("[watchdog]\nbounced_max = \"5\"", "expected a percentage such as \"5 %\""),
        ("[watchdog]\nbounced_max = \"101 %\"", "expected a percentage such as \"5 %\""),
        ("[watchdog]\nexpect = 900", "`expect`: expected a list such as"),
        ("[watchdog]\nexpect = [{ within_s = 900 }]", "`expect`: expected a list such as"),
        (
            "[watchdog]\nexpect = [{ source = \"a\", tag = \"b\", within_s = 900 }]",
            "`expect`: expected a list",
        ),
        ("[watchdog]\nexpect = [{ label = \"a\", within_s = 900 }]", "expected a label and its value"),
        ("[watchdog]\nsilense = true", "did you mean `silence`?"),
    ] {
        let complaints = bench(toml).complaints();
        assert!(complaints.contains(expected), "{toml}:\n{complaints}");
        assert!(complaints.contains("hearback.toml:"), "{toml}:\n{complaints}");
    }
}
