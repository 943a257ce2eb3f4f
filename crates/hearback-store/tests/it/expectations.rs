//! What is expected is kept, comes due, and is settled.

use hearback_event::{Address, Channel, NewMessage, Origin, Registration};
use hearback_store::{Expectation, Settled, Store, Submission, Watched};

use crate::support::{Home, on_every_store, second, submission, submit};

async fn register(store: &dyn Store, key: &str, to: &str) -> u64 {
    let message = NewMessage {
        provider_message_id: None,
        recipient: Address::parse(to).unwrap(),
        channel: Channel::Email,
        subject: None,
        labels: std::collections::BTreeMap::new(),
        tags: Vec::new(),
        sent_at: second(0),
        registration: Registration { key: Some(key.to_owned()), ..Registration::default() },
    };
    let submission = submission("eu", vec![message.into_event()]);
    submit(store, Submission { origin: Origin::Application, ..submission }).await;
    store.last_position()
}

async fn due(store: &dyn Store, at: i64) -> Vec<(u64, bool)> {
    let due = store.due(second(at), 10).await.unwrap();
    due.into_iter().map(|one| (one.position, one.registration.is_some())).collect()
}

async fn what_is_expected_comes_due_until_it_is_settled(home: &Home) {
    let store = home.open();
    assert_eq!(store.watched().await.unwrap(), Watched::default());
    let (a, b) =
        (register(&*store, "a", "a@example.com").await, register(&*store, "b", "b@example.com").await);
    let expected = |position, at| Expectation { position, due_at: second(at) };
    let all = vec![expected(a, 20), expected(b, 10)];
    for _ in 0..2 {
        store.expect(all.clone(), b, second(1)).await.unwrap();
    }
    assert_eq!(store.watched().await.unwrap(), Watched { waiting: 2, overdue: 0, upto: b });
    assert_eq!(due(&*store, 9).await, []);
    assert_eq!(due(&*store, 10).await, [(b, true)]);
    assert_eq!(due(&*store, 20).await, [(b, true), (a, true)]);
    let to = |text: &str| Address::parse(text).unwrap();
    store.settle(vec![Settled::Overdue { position: b, recipient: to("b@example.com") }]).await.unwrap();
    assert_eq!(due(&*store, 20).await, [(a, true)]);
    let overdue = store.overdue_to(vec![to("a@example.com"), to("b@example.com")]).await.unwrap();
    assert_eq!(overdue.iter().map(|one| one.position).collect::<Vec<_>>(), [b]);
    assert!(store.overdue_to(vec![to("a@example.com")]).await.unwrap().is_empty());
    store.forget(to("a@example.com")).await.unwrap();
    assert_eq!(due(&*store, 20).await, [(a, false)], "there is nothing left to expect");
    store.settle(vec![Settled::Over { position: a }, Settled::Over { position: b }]).await.unwrap();
    assert_eq!(store.watched().await.unwrap(), Watched { waiting: 0, overdue: 0, upto: b });
}

on_every_store!(every_case: what_is_expected_comes_due_until_it_is_settled);
