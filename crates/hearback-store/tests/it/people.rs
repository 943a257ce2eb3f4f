//! What people do by hand: suppressing, lifting, profiles. And that nothing of it takes a walk through a whole table.

use hearback_event::{Address, Event, Kind, ListAction, Origin, RecipientStatus, SuppressionReason};
use hearback_store::{EventFilter, EventQuery, Profile, Store, SuppressionQuery};

use crate::support::{
    Home, bad_address, by_hand, event, no_differences, on_every_store, said, second, submission, submit,
    suppressed,
};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

async fn reason(store: &dyn Store, of: &str) -> Option<SuppressionReason> {
    let view = store.recipient(address(of)).await.unwrap();
    view.and_then(|view| view.suppression).map(|suppression| suppression.reason)
}

async fn what_is_done_by_hand_is_an_event(home: &Home) {
    let mut store = home.open();
    let told = vec![
        event(Kind::Complained, "a@x.example", "m1", 1, 1),
        bad_address(event(Kind::Bounced, "b@x.example", "m2", 2, 2)),
    ];
    submit(&*store, submission("mailgun", told)).await;
    let done = vec![
        by_hand(ListAction::Removed, "a@x.example", 10, 3),
        by_hand(ListAction::Added, "b@x.example", 11, 4),
        by_hand(ListAction::Added, "c@x.example", 12, 5),
    ];
    assert_eq!(submit(&*store, said(done.clone())).await, (3, 0));
    assert_eq!(submit(&*store, said(done)).await, (0, 3), "once is enough");
    let later = vec![
        event(Kind::Delivered, "b@x.example", "m3", 20, 6),
        event(Kind::Subscribed, "c@x.example", "", 21, 7),
    ];
    submit(&*store, submission("mailgun", later)).await;
    for _ in 0..2 {
        assert_eq!(reason(&*store, "a@x.example").await, None);
        assert_eq!(reason(&*store, "b@x.example").await, Some(SuppressionReason::Manual));
        let listed = suppressed(&*store, None, 10).await;
        let listed: Vec<_> =
            listed.iter().map(|one| (one.address.as_str(), one.since, one.source.clone())).collect();
        assert_eq!(listed, [("b@x.example", second(11), None), ("c@x.example", second(12), None)]);
        let filter = EventFilter {
            recipient: Some(address("c@x.example")),
            kinds: vec![Kind::SuppressionChanged],
            ..EventFilter::default()
        };
        let page = store.events(EventQuery { filter, limit: 10, ..EventQuery::default() }).await.unwrap();
        let record = &page.rows[0];
        assert_eq!((record.origin, &*record.source, record.payload), (Origin::Application, "hearback", None));
        let change = record.event.suppression.as_ref().unwrap();
        assert_eq!((change.by.as_deref(), change.reason.as_deref()), (Some("desk"), Some("he called")));
        no_differences(&*store).await;
        store.close().await.unwrap();
        drop(store);
        store = home.open();
    }
    assert_eq!(home.rows("payloads"), 2, "no request is kept of what people do");
}

async fn suppressions_are_filtered_and_paged(home: &Home) {
    let store = home.open();
    let nth = |n: u64| format!("p{n:03}@x.example");
    let events: Vec<Event> = (0..120).map(|n| event(Kind::Complained, &nth(n), "m", n as i64, n)).collect();
    submit(&*store, submission("one", events)).await;
    let events = (0..120).step_by(2).map(|n| by_hand(ListAction::Added, &nth(n), 500 + n as i64, 1000 + n));
    submit(&*store, said(events.collect())).await;
    let by_hand =
        SuppressionQuery { reasons: vec![SuppressionReason::Manual], ..SuppressionQuery::default() };
    let told = SuppressionQuery { source: Some("one".to_owned()), ..SuppressionQuery::default() };
    let early =
        SuppressionQuery { since: Some(second(3)), until: Some(second(10)), ..SuppressionQuery::default() };
    let expected: [Vec<String>; 3] = [
        (0..120).step_by(2).map(nth).collect(),
        (1..120).step_by(2).map(nth).collect(),
        (3..10).step_by(2).map(nth).collect(),
    ];
    for (query, expected) in [by_hand, told, early].into_iter().zip(expected) {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page =
                store.suppressions(SuppressionQuery { after, limit: 7, ..query.clone() }).await.unwrap();
            assert!(page.rows.len() <= 7);
            found.extend(page.rows.into_iter().map(|row| row.address.to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected);
    }
}

async fn many_are_asked_for_at_once(home: &Home) {
    let store = home.open();
    submit(&*store, submission("one", vec![event(Kind::Complained, "a@x.example", "m", 1, 1)])).await;
    let mut ambiguous = event(Kind::Complained, "", "m", 2, 2);
    ambiguous.ambiguous_recipients = vec![address("a@x.example"), address("c@x.example")];
    submit(&*store, submission("one", vec![ambiguous])).await;
    let asked = ["b@x.example", "a@x.example", "c@x.example", "a@x.example"].map(address).to_vec();
    let found = store.recipients(asked.clone()).await.unwrap();
    let known: Vec<bool> = found.iter().map(Option::is_some).collect();
    assert_eq!(known, [false, true, false, true], "in the order asked, twice where asked twice");
    assert_eq!(found[1], store.recipient(asked[1].clone()).await.unwrap());
    assert_eq!(store.recipients(Vec::new()).await.unwrap(), []);
}

async fn profiles_are_kept_replaced_and_forgotten(home: &Home) {
    let mut store = home.open();
    let profile = |user: &str, name: &str| Profile {
        user_id: (!user.is_empty()).then(|| user.to_owned()),
        name: (!name.is_empty()).then(|| name.to_owned()),
    };
    let ann = ["ann@x.example", "+15551234567", "ann@y.example"].map(address);
    for one in &ann {
        assert!(store.put_profile(one.clone(), profile("7", "Ann '; DROP TABLE profiles --")).await.unwrap());
        assert!(
            !store.put_profile(one.clone(), profile("7", "Ann '; DROP TABLE profiles --")).await.unwrap()
        );
    }
    store.put_profile(address("bob@x.example"), profile("70", "Bob")).await.unwrap();
    submit(&*store, submission("one", vec![event(Kind::Delivered, "ann@x.example", "m", 1, 1)])).await;
    store.close().await.unwrap();
    drop(store);
    store = home.open();
    let view = store.recipient(ann[0].clone()).await.unwrap().unwrap();
    assert_eq!(
        (view.status, view.profile),
        (RecipientStatus::Deliverable, profile("7", "Ann '; DROP TABLE profiles --"))
    );
    let page = store.recipients_of_user("7".to_owned(), None, 2).await.unwrap();
    assert_eq!(page.rows.iter().map(|row| &row.address).collect::<Vec<_>>(), [&ann[1], &ann[0]]);
    let rest = store.recipients_of_user("7".to_owned(), page.next, 2).await.unwrap();
    assert_eq!((rest.rows[0].address.clone(), rest.rows.len(), rest.next), (ann[2].clone(), 1, None));
    assert!(store.put_profile(ann[2].clone(), Profile::default()).await.unwrap());
    assert!(store.recipient(ann[2].clone()).await.unwrap().is_none());
    assert_eq!(store.forget(ann[0].clone()).await.unwrap().profiles, 1);
    assert_eq!(home.rows("profiles"), 2);
    let left = store.recipients_of_user("7".to_owned(), None, 10).await.unwrap();
    assert_eq!(left.rows.iter().map(|row| &row.address).collect::<Vec<_>>(), [&ann[1]]);
}

async fn ids_of_users_fill_profiles_that_have_none(home: &Home) {
    let store = home.open();
    let profile = |user: Option<&str>, name: Option<&str>| Profile {
        user_id: user.map(str::to_owned),
        name: name.map(str::to_owned),
    };
    store.put_profile(address("ann@x.example"), profile(Some("7"), Some("Ann"))).await.unwrap();
    store.put_profile(address("bob@x.example"), profile(None, Some("Bob"))).await.unwrap();
    let users =
        [("ann@x.example", "8"), ("bob@x.example", "9"), ("eve@x.example", "1"), ("eve@x.example", "2")];
    let users: Vec<_> = users.iter().map(|(one, user_id)| (address(one), (*user_id).to_owned())).collect();
    assert_eq!(store.name_users(users.clone()).await.unwrap(), 2);
    assert_eq!(store.name_users(users).await.unwrap(), 0, "said again, nothing changes");
    assert_eq!(store.name_users(Vec::new()).await.unwrap(), 0);
    for (one, expected) in [
        ("ann@x.example", profile(Some("7"), Some("Ann"))),
        ("bob@x.example", profile(Some("9"), Some("Bob"))),
        ("eve@x.example", profile(Some("1"), None)),
    ] {
        assert_eq!(store.recipient(address(one)).await.unwrap().unwrap().profile, expected);
    }
}

/// What was done by hand is forgotten with the person, and the address begins a new life.
async fn what_was_done_by_hand_is_forgotten_too(home: &Home) {
    let store = home.open();
    submit(&*store, said(vec![by_hand(ListAction::Added, "a@x.example", 1, 1)])).await;
    assert_eq!(store.forget(address("a@x.example")).await.unwrap().events, 1);
    assert_eq!(reason(&*store, "a@x.example").await, None);
    assert_eq!(suppressed(&*store, None, 10).await, []);
    submit(&*store, said(vec![by_hand(ListAction::Added, "a@x.example", 2, 2)])).await;
    assert_eq!(reason(&*store, "a@x.example").await, Some(SuppressionReason::Manual));
    no_differences(&*store).await;
}

on_every_store! {
    every_case:
    what_is_done_by_hand_is_an_event,
    suppressions_are_filtered_and_paged,
    many_are_asked_for_at_once,
    profiles_are_kept_replaced_and_forgotten,
    ids_of_users_fill_profiles_that_have_none,
    what_was_done_by_hand_is_forgotten_too,
}
