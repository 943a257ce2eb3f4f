//! Examples of answers: a small story, told by the very types that answer questions, so that no example can differ
//! from what is answered.

use std::sync::Arc;

use hearback_event::{
    Address, Channel, DedupKey, Event, Fact, Failure, Kind, ListAction, Origin, Reason, RecipientState,
    Record, Severity, SuppressionChange, Timestamp,
};
use hearback_store::{
    DeliveryTimes, MessageView, Payload, Profile, QuarantineEntry, RecipientView, RollupRow, SourceRef,
    SuppressionView,
};
use serde::Serialize;

use super::alerts;
use super::consumers::Consumer;
use super::destinations::{self, Redriven, Tested};
use super::message_list::Summary;
use super::messages::{Message, MessageHead};
use super::page::ListPage;
use super::quarantine::{Entry, WholeEntry};
use super::recipients::{Recipient, RecipientProfile, Suppression};
use super::registrations::{Outcomes, Registered};
use super::send::SentMessage;
use super::sources::SourceView;
use super::stats::Stats;
use super::suppressions::by_hand::{Added, AddedOne, Lifted, NOTE};
use super::suppressions::check::{Checked, Checks};
use super::suppressions::standing::Standing;
use super::timelines::Timeline;
use super::watchdog::Watchdog;
use crate::readmit::Readmitted;

/// What one operation answers, for instance.
pub(crate) struct Example {
    /// The operation.
    pub(crate) operation_id: &'static str,
    /// The body; its fields stand in the order in which they are answered.
    pub(crate) body: String,
}

impl Example {
    /// As JSON for people.
    pub(crate) fn json(operation_id: &'static str, answer: &impl Serialize) -> Self {
        Self { operation_id, body: serde_json::to_string_pretty(answer).unwrap_or_default() }
    }

    /// As text.
    pub(crate) fn text(operation_id: &'static str, body: &str) -> Self {
        Self { operation_id, body: body.to_owned() }
    }
}

/// The head of a webhook, as it is kept.
const HEAD: &str =
    "POST /webhooks/mailgun-eu HTTP/1.1\r\nhost: hooks.example.com\r\ncontent-type: application/json\r\n";
const CURSOR: &str = "AeW0yFz3nRkVAAAAAAAAACo";

/// One example for each operation of the API that answers with a body.
pub(crate) fn examples() -> Vec<Example> {
    let [sent, bounced] = story();
    let at = bounced.occurred_at();
    let message = || Message::of(view(vec![sent.clone(), bounced.clone()]), at);
    let timeline = Timeline {
        key: "booking_id".to_owned(),
        value: "42".to_owned(),
        messages: vec![MessageHead::of(&view(vec![sent.clone(), bounced.clone()]))],
        data: vec![sent.clone(), bounced.clone()],
        next_cursor: None,
    };
    let retried =
        Readmitted { admitted: 3, duplicates: 1, still_refused: [("bad_signature".to_owned(), 2)].into() };
    let page = ListPage { data: vec![bounced.clone()], next_cursor: Some(CURSOR.to_owned()) };
    let count = RollupRow {
        start: hour(at),
        of: "mailgun-eu".to_owned(),
        kind: Kind::Delivered,
        machine: false,
        count: 1,
    };
    let time = DeliveryTimes { start: hour(at), source: "mailgun-eu".to_owned(), step: 9, count: 1 };
    let destination = || destinations::View::example(at);
    let failed_push = destinations::FailedPush::example(bounced.id(), at);
    vec![
        Example::json("listEvents", &page),
        Example::json("getEvent", &bounced),
        Example::text("getEventPayload", &format!("{HEAD}\r\n{{\"signature\": ..., \"event-data\": ...}}")),
        Example::json("registerMessage", &Registered::example(&sent)),
        Example::json("registerMessages", &Outcomes::example(&sent)),
        Example::json("sendMessage", &SentMessage::example(&sent)),
        Example::json(
            "listMessages",
            &ListPage::whole(vec![Summary::of(&view(vec![sent.clone(), bounced.clone()]), at)]),
        ),
        Example::json("getMessage", &message()),
        Example::json("getRecipient", &profile()),
        Example::json("listRecipients", &ListPage::whole(vec![Recipient::of(recipient(&story()))])),
        Example::json("putRecipient", &profile()),
        Example::json("getTimeline", &timeline),
        Example::json("listSuppressions", &ListPage::whole(vec![Suppression::from(suppression(at))])),
        Example::json("getSuppression", &standing()),
        Example::json("addSuppressions", &added()),
        Example::json("liftSuppression", &lifted(at)),
        Example::json("checkSuppressions", &checks(at)),
        Example::json("listQuarantine", &ListPage::whole(vec![Entry::from(refused(at))])),
        Example::json("getQuarantineEntry", &WholeEntry::from(refused(at))),
        Example::json("retryQuarantine", &retried),
        Example::json("retryQuarantineEntry", &Readmitted { admitted: 1, ..Readmitted::default() }),
        Example::text("streamEvents", &format!("id: {}\ndata: {{\"id\": ...}}\n\n", bounced.id())),
        Example::json("listConsumers", &ListPage::whole(vec![Consumer::example(at)])),
        Example::json("getConsumer", &Consumer::example(at)),
        Example::json("acknowledgeEvent", &Consumer::example(at)),
        Example::json("listDestinations", &ListPage::whole(vec![destination()])),
        Example::json("getDestination", &destination()),
        Example::json("pauseDestination", &destination()),
        Example::json("resumeDestination", &destination()),
        Example::json("listFailedPushes", &ListPage::whole(vec![failed_push])),
        Example::json("redriveDestination", &Redriven { count: 3, dry_run: true }),
        Example::json("testDestination", &Tested { taken: true, status: None, why: None, milliseconds: 27 }),
        Example::json("explainDestination", &destinations::Explained::example()),
        Example::json("listAlerts", &ListPage::whole(vec![alerts::View::example(&bounced)])),
        Example::json("getAlert", &alerts::View::example(&bounced)),
        Example::json("acknowledgeAlert", &alerts::View::example(&bounced)),
        Example::json("resolveAlert", &alerts::View::example(&bounced)),
        Example::json("getWatchdog", &Watchdog { waiting: 120, overdue: 2 }),
        Example::json("listSources", &ListPage::whole(vec![SourceView::example(bounced.received_at)])),
        Example::json("getStats", &Stats::example(vec![count], vec![time])),
    ]
}

/// A message is handed on and comes back.
fn story() -> [Record; 2] {
    let sent = record(41, "2026-11-20T10:02:04.118Z", event(Kind::Sent, "accepted"));
    let mut bounced = event(Kind::Bounced, "failed");
    bounced.provider_event_id = Some("q1W2e3R4".to_owned());
    bounced.failure = Some(Failure {
        severity: Some(Severity::Permanent),
        reason: Some(Reason::InvalidRecipient),
        code: Some("550".to_owned()),
        enhanced_code: Some("5.1.1".to_owned()),
        response: Some("550 5.1.1 user unknown".to_owned()),
        description: None,
    });
    [sent, record(42, "2026-11-20T10:02:11.412305Z", bounced)]
}

fn event(kind: Kind, native_type: &str) -> Event {
    let mut event = Event::new(kind, native_type, Channel::Email, DedupKey::of(&[native_type.as_bytes()]));
    event.recipient = Address::parse("alice@example.com").ok();
    event.provider_message_id = Some("20261120.1.AAAA@mg.example.com".to_owned());
    event.subject = Some("Your stay".to_owned());
    event.tags = vec!["pre-arrival".to_owned()];
    event.labels = [("booking_id", "42"), ("purpose", "pre_arrival")].map(owned).into();
    event
}

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

fn record(position: u64, at: &str, mut event: Event) -> Record {
    let at = at.parse().unwrap_or(Timestamp::EPOCH);
    event.occurred_at = Some(at);
    Record {
        position,
        received_at: at.plus_seconds(1),
        source: Arc::from("mailgun-eu"),
        provider: Arc::from("mailgun"),
        account: Arc::from("mailgun-eu"),
        origin: Origin::Webhook,
        verified: true,
        payload: Some(1),
        event,
    }
}

fn view(events: Vec<Record>) -> MessageView {
    MessageView::of(events).unwrap_or_else(|| unreachable!("the story names its message"))
}

fn recipient(events: &[Record]) -> RecipientView {
    let mut state = RecipientState::default();
    for record in events {
        state.add(&Fact::of(record, 1));
    }
    let suppression = state.suppression().map(|suppression| self::suppression(suppression.since));
    RecipientView { address: address(), status: state.status(), suppression, profile: said(), state }
}

fn said() -> Profile {
    Profile { user_id: Some("42".to_owned()), name: Some("Alice Example".to_owned()) }
}

fn profile() -> RecipientProfile {
    let [sent, bounced] = story();
    let phone = RecipientView { address: phone(), ..recipient(&[]) };
    RecipientProfile::of(recipient(&[sent, bounced]), vec![phone])
}

/// Somebody at the desk has suppressed the number.
fn done_by_hand() -> Record {
    let mut done = record(43, "2026-11-20T11:30:00Z", event(Kind::SuppressionChanged, "suppressed"));
    let (reason, by) = (Some("asked by phone not to be written to".to_owned()), Some("desk".to_owned()));
    done.event = Event {
        recipient: Some(phone()),
        suppression: Some(SuppressionChange { action: ListAction::Added, reason, scope: None, by }),
        occurred_at: done.event.occurred_at,
        ..Event::new(Kind::SuppressionChanged, "suppressed", Channel::Other, DedupKey::of(&[]))
    };
    let name: Arc<str> = SourceRef::hearback().name;
    let (provider, account) = (Arc::clone(&name), Arc::clone(&name));
    Record { source: name, provider, account, origin: Origin::Application, payload: None, ..done }
}

fn by_hand() -> SuppressionView {
    let reason = hearback_event::SuppressionReason::Manual;
    SuppressionView { address: phone(), reason, since: done_by_hand().occurred_at(), source: None }
}

fn standing() -> Standing {
    let view =
        RecipientView { address: phone(), suppression: Some(by_hand()), ..recipient(&[done_by_hand()]) };
    Standing::of(phone(), Some(view), vec![done_by_hand()])
}

fn added() -> Added {
    let one = AddedOne { address: phone(), created: true, suppression: Some(by_hand().into()) };
    Added { created: 1, data: vec![one] }
}

fn lifted(since: Timestamp) -> Lifted {
    Lifted { address: address(), was: suppression(since).into(), note: NOTE }
}

fn checks(since: Timestamp) -> Checks {
    let suppressed = Checked {
        given: "Alice@example.com".to_owned(),
        address: Some(address()),
        may_send: false,
        suppression: Some(suppression(since).into()),
        error: None,
    };
    let unknown = Checked {
        given: String::new(),
        address: None,
        may_send: false,
        suppression: None,
        error: Some("the address is empty".to_owned()),
    };
    Checks { data: vec![suppressed, unknown] }
}

fn phone() -> Address {
    Address::parse("+15551234567").unwrap_or_else(|_| unreachable!("a number"))
}

fn address() -> Address {
    Address::parse("alice@example.com").unwrap_or_else(|_| unreachable!("an address"))
}

fn suppression(since: Timestamp) -> SuppressionView {
    let reason = hearback_event::SuppressionReason::Bounced;
    SuppressionView { address: address(), reason, since, source: Some("mailgun-eu".to_owned()) }
}

fn refused(received_at: Timestamp) -> QuarantineEntry {
    QuarantineEntry {
        id: 17,
        source: "mailgun-eu".to_owned(),
        provider: "mailgun".to_owned(),
        received_at,
        cause: "bad_signature".to_owned(),
        detail: "the signature is not the one of any key of this source".to_owned(),
        remote: Some("203.0.113.9".to_owned()),
        body_bytes: 2,
        payload: Payload { head: HEAD.to_owned(), body: "{}".into() },
    }
}

/// The hour that a moment is in.
fn hour(at: Timestamp) -> Timestamp {
    let seconds = at.as_seconds();
    Timestamp::from_seconds(seconds - seconds.rem_euclid(3600)).unwrap_or(at)
}
