//! The same set of events gives the same state, in any order, any duplication, any split into requests; and every filter
//! agrees with a naive one.

use hearback_event::{Address, Event, Kind, Label, ListAction, Reason, Record, Severity};
use hearback_store::{EventFilter, EventQuery, MessageView, Order, RecipientView, RollupRow, Store};
use proptest::prelude::*;

use crate::support::{Home, bad_address, by_hand, event, second, submission, submit, suppressed};

const REASONS: [Reason; 3] = [Reason::InvalidRecipient, Reason::MailboxFull, Reason::Blocked];
const FAILURES: [Kind; 5] =
    [Kind::Deferred, Kind::Bounced, Kind::Rejected, Kind::Failed, Kind::InboundFailed];
const PEOPLE: [&str; 4] = ["a@one.example", "b@one.example", "c@two.example", "+15550001111"];

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = (0..Kind::ALL.len(), 0..PEOPLE.len(), 0..3_u8, 0..50_i64, 0..3_u8, any::<bool>());
    proptest::collection::vec(one, 1..30).prop_map(|parts| {
        parts
            .into_iter()
            .zip(1..)
            .map(|((kind, person, message, at, label, bad), serial)| {
                let id = if message == 0 { String::new() } else { format!("m{message}") };
                let mut event = event(Kind::ALL[kind], PEOPLE[person], &id, at, serial);
                if Kind::ALL[kind] == Kind::SuppressionChanged {
                    // By hand, or by the provider; on the list, or off it.
                    let action = if bad { ListAction::Added } else { ListAction::Removed };
                    event = by_hand(action, PEOPLE[person], at, serial);
                    event.suppression = event.suppression.map(|mut change| {
                        change.by = change.by.filter(|_| label > 0);
                        change
                    });
                }
                event.labels = [("booking".to_owned(), label.to_string())].into();
                event.tags = vec![format!("t{label}")];
                let mut event = if bad { bad_address(event) } else { event };
                if let Some(failure) = &mut event.failure {
                    failure.reason = Some(REASONS[serial as usize % REASONS.len()]);
                }
                event
            })
            .collect()
    })
}

/// Everything that is derived, in a comparable form: positions left out, since they are the order of arrival.
async fn derived(store: &dyn Store) -> String {
    let mut recipients: Vec<RecipientView> = Vec::new();
    for person in PEOPLE {
        recipients.extend(store.recipient(Address::parse(person).unwrap()).await.unwrap());
    }
    for view in &mut recipients {
        view.state.last = view.state.last.map(|(at, kind, _)| (at, kind, 0));
    }
    let mut messages: Vec<MessageView> = Vec::new();
    for id in ["m1", "m2"] {
        messages.extend(store.messages_by_provider_id(id.to_owned()).await.unwrap());
    }
    let messages: Vec<_> = messages
        .into_iter()
        .map(|mut view| {
            view.state.decided_by = None;
            (view.id, view.state)
        })
        .collect();
    let (since, until) = (second(-1), second(1000));
    let rollups: Vec<Vec<RollupRow>> = vec![
        store.hourly(since, until).await.unwrap(),
        store.daily_by_tag(since, until).await.unwrap(),
        store.daily_by_domain(since, until).await.unwrap(),
    ];
    let suppressions = suppressed(store, None, 100).await;
    format!("{recipients:#?}\n{messages:#?}\n{rollups:#?}\n{suppressions:#?}")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(crate::support::cases(24))]

    #[test]
    fn any_order_duplication_and_split_give_the_same_rows(
        events in events(),
        order in proptest::collection::vec(any::<proptest::sample::Index>(), 60),
        split in 1_usize..9,
    ) {
        block_on(async {
            let straight = Home::sqlite();
            let one = straight.open();
            submit(&*one, submission("mailgun", events.clone())).await;
            let expected = derived(&*one).await;
            // Some events many times, in any order, then all of them, so that none is missing.
            let mut again: Vec<Event> = order.iter().map(|index| index.get(&events).clone()).collect();
            again.extend(events.iter().rev().cloned());
            for shuffled in [Home::sqlite(), Home::postgres()] {
                let other = shuffled.open();
                let mut new = 0;
                for request in again.chunks(split) {
                    new += submit(&*other, submission("mailgun", request.to_vec())).await.0;
                }
                prop_assert_eq!(new as usize, events.len());
                prop_assert_eq!(&expected, &derived(&*other).await);
                let report = other.rebuild(true, Box::new(|_, _| ())).await.unwrap();
                prop_assert_eq!(report.differences, Vec::<String>::new());
                // The same after a restart.
                other.close().await.unwrap();
                drop(other);
                prop_assert_eq!(&expected, &derived(&*shuffled.open()).await);
            }
            Ok(())
        })?;
    }

    #[test]
    fn every_filter_agrees_with_a_naive_one(
        events in events(),
        kinds in proptest::collection::vec(0..Kind::ALL.len(), 0..3),
        person in proptest::option::of(0..PEOPLE.len()),
        people in proptest::sample::subsequence((0..PEOPLE.len()).collect::<Vec<_>>(), 0..=2),
        label in proptest::option::of(0..4_u8),
        tag in proptest::option::of(0..4_u8),
        domain in proptest::option::of(prop_oneof![Just("one.example"), Just("TWO.example"), Just("none.example")]),
        source in proptest::option::of(prop_oneof![Just("mailgun"), Just("other"), Just("none")]),
        (severity, since, until) in (any::<bool>(), proptest::option::of(0..50_i64), proptest::option::of(0..50_i64)),
        reasons in proptest::sample::subsequence(REASONS.to_vec(), 0..=2),
        limit in 1_usize..8,
        newest: bool,
    ) {
        block_on(async {
            for home in [Home::sqlite(), Home::postgres()] {
            let store = home.open();
            let (left, right) = events.split_at(events.len() / 2);
            submit(&*store, submission("mailgun", left.to_vec())).await;
            submit(&*store, submission("other", right.to_vec())).await;
            let filter = EventFilter {
                kinds: kinds.iter().map(|kind| Kind::ALL[*kind]).collect(),
                source: source.map(str::to_owned),
                provider: label.map(|_| "mailgun".to_owned()),
                recipient: person.map(|person| Address::parse(PEOPLE[person]).unwrap()),
                recipients: people.iter().map(|person| Address::parse(PEOPLE[*person]).unwrap()).collect(),
                domain: domain.map(str::to_owned),
                messages: Vec::new(),
                labels: label.map(|label| ("booking".to_owned(), label.to_string())).into_iter().collect(),
                tag: tag.map(|tag| format!("t{tag}")),
                severity: severity.then_some(Severity::Permanent),
                since: since.map(second),
                until: until.map(second),
                reasons: reasons.clone(),
            };
            let order = if newest { Order::Newest } else { Order::Oldest };
            let all = store.events(EventQuery { order, limit: 1000, ..EventQuery::default() }).await.unwrap().rows;
            prop_assert_eq!(all.len(), events.len());
            let fails_so = |record: &&Record| reasons.is_empty() || record.event.reason().is_some_and(|reason| reasons.contains(&reason));
            let is_failure = |record: &&Record| reasons.is_empty() || !kinds.is_empty() || FAILURES.contains(&record.event.kind);
            let others = EventFilter { reasons: Vec::new(), ..filter.clone() };
            let expected: Vec<u64> = all
                .iter()
                .filter(|record| others.matches(record))
                .filter(fails_so)
                .filter(is_failure)
                .map(|record| record.position)
                .collect();
            let (mut found, mut beyond) = (Vec::new(), None);
            loop {
                let page = store.events(EventQuery { filter: filter.clone(), order, beyond, limit }).await.unwrap();
                found.extend(page.rows.iter().map(|record| record.position));
                prop_assert!(page.rows.len() <= limit);
                beyond = page.next;
                if beyond.is_none() { break; }
            }
            prop_assert_eq!(found, expected);
            }
            Ok(())
        })?;
    }
}

#[test]
fn nested_labels_are_kept_but_not_indexed() {
    assert!(!Label::is_indexed("[1,2]"));
    block_on(async {
        let home = Home::sqlite();
        let store = home.open();
        let mut one = event(Kind::Sent, PEOPLE[0], "m1", 1, 1);
        one.labels = [("nested".to_owned(), "[1,2]".to_owned())].into();
        submit(&*store, submission("mailgun", vec![one])).await;
        let page = store.events(EventQuery { limit: 5, ..EventQuery::default() }).await.unwrap();
        assert_eq!(page.rows[0].event.labels["nested"], "[1,2]");
    });
}
