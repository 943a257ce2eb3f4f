//! What arrives at a webhook.

use hearback_deliver::{Filter, Pace, SigningKey, Webhook};
use hearback_event::Timestamp;
use serde_json::json;

use crate::receiver::{Receiver, SECRET, is_signed};
use crate::world::{World, destination, options, with_options};

#[tokio::test(flavor = "multi_thread")]
async fn every_event_arrives_signed_under_its_own_id() {
    let (world, receiver) = (World::new(), Receiver::willing().await);
    world.add(0..10).await;
    let running = world.start(vec![destination("crm", &receiver)]).await;
    world.add(10..30).await;
    receiver.until_taken(30).await;
    let state = world.until("crm", |state| state.cursor == 30).await;
    assert_eq!((state.delivered, state.skipped, state.waiting, state.dead), (30, 0, 0, 0));
    assert!(state.last_success_at.is_some() && state.last_failure.is_none());
    let ids = world.ids().await;
    let mut taken: Vec<_> = receiver.taken().into_iter().collect();
    taken.sort();
    let mut expected: Vec<_> = ids.iter().map(|id| (id.clone(), 1)).collect();
    expected.sort();
    assert_eq!(taken, expected);
    for got in receiver.got() {
        assert!(is_signed(&got, SECRET));
        let age = Timestamp::now().as_seconds() - got.header("webhook-timestamp").parse::<i64>().unwrap();
        assert!((0..3600).contains(&age));
        let body = got.json();
        let event = &body["data"];
        assert_eq!(body["type"], event["type"]);
        assert_eq!(body["timestamp"], event["occurred_at"]);
        assert_eq!(event["id"], json!(got.id));
        let stored = world.store.event(got.id.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(*event, serde_json::to_value(&stored).unwrap(), "the event as the API gives it");
        assert_eq!(got.header("content-type"), "application/json");
        assert!(got.header("user-agent").starts_with("hearback/"));
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_wanted_is_skipped_and_that_can_be_asked_for() {
    use hearback_deliver::{Unwanted, Why};
    let (world, receiver) = (World::new(), Receiver::willing().await);
    let mut wanted = destination("crm", &receiver);
    let mut filter = Filter::default();
    filter.set_types(&["message.bounced".to_owned(), "opened".to_owned()]).unwrap();
    filter.set_when("event.recipient != 'guest2@example.com'").unwrap();
    wanted.filter = filter;
    let running = world.start(vec![wanted]).await;
    world.add(0..16).await;
    receiver.until_taken(6).await;
    let state = world.until("crm", |state| state.cursor == 16).await;
    assert_eq!((state.delivered, state.skipped), (6, 10));
    let ids = world.ids().await;
    let explain = async |index: usize| {
        running.destinations.explain("crm", ids[index].parse().unwrap()).await.unwrap().unwrap()
    };
    assert!(matches!(explain(2).await, Why::Delivered { at: Some(_) }));
    assert_eq!(explain(0).await, Why::Unwanted(Unwanted::Type));
    assert_eq!(explain(10).await, Why::Unwanted(Unwanted::When { error: None }));
    assert!(running.destinations.explain("other", ids[0].parse().unwrap()).await.unwrap().is_none());
    running.stop().await;
    assert_eq!(receiver.got().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_keys_sign_and_headers_are_added() {
    let (world, receiver) = (World::new(), Receiver::willing().await);
    let other = "whsec_DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDA=";
    let mut options = options(&receiver.url());
    options.keys.push(SigningKey::parse(other).unwrap());
    let (name, value) = Webhook::header("Authorization", "Bearer abc").unwrap();
    options.headers.insert(name, value);
    assert!(Webhook::header("webhook-id", "x").is_err());
    assert!(Webhook::header("x y", "x").is_err());
    assert!(Webhook::header("x", "a\nb").is_err());
    let running = world.start(vec![with_options("crm", options)]).await;
    world.add(0..1).await;
    let got = receiver.until(|got| got.len() == 1).await;
    assert!(is_signed(&got[0], SECRET) && is_signed(&got[0], other));
    assert_eq!(got[0].header("authorization"), "Bearer abc");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_lists_and_a_batch_that_failed_comes_apart() {
    use crate::receiver::Do;
    let receiver =
        Receiver::new(
            |got, _| {
                if got.json().as_array().unwrap().len() > 1 { Do::Answer(500) } else { Do::Take }
            },
        );
    let (world, receiver) = (World::new(), receiver.await);
    world.add(0..10).await;
    let mut options = options(&receiver.url());
    options.batches = true;
    let mut batched = with_options("crm", options);
    batched.pace = Pace { batch: 4, concurrency: 1, ..batched.pace };
    let running = world.start(vec![batched]).await;
    receiver.until_taken(10).await;
    running.stop().await;
    let taken: Vec<String> = receiver.taken().into_keys().collect();
    let mut ids = world.ids().await;
    ids.sort();
    assert_eq!(taken, ids, "a single event has its own id");
    let first = &receiver.got()[0];
    assert!(first.id.starts_with("batch_") && is_signed(first, SECRET));
    assert_eq!(first.json().as_array().unwrap().len(), 4);
    assert_eq!(first.json()[0]["type"], "message.sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_says_what_the_receiver_answered() {
    use crate::receiver::Do;
    use hearback_deliver::Outcome;
    let receiver = Receiver::new(|_, before| if before == 0 { Do::Take } else { Do::Answer(401) }).await;
    let world = World::new();
    let running = world.start(vec![destination("crm", &receiver)]).await;
    assert_eq!(running.destinations.test("crm").await.unwrap().0, Outcome::Taken);
    let got = receiver.got();
    assert!(is_signed(&got[0], SECRET) && got[0].event()["test"] == json!(true));
    receiver.change(|_, _| Do::Answer(401));
    let Outcome::Failed(failure) = running.destinations.test("crm").await.unwrap().0 else { panic!("taken") };
    assert_eq!((failure.status, failure.why.as_str()), (Some(401), "it answered 401 Unauthorized"));
    assert!(running.destinations.test("other").await.is_none());
    running.stop().await;
    assert_eq!((world.store.last_position(), world.state("crm").await.cursor), (0, 0), "nothing is stored");
}
