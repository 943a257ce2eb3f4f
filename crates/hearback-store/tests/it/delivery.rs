//! What is kept of consumers, on every store.

use hearback_event::Kind;
use hearback_store::{
    Begin, ConsumerState, DestinationClaim, DestinationControl, DestinationState, FailedPush,
    FailedPushQuery, Fate, Outage, Progress, PushEnd, Retention, Store,
};

use crate::support::{DAY, Home, event, on_every_store, second, submission, submit};

async fn fill(store: &dyn Store, events: u64) {
    for serial in 0..events {
        let one = event(Kind::Sent, &format!("guest{serial}@example.com"), "m", 1, serial);
        assert_eq!(submit(store, submission("mailgun", vec![one])).await, (1, 0));
    }
}

async fn state(store: &dyn Store, name: &str) -> DestinationState {
    let states = store.destinations().await.unwrap();
    states.into_iter().find(|state| state.name == name).unwrap()
}

async fn own(store: &dyn Store, owner: &str, name: &str, beat: Option<u64>) -> bool {
    let claim = DestinationClaim { owner: owner.to_owned(), wanted: vec![(name.to_owned(), beat)] };
    store.claim_destinations(claim).await.unwrap() == [name]
}

fn waits(position: u64) -> FailedPush {
    FailedPush {
        position,
        attempts: 1,
        first_failed: second(5),
        last_try: Some(second(6)),
        status: Some(503),
        error: "503 Service Unavailable".to_owned(),
        fate: Fate::Waits { next_try: second(10) },
    }
}

fn gave_up(position: u64) -> FailedPush {
    FailedPush { fate: Fate::Ended { at: second(9), why: PushEnd::GaveUp }, ..waits(position) }
}

fn progress(cursor: u64, failed: Vec<FailedPush>) -> Progress {
    Progress { name: "crm".to_owned(), owner: "one".to_owned(), cursor, failed, ..Progress::default() }
}

async fn failed(store: &dyn Store, ended: Option<bool>, beyond: u64, limit: usize) -> Vec<FailedPush> {
    let query = FailedPushQuery { destination: "crm".to_owned(), ended, beyond, limit };
    store.failed_pushes(query).await.unwrap()
}

async fn a_destination_begins_where_it_is_told_and_only_once(home: &Home) {
    let mut store = home.open();
    fill(&*store, 3).await;
    let begun = |state: DestinationState| (state.begun, state.cursor);
    assert_eq!(begun(store.register_destination("new".to_owned(), Begin::End).await.unwrap()), (3, 3));
    assert_eq!(begun(store.register_destination("all".to_owned(), Begin::Beginning).await.unwrap()), (0, 0));
    store.close().await.unwrap();
    drop(store);
    store = home.open();
    let later = event(Kind::Sent, "a@b.example", "m", 1, 99);
    submit(&*store, submission("mailgun", vec![later])).await;
    assert_eq!(begun(store.register_destination("new".to_owned(), Begin::Beginning).await.unwrap()), (3, 3));
    let names: Vec<_> = store.destinations().await.unwrap().into_iter().map(|state| state.name).collect();
    assert_eq!(names, ["all", "new"]);
}

async fn progress_is_written_whole_and_by_the_owner_only(home: &Home) {
    let mut store = home.open();
    fill(&*store, 5).await;
    store.register_destination("crm".to_owned(), Begin::Beginning).await.unwrap();
    assert!(!store.save_progress(progress(1, Vec::new())).await.unwrap(), "nobody owns it yet");
    assert!(own(&*store, "one", "crm", None).await);
    let first = Progress {
        delivered: 2,
        skipped: 1,
        last_success_at: Some(second(7)),
        last_failure: Some((second(6), "503".to_owned())),
        failing: Some(Outage { since: second(6), probes: 2, probe_at: second(60) }),
        ..progress(5, vec![waits(2), gave_up(4)])
    };
    assert!(store.save_progress(first.clone()).await.unwrap());
    assert!(
        !store.save_progress(Progress { owner: "two".to_owned(), ..progress(1, Vec::new()) }).await.unwrap()
    );
    for _ in 0..2 {
        let now = state(&*store, "crm").await;
        assert_eq!((now.cursor, now.delivered, now.skipped, now.waiting, now.dead), (5, 2, 1, 1, 1));
        assert_eq!(
            (now.last_success_at, now.last_failure),
            (first.last_success_at, first.last_failure.clone())
        );
        assert_eq!((now.failing, now.disabled), (first.failing, None));
        assert_eq!(failed(&*store, None, 0, 10).await, [waits(2), gave_up(4)]);
        store.close().await.unwrap();
        drop(store);
        store = home.open();
    }
    assert_eq!(failed(&*store, Some(false), 0, 10).await, [waits(2)]);
    assert_eq!(failed(&*store, Some(true), 0, 10).await, [gave_up(4)]);
    assert_eq!(failed(&*store, None, 2, 10).await, [gave_up(4)]);
    assert_eq!(failed(&*store, None, 0, 1).await, [waits(2)]);
    assert_eq!(store.failed_push("crm".to_owned(), 4).await.unwrap(), Some(gave_up(4)));
    assert_eq!(store.failed_push("crm".to_owned(), 3).await.unwrap(), None);
    assert!(own(&*store, "one", "crm", None).await);
    let gone = Some((second(8), "410 Gone".to_owned()));
    let last = Progress { recovered: vec![2], disabled: gone.clone(), ..progress(5, Vec::new()) };
    assert!(store.save_progress(last).await.unwrap());
    let now = state(&*store, "crm").await;
    assert_eq!((now.waiting, now.dead, now.failing, now.disabled), (0, 1, None, gone));
    assert_eq!(now.last_success_at, Some(second(7)), "what is not said stays");
}

async fn a_person_holds_and_lets_go(home: &Home) {
    let store = home.open();
    let control = |name: &str, control| store.control_destination(name.to_owned(), control, second(50));
    assert!(!control("crm", DestinationControl::Pause).await.unwrap(), "nobody knows it");
    store.register_destination("crm".to_owned(), Begin::End).await.unwrap();
    assert!(own(&*store, "one", "crm", None).await);
    let gone = Progress {
        disabled: Some((second(8), "410 Gone".to_owned())),
        failing: Some(Outage { since: second(6), probes: 2, probe_at: second(60) }),
        ..progress(0, Vec::new())
    };
    assert!(store.save_progress(gone).await.unwrap());
    let before = state(&*store, "crm").await.changes;
    assert!(control("crm", DestinationControl::Pause).await.unwrap());
    let paused = state(&*store, "crm").await;
    assert_eq!(paused.paused_at, Some(second(50)));
    assert!(paused.changes > before && paused.disabled.is_some());
    assert!(control("crm", DestinationControl::Resume).await.unwrap());
    let resumed = state(&*store, "crm").await;
    assert!(resumed.changes > paused.changes);
    assert_eq!((resumed.paused_at, resumed.disabled, resumed.failing), (None, None, None));
}

async fn what_failed_is_pushed_again_on_request(home: &Home) {
    let store = home.open();
    fill(&*store, 5).await;
    store.register_destination("crm".to_owned(), Begin::Beginning).await.unwrap();
    assert!(own(&*store, "one", "crm", None).await);
    assert!(store.save_progress(progress(5, vec![waits(2), gave_up(4)])).await.unwrap());
    let before = state(&*store, "crm").await.changes;
    let again = store.push_again("crm".to_owned(), vec![2, 3, 4, 99], second(70)).await.unwrap();
    assert_eq!(again, 3, "there is no event 99");
    let now = state(&*store, "crm").await;
    assert_eq!((now.waiting, now.dead), (3, 0));
    assert!(now.changes > before);
    for push in failed(&*store, None, 0, 10).await {
        assert_eq!((push.attempts, push.fate), (0, Fate::Waits { next_try: second(70) }));
    }
    assert_eq!(store.push_again("other".to_owned(), vec![1], second(70)).await.unwrap(), 0);
}

async fn what_waits_for_an_event_that_is_no_more_ends(home: &Home) {
    let store = home.open();
    fill(&*store, 5).await;
    store.register_destination("crm".to_owned(), Begin::Beginning).await.unwrap();
    assert!(own(&*store, "one", "crm", None).await);
    assert!(store.save_progress(progress(5, vec![waits(2), gave_up(3), waits(4)])).await.unwrap());
    for forgotten in ["guest1@example.com", "guest2@example.com"] {
        store.forget(forgotten.parse().unwrap()).await.unwrap();
    }
    let ends = |pushes: Vec<FailedPush>| -> Vec<_> {
        let end = |push: FailedPush| match push.fate {
            Fate::Ended { why, .. } => (push.position, Some(why)),
            Fate::Waits { .. } => (push.position, None),
        };
        pushes.into_iter().map(end).collect()
    };
    let (forgotten, dropped) = (Some(PushEnd::Forgotten), Some(PushEnd::Dropped));
    assert_eq!(ends(failed(&*store, None, 0, 10).await), [(2, forgotten), (3, forgotten), (4, None)]);
    assert_eq!(store.push_again("crm".to_owned(), vec![2, 3], second(70)).await.unwrap(), 0);
    // An attempt that was under way does not bring it back.
    assert!(store.save_progress(progress(5, vec![waits(2)])).await.unwrap());
    let retention = Retention { events_days: Some(40), ..Retention::default() };
    let later = second(100 + 41 * DAY);
    store.retain(retention, later).await.unwrap();
    assert_eq!(ends(failed(&*store, None, 0, 10).await), [(2, forgotten), (3, forgotten), (4, dropped)]);
}

async fn a_consumer_keeps_its_place(home: &Home) {
    let mut store = home.open();
    let at = |position| ConsumerState { name: "billing".to_owned(), position, at: second(position as i64) };
    assert_eq!(store.consumers().await.unwrap(), []);
    store.set_consumer(at(3)).await.unwrap();
    store.set_consumer(at(7)).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    store = home.open();
    assert_eq!(store.consumers().await.unwrap(), [at(7)]);
    assert!(store.remove_consumer("billing".to_owned()).await.unwrap());
    assert!(!store.remove_consumer("billing".to_owned()).await.unwrap());
}

async fn followers_are_told_when_the_log_grows(home: &Home) {
    let store = home.open();
    fill(&*store, 1).await;
    let mut follower = store.follow();
    assert_eq!(*follower.borrow_and_update(), 1);
    let waiting = tokio::spawn(async move {
        follower.changed().await.unwrap();
        *follower.borrow()
    });
    let one = event(Kind::Sent, "a@b.example", "m", 1, 77);
    submit(&*store, submission("mailgun", vec![one])).await;
    assert_eq!(waiting.await.unwrap(), 2);
}

async fn owners_leave_what_they_have(home: &Home) {
    let store = home.open();
    store.register_destination("crm".to_owned(), Begin::End).await.unwrap();
    assert!(own(&*store, "one", "crm", None).await);
    let first = state(&*store, "crm").await;
    assert_eq!(first.owner.as_deref(), Some("one"));
    assert_eq!(store.is_shared(), matches!(home, Home::Postgres(_)));
    assert!(own(&*store, "one", "crm", None).await);
    assert!(state(&*store, "crm").await.beat > first.beat);
    store.release_destinations("one".to_owned()).await.unwrap();
    assert_eq!(state(&*store, "crm").await.owner, None);
    assert!(own(&*store, "two", "crm", None).await);
}

on_every_store! {
    every_case:
    a_destination_begins_where_it_is_told_and_only_once,
    progress_is_written_whole_and_by_the_owner_only,
    a_person_holds_and_lets_go,
    what_failed_is_pushed_again_on_request,
    what_waits_for_an_event_that_is_no_more_ends,
    a_consumer_keeps_its_place,
    followers_are_told_when_the_log_grows,
    owners_leave_what_they_have,
}

/// Of a shared database an owner is believed alive until his beat was seen not to grow; of a file, whoever has it is alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_is_taken_from_the_dead_only() {
    let home = Home::postgres();
    let (one, two) = (home.open(), home.open());
    one.register_destination("crm".to_owned(), Begin::End).await.unwrap();
    assert!(own(&*one, "one", "crm", None).await);
    assert!(!own(&*two, "two", "crm", None).await);
    let seen = state(&*two, "crm").await.beat;
    assert!(own(&*one, "one", "crm", None).await, "it lives");
    assert!(!own(&*two, "two", "crm", Some(seen)).await);
    let seen = state(&*two, "crm").await.beat;
    assert!(own(&*two, "two", "crm", Some(seen)).await);
    assert!(
        !one.save_progress(progress(0, Vec::new())).await.unwrap(),
        "what it still had under way is not written"
    );
    let home = Home::sqlite();
    let store = home.open();
    store.register_destination("crm".to_owned(), Begin::End).await.unwrap();
    assert!(own(&*store, "before the crash", "crm", None).await);
    assert!(own(&*store, "after the crash", "crm", None).await);
}
