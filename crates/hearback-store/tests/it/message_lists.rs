//! Lists of messages: each once, as it stood when the first page was asked for.

use std::collections::{BTreeMap, BTreeSet};

use hearback_event::{Address, Kind, MessageId, Status};
use hearback_store::{Expectation, MessageFilter, MessageQuery, MessageView, Settled, Store};

use crate::messages::{ALICE, by_application, by_provider, given, registered, told, view};
use crate::support::{Home, event, on_every_store, second, submit, submit_all};

/// Every page of a list, with something done between the pages.
pub(crate) async fn pages(
    store: &dyn Store,
    filter: &MessageFilter,
    limit: usize,
    between: impl AsyncFn(),
) -> Vec<MessageView> {
    let mut query = MessageQuery { filter: filter.clone(), limit, ..MessageQuery::default() };
    let mut rows = Vec::new();
    loop {
        let page = store.messages(query.clone()).await.unwrap();
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows);
        (query.as_of, query.beyond) = (Some(page.as_of), page.next);
        if page.next.is_none() {
            return rows;
        }
        between().await;
    }
}

async fn a_list_has_each_message_once_as_it_stood_while_others_come_in(home: &Home) {
    let store = home.open();
    let kinds = [Kind::Sent, Kind::Delivered, Kind::Opened, Kind::Bounced];
    let events = (0..60_u64).map(|n| {
        let kind = kinds[(n * 7 % 4) as usize];
        told(kind, &format!("m{}", n * 13 % 17), n as i64, n, &[("n", &(n % 3).to_string())])
    });
    submit_all(&*store, "eu", events.collect(), 3).await;
    let serial = std::sync::atomic::AtomicU64::new(1000);
    let more = async || {
        let n = serial.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let id = format!("m{}", n % 17);
        submit(&*store, given(&told(Kind::Complained, &id, 5000, n, &[("n", "1")]))).await;
    };
    let filters = [
        MessageFilter::default(),
        MessageFilter { statuses: vec![Status::Bounced, Status::Sent], ..MessageFilter::default() },
        MessageFilter { labels: vec![("n".to_owned(), "1".to_owned())], ..MessageFilter::default() },
        MessageFilter {
            statuses: vec![Status::Delivered],
            labels: vec![("n".to_owned(), "2".to_owned())],
            ..MessageFilter::default()
        },
        MessageFilter { source: Some("nobody".to_owned()), ..MessageFilter::default() },
    ];
    for filter in filters {
        let mut expected = BTreeMap::new();
        for n in 0..17 {
            let view = view(&*store, by_provider(&format!("m{n}"))).await;
            let has = |(key, value): &(String, String)| {
                view.events.iter().any(|record| record.event.labels.get(key) == Some(value))
            };
            let status = filter.statuses.is_empty() || filter.statuses.contains(&view.state.status);
            if status && filter.labels.iter().all(has) && filter.source.is_none() {
                expected.insert(view.id, view.state);
            }
        }
        let rows = pages(&*store, &filter, 2, &more).await;
        assert_eq!(rows.len(), expected.len(), "{filter:?}");
        let found: BTreeMap<_, _> = rows.into_iter().map(|view| (view.id, view.state)).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

async fn what_became_of_one_recipient_of_a_send_says_nothing_of_another(home: &Home) {
    let store = home.open();
    let to_bob = event(Kind::Delivered, "bob@example.com", "p", 9, 2);
    submit_all(&*store, "eu", vec![told(Kind::Deferred, "p", 5, 1, &[]), to_bob], 1).await;
    for (status, expected) in [(Status::Deferred, ALICE), (Status::Delivered, "bob@example.com")] {
        let filter = MessageFilter { statuses: vec![status], ..MessageFilter::default() };
        let ids: Vec<_> = pages(&*store, &filter, 10, async || ()).await.iter().map(|view| view.id).collect();
        assert_eq!(ids, [MessageId::new("eu", "p", Some(expected))], "{status:?}");
    }
}

async fn overdue_is_what_was_expected_by_then_and_is_still_under_way(home: &Home) {
    let store = home.open();
    for (key, at) in [("late", 0), ("in time", 100), ("delivered", 0)] {
        submit(&*store, by_application(registered(key, Some(key), at, &[]))).await;
    }
    submit(&*store, given(&told(Kind::Deferred, "late", 5, 1, &[]))).await;
    submit(&*store, given(&told(Kind::Delivered, "delivered", 5, 2, &[]))).await;
    let filter = MessageFilter { overdue_at: Some(second(60)), ..MessageFilter::default() };
    let overdue = pages(&*store, &filter, 10, async || ()).await;
    let ids: BTreeSet<_> = overdue.iter().map(|view| view.id).collect();
    assert_eq!(ids, [by_provider("late")].into());
}

/// Overdue messages are listed alike wherever the watchdog has got to, and each once, also one that was registered twice.
async fn overdue_messages_are_listed_however_far_the_watchdog_has_read(home: &Home) {
    let store = home.open();
    let mut expected = BTreeSet::new();
    let mut expectations = Vec::new();
    for n in 0..30 {
        let key = format!("m{n}");
        // Two thirds are due at the moment that is asked for.
        let at = if n % 3 == 0 { 500 } else { n };
        submit(&*store, by_application(registered(&key, Some(&key), at, &[]))).await;
        let due_at = second(at + 60);
        expectations.push(Expectation { position: store.last_position(), due_at });
        if n % 3 != 0 {
            expected.insert(by_provider(&key));
        }
        if n % 5 == 0 {
            submit(&*store, by_application(registered(&format!("{key} again"), Some(&key), at + 1, &[])))
                .await;
            expectations
                .push(Expectation { position: store.last_position(), due_at: due_at.plus_seconds(1) });
        }
    }
    let now = second(200);
    let filter = MessageFilter { overdue_at: Some(now), ..MessageFilter::default() };
    let listed = async || {
        let rows = pages(&*store, &filter, 4, async || ()).await;
        let ids: BTreeSet<_> = rows.iter().map(|view| view.id).collect();
        assert_eq!(ids.len(), rows.len(), "one is listed twice");
        let of = |id: &MessageId| expected.iter().any(|one| one == id);
        let provider_ids: BTreeSet<_> =
            rows.iter().flat_map(|view| view.ids.clone()).filter(|id| of(id)).collect();
        assert_eq!((rows.len(), provider_ids), (expected.len(), expected.clone()));
    };
    listed().await;
    for some in expectations.chunks(7) {
        let upto = some.last().unwrap().position;
        store.expect(some.to_vec(), upto, now).await.unwrap();
        listed().await;
        for due in store.due(now, 3).await.unwrap() {
            let recipient = Address::parse(ALICE).unwrap();
            store.settle(vec![Settled::Overdue { position: due.position, recipient }]).await.unwrap();
        }
        listed().await;
    }
}

on_every_store!(every_case: overdue_messages_are_listed_however_far_the_watchdog_has_read, a_list_has_each_message_once_as_it_stood_while_others_come_in, what_became_of_one_recipient_of_a_send_says_nothing_of_another, overdue_is_what_was_expected_by_then_and_is_still_under_way);
