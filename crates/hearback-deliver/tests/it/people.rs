//! What people do while events are pushed: hold, let go, and ask to be forgotten.

use std::time::Duration;

use hearback_deliver::Schedule;
use hearback_store::{DestinationControl, Fate, PushEnd};

use crate::receiver::{Do, Receiver};
use crate::world::{World, destination};

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_held_gets_nothing_and_misses_nothing() {
    let (world, receiver) = (World::new(), Receiver::willing().await);
    let running = world.start(vec![destination("crm", &receiver)]).await;
    world.add(0..3).await;
    receiver.until_taken(3).await;
    running.destinations.control("crm", DestinationControl::Pause).await.unwrap();
    running.stop().await;
    let running = world.start(vec![destination("crm", &receiver)]).await;
    world.add(3..6).await;
    // Another destination shows that time has passed.
    let other = Receiver::willing().await;
    running.stop().await;
    let running = world.start(vec![destination("crm", &receiver), destination("other", &other)]).await;
    other.until_taken(6).await;
    assert_eq!(receiver.got().len(), 3);
    let view = running.destinations.one("crm").await.unwrap().unwrap();
    assert_eq!(view.lag_events, 3);
    assert!(view.state.unwrap().paused_at.is_some() && view.lag > Duration::ZERO);
    running.destinations.control("crm", DestinationControl::Resume).await.unwrap();
    receiver.until_taken(6).await;
    running.stop().await;
    assert_eq!(receiver.got().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_who_is_forgotten_nothing_is_pushed_any_more() {
    let (world, receiver) = (World::new(), Receiver::new(|_, _| Do::Answer(500)).await);
    let mut later = destination("crm", &receiver);
    later.schedule = Schedule::new(vec![Duration::from_hours(1)]);
    let running = world.start(vec![later]).await;
    world.add(0..8).await;
    world.until("crm", |state| state.waiting == 8).await;
    world.store.forget("guest0@example.com".parse().unwrap()).await.unwrap();
    receiver.change(|_, _| Do::Take);
    let before = receiver.got().len();
    let failed = hearback_deliver::Redrive { which: hearback_deliver::Which::Failed, ..Default::default() };
    assert_eq!(running.destinations.redrive("crm", &failed).await.unwrap(), Some(4));
    receiver.until_taken(4).await;
    let state = world.until("crm", |state| state.waiting == 0).await;
    assert_eq!(state.dead, 4);
    running.stop().await;
    for push in world.failed("crm").await {
        assert!(matches!(push.fate, Fate::Ended { why: PushEnd::Forgotten, .. }));
    }
    for got in &receiver.got()[before..] {
        assert_eq!(got.event()["recipient"], "guest1@example.com");
    }
}
