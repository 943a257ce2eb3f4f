//! The list of recipients: each exactly once, in the order of its last event, though events come, go and are sealed meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use hearback_event::{Address, Event, Kind, RecipientStatus};
use hearback_store::{MinCounts, Profile, RecipientQuery, RecipientView, Retention, Store};
use proptest::prelude::*;

use crate::support::{
    DAY, Home, PERIOD, bad_address, event, on_every_store, sealed, second, submission, submit, submit_all,
};

const PEOPLE: [&str; 6] =
    ["a@one.example", "b@one.example", "c@two.example", "d@two.example", "+15550001111", "e@one.example"];

/// Everything that a query lists, page by page; `between` is done after each page.
async fn listed(
    store: &dyn Store,
    query: RecipientQuery,
    mut between: impl AsyncFnMut(),
) -> Vec<RecipientView> {
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let page = store.list_recipients(RecipientQuery { from, ..query.clone() }).await.unwrap();
        assert!(page.rows.len() <= query.limit);
        found.extend(page.rows);
        from = page.next;
        if from.is_none() {
            return found;
        }
        between().await;
    }
}

fn addresses(views: &[RecipientView]) -> Vec<&str> {
    views.iter().map(|view| view.address.as_str()).collect()
}

/// The last event of each of the first events' recipients: when, what, and at which position.
fn lasts(events: &[Event]) -> BTreeMap<&str, (i64, u8, u64)> {
    let mut lasts = BTreeMap::new();
    for (event, position) in events.iter().zip(1..) {
        let Some(recipient) = &event.recipient else { continue };
        let at = event.occurred_at.unwrap().as_nanos();
        let last = lasts.entry(recipient.as_str()).or_default();
        *last = std::cmp::max(*last, (at, event.kind.number(), position));
    }
    lasts
}

async fn submit_one_a_day(store: &dyn Store, events: &[Event], first_day: usize) {
    for (event, day) in events.iter().zip(first_day..) {
        let mut given = submission("mailgun", vec![event.clone()]);
        given.received_at = second(day as i64 * DAY);
        assert_eq!(submit(store, given).await, (1, 0));
    }
}

#[derive(Clone, Debug)]
enum Act {
    Nothing,
    Receive(usize),
    Drop(prop::sample::Index),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Nothing),
        (1..5_usize).prop_map(Act::Receive),
        any::<prop::sample::Index>().prop_map(Act::Drop)
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = (0..6_usize, 0..=PEOPLE.len(), 0..12_i64);
    prop::collection::vec(one, 2..40).prop_map(|parts| {
        let make = |((kind, person, at), serial): ((usize, usize, i64), u64)| {
            let mut event = event(Kind::ALL[kind], PEOPLE.get(person).unwrap_or(&""), "m", at, serial);
            if event.recipient.is_none() {
                // Named, but nobody's own.
                event.ambiguous_recipients =
                    PEOPLE[..2].iter().map(|text| Address::parse(text).unwrap()).collect();
            }
            event
        };
        parts.into_iter().zip(1..).map(make).collect()
    })
}

proptest! {
    #![proptest_config(crate::support::cases(32))]

    #[test]
    fn every_recipient_is_listed_exactly_once_whatever_happens_between_the_pages(
        events in events(),
        begun in any::<prop::sample::Index>(),
        acts in prop::collection::vec(act(), 8),
        kinds in prop::sample::subsequence(Kind::ALL[..6].to_vec(), 0..=3),
        domain in prop::option::of(Just("one.example".to_owned())),
        limit in 1..4_usize,
    ) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            for home in [Home::sqlite(), Home::postgres()] {
                let store = home.open();
                let begun = begun.index(events.len()) + 1;
                submit_one_a_day(&*store, &events[..begun], 1).await;
                let as_of = lasts(&events[..begun]);
                let (mut told, mut acts) = (begun, acts.iter());
                let query = RecipientQuery { last_kinds: kinds.clone(), domain: domain.clone(), limit, ..RecipientQuery::default() };
                let is_asked_for = |address: &str, last: &(i64, u8, u64)| {
                    (kinds.is_empty() || kinds.iter().any(|kind| kind.number() == last.1))
                        && domain.as_deref().is_none_or(|domain| address.ends_with(&format!("@{domain}")))
                };
                let found = listed(&*store, query, async || match acts.next() {
                    Some(Act::Receive(count)) => {
                        let until = (told + count).min(events.len());
                        submit_one_a_day(&*store, &events[told..until], told + 1).await;
                        told = until;
                    }
                    Some(Act::Drop(upto)) => {
                        let retention = Retention { events_days: Some(1), ..Retention::default() };
                        let day = upto.index(begun) as i64 + 2;
                        store.retain(retention, second(day * DAY)).await.unwrap();
                    }
                    Some(Act::Nothing) | None => {}
                }).await;
                let found = addresses(&found);
                let unique: BTreeSet<_> = found.iter().collect();
                prop_assert_eq!(unique.len(), found.len(), "listed twice: {:?}", found);
                for address in &found {
                    prop_assert!(as_of.get(address).is_some_and(|last| is_asked_for(address, last)), "{}", address);
                }
                let after = lasts(&events[..told]);
                for (address, last) in as_of.iter().filter(|(address, last)| is_asked_for(address, last)) {
                    if is_asked_for(address, &after[address]) {
                        prop_assert!(found.contains(address), "{} with {:?} is not in {:?}", address, last, found);
                    }
                }
                // In the order of the log, but for what was dropped before the walk came there.
                let positions: Vec<u64> = found.iter().map(|address| as_of[address].2).collect();
                let was_dropped = store.stats().await.unwrap().first_position > 1;
                prop_assert!(was_dropped || positions.is_sorted_by(|a, b| a > b), "{:?}", positions);
            }
            Ok(())
        })?;
    }
}

pub(crate) async fn filters_hold(home: &Home) {
    let store = home.open();
    let mut events: Vec<Event> = (0..30)
        .map(|n| event(Kind::Delivered, &format!("p{n:02}@d{}.example", n % 3), "m", n, n as u64))
        .collect();
    events.push(bad_address(event(Kind::Bounced, "p03@d0.example", "m", 40, 100)));
    events.extend((0..3).map(|n| event(Kind::Clicked, "p04@d1.example", "m", 50 + n, 200 + n as u64)));
    submit(&*store, submission("mailgun", events)).await;
    let profile = Profile { user_id: Some("7".to_owned()), name: None };
    for person in ["p20@d2.example", "p03@d0.example", "new@d0.example"] {
        store.put_profile(Address::parse(person).unwrap(), profile.clone()).await.unwrap();
    }
    let ask = async |query: RecipientQuery| {
        listed(&*store, RecipientQuery { limit: 2, ..query }, async || ()).await
    };
    let all = ask(RecipientQuery::default()).await;
    let mut expected = vec!["p04@d1.example".to_owned(), "p03@d0.example".to_owned()];
    expected
        .extend((0..30).rev().filter(|n| ![3, 4].contains(n)).map(|n| format!("p{n:02}@d{}.example", n % 3)));
    assert_eq!(addresses(&all), expected);
    let one = RecipientQuery { last_kinds: vec![Kind::Bounced, Kind::Clicked], ..RecipientQuery::default() };
    assert_eq!(addresses(&ask(one).await), ["p04@d1.example", "p03@d0.example"]);
    let one = RecipientQuery { statuses: vec![RecipientStatus::Suppressed], ..RecipientQuery::default() };
    assert_eq!(addresses(&ask(one).await), ["p03@d0.example"]);
    let one = RecipientQuery { domain: Some("d2.example".to_owned()), ..RecipientQuery::default() };
    assert_eq!(ask(one).await.len(), 10);
    for (clicked, expected) in [(3, 1), (4, 0)] {
        let at_least = MinCounts { clicked, delivered: 1, ..MinCounts::default() };
        assert_eq!(ask(RecipientQuery { at_least, ..RecipientQuery::default() }).await.len(), expected);
    }
    let mine = RecipientQuery { user_id: Some("7".to_owned()), ..RecipientQuery::default() };
    assert_eq!(addresses(&ask(mine.clone()).await), ["new@d0.example", "p03@d0.example", "p20@d2.example"]);
    let one = RecipientQuery { last_kinds: vec![Kind::Delivered], ..mine };
    assert_eq!(addresses(&ask(one).await), ["p20@d2.example"]);
    assert_eq!(ask(RecipientQuery { user_id: Some("8".to_owned()), ..RecipientQuery::default() }).await, []);
}

async fn sealed_periods_and_what_is_dropped_of_them_are_listed_too(home: &Home) {
    let store = home.open();
    let nth = |n: u64| {
        // Some come late: of those, the last event is not the one that came last.
        let at = if n.is_multiple_of(13) { n as i64 - 4000 } else { n as i64 };
        event(Kind::ALL[(n % 9) as usize], &format!("g{}@d{}.example", n % 3000, n % 50), "m", at, n)
    };
    let total = PERIOD + 2000;
    let events: Vec<Event> = (0..total).map(nth).collect();
    submit_all(&*store, "mailgun", events.clone(), 200).await;
    sealed(&*store, 1).await;
    let retention = Retention { events_days: Some(1), ..Retention::default() };
    let as_of = lasts(&events);
    let mut expected: Vec<&str> = as_of.keys().copied().collect();
    expected.sort_by_key(|address| std::cmp::Reverse(as_of[address].2));
    let query = RecipientQuery { limit: 700, ..RecipientQuery::default() };
    let (mut next, mut pages) = (total, 0);
    let found = listed(&*store, query.clone(), async || {
        pages += 1;
        if pages % 20 == 0 {
            submit(&*store, submission("mailgun", (next..next + 500).map(nth).collect())).await;
            next += 500;
        }
    })
    .await;
    assert!(next > total, "some came in while the pages were read");
    assert_eq!(addresses(&found), expected);
    let bounced = RecipientQuery { last_kinds: vec![Kind::Bounced], ..query.clone() };
    let now: Vec<Event> = (0..next).map(nth).collect();
    let bounces = lasts(&now).values().filter(|(_, kind, _)| *kind == Kind::Bounced.number()).count();
    assert_eq!(listed(&*store, bounced, async || ()).await.len(), bounces);
    // All that came is dropped: what is left are the recipients.
    store.retain(retention, second(3 * DAY)).await.unwrap();
    let mut left = listed(&*store, query, async || ()).await;
    left.sort_by(|a, b| a.address.cmp(&b.address));
    expected.sort_unstable();
    assert_eq!(addresses(&left), expected);
}

on_every_store! {
    filters_hold,
    sealed_periods_and_what_is_dropped_of_them_are_listed_too,
}
