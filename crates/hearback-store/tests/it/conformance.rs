//! Every operation of the contract, on every store.

use hearback_event::{
    Address, DedupKey, Event, Kind, MessageId, Reason, RecipientStatus, Status, SuppressionReason, Timestamp,
};
use hearback_store::{
    EventFilter, EventQuery, NewToken, Order, Payload, QuarantineFilter, Receipt, Refused, StoreError,
};

use crate::support::{
    Home, bad_address, event, on_every_store, open, second, source, submission, submit, suppressed,
};

async fn an_event_comes_back_as_it_went_in_also_after_a_restart(home: &Home) {
    let store = home.open();
    let mut sent = event(Kind::Clicked, "Alice@Example.com", "m1@mg.example.com", 5, 1);
    sent.subject = Some("Your stay — café".to_owned());
    sent.tags = vec!["pre-arrival".to_owned(), "eu".to_owned()];
    sent.labels = [("booking_id".to_owned(), "42".to_owned())].into();
    sent.provider_event_id = Some("q1".to_owned());
    let given = submission("mailgun", vec![sent.clone()]);
    let payload = given.payload.clone();
    assert_eq!(submit(&*store, given.clone()).await, (1, 0));
    assert_eq!(submit(&*store, given.clone()).await, (0, 1));
    let mut seen = Vec::new();
    let mut store = store;
    for _ in 0..2 {
        let rows = store.events(EventQuery { limit: 10, ..EventQuery::default() }).await.unwrap().rows;
        assert_eq!(rows.len(), 1);
        let record = rows[0].clone();
        assert_eq!(store.event(record.id()).await.unwrap().as_ref(), Some(&record));
        assert_eq!(store.payload(record.id()).await.unwrap().as_ref(), Some(&payload));
        assert_eq!((record.position, store.last_position()), (1, 1));
        let expected = Event { dedup: record.event.dedup.clone(), ..sent.clone() };
        assert_eq!(record.event, expected);
        assert!(record.verified);
        seen.push(record);
        assert_eq!(submit(&*store, given.clone()).await, (0, 1));
        store.close().await.unwrap();
        drop(store);
        store = home.open();
    }
    assert_eq!(seen[0], seen[1]);
}

async fn an_event_known_under_any_of_its_keys_is_known(home: &Home) {
    let store = home.open();
    let key = |n: u8| DedupKey::of(&[&[n]]);
    let with = |keys: &[u8]| {
        let mut one = event(Kind::Sent, "a@b.example", "m", 1, 1);
        one.dedup = keys.iter().map(|n| key(*n)).collect();
        submission("resend", vec![one])
    };
    assert_eq!(submit(&*store, with(&[1, 2])).await, (1, 0));
    assert_eq!(submit(&*store, with(&[3, 2])).await, (0, 1));
    assert_eq!(submit(&*store, with(&[1])).await, (0, 1));
    assert_eq!(submit(&*store, with(&[3])).await, (1, 0));
    let mut elsewhere = with(&[1]);
    elsewhere.source = source("other-account");
    assert_eq!(submit(&*store, elsewhere).await, (1, 0), "another account has its own ids");
    let twice = event(Kind::Sent, "a@b.example", "m", 1, 77);
    assert_eq!(submit(&*store, submission("resend", vec![twice.clone(), twice])).await, (1, 1));
}

async fn a_token_is_bound_to_its_body(home: &Home) {
    let mut store = home.open();
    let token = DedupKey::of(&[b"token"]);
    let with = |serial: u64, body: &'static str, token: DedupKey| {
        let mut given = submission("mailgun", vec![event(Kind::Sent, "a@b.example", "m", 1, serial)]);
        given.payload.body = body.into();
        given.digest = DedupKey::of(&[body.as_bytes()]);
        given.replay_token = Some(token);
        given
    };
    assert_eq!(submit(&*store, with(1, "body", token)).await, (1, 0));
    // A token that comes with nothing new is bound all the same.
    let loose = DedupKey::of(&[b"loose"]);
    assert_eq!(submit(&*store, with(1, "body", loose)).await, (0, 1));
    for round in 0..2 {
        assert_eq!(submit(&*store, with(1, "body", token)).await, (0, 1), "a retry, round {round}");
        assert_eq!(
            store.submit(with(2, "forged", token)).await.unwrap(),
            Receipt::ForgedReplay,
            "round {round}"
        );
        assert_eq!(
            store.submit(with(3, "forged", loose)).await.unwrap(),
            Receipt::ForgedReplay,
            "round {round}"
        );
        assert_eq!(store.last_position(), 1);
        drop(store);
        store = home.open();
    }
}

async fn a_source_may_take_known_messages_only(home: &Home) {
    let store = home.open();
    let mut given = submission("mailgun", vec![event(Kind::Delivered, "a@b.example", "m1", 2, 2)]);
    given.known_messages_only = true;
    assert_eq!(store.submit(given.clone()).await.unwrap(), Receipt::UnknownMessage);
    assert_eq!(store.last_position(), 0);
    submit(&*store, submission("mailgun", vec![event(Kind::Queued, "a@b.example", "m1", 1, 1)])).await;
    assert_eq!(submit(&*store, given).await, (1, 0));
}

async fn messages_explain_themselves(home: &Home) {
    let store = home.open();
    let events = vec![
        event(Kind::Delivered, "a@b.example", "m1", 5, 1),
        bad_address(event(Kind::Bounced, "a@b.example", "m1", 9, 2)),
        event(Kind::Sent, "a@b.example", "m1", 1, 3),
        event(Kind::Delivered, "c@d.example", "m1", 5, 4),
    ];
    submit(&*store, submission("mailgun", events)).await;
    let views = store.messages_by_provider_id("<m1>".to_owned()).await.unwrap();
    assert_eq!(views.len(), 2);
    let id = MessageId::new("mailgun", "m1", Some("a@b.example"));
    let view = store.message(id).await.unwrap().unwrap();
    assert_eq!(view.state.status, Status::Bounced);
    let kinds: Vec<_> = view.events.iter().map(|record| record.event.kind).collect();
    assert_eq!(kinds, [Kind::Sent, Kind::Delivered, Kind::Bounced]);
    let why: Vec<_> =
        view.explanations.iter().map(|explanation| (explanation.decided, explanation.why)).collect();
    assert_eq!(why[2], (true, "decided the status"));
    assert_eq!(why[1], (false, "a later event of the same weight decided"));
    assert!(store.message(MessageId::new("mailgun", "m2", None)).await.unwrap().is_none());
}

async fn recipients_and_suppressions_follow_from_events(home: &Home) {
    let store = home.open();
    let events = vec![
        event(Kind::Sent, "Bad@example.com", "m1", 1, 1),
        bad_address(event(Kind::Bounced, "bad@example.com", "m1", 2, 2)),
        event(Kind::Complained, "angry@example.com", "m2", 3, 3),
        event(Kind::Delivered, "good@example.com", "m3", 4, 4),
        bad_address(event(Kind::Bounced, "healed@example.com", "m4", 5, 5)),
        event(Kind::Delivered, "healed@example.com", "m5", 6, 6),
    ];
    submit(&*store, submission("mailgun", events)).await;
    let view = store.recipient(Address::parse("BAD@example.com").unwrap()).await.unwrap().unwrap();
    assert_eq!(view.status, RecipientStatus::Suppressed);
    assert_eq!((view.counts().sent, view.counts().bounced_permanent), (1, 1));
    assert_eq!(view.state.last_kind(), Some(Kind::Bounced));
    let suppression = view.suppression.unwrap();
    assert_eq!(
        (suppression.reason, suppression.source.as_deref()),
        (SuppressionReason::Bounced, Some("mailgun"))
    );
    let listed = suppressed(&*store, None, 10).await;
    let addresses: Vec<_> = listed.iter().map(|suppression| suppression.address.as_str()).collect();
    assert_eq!(addresses, ["angry@example.com", "bad@example.com"]);
    let next = suppressed(&*store, Some(listed[0].address.clone()), 1).await;
    assert_eq!(next, listed[1..]);
    assert!(store.recipient(Address::parse("nobody@example.com").unwrap()).await.unwrap().is_none());
}

async fn counts_by_hour_tag_domain_and_source(home: &Home) {
    let store = home.open();
    let mut tagged = event(Kind::Delivered, "a@one.example", "m1", 0, 1);
    tagged.tags = vec!["receipt".to_owned()];
    let later = event(Kind::Delivered, "b@two.example", "m2", 7200, 2);
    submit(&*store, submission("mailgun", vec![tagged, later])).await;
    submit(&*store, submission("postmark", vec![event(Kind::Opened, "a@one.example", "m3", 0, 3)])).await;
    let (since, until) = (Timestamp::EPOCH, second(100_000));
    let hourly = store.hourly(since, until).await.unwrap();
    let cells: Vec<_> = hourly.iter().map(|row| (row.of.as_str(), row.kind, row.count)).collect();
    assert_eq!(
        cells,
        [("mailgun", Kind::Delivered, 1), ("postmark", Kind::Opened, 1), ("mailgun", Kind::Delivered, 1)]
    );
    assert_eq!(store.hourly(since, second(0)).await.unwrap().len(), 2);
    assert_eq!(store.daily_by_tag(since, until).await.unwrap()[0].of, "receipt");
    assert_eq!(store.daily_by_domain(since, until).await.unwrap().len(), 3);
    let sources = store.sources().await.unwrap();
    assert_eq!(sources.len(), 2);
    assert_eq!(sources[0].events, [(Kind::Delivered, 2)]);
    assert_eq!(sources[0].last_received_at, Some(second(100)));
}

async fn the_quarantine_is_bounded_per_source(home: &Home) {
    let mut database = home.database();
    database.log_mut().quarantine.entries_max = 3;
    let store = open(&database);
    let refused = |source_name: &str, n: usize| Refused {
        source: source(source_name),
        received_at: second(n as i64),
        cause: if n.is_multiple_of(2) { "stale" } else { "bad_signature" }.to_owned(),
        detail: "the signature does not match".to_owned(),
        remote: Some("192.0.2.1".to_owned()),
        payload: Payload { head: "POST / HTTP/1.1\r\n".to_owned(), body: format!("body {n}").into() },
    };
    for n in 0..10 {
        store.quarantine(refused("noisy", n)).await.unwrap();
    }
    store.quarantine(refused("quiet", 1)).await.unwrap();
    let all =
        store.quarantined(QuarantineFilter { limit: 100, ..QuarantineFilter::default() }).await.unwrap();
    let kept: Vec<_> = all.iter().map(|entry| (entry.source.as_str(), entry.received_at)).collect();
    assert_eq!(
        kept,
        [("quiet", second(1)), ("noisy", second(9)), ("noisy", second(8)), ("noisy", second(7))]
    );
    let filter =
        QuarantineFilter { cause: Some("stale".to_owned()), limit: 100, ..QuarantineFilter::default() };
    assert_eq!(store.quarantined(filter).await.unwrap().len(), 1);
    let entry = store.quarantine_entry(all[1].id).await.unwrap().unwrap();
    assert_eq!((&*entry.payload.body, entry.body_bytes), (&b"body 9"[..], 6));
    assert_eq!(store.quarantine_counts().await.unwrap().iter().map(|count| count.count).sum::<u64>(), 4);
    assert!(store.quarantine_remove(entry.id).await.unwrap());
    assert!(!store.quarantine_remove(entry.id).await.unwrap());
    assert_eq!(store.stats().await.unwrap().quarantined, 3);
}

async fn tokens_are_kept_and_forgotten(home: &Home) {
    let store = home.open();
    let token =
        NewToken { name: "ci".to_owned(), scope: "read".to_owned(), hash: [7; 32], created_at: second(1) };
    let kept = store.add_token(token.clone()).await.unwrap();
    assert_eq!(store.tokens().await.unwrap(), std::slice::from_ref(&kept));
    assert!(matches!(store.add_token(token).await, Err(StoreError::Write(_) | StoreError::Read(_))));
    assert!(store.remove_token(kept.id).await.unwrap());
    assert!(store.tokens().await.unwrap().is_empty());
}

async fn failures_are_found_by_their_reasons(home: &Home) {
    let store = home.open();
    let failed = |kind, reason, serial| {
        let mut one = bad_address(event(kind, "a@b.example", "m1", 1, serial));
        one.failure.as_mut().unwrap().reason = reason;
        one
    };
    let events = vec![
        failed(Kind::Bounced, Some(Reason::MailboxFull), 1),
        failed(Kind::Deferred, Some(Reason::Blocked), 2),
        failed(Kind::Bounced, Some(Reason::Spam), 3),
        failed(Kind::Bounced, None, 4),
        event(Kind::Delivered, "a@b.example", "m1", 5, 5),
        failed(Kind::SuppressionChanged, Some(Reason::Spam), 6),
    ];
    submit(&*store, submission("mailgun", events)).await;
    let found = async |reasons: &[Reason], kinds: &[Kind]| -> Vec<u64> {
        let filter =
            EventFilter { reasons: reasons.to_vec(), kinds: kinds.to_vec(), ..EventFilter::default() };
        let query = EventQuery { filter, order: Order::Oldest, limit: 10, ..EventQuery::default() };
        store.events(query).await.unwrap().rows.iter().map(|record| record.position).collect()
    };
    assert_eq!(found(&[Reason::MailboxFull], &[]).await, [1]);
    assert_eq!(found(&[Reason::Blocked, Reason::Spam], &[]).await, [2, 3], "failures only");
    assert_eq!(found(&[Reason::Blocked, Reason::Spam], &[Kind::Bounced]).await, [3]);
    assert_eq!(
        found(&[Reason::Spam], &[Kind::SuppressionChanged]).await,
        [6],
        "what is asked for by its type"
    );
    assert!(found(&[Reason::Dns], &[]).await.is_empty());
}

async fn following_the_log_sees_every_event_once(home: &Home) {
    let store = home.open();
    store.check_writable().await.unwrap();
    let mut followed = Vec::new();
    let mut beyond = None;
    for round in 0..5 {
        let events =
            (0..7).map(|n| event(Kind::Sent, "a@b.example", "m", n, (round * 7 + n) as u64)).collect();
        submit(&*store, submission("mailgun", events)).await;
        loop {
            let query = EventQuery { order: Order::Oldest, beyond, limit: 3, ..EventQuery::default() };
            let page = store.events(query).await.unwrap();
            followed.extend(page.rows.iter().map(|record| record.position));
            beyond = page.rows.last().map(|record| record.position).or(beyond);
            if page.next.is_none() {
                break;
            }
        }
    }
    assert_eq!(followed, (1..=35).collect::<Vec<_>>());
    let filter = EventFilter { kinds: vec![Kind::Bounced], ..EventFilter::default() };
    let none = store.events(EventQuery { filter, limit: 3, ..EventQuery::default() }).await.unwrap();
    assert!(none.rows.is_empty() && none.next.is_none());
    let report = store.rebuild(true, Box::new(|_, _| ())).await.unwrap();
    assert_eq!((report.events, report.different), (35, 0));
}

on_every_store! {
    every_case:
    an_event_comes_back_as_it_went_in_also_after_a_restart,
    an_event_known_under_any_of_its_keys_is_known,
    a_token_is_bound_to_its_body,
    a_source_may_take_known_messages_only,
    messages_explain_themselves,
    recipients_and_suppressions_follow_from_events,
    counts_by_hour_tag_domain_and_source,
    the_quarantine_is_bounded_per_source,
    tokens_are_kept_and_forgotten,
    failures_are_found_by_their_reasons,
    following_the_log_sees_every_event_once,
}
