//! Chats, texts and files.

use hearback_deliver::{
    Carrier, Destination, Lines, LinesOptions, Outcome, Pace, Pages, Parcel, Slack, Sms, SmsOptions, Stdout,
};
use hearback_event::{Failure, Reason, Severity, Timestamp};
use serde_json::Value;

use crate::receiver::{Do, Receiver};
use crate::world::{World, destination, event, loopback};

fn pushed_by(name: &str, receiver: &Receiver, carrier: impl Carrier + 'static) -> Destination {
    Destination { carrier: Box::new(carrier), ..destination(name, receiver) }
}

fn bounce() -> hearback_event::Event {
    let mut bounce = event(3);
    bounce.subject = Some("Your <stay> & more".to_owned());
    bounce.failure = Some(Failure {
        severity: Some(Severity::Permanent),
        reason: Some(Reason::InvalidRecipient),
        response: Some("550 5.1.1 <guest0@example.com> unknown".to_owned()),
        ..Failure::default()
    });
    bounce
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_reads_what_happened_and_why_and_nothing_in_it_is_a_command() {
    let (world, receiver) =
        (World::new(), Receiver::new(|_, before| if before == 0 { Do::Answer(500) } else { Do::Take }).await);
    let slack = Slack::new(receiver.url().parse().unwrap(), loopback()).unwrap();
    let slack = slack.with_pages(Pages::at(Some("https://hearback.example.com/desk")));
    assert_eq!(slack.target(), format!("http://{}/…", receiver.address));
    let running = world.start(vec![pushed_by("chat", &receiver, slack)]).await;
    world.submit(bounce()).await;
    let got = receiver.until(|got| got.iter().any(|got| got.taken)).await;
    let attachment = got[1].json()["attachments"][0].clone();
    assert_eq!(attachment["color"], "#e01e5a");
    assert_eq!(attachment["title"], "Bounced: guest0@example.com");
    assert_eq!(attachment["text"], "invalid recipient: 550 5.1.1 &lt;guest0@example.com&gt; unknown");
    let link = attachment["title_link"].as_str().unwrap();
    assert!(link.starts_with("https://hearback.example.com/desk/messages/msg_"), "{link}");
    assert!(attachment["footer"].as_str().unwrap().starts_with(&format!("<{link}|Message>")), "{attachment}");
    let fields = attachment["fields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["value"] == "Your &lt;stay&gt; &amp; more"), "{fields:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_says_it_in_one_line() {
    let (world, receiver) = (World::new(), Receiver::willing().await);
    let sms = Sms::new(SmsOptions {
        base: format!("http://{}/", receiver.address).parse().unwrap(),
        account_sid: "AC1".to_owned(),
        auth_token: "secret".to_owned(),
        from: "+15550001111".to_owned(),
        to: "+15557654321".parse().unwrap(),
        guard: loopback(),
    });
    let sms = sms.unwrap();
    assert!(!format!("{sms:?} {}", sms.target()).contains("secret"));
    let running = world.start(vec![pushed_by("phone", &receiver, sms)]).await;
    world.submit(bounce()).await;
    let got = receiver.until(|got| got.len() == 1).await;
    // `AC1:secret`
    assert_eq!(got[0].header("authorization"), "Basic QUMxOnNlY3JldA==");
    assert_eq!(
        std::str::from_utf8(&got[0].body).unwrap(),
        "To=%2B15557654321&From=%2B15550001111&Body=Bounced%3A+guest0%40example.com+%28invalid+recipient%3A+550+5.1.1+%3Cguest0%40example.com%3E+unknown%29"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_a_line_for_each_event_in_order() {
    let (world, folder, receiver) = (World::new(), tempfile::tempdir().unwrap(), Receiver::willing().await);
    let path = folder.path().join("events.ndjson");
    let lines = Lines::new(LinesOptions { path: path.clone(), bytes_max: 1 << 20, keep: 1 });
    let mut shipper = pushed_by("shipper", &receiver, lines);
    shipper.pace = Pace { batch: 10, concurrency: 1, ..shipper.pace };
    world.add(0..25).await;
    let running = world.start(vec![shipper]).await;
    world.until("shipper", |state| state.cursor == 25).await;
    running.stop().await;
    let text = std::fs::read_to_string(&path).unwrap();
    let ids: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, world.ids().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_says_why() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    world.add(0..1).await;
    let record =
        world.store.events(hearback_store::EventQuery { limit: 1, ..Default::default() }).await.unwrap();
    let parcels = [Parcel::of(std::sync::Arc::new(record.rows[0].clone()))];
    let path = folder.path().join("nowhere/events.ndjson");
    let lines = Lines::new(LinesOptions { path, bytes_max: 100, keep: 1 });
    let Outcome::Failed(failure) = lines.carry(&parcels, Timestamp::now()).await else { panic!("written") };
    assert!(failure.why.starts_with("cannot write: No such file"), "{}", failure.why);
    assert_eq!(Stdout.carry(&parcels, Timestamp::now()).await, Outcome::Taken);
}
