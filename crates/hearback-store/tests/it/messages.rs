//! Messages: what is registered and what is told make one, whatever comes first.

use std::collections::{BTreeMap, BTreeSet};

use hearback_event::{
    Address, Channel, Event, Kind, Label, MessageId, NewMessage, Origin, Registration, Status,
};
use hearback_store::{MessageFilter, MessageView, Store, Submission};
use proptest::prelude::*;

use crate::message_lists::pages;
use crate::support::{
    Home, PERIOD, event, no_differences, on_every_store, sealed, second, submission, submit, submit_all,
};

pub(crate) const ALICE: &str = "alice@example.com";

/// A registration at a second.
pub(crate) fn registered(key: &str, provider_id: Option<&str>, at: i64, labels: &[(&str, &str)]) -> Event {
    let message = NewMessage {
        provider_message_id: provider_id.map(str::to_owned),
        recipient: Address::parse(ALICE).unwrap(),
        channel: Channel::Email,
        subject: Some("Your stay".to_owned()),
        labels: owned(labels),
        tags: Vec::new(),
        sent_at: second(at),
        registration: Registration {
            key: (!key.is_empty()).then(|| key.to_owned()),
            expect_delivered_within: Some(60),
            user_id: None,
            attempt: None,
        },
    };
    message.into_event()
}

/// The same, as it is begun to be sent from here.
fn begun(key: &str, at: i64) -> Event {
    let message = NewMessage {
        provider_message_id: None,
        recipient: Address::parse(ALICE).unwrap(),
        channel: Channel::Email,
        subject: None,
        labels: BTreeMap::new(),
        tags: Vec::new(),
        sent_at: second(at),
        registration: Registration { key: Some(key.to_owned()), ..Registration::default() },
    };
    message.begin(1, false)
}

fn owned(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn told(kind: Kind, provider_id: &str, at: i64, serial: u64, labels: &[(&str, &str)]) -> Event {
    Event { labels: owned(labels), ..event(kind, ALICE, provider_id, at, serial) }
}

pub(crate) fn by_application(event: Event) -> Submission {
    Submission { origin: Origin::Application, ..submission("eu", vec![event]) }
}

pub(crate) fn given(event: &Event) -> Submission {
    match event.kind {
        Kind::Registered => by_application(event.clone()),
        _ => submission("eu", vec![event.clone()]),
    }
}

pub(crate) fn by_key(key: &str) -> MessageId {
    MessageId::of_key("eu", key, Some(ALICE))
}

pub(crate) fn by_provider(id: &str) -> MessageId {
    MessageId::new("eu", id, Some(ALICE))
}

pub(crate) async fn view(store: &dyn Store, id: MessageId) -> MessageView {
    store.message(id).await.unwrap().unwrap()
}

/// A message under two ids is the same under both: where it stands, and how many events it has.
async fn is_one(store: &dyn Store, a: MessageId, b: MessageId, status: Status, events: usize) {
    for id in [a, b] {
        let view = view(store, id).await;
        assert_eq!((view.state.status, view.events.len()), (status, events));
        assert!(view.ids.contains(&a) && view.ids.contains(&b), "{:?}", view.ids);
        assert_eq!(view.due_at, Some(second(60)));
        assert_eq!(view.events.iter().filter(|record| record.event.kind == Kind::Registered).count(), 1);
    }
}

async fn registering_twice_is_registering_once(home: &Home) {
    let store = home.open();
    assert_eq!(submit(&*store, by_application(registered("k", None, 0, &[]))).await, (1, 0));
    assert_eq!(submit(&*store, by_application(registered("k", None, 9, &[("a", "b")]))).await, (0, 1));
    let view = view(&*store, by_key("k")).await;
    assert_eq!((view.id, view.state.status), (by_key("k"), Status::Registered));
    assert!(view.events[0].payload.is_none());
    assert!(!view.is_overdue(second(59)) && view.is_overdue(second(60)));
    // The provider's id, when it is known, completes it.
    assert_eq!(submit(&*store, by_application(registered("k", Some("p"), 0, &[]))).await, (1, 0));
    assert_eq!(submit(&*store, by_application(registered("k", Some("p"), 0, &[]))).await, (0, 1));
    assert_eq!(submit(&*store, given(&told(Kind::Delivered, "p", 30, 1, &[]))).await, (1, 0));
    for id in [by_key("k"), by_provider("p")] {
        let message = self::view(&*store, id).await;
        assert_eq!((message.id, message.events.len()), (by_key("k"), 3));
        assert_eq!(message.state.status, Status::Delivered);
        assert_eq!(message.delivered_after(), Some(30_000_000_000));
        assert!(!message.is_overdue(second(9999)));
    }
    let found = store.messages_by_provider_id("<p>".to_owned()).await.unwrap();
    assert_eq!(found.iter().map(|view| view.id).collect::<Vec<_>>(), [by_key("k")]);
    no_differences(&*store).await;
}

/// What is sent from here carries its name, so nothing is taken for it that does not say it.
async fn what_is_sent_from_here_is_joined_by_its_name_only(home: &Home) {
    let store = home.open();
    assert_eq!(submit(&*store, by_application(begun("k", 0))).await, (1, 0));
    assert_eq!(submit(&*store, by_application(begun("k", 5))).await, (0, 1), "begun once");
    // A message of the application's own, at the same time to the same person.
    submit(&*store, given(&told(Kind::Delivered, "other", 10, 1, &[]))).await;
    assert_eq!(view(&*store, by_key("k")).await.state.status, Status::Registered);
    let name = by_key("k").to_string();
    submit(&*store, given(&told(Kind::Delivered, "p", 20, 2, &[(Label::MESSAGE_ID, &name)]))).await;
    let message = view(&*store, by_provider("p")).await;
    assert_eq!((message.id, message.state.status, message.events.len()), (by_key("k"), Status::Delivered, 2));
    assert_eq!(view(&*store, by_provider("other")).await.events.len(), 1);
    no_differences(&*store).await;
}

async fn each_way_of_joining_gives_one_message_whatever_comes_first(home: &Home) {
    let echoed = by_key("echo").to_string();
    let ways: Vec<(&str, Event, Event, MessageId)> = vec![
        (
            "registered id",
            registered("", Some("p1"), 0, &[]),
            told(Kind::Delivered, "p1", 9, 1, &[]),
            by_provider("p1"),
        ),
        (
            "embedded id",
            registered("echo", None, 0, &[]),
            told(Kind::Delivered, "p2", 99_999, 2, &[(Label::MESSAGE_ID, &echoed)]),
            by_key("echo"),
        ),
        (
            "embedded key",
            registered("my key", None, 0, &[]),
            told(Kind::Delivered, "p3", 99_999, 3, &[(Label::MESSAGE_ID, "my key")]),
            by_key("my key"),
        ),
        (
            "labels",
            registered("labels", None, 0, &[("booking", "42")]),
            told(Kind::Delivered, "p4", 80_000, 4, &[("booking", "42"), ("more", "1")]),
            by_key("labels"),
        ),
        (
            "recipient",
            registered("recipient", None, 0, &[]),
            told(Kind::Delivered, "p5", 3600, 5, &[]),
            by_key("recipient"),
        ),
    ];
    for (name, registration, delivery, id) in ways {
        let p = delivery.provider_message_id.clone().unwrap();
        for turned in [false, true] {
            // Each in a log of its own: they are all to one recipient.
            let home = match home {
                Home::Sqlite(_) => Home::sqlite(),
                Home::Postgres(_) => Home::postgres(),
            };
            let store = home.open();
            let mut both = [given(&registration), given(&delivery)];
            if turned {
                both.reverse();
            }
            for one in both {
                assert_eq!(submit(&*store, one).await, (1, 0), "{name}");
            }
            is_one(&*store, id, by_provider(&p), Status::Delivered, 2).await;
        }
    }
}

async fn what_could_be_either_is_joined_to_neither(home: &Home) {
    let store = home.open();
    for key in ["a", "b"] {
        submit(&*store, by_application(registered(key, None, 0, &[]))).await;
    }
    submit(&*store, given(&told(Kind::Delivered, "p", 5, 1, &[]))).await;
    for key in ["a", "b"] {
        assert_eq!(view(&*store, by_key(key)).await.state.status, Status::Registered);
    }
    assert_eq!(view(&*store, by_provider("p")).await.events.len(), 1);
    let three =
        store.messages_of(vec![by_key("a"), by_provider("p"), by_key("b"), by_key("c")]).await.unwrap();
    let ids: BTreeSet<_> = three.iter().map(|view| view.id).collect();
    assert_eq!(ids, [by_key("a"), by_key("b"), by_provider("p")].into());
    // One of them turns out to be another message: one is left.
    submit(&*store, by_application(registered("b", Some("other"), 0, &[]))).await;
    is_one(&*store, by_key("a"), by_provider("p"), Status::Delivered, 2).await;
}

async fn one_embedded_id_in_a_mail_to_many_is_the_message_of_one(home: &Home) {
    let store = home.open();
    submit(&*store, by_application(registered("k", None, 0, &[]))).await;
    let id = by_key("k").to_string();
    let mut to_bob = told(Kind::Bounced, "p", 5, 2, &[(Label::MESSAGE_ID, &id)]);
    to_bob.recipient = Address::parse("bob@example.com").ok();
    submit(&*store, given(&to_bob)).await;
    submit(&*store, given(&told(Kind::Delivered, "p", 5, 1, &[(Label::MESSAGE_ID, &id)]))).await;
    is_one(&*store, by_key("k"), by_provider("p"), Status::Delivered, 2).await;
    let bobs = view(&*store, MessageId::new("eu", "p", Some("bob@example.com"))).await;
    assert_eq!((bobs.state.status, bobs.events.len()), (Status::Bounced, 1));
}

on_every_store!(every_case:
    registering_twice_is_registering_once,
    what_is_sent_from_here_is_joined_by_its_name_only,
    each_way_of_joining_gives_one_message_whatever_comes_first,
    what_could_be_either_is_joined_to_neither,
    one_embedded_id_in_a_mail_to_many_is_the_message_of_one,
);

/// Registered long before, in a sealed period; told in the open one; and asked for after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_found_over_sealed_and_open_periods() {
    let home = Home::sqlite();
    let store = home.open();
    submit(&*store, by_application(registered("k", None, 0, &[]))).await;
    submit(&*store, by_application(registered("late", None, 500_000, &[]))).await;
    let filler =
        (0..PERIOD + 10).map(|n| event(Kind::Sent, "x@y.example", &format!("f{}", n / 2), 9, n + 100));
    submit_all(&*store, "eu", filler.collect(), 500).await;
    sealed(&*store, 1).await;
    submit(&*store, given(&told(Kind::Delivered, "p", 40, 1, &[(Label::MESSAGE_ID, "k")]))).await;
    submit(&*store, given(&told(Kind::Delivered, "q", 500_100, 2, &[]))).await;
    let mut store = store;
    for _ in 0..2 {
        is_one(&*store, by_key("k"), by_provider("p"), Status::Delivered, 2).await;
        assert_eq!(view(&*store, by_provider("q")).await.id, by_key("late"));
        assert_eq!(view(&*store, MessageId::new("eu", "f7", Some("x@y.example"))).await.events.len(), 2);
        assert!(store.message(by_provider("nobody's")).await.unwrap().is_none());
        store.close().await.unwrap();
        drop(store);
        store = home.open();
    }
}

proptest! {
    #![proptest_config(crate::support::cases(24))]

    /// Registrations, completions and provider's events of a few messages in any order, some several times: always the
    /// same messages in the same state, which are those that are listed by it.
    #[test]
    fn any_order_of_registrations_and_events_gives_the_same_messages(
        order in Just((0..10_usize).collect::<Vec<_>>()).prop_shuffle(),
        times in proptest::collection::vec(0_i64..5000, 10),
        again in proptest::collection::vec(0..10_usize, 0..4),
    ) {
        let events = [
            registered("a", None, times[0], &[("b", "1")]),
            registered("a", Some("p"), times[0], &[("b", "1")]),
            registered("c", None, times[2], &[]),
            registered("d", None, times[3], &[("b", "2")]),
            told(Kind::Delivered, "p", times[4], 1, &[]),
            told(Kind::Bounced, "q", times[5], 2, &[(Label::MESSAGE_ID, "c")]),
            told(Kind::Deferred, "q", times[6], 3, &[]),
            told(Kind::Sent, "r", times[7], 4, &[("b", "2")]),
            told(Kind::Opened, "s", times[8], 5, &[]),
            told(Kind::Delivered, "s", times[9], 6, &[]),
        ];
        let all = |order: Vec<usize>| {
            let events = events.clone();
            tokio::runtime::Runtime::new().unwrap().block_on(async move {
                let home = Home::sqlite();
                let store = home.open();
                for n in order {
                    submit(&*store, given(&events[n])).await;
                }
                let (mut states, mut by_status) = (Vec::new(), BTreeMap::<Status, BTreeSet<MessageId>>::new());
                for id in ["a", "c", "d"].map(by_key).into_iter().chain(["p", "q", "r", "s"].map(by_provider)) {
                    let view = view(&*store, id).await;
                    let kinds: Vec<_> = view.events.iter().map(|record| (record.occurred_at(), record.event.kind)).collect();
                    by_status.entry(view.state.status).or_default().insert(view.id);
                    states.push((view.ids, view.state.status, view.state.since, kinds.len()));
                }
                for status in Status::ALL {
                    let filter = MessageFilter { statuses: vec![*status], ..MessageFilter::default() };
                    let listed: BTreeSet<_> = pages(&*store, &filter, 2, async || ()).await.iter().map(|view| view.id).collect();
                    assert_eq!(listed, by_status.remove(status).unwrap_or_default(), "{status:?}");
                }
                states
            })
        };
        let mut shuffled = order;
        shuffled.extend(again);
        prop_assert_eq!(all((0..10).collect()), all(shuffled));
    }
}
