//! Alerts are kept, found, changed and dropped.

use hearback_event::{AlertState, Kind, Urgency};
use hearback_store::{AlertChange, AlertCounts, AlertItem, AlertQuery, AlertSave, Store};

use crate::support::{Home, on_every_store, second};

fn item(id: u64, part_of: Option<u64>) -> AlertItem {
    AlertItem {
        id,
        rule: if id.is_multiple_of(2) { "even" } else { "odd" }.to_owned(),
        subject: [id as u8; 16],
        sums_up: false,
        part_of,
        urgency: Urgency::Critical,
        kind: Kind::Bounced,
        cause: id * 10,
        first_at: second(id as i64),
        last_at: second(id as i64),
        count: id,
        parts_left: 0,
        state: AlertState::Open,
        acknowledged: None,
        resolved: None,
        told: vec![(second(1), vec!["ops".to_owned(), "it's".to_owned()])],
    }
}

fn query() -> AlertQuery {
    AlertQuery { limit: 100, ..AlertQuery::default() }
}

async fn save(store: &dyn Store, version: u64, items: Vec<AlertItem>) -> bool {
    store.save_alerts(AlertSave { version, upto: 7, notes: "{\"a\":1}".to_owned(), items }).await.unwrap()
}

async fn ids(store: &dyn Store, query: AlertQuery) -> Vec<u64> {
    store.alerts(query).await.unwrap().iter().map(|item| item.id).collect()
}

async fn only_who_has_read_the_newest_writes(home: &Home) {
    let store = home.open();
    let desk = store.alert_desk().await.unwrap();
    assert_eq!((desk.version, desk.upto, desk.notes.as_str(), desk.any), (0, None, "", false));
    assert!(save(&*store, 0, vec![item(1, None)]).await);
    assert!(!save(&*store, 0, vec![item(2, None)]).await, "another has written since");
    assert_eq!(store.alert(2).await.unwrap(), None);
    let desk = store.alert_desk().await.unwrap();
    assert_eq!((desk.version, desk.upto, desk.notes.as_str(), desk.any), (1, Some(7), "{\"a\":1}", true));
    // What a person changes counts as well.
    store.change_alert(1, AlertChange::Acknowledge, "ann".to_owned(), second(5)).await.unwrap();
    assert!(!save(&*store, 1, vec![item(1, None)]).await);
    assert!(save(&*store, 2, Vec::new()).await);
    assert_eq!(store.alert(1).await.unwrap().unwrap().state, AlertState::Acknowledged);
}

async fn alerts_are_found_by_whatever_is_asked(home: &Home) {
    let store = home.open();
    let items = vec![item(1, None), item(2, None), item(3, None), item(4, Some(2)), item(5, Some(2))];
    assert!(save(&*store, 0, items.clone()).await);
    assert_eq!(store.alert(4).await.unwrap().as_ref(), items.get(3));
    assert_eq!(ids(&*store, query()).await, [3, 2, 1]);
    assert_eq!(ids(&*store, AlertQuery { limit: 2, ..query() }).await, [3, 2]);
    assert_eq!(ids(&*store, AlertQuery { before: Some(2), ..query() }).await, [1]);
    assert_eq!(ids(&*store, AlertQuery { rule: Some("odd".to_owned()), ..query() }).await, [3, 1]);
    assert_eq!(ids(&*store, AlertQuery { part_of: Some(2), ..query() }).await, [5, 4]);
    assert_eq!(ids(&*store, AlertQuery { part_of: Some(2), before: Some(5), ..query() }).await, [4]);
    store.change_alert(3, AlertChange::Acknowledge, "ann".to_owned(), second(5)).await.unwrap();
    let in_state = |states: &[AlertState]| AlertQuery { states: states.to_vec(), ..query() };
    assert_eq!(ids(&*store, in_state(&[AlertState::Open])).await, [2, 1]);
    assert_eq!(ids(&*store, in_state(&[AlertState::Acknowledged, AlertState::Open])).await, [3, 2, 1]);
    assert_eq!(ids(&*store, in_state(&[AlertState::Resolved])).await, [0; 0]);
    let mut about = store.alerts_about(vec![[1; 16], [4; 16], [9; 16]]).await.unwrap();
    about.sort_by_key(|item| item.id);
    assert_eq!(about.iter().map(|item| item.id).collect::<Vec<_>>(), [1, 2, 4], "with what sums them up");
    let standing = async |beyond, limit| {
        let items = store.alerts_standing(beyond, limit).await.unwrap();
        items.iter().map(|item| item.id).collect::<Vec<_>>()
    };
    assert_eq!(standing(0, 3).await, [1, 2, 3]);
    assert_eq!(standing(3, 1).await, [4, 2], "with what sums it up");
    assert_eq!(standing(5, 10).await, [0; 0]);
    assert_eq!(store.alert_counts().await.unwrap(), AlertCounts { open: 2, acknowledged: 1 });
}

async fn with_its_last_part_a_whole_is_over(home: &Home) {
    let store = home.open();
    let whole = AlertItem { parts_left: 2, sums_up: true, ..item(2, None) };
    assert!(save(&*store, 0, vec![whole, item(4, Some(2)), item(5, Some(2))]).await);
    let resolve = async |id: u64| {
        store.change_alert(id, AlertChange::Resolve, "ann".to_owned(), second(9)).await.unwrap();
        let whole = store.alert(2).await.unwrap().unwrap();
        (whole.parts_left, whole.state)
    };
    assert_eq!(resolve(4).await, (1, AlertState::Open));
    assert_eq!(resolve(4).await, (1, AlertState::Open), "once");
    assert_eq!(resolve(5).await, (0, AlertState::Resolved));
}

async fn what_a_person_ends_is_over_with_all_of_its_parts(home: &Home) {
    let store = home.open();
    let whole = AlertItem { parts_left: 2, ..item(2, None) };
    assert!(save(&*store, 0, vec![item(1, None), whole, item(4, Some(2)), item(5, Some(2))]).await);
    let seen =
        store.change_alert(2, AlertChange::Acknowledge, "ann".to_owned(), second(8)).await.unwrap().unwrap();
    assert_eq!(
        (seen.state, seen.acknowledged),
        (AlertState::Acknowledged, Some((second(8), "ann".to_owned())))
    );
    let over =
        store.change_alert(2, AlertChange::Resolve, "bob".to_owned(), second(9)).await.unwrap().unwrap();
    assert_eq!((over.state, over.parts_left), (AlertState::Resolved, 0));
    assert_eq!(store.alert(4).await.unwrap().unwrap().resolved, Some((second(9), "bob".to_owned())));
    let again =
        store.change_alert(2, AlertChange::Resolve, "eve".to_owned(), second(10)).await.unwrap().unwrap();
    assert_eq!(again.resolved, over.resolved);
    assert_eq!(
        store.change_alert(77, AlertChange::Resolve, "eve".to_owned(), second(10)).await.unwrap(),
        None
    );
    assert!(store.alerts_about(vec![[2; 16], [4; 16]]).await.unwrap().is_empty());
    assert_eq!(store.drop_alerts(second(9)).await.unwrap(), 0);
    assert_eq!(store.drop_alerts(second(10)).await.unwrap(), 3);
    assert_eq!(ids(&*store, query()).await, [1]);
}

on_every_store!(every_case: with_its_last_part_a_whole_is_over, only_who_has_read_the_newest_writes, alerts_are_found_by_whatever_is_asked, what_a_person_ends_is_over_with_all_of_its_parts);
