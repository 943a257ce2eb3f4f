//! Destinations that are gone, or take nothing for a while.

use std::time::Duration;

use hearback_deliver::{BreakerRules, Why};
use hearback_event::Kind;
use hearback_store::{DestinationControl, DestinationState};

use crate::receiver::{Do, Receiver};
use crate::world::{World, destination};

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_for_good_gets_nothing_until_a_person_says_otherwise() {
    let (world, receiver) = (World::new(), Receiver::new(|_, _| Do::Answer(410)).await);
    let mut one = destination("crm", &receiver);
    one.pace.concurrency = 1;
    let running = world.start(vec![one]).await;
    world.add(0..5).await;
    let state = world.until("crm", |state| state.disabled.is_some()).await;
    assert_eq!(state.disabled.unwrap().1, "it answered 410 Gone");
    while world.notices().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let running = {
        // Also after a restart.
        running.stop().await;
        let mut one = destination("crm", &receiver);
        one.pace.concurrency = 1;
        world.start(vec![one]).await
    };
    world.add(5..8).await;
    let last = world.ids().await[7].parse().unwrap();
    let why = running.destinations.explain("crm", last).await.unwrap().unwrap();
    assert!(matches!(why, Why::NotYet { state, .. } if state.disabled.is_some()), "it can be asked why");
    assert_eq!(receiver.got().len(), 1);
    receiver.change(|_, _| Do::Take);
    assert!(running.destinations.control("crm", DestinationControl::Resume).await.unwrap());
    receiver.until_taken(8).await;
    let notices = world.notices().await;
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].kind, Kind::DestinationFailing);
    assert_eq!(notices[0].labels["destination"], "crm");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_uses_up_no_tries_is_told_once_and_ends_by_itself() {
    let (world, receiver) = (World::new(), Receiver::new(|_, _| Do::Answer(503)).await);
    let failing = || {
        let mut one = destination("crm", &receiver);
        one.pace.concurrency = 2;
        one.breaker = BreakerRules {
            failures: 4,
            probe_min: Duration::from_millis(5),
            probe_max: Duration::from_millis(20),
        };
        // Told of its own outage it would get one event more.
        one.filter.set_types(&["message.*".to_owned()]).unwrap();
        one
    };
    let running = world.start(vec![failing()]).await;
    world.add(0..200).await;
    receiver.until(|got| got.len() > 20).await;
    let state = world.until("crm", |state| state.failing.is_some_and(|outage| outage.probes > 3)).await;
    assert!(state.cursor < 60, "the cursor stands nearly still: {}", state.cursor);
    let since = state.failing.unwrap().since;
    running.stop().await;
    let running = world.start(vec![failing()]).await;
    let probes = state.failing.unwrap().probes;
    let state =
        world.until("crm", |state| state.failing.is_some_and(|outage| outage.probes > probes + 3)).await;
    assert_eq!(state.failing.unwrap().since, since, "it is the same outage after a restart");
    receiver.change(|_, _| Do::Take);
    receiver.until_taken(200).await;
    let state = world.until("crm", |state| state.waiting == 0 && state.lag_is_none(&world)).await;
    assert_eq!((state.failing, state.delivered, state.dead), (None, 200, 0));
    assert_eq!(world.notices().await.len(), 1, "once per outage");
    running.stop().await;
}

trait Lag {
    fn lag_is_none(&self, world: &World) -> bool;
}

impl Lag for DestinationState {
    fn lag_is_none(&self, world: &World) -> bool {
        self.cursor == world.store.last_position()
    }
}

/// One event that a receiver cannot stomach keeps nobody out.
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_fails_for_its_own_sake_does_not_prolong_the_outage() {
    let (world, receiver) = (World::new(), Receiver::new(|_, _| Do::Answer(500)).await);
    let mut one = destination("crm", &receiver);
    one.pace.concurrency = 1;
    one.filter.set_types(&["message.*".to_owned()]).unwrap();
    one.breaker = BreakerRules {
        failures: 3,
        probe_min: Duration::from_millis(5),
        probe_max: Duration::from_millis(20),
    };
    let running = world.start(vec![one]).await;
    world.add(0..40).await;
    world.until("crm", |state| state.failing.is_some()).await;
    let poison = receiver.got()[0].id.clone();
    let bad = poison.clone();
    receiver.change(move |got, _| if got.id == bad { Do::Answer(500) } else { Do::Take });
    receiver.until_taken(39).await;
    // The receiver knows of the last one before its outcome is written.
    let is_past = |state: &DestinationState| state.waiting == 1 && state.cursor >= 40;
    world.until("crm", |state| state.failing.is_none() && is_past(state)).await;
    assert_eq!(world.failed("crm").await.len(), 1);
    running.stop().await;
}
