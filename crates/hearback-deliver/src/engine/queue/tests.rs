use hearback_event::{Channel, DedupKey, Event, Kind, Origin};
use proptest::prelude::*;

use super::*;

fn second(n: i64) -> Timestamp {
    Timestamp::from_nanos(n * 1_000_000_000)
}

fn record(position: u64, message: u64) -> Record {
    let mut event = Event::new(Kind::Sent, "sent", Channel::Email, DedupKey::of(&[&position.to_be_bytes()]));
    event.provider_message_id = Some(format!("m{message}"));
    Record {
        position,
        received_at: second(0),
        source: "a".into(),
        provider: "a".into(),
        account: "a".into(),
        origin: Origin::Webhook,
        verified: true,
        payload: None,
        event,
    }
}

fn failed(position: u64, attempts: u32, next_try: Timestamp) -> FailedPush {
    FailedPush {
        position,
        attempts,
        first_failed: second(0),
        last_try: None,
        status: None,
        error: String::new(),
        fate: Fate::Waits { next_try },
    }
}

fn positions(job: &Job) -> Vec<u64> {
    match job {
        Job::Fresh(records) => records.iter().map(|record| record.position).collect(),
        Job::Again(again) => vec![again.position],
    }
}

fn take(queue: &mut Queue, now: i64) -> Vec<u64> {
    match queue.next(second(now), &mut Vec::new()) {
        Next::Do(job) => positions(&job),
        _ => Vec::new(),
    }
}

#[test]
fn what_failed_and_what_is_new_take_turns() {
    let mut queue = Queue::new(10, false, 1);
    for position in [3, 5, 7] {
        queue.wait(&failed(position, 1, second(position as i64)), None);
    }
    for position in 11..14 {
        queue.admit(record(position, position), true);
    }
    let taken: Vec<_> = (0..6).flat_map(|_| take(&mut queue, 6)).collect();
    assert_eq!(taken, [11, 3, 12, 5, 13], "7 is not due");
    assert!(matches!(queue.next(second(6), &mut Vec::new()), Next::At(at) if at == second(7)));
    assert_eq!(take(&mut queue, 7), [7]);
    assert!(matches!(queue.next(second(9), &mut Vec::new()), Next::Nothing));
}

#[test]
fn batches_are_taken_of_what_is_there() {
    let mut queue = Queue::new(0, false, 2);
    for position in 1..4 {
        queue.admit(record(position, 1), true);
    }
    assert_eq!(take(&mut queue, 0), [1, 2]);
    assert_eq!(take(&mut queue, 0), [3]);
}

#[test]
fn a_message_in_order_waits_for_its_first_event_and_no_other_does() {
    let mut queue = Queue::new(0, true, 1);
    for (position, message) in [(1, 1), (2, 1), (3, 2), (4, 1)] {
        queue.admit(record(position, message), true);
    }
    let mut parked = Vec::new();
    let Next::Do(first) = queue.next(second(0), &mut parked) else { panic!("nothing") };
    assert_eq!(positions(&first), [1]);
    assert_eq!(take(&mut queue, 0), [3], "2 would overtake 1");
    assert_eq!(take(&mut queue, 0), [0; 0]);
    // The first fails: the others of its message are put behind it, so that the cursor can pass them.
    queue.wait(&failed(1, 1, second(60)), record(1, 1).message_id());
    queue.ended(&first);
    assert!(matches!(queue.next(second(1), &mut parked), Next::At(at) if at == second(60)));
    assert_eq!(parked.iter().map(|push| push.position).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(queue.window().cursor(), 2, "3 is under way");
    // It succeeds in the end: the next one may go at once, and only that.
    let Next::Do(Job::Again(again)) = queue.next(second(60), &mut parked) else { panic!("nothing") };
    assert_eq!(take(&mut queue, 61), [0; 0]);
    queue.again(&again, None);
    queue.ended(&Job::Again(again));
    assert_eq!(take(&mut queue, 61), [2]);
    assert_eq!(take(&mut queue, 61), [0; 0]);
}

#[test]
fn what_was_read_long_ago_is_read_again() {
    let mut queue = Queue::new(0, false, 1);
    for (position, wanted) in [(1, true), (2, false), (3, true), (4, false)] {
        queue.admit(record(position, position), wanted);
    }
    let Next::Do(first) = queue.next(second(0), &mut Vec::new()) else { panic!("nothing") };
    queue.rewind();
    assert_eq!((queue.fresh(), queue.window().read(), queue.window().cursor()), (0, 2, 0));
    queue.ended(&first);
    assert_eq!((queue.window().cursor(), queue.take_skipped()), (2, 1));
    queue.admit(record(3, 3), true);
    assert_eq!(take(&mut queue, 0), [3]);
}

proptest! {
    /// Whatever fails and in whichever order pushes end: every event arrives, once, and of an ordered message in order.
    #[test]
    fn every_event_arrives_and_in_order(
        messages in prop::collection::vec(0_u64..4, 1..40),
        fails in prop::collection::vec(any::<bool>(), 0..60),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 200),
        ordered in any::<bool>(),
    ) {
        let mut queue = Queue::new(0, ordered, 1);
        for (position, message) in (1..).zip(&messages) {
            queue.admit(record(position, *message), true);
        }
        let (mut fails, mut picks) = (fails.into_iter(), picks.into_iter());
        let (mut under_way, mut arrived, mut now) = (Vec::new(), Vec::new(), 0);
        let mut kept = BTreeSet::new();
        while arrived.len() < messages.len() {
            now += 1;
            let mut parked = Vec::new();
            while under_way.len() < 3 {
                match queue.next(second(now), &mut parked) {
                    Next::Do(job) => under_way.push(job),
                    _ => break,
                }
            }
            kept.extend(parked.iter().map(|push| push.position));
            if under_way.is_empty() { continue; }
            let pick = picks.next().map_or(0, |pick| pick.index(under_way.len()));
            let job: Job = under_way.remove(pick);
            let position = positions(&job)[0];
            let push = fails.next().unwrap_or(false).then(|| failed(position, 1, second(now + 3)));
            match (&job, push) {
                (Job::Fresh(_), Some(push)) => {
                    queue.wait(&push, record(position, messages[position as usize - 1]).message_id());
                    kept.insert(position);
                }
                (Job::Fresh(_), None) => arrived.push(position),
                (Job::Again(again), push) => {
                    if push.is_none() {
                        arrived.push(position);
                        kept.remove(&position);
                    }
                    queue.again(again, push);
                }
            }
            queue.ended(&job);
            // What the cursor has passed has arrived or is written down.
            for position in 1..=queue.window().cursor() {
                prop_assert!(arrived.contains(&position) || kept.contains(&position));
            }
            prop_assert!(now < 10_000, "it hangs");
        }
        prop_assert_eq!(queue.window().cursor(), messages.len() as u64);
        let unique: BTreeSet<u64> = arrived.iter().copied().collect();
        prop_assert_eq!(unique.len(), arrived.len());
        if ordered {
            for message in 0..4 {
                let of: Vec<u64> = arrived.iter().copied().filter(|position| messages[*position as usize - 1] == message).collect();
                prop_assert!(of.is_sorted(), "{:?}", of);
            }
        }
    }
}
