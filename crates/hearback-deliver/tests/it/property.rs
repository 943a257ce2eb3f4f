//! With random faults of the receiver and an engine that is killed again and again: every event arrives, at least once, rightly
//! signed, and under one id.

use std::collections::BTreeSet;
use std::time::Duration;

use hearback_deliver::BreakerRules;
use proptest::prelude::*;

use crate::receiver::{Do, Receiver, SECRET, is_signed};
use crate::world::{World, destination};

async fn every_event_arrives(seed: u64, ordered: bool, batch: u64) {
    // A fault for each try, by chance that can be repeated.
    let receiver = Receiver::new(move |got, before| {
        if got.event()["type"] == "destination.failing" {
            return Do::Take;
        }
        let serial: u64 = got.event()["provider_event_id"].as_str().unwrap().parse().unwrap();
        let dice = (serial + 1).wrapping_mul(seed | 1).wrapping_add(before as u64 * 7919) >> 3;
        match dice % 7 {
            0 => Do::Answer(500),
            1 => Do::TakeAndBreak,
            2 => Do::Answer(429),
            3 => Do::RedirectTo("http://127.0.0.1:1/"),
            _ => Do::Take,
        }
    });
    let (mut world, receiver) = (World::new(), receiver.await);
    let faulty = || {
        let mut faulty = destination("crm", &receiver);
        faulty.pace.ordered = ordered;
        faulty.breaker = BreakerRules {
            failures: 5,
            probe_min: Duration::from_millis(1),
            probe_max: Duration::from_millis(5),
        };
        faulty
    };
    let mut serial = 0;
    for round in 1..=4 {
        let running = world.start(vec![faulty()]).await;
        world.add(serial..serial + batch).await;
        serial += batch;
        // At some moment in the middle of it.
        let some = round * batch as usize / 2 + (seed % batch) as usize / 2;
        receiver.until(|got| got.len() > some).await;
        running.kill().await;
        if round % 2 == 0 {
            world.reopen().await;
        }
    }
    let running = world.start(vec![faulty()]).await;
    // Notices of outages stand in the log too: its last event is further on than the last serial.
    let last = world.store.last_position();
    world.until("crm", |state| state.waiting == 0 && state.cursor >= last).await;
    running.stop().await;
    let taken: BTreeSet<String> = receiver.taken().into_keys().collect();
    let ids = world.ids().await;
    assert_eq!(ids.len() as u64, serial);
    let lost: Vec<_> = ids.iter().filter(|id| !taken.contains(*id)).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    for got in receiver.got() {
        assert!(is_signed(&got, SECRET));
        assert_eq!(got.event()["id"], got.id.as_str());
    }
    let state = world.state("crm").await;
    assert_eq!((state.dead, world.failed("crm").await.len()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 8, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(seed in any::<u64>(), ordered in any::<bool>(), batch in 4_u64..40) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(every_event_arrives(seed, ordered, batch));
    }
}
