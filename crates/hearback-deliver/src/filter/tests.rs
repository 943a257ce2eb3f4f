use hearback_event::{
    Actor, Address, Alert, Channel, DedupKey, Engagement, Event, EventId, Failure, Inbound, Kind, ListAction,
    Origin, Reason, Record, Registration, Severity, Share, SuppressionChange, Timestamp, Urgency,
};
use serde_json::Value;

use super::*;

fn record(kind: Kind) -> Record {
    let mut event = Event::new(kind, "failed", Channel::Email, DedupKey::of(&[b"1"]));
    event.recipient = Address::parse("alice@example.com").ok();
    event.labels = [("purpose".to_owned(), "pre_arrival".to_owned())].into();
    Record {
        position: 1,
        received_at: Timestamp::EPOCH,
        source: "mailgun-eu".into(),
        provider: "mailgun".into(),
        account: "mailgun-eu".into(),
        origin: Origin::Webhook,
        verified: true,
        payload: None,
        event,
    }
}

pub(super) fn bounced() -> Record {
    let mut record = record(Kind::Bounced);
    record.event.failure = Some(Failure {
        severity: Some(Severity::Permanent),
        reason: Some(Reason::InvalidRecipient),
        ..Failure::default()
    });
    record
}

fn when(source: &str) -> Result<Filter, String> {
    let mut filter = Filter::default();
    filter.set_when(source).map_err(|error| error.problem)?;
    Ok(filter)
}

#[test]
fn types_are_named_whole_in_short_or_by_their_beginning() {
    for (patterns, wanted, unwanted) in [
        (&["message.bounced"][..], &[Kind::Bounced][..], &[Kind::Delivered, Kind::SourceSilent][..]),
        (&["bounced", "opened"], &[Kind::Bounced, Kind::Opened], &[Kind::Clicked]),
        (&["message.*"], &[Kind::Bounced, Kind::Overdue], &[Kind::SourceSilent, Kind::RateExceeded]),
        (&["source.*"], &[Kind::SourceSilent, Kind::SourceRecovered], &[Kind::Bounced]),
        (&["*"], Kind::ALL, &[]),
        (&[], Kind::ALL, &[]),
    ] {
        let mut filter = Filter::default();
        filter.set_types(&patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>()).unwrap();
        assert!(wanted.iter().all(|kind| filter.wants(&record(*kind)).is_ok()), "{patterns:?}");
        assert!(
            unwanted.iter().all(|kind| filter.wants(&record(*kind)) == Err(Unwanted::Type)),
            "{patterns:?}"
        );
    }
    let error = |pattern: &str| Types::parse(&[pattern.to_owned()]).unwrap_err().problem;
    assert_eq!(
        error("message.bouncd"),
        "there is no event type `message.bouncd`; did you mean `message.bounced`?"
    );
    assert!(error("mesage.*").ends_with("did you mean `message.*`?"), "{}", error("mesage.*"));
    assert!(error("something else").contains("known are message.queued,"));
}

#[test]
fn expressions_ask_of_the_event_what_it_says() {
    for (source, expected) in [
        ("event.type == 'message.bounced'", true),
        ("event.failure.severity == 'permanent' && event.source.startsWith('mailgun')", true),
        ("event.failure.reason in ['spam', 'blocked']", false),
        ("event.labels.purpose == 'pre_arrival'", true),
        ("event.labels.nothing == 'x'", false),
        ("has(event.labels.nothing)", false),
        ("!('nothing' in event.labels)", true),
        ("event.recipient.endsWith('@example.com')", true),
        ("event.engagement.by == 'human'", false),
        ("event.engagement.by == null && !event.test", true),
        ("event.tags.exists(tag, tag == 'x')", false),
        ("event.tags.all(tag, tag.startsWith('p'))", true),
        ("true", true),
    ] {
        let filter = when(source).unwrap();
        assert_eq!(filter.wants(&bounced()).is_ok(), expected, "{source}");
    }
    let missing = when("event.labels.nothing == 'x'").unwrap().wants(&bounced());
    assert_eq!(missing, Err(Unwanted::When { error: Some("No such key: nothing".to_owned()) }));
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_may_have_been() {
    for (source, expected) in [
        ("event.failur.reason == 'spam'", "there is no field `event.failur.reason`; did you mean"),
        ("event.failur == null", "there is no field `event.failur`; did you mean `failure`?"),
        (
            "event.failure.resaon == 'spam'",
            "there is no field `event.failure.resaon`; did you mean `reason`?",
        ),
        ("event.source.name == 'x'", "`event.source` has no fields"),
        ("failure.reason == 'spam'", "there is no name `failure`; write `event.failure`"),
        ("evnt.type == 'x'", "there is no name `evnt`; did you mean `event`?"),
        ("event.tags.exists(tag, tga == 'x')", "there is no name `tga`"),
        ("has(event.failure.reason)", "write `event.failure.reason != null`"),
        ("event.type", "it must be a question"),
        ("event.type == ", "this is no CEL expression"),
        ("event.type.shout()", "the expression cannot be computed"),
        ("event.type > 3", "the expression cannot be computed"),
    ] {
        let problem = when(source).unwrap_err();
        let expected =
            expected.replace("`event.failur.reason`; did you mean", "`event.failur`; did you mean");
        assert!(problem.contains(&expected), "{source}: {problem}");
    }
    assert!(when(&"!".repeat(5000)).unwrap_err().contains("longer than"));
}

/// The list of fields is the event's own: what the log can say can be asked for, and nothing else.
#[test]
fn the_fields_are_those_of_an_event() {
    let mut full = bounced();
    let text = || Some("x".to_owned());
    let event = &mut full.event;
    event.occurred_at = None;
    event.provider_message_id = text();
    event.subject = text();
    event.ambiguous_recipients = vec!["a@b.example".parse().unwrap()];
    event.tags = vec!["x".to_owned()];
    event.test = true;
    (event.provider_event_id, event.error, event.raw) = (text(), text(), text());
    event.failure = Some(Failure {
        severity: Some(Severity::Permanent),
        reason: Some(Reason::Spam),
        code: text(),
        enhanced_code: text(),
        response: text(),
        description: text(),
    });
    event.engagement = Some(Engagement {
        url: text(),
        user_agent: text(),
        ip: text(),
        country: text(),
        region: text(),
        city: text(),
        by: Some(Actor::Human),
        why: text(),
    });
    event.suppression =
        Some(SuppressionChange { action: ListAction::Added, reason: text(), scope: text(), by: text() });
    event.inbound =
        Some(Inbound { from: text(), to: vec!["x".to_owned()], message_id: text(), attachments: Some(1) });
    event.notice = text();
    let share = || vec![Share { name: "x".to_owned(), count: 1 }];
    event.alert = Some(Box::new(Alert {
        id: 1,
        rule: "x".to_owned(),
        urgency: Urgency::Info,
        count: 1,
        first_at: Timestamp::EPOCH,
        last_at: Timestamp::EPOCH,
        to: Vec::new(),
        cause: Some(EventId::new(Timestamp::EPOCH, 1)),
        reasons: share(),
        domains: share(),
        fallback: true,
    }));
    event.registration = Some(Registration {
        key: text(),
        expect_delivered_within: Some(1),
        user_id: text(),
        attempt: Some(1),
    });
    let names = |value: &Value| -> Vec<String> {
        let mut names = Vec::new();
        for (name, value) in value.as_object().unwrap() {
            names.push(name.clone());
            if let (Some(inner), false) = (value.as_object(), name == "labels") {
                names.extend(inner.keys().map(|inner| format!("{name}.{inner}")));
            }
        }
        names.sort();
        names
    };
    assert_eq!(names(&serde_json::to_value(&full).unwrap()), names(&fields::sample()));
}
