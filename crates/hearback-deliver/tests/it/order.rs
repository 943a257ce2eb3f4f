//! Events of one message in the order of the log.

use std::collections::HashMap;

use crate::receiver::{Do, Receiver};
use crate::world::{World, destination};

#[tokio::test(flavor = "multi_thread")]
async fn later_events_of_a_message_wait_for_its_failed_one_also_over_a_restart() {
    // Every third event fails some times.
    let receiver = Receiver::new(|got, before| {
        let serial: u64 = got.event()["provider_event_id"].as_str().unwrap().parse().unwrap();
        if serial.is_multiple_of(3) && before < 4 { Do::Answer(500) } else { Do::Take }
    });
    let (world, receiver) = (World::new(), receiver.await);
    let ordered = || {
        let mut ordered = destination("crm", &receiver);
        ordered.pace.ordered = true;
        ordered
    };
    let running = world.start(vec![ordered()]).await;
    world.add(0..60).await;
    receiver.until_taken(20).await;
    running.kill().await;
    let running = world.start(vec![ordered()]).await;
    receiver.until_taken(60).await;
    world.until("crm", |state| state.waiting == 0 && state.cursor == 60).await;
    running.stop().await;
    let mut newest: HashMap<String, u64> = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    for got in receiver.got().into_iter().filter(|got| got.taken) {
        let event = got.event();
        let serial: u64 = event["provider_event_id"].as_str().unwrap().parse().unwrap();
        if !seen.insert(serial) {
            continue; // Pushed again after the restart.
        }
        let message = event["message"]["id"].as_str().unwrap().to_owned();
        let before = newest.insert(message, serial);
        assert!(before.is_none_or(|before| before < serial), "{serial} came after {before:?}");
    }
}
