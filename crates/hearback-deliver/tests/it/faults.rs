//! Receivers that fail, hang, redirect, and want to be left alone.

use std::time::Duration;

use hearback_deliver::{Redrive, Schedule, Which, Why};
use hearback_event::{Kind, Timestamp};
use hearback_store::{Fate, PushEnd};

use crate::receiver::{Do, Receiver, SECRET, is_signed};
use crate::world::{World, destination};

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_comes_again_under_the_same_id_until_it_is_taken() {
    let receiver = Receiver::new(|_, before| match before {
        0 => Do::Answer(500),
        1 => Do::TakeAndBreak,
        2 => Do::Answer(404),
        _ => Do::Take,
    });
    let (world, receiver) = (World::new(), receiver.await);
    let running = world.start(vec![destination("crm", &receiver)]).await;
    world.add(0..8).await;
    receiver.until(|got| got.iter().filter(|got| got.taken).count() == 16).await;
    let state = world.until("crm", |state| state.waiting == 0 && state.cursor == 8).await;
    assert_eq!((state.delivered, state.dead), (8, 0));
    assert!(receiver.taken().values().all(|times| *times == 2), "what broke off was taken twice");
    assert!(receiver.got().iter().all(|got| is_signed(got, SECRET)));
    assert!(world.failed("crm").await.is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_stays_to_be_put_back() {
    let (world, receiver) = (World::new(), Receiver::new(|_, _| Do::Answer(422)).await);
    let mut soon = destination("crm", &receiver);
    soon.schedule = Schedule::new(vec![Duration::from_millis(1); 2]);
    let running = world.start(vec![soon]).await;
    world.add(0..8).await;
    let state = world.until("crm", |state| state.dead == 8).await;
    assert_eq!((state.cursor, state.waiting, state.delivered), (8, 0, 0));
    assert_eq!(receiver.got().len(), 24, "three tries each");
    for push in world.failed("crm").await {
        assert_eq!(
            (push.attempts, push.status, push.error.as_str()),
            (3, Some(422), "it answered 422 Unprocessable Entity")
        );
        assert!(matches!(push.fate, Fate::Ended { why: PushEnd::GaveUp, .. }));
    }
    let id = world.ids().await[0].parse().unwrap();
    let why = running.destinations.explain("crm", id).await.unwrap().unwrap();
    assert!(matches!(why, Why::Failed(push) if push.attempts == 3));

    receiver.change(|_, _| Do::Take);
    let bounced = Redrive { kinds: vec![Kind::Bounced], ..Redrive::default() };
    let redrive = async |redrive: &Redrive| running.destinations.redrive("crm", redrive).await.unwrap();
    assert_eq!(redrive(&Redrive { dry_run: true, ..bounced.clone() }).await, Some(2));
    assert_eq!(world.state("crm").await.dead, 8, "a dry run changes nothing");
    assert_eq!(redrive(&bounced).await, Some(2));
    receiver.until_taken(2).await;
    world.until("crm", |state| state.dead == 6 && state.waiting == 0).await;
    let later = Redrive { since: Some(Timestamp::now()), ..Redrive::default() };
    assert_eq!(redrive(&later).await, Some(0));
    assert_eq!(redrive(&Redrive { which: Which::Failed, ..Redrive::default() }).await, Some(6));
    receiver.until_taken(8).await;
    world.until("crm", |state| state.dead + state.waiting == 0).await;
    assert_eq!(redrive(&Redrive { which: Which::All, dry_run: true, ..Redrive::default() }).await, Some(8));
    assert_eq!(redrive(&Redrive { which: Which::All, ..Redrive::default() }).await, Some(8));
    receiver.until(|_| receiver.taken().values().all(|times| *times == 2)).await;
    assert_eq!(running.destinations.redrive("other", &Redrive::default()).await.unwrap(), None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_delays_nobody_else() {
    let world = World::new();
    let (hanging, willing) = (Receiver::new(|_, _| Do::Hang).await, Receiver::willing().await);
    let running = world.start(vec![destination("slow", &hanging), destination("quick", &willing)]).await;
    world.add(0..200).await;
    willing.until_taken(200).await;
    world.until("quick", |state| state.cursor == 200).await;
    let slow = world.state("slow").await;
    assert_eq!((slow.cursor, slow.waiting), (0, 0), "it has not even failed");
    assert!(hanging.got().len() <= 8, "no more at a time than it is allowed");
    running.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_takes_too_long_has_failed() {
    let receiver = Receiver::new(|_, before| if before == 0 { Do::Hang } else { Do::Take }).await;
    let world = World::new();
    let mut impatient = destination("crm", &receiver);
    impatient.pace.timeout = Duration::from_millis(200);
    let running = world.start(vec![impatient]).await;
    world.add(0..1).await;
    receiver.until_taken(1).await;
    let state = world.until("crm", |state| state.delivered == 1).await;
    assert_eq!(state.last_failure.unwrap().1, "no answer within 0.2 s");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    let (world, elsewhere) = (World::new(), Receiver::willing().await);
    let url: &'static str = Box::leak(elsewhere.url().into_boxed_str());
    let receiver = Receiver::new(move |_, _| Do::RedirectTo(url)).await;
    let running = world.start(vec![destination("crm", &receiver)]).await;
    world.add(0..1).await;
    receiver.until(|got| got.len() >= 2).await;
    let state = world.until("crm", |state| state.last_failure.is_some()).await;
    let (_, why) = state.last_failure.unwrap();
    assert!(why.starts_with("it answered 302 Found; redirects are not followed"), "{why}");
    assert!(elsewhere.got().is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_to_be_left_alone_is() {
    let (world, receiver) = (World::new(), Receiver::new(|_, _| Do::RetryAfter(429, 600)).await);
    let mut one = destination("crm", &receiver);
    one.pace.concurrency = 1;
    let running = world.start(vec![one]).await;
    let before = Timestamp::now();
    world.add(0..5).await;
    world.until("crm", |state| state.waiting == 1).await;
    let Fate::Waits { next_try } = world.failed("crm").await[0].fate else { panic!("given up") };
    assert!((600..900).contains(&next_try.seconds_since(before)));
    // Nor is it asked about the other events meanwhile: they stay where they are.
    running.stop().await;
    assert_eq!(receiver.got().len(), 1);
    assert_eq!(world.state("crm").await.cursor, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_pushed_in_a_second_than_is_allowed() {
    let (world, receiver) = (World::new(), Receiver::willing().await);
    let mut slow = destination("crm", &receiver);
    slow.pace.per_second = std::num::NonZeroU32::new(20);
    world.add(0..40).await;
    let begun = std::time::Instant::now();
    let running = world.start(vec![slow]).await;
    receiver.until_taken(40).await;
    // A burst of twenty, and the others one by one.
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    world.until("crm", |state| state.cursor == 40).await;
    running.stop().await;
    assert_eq!(receiver.got().len(), 40);
}
