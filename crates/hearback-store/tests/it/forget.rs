//! Who is forgotten is nowhere any more, and nobody else is touched.

use hearback_event::{Address, DedupKey, Event, Kind};
use hearback_store::{
    EventFilter, EventQuery, Forgotten, Order, Payload, QuarantineFilter, Receipt, Refused, Retention, Store,
    Submission,
};
use proptest::prelude::*;

use crate::support::{
    DAY, Home, PERIOD, ask, bad_address, event, no_differences, on_every_store, sealed, second, source,
    submission, submit, submit_all,
};

const ALICE: &str = "alice.forgotten@private.example";

fn alice() -> Address {
    Address::parse(ALICE).unwrap()
}

async fn events_of(store: &dyn Store, filter: EventFilter) -> Vec<u64> {
    let query = EventQuery { filter, order: Order::Oldest, beyond: None, limit: 1000 };
    store.events(query).await.unwrap().rows.iter().map(|record| record.position).collect()
}

fn to(address: &str) -> EventFilter {
    EventFilter { recipient: Address::parse(address).ok(), ..EventFilter::default() }
}

/// Where the address still stands, in whatever case: files of the database, or its tables.
fn stands_in(home: &Home, needle: &str) -> Vec<String> {
    match home {
        Home::Sqlite(folder) => {
            let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            entries
                .filter(|path| {
                    let bytes = std::fs::read(path).unwrap().to_ascii_lowercase();
                    memchr::memmem::find(&bytes, needle.as_bytes()).is_some()
                })
                .map(|path| path.display().to_string())
                .collect()
        }
        Home::Postgres(schema) => ask(|client| {
            let sql = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = $1::text::regnamespace";
            let tables = client.query(sql, &[&schema.name]).unwrap();
            let tables = tables.iter().map(|row| row.get::<_, String>(0));
            let has = |table: &String| {
                let sql = format!("SELECT count(*) FROM {}.{table} AS t WHERE t::text ILIKE $1", schema.name);
                client.query_one(&sql, &[&format!("%{needle}%")]).unwrap().get::<_, i64>(0) > 0
            };
            tables.filter(has).collect()
        }),
    }
}

/// A request of events whose body names who is in them.
fn request(events: Vec<Event>) -> Submission {
    let names: Vec<String> = events.iter().map(|event| format!("{:?}", event.recipient)).collect();
    let mut given = submission("mailgun", events);
    given.payload.body = names.join("&").into();
    given.digest = DedupKey::of(&[&given.payload.body]);
    given
}

fn refused(body: &str, head: &str) -> Refused {
    Refused {
        source: source("mailgun"),
        received_at: second(1),
        cause: "stale".to_owned(),
        detail: String::new(),
        remote: None,
        payload: Payload { head: head.to_owned(), body: body.to_owned().into() },
    }
}

/// Alice lives among others: two requests that may come again.
async fn live(store: &dyn Store) -> (Submission, Submission) {
    let mut own = bad_address(event(Kind::Bounced, ALICE, "m1", 2, 1));
    own.tags = vec!["receipt".to_owned(), format!("for {ALICE}")];
    own.labels = [("booking_id".to_owned(), "42".to_owned())].into();
    own.subject = Some("Dear Alice".to_owned());
    let bob = event(Kind::Delivered, "bob@example.com", "m2", 3, 2);
    let mut naming = event(Kind::Delivered, "carol@example.com", "m3", 4, 3);
    naming.subject = Some(format!("About {}", ALICE.to_uppercase()));
    let mut ambiguous = event(Kind::Complained, "", "m4", 5, 4);
    ambiguous.ambiguous_recipients = vec![alice(), Address::parse("dave@example.com").unwrap()];
    let together = request(vec![own.clone(), bob.clone()]);
    submit(store, together.clone()).await;
    submit(store, request(vec![naming])).await;
    submit(store, request(vec![ambiguous])).await;
    // A known event of hers in a request whose other event is new: only the request's body tells of her.
    submit(store, request(vec![own.clone(), event(Kind::Opened, "bob@example.com", "m2", 6, 5)])).await;
    let mut bound = request(vec![event(Kind::Opened, ALICE, "m1", 7, 6)]);
    bound.replay_token = Some(DedupKey::of(&[b"token"]));
    submit(store, bound.clone()).await;
    store
        .quarantine(refused(&format!("to={}", ALICE.replace('@', "%40")), "POST / HTTP/1.1\r\n"))
        .await
        .unwrap();
    store.quarantine(refused("{}", &format!("GET /?to={ALICE} HTTP/1.1\r\n"))).await.unwrap();
    store.quarantine(refused("to=forgotten@private.example", "POST / HTTP/1.1\r\n")).await.unwrap();
    (together, bound)
}

async fn a_person_is_erased_from_every_table_and_others_stay(home: &Home) {
    let mut store = home.open();
    let (together, bound) = live(&*store).await;
    let hourly = store.hourly(second(0), second(DAY)).await.unwrap();
    let domains = store.daily_by_domain(second(0), second(DAY)).await.unwrap();

    let forgotten = store.forget(alice()).await.unwrap();
    let expected = Forgotten {
        events: 2,
        mentions: 2,
        payloads: 3,
        quarantine: 2,
        tags: 1,
        purged: true,
        rewritten: false,
        ..Forgotten::default()
    };
    assert_eq!(forgotten, expected);
    for _ in 0..2 {
        assert_eq!(stands_in(home, ALICE), Vec::<String>::new());
        assert!(store.recipient(alice()).await.unwrap().is_none());
        assert!(events_of(&*store, to(ALICE)).await.is_empty());
        let booking = EventFilter {
            labels: vec![("booking_id".to_owned(), "42".to_owned())],
            ..EventFilter::default()
        };
        assert!(events_of(&*store, booking).await.is_empty());
        assert!(store.messages_by_provider_id("m1".to_owned()).await.unwrap().is_empty());
        assert_eq!(events_of(&*store, EventFilter::default()).await, [1, 2, 3, 4, 5, 6], "no gap");
        let query = EventQuery { order: Order::Oldest, limit: 10, ..EventQuery::default() };
        let rows = store.events(query).await.unwrap().rows;
        assert_eq!((rows[0].event.kind, rows[0].event.subject.as_ref()), (Kind::Bounced, None));
        assert_eq!(rows[1].event.recipient.as_ref().unwrap().as_str(), "bob@example.com");
        assert!(store.payload(rows[1].id()).await.unwrap().is_none(), "the request told of her as well");
        assert_eq!(rows[2].event.subject.as_deref(), Some("About (forgotten)"));
        assert!(rows[2].message_id().is_some());
        assert_eq!(events_of(&*store, to("dave@example.com")).await, [4]);
        // What was counted stays counted.
        assert_eq!(store.hourly(second(0), second(DAY)).await.unwrap(), hourly);
        assert_eq!(store.daily_by_domain(second(0), second(DAY)).await.unwrap(), domains);
        let tags = store.daily_by_tag(second(0), second(DAY)).await.unwrap();
        let tags: Vec<_> = tags.iter().map(|row| (row.of.as_str(), row.count)).collect();
        assert_eq!(tags, [("(others)", 1), ("receipt", 1)]);
        // A retry is known, and a forged replay is recognised.
        assert_eq!(submit(&*store, together.clone()).await, (0, 2));
        assert_eq!(submit(&*store, bound.clone()).await, (0, 1));
        let mut forged = bound.clone();
        forged.digest = DedupKey::of(&[b"other"]);
        assert_eq!(store.submit(forged).await.unwrap(), Receipt::ForgedReplay);
        let filter = QuarantineFilter { limit: 10, ..QuarantineFilter::default() };
        assert_eq!(store.quarantined(filter).await.unwrap().len(), 1);
        no_differences(&*store).await;
        drop(store);
        store = home.open();
    }
    let again = store.forget(alice()).await.unwrap();
    assert!(again.is_nothing(), "{again:?}");
    store.rebuild(false, Box::new(|_, _| ())).await.unwrap();
    no_differences(&*store).await;

    // A new life.
    submit(&*store, request(vec![event(Kind::Sent, ALICE, "m9", 50, 100)])).await;
    let view = store.recipient(alice()).await.unwrap().unwrap();
    assert_eq!((view.counts().sent, view.counts().bounced_permanent, view.suppression), (1, 0, None));
    assert_eq!(events_of(&*store, to(ALICE)).await, [7]);
    no_differences(&*store).await;
}

pub(crate) async fn who_was_never_there_is_not_found(home: &Home) {
    let store = home.open();
    submit(&*store, request(vec![event(Kind::Sent, "42", "m", 1, 1)])).await;
    submit(&*store, request(vec![event(Kind::Sent, "b@c.example", "42", 1, 2)])).await;
    assert!(store.forget(alice()).await.unwrap().is_nothing());
    // Of a name that stands everywhere, only what went to it.
    let short = store.forget(Address::parse("42").unwrap()).await.unwrap();
    assert_eq!((short.events, short.mentions, short.payloads), (1, 0, 1));
    assert_eq!(events_of(&*store, to("b@c.example")).await, [2]);
    no_differences(&*store).await;
}

fn nth(n: u64) -> Event {
    let recipient = match n % 1000 {
        7 => ALICE.to_owned(),
        _ => format!("guest{}@d{}.example", n % 3000, n % 50),
    };
    let mut event = event(Kind::ALL[(n % 9) as usize], &recipient, &format!("m{}", n / 4), n as i64, n);
    event.labels = [("booking".to_owned(), (n / 100).to_string())].into();
    event.tags = vec![format!("t{}", n % 7)];
    if n % 1000 == 8 {
        event.labels.insert("cc".to_owned(), ALICE.to_owned());
    }
    if n.is_multiple_of(97) { bad_address(event) } else { event }
}

async fn from_sealed_periods_as_well_also_from_those_that_are_dropped_in_part(home: &Home) {
    let mut store = home.open();
    let total = PERIOD + 3000;
    submit_all(&*store, "mailgun", (0..total).map(nth).collect(), 100).await;
    sealed(&*store, 1).await;
    {
        let retention = Retention { events_days: Some(90), ..Retention::default() };
        let far_enough = async || {
            while store.stats().await.unwrap().first_position < 2000 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            dropped = store.retain(retention, second(200 * DAY)) => panic!("it was not interrupted: {dropped:?}"),
            () = far_enough() => {}
        }
    }
    let hourly = store.hourly(second(0), second(total as i64)).await.unwrap();
    let tags = store.daily_by_tag(second(0), second(total as i64)).await.unwrap();
    let before = events_of(&*store, to("guest8@d8.example")).await;
    let forgotten = store.forget(alice()).await.unwrap();
    assert!(forgotten.events > 60 && forgotten.mentions > 60 && forgotten.purged, "{forgotten:?}");
    assert_eq!((forgotten.recipients, forgotten.recipients_dropped), (1, 1));
    for _ in 0..2 {
        assert_eq!(stands_in(home, ALICE), Vec::<String>::new());
        assert!(store.recipient(alice()).await.unwrap().is_none());
        assert!(events_of(&*store, to(ALICE)).await.is_empty());
        let cc = EventFilter { labels: vec![("cc".to_owned(), ALICE.to_owned())], ..EventFilter::default() };
        assert!(events_of(&*store, cc).await.is_empty());
        assert_eq!(events_of(&*store, to("guest8@d8.example")).await, before);
        assert!(store.hourly(second(0), second(total as i64)).await.unwrap() == hourly);
        assert!(store.daily_by_tag(second(0), second(total as i64)).await.unwrap() == tags);
        assert_eq!(submit(&*store, submission("mailgun", vec![nth(60_007), nth(60_008)])).await, (0, 2));
        no_differences(&*store).await;
        drop(store);
        store = home.open();
    }
    let label =
        EventFilter { labels: vec![("booking".to_owned(), "600".to_owned())], ..EventFilter::default() };
    assert_eq!(events_of(&*store, label).await.len(), 99);
    store.rebuild(false, Box::new(|_, _| ())).await.unwrap();
    no_differences(&*store).await;
}

async fn while_a_period_is_being_sealed_and_new_events_come_in(home: &Home) {
    let store = home.open();
    submit_all(&*store, "mailgun", (0..PERIOD - 50).map(nth).collect(), 200).await;
    // The period becomes full while everything is looked through; who has a new life by then keeps it.
    let coming = async {
        let mut own = 0_u64;
        for n in PERIOD - 50..PERIOD + 2000 {
            submit(&*store, submission("mailgun", vec![nth(n)])).await;
            own += u64::from(n % 1000 == 7);
        }
        own
    };
    let (forgotten, later) = tokio::join!(store.forget(alice()), coming);
    let forgotten = forgotten.unwrap();
    let view = store.recipient(alice()).await.unwrap();
    let alive = view.map_or(0, |view| view.counts().as_array().iter().sum::<u64>());
    assert_eq!(forgotten.events + alive, 66 + later, "{forgotten:?}");
    assert_eq!(events_of(&*store, to(ALICE)).await.len() as u64, alive);
    sealed(&*store, 1).await;
    no_differences(&*store).await;
    assert_eq!(store.forget(alice()).await.unwrap().events, alive);
    assert!(store.recipient(alice()).await.unwrap().is_none());
    assert_eq!(stands_in(home, ALICE), Vec::<String>::new());
    no_differences(&*store).await;
}

async fn who_is_forgotten_while_a_period_is_open_is_not_sealed_with_it(home: &Home) {
    let store = home.open();
    submit_all(&*store, "mailgun", (0..PERIOD - 50).map(nth).collect(), 500).await;
    let forgotten = store.forget(alice()).await.unwrap();
    assert_eq!((forgotten.events, forgotten.recipients), (66, 0), "{forgotten:?}");
    submit_all(&*store, "mailgun", (PERIOD - 50..PERIOD + 5).map(nth).collect(), 500).await;
    sealed(&*store, 1).await;
    assert!(store.recipient(alice()).await.unwrap().is_none());
    assert_eq!(stands_in(home, ALICE), Vec::<String>::new());
    no_differences(&*store).await;
}

const PEOPLE: [&str; 3] = ["a.person@one.example", "b.person@one.example", "c.person@two.example"];

#[derive(Clone, Debug)]
enum Act {
    Submit(Vec<(usize, usize, usize)>),
    Forget(usize),
    Retain(i64),
    Restart,
    Rebuild,
}

fn act() -> impl Strategy<Value = Act> {
    let one = (0..Kind::ALL.len(), 0..PEOPLE.len(), 0..PEOPLE.len());
    prop_oneof![
        4 => proptest::collection::vec(one, 1..12).prop_map(Act::Submit),
        3 => (0..PEOPLE.len()).prop_map(Act::Forget),
        1 => (90..110_i64).prop_map(Act::Retain),
        1 => Just(Act::Restart),
        1 => Just(Act::Rebuild),
    ]
}

proptest! {
    #![proptest_config(crate::support::cases(24))]

    #[test]
    fn forgetting_at_any_point_leaves_sums_and_projections_right(acts in proptest::collection::vec(act(), 1..12)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let home = Home::sqlite();
            let mut store = home.open();
            let (mut serial, mut day, mut gone) = (0_u64, 0_i64, Vec::new());
            let mut alive = [0_u64; PEOPLE.len()];
            for act in acts {
                match act {
                    Act::Submit(parts) => for (kind, person, named) in parts {
                        serial += 1;
                        day += 1;
                        let mut one = event(Kind::ALL[kind], PEOPLE[person], &format!("m{named}"), serial as i64, serial);
                        one.tags = vec![format!("t{named}")];
                        one.labels = [("of".to_owned(), PEOPLE[named].to_owned())].into();
                        let mut given = request(vec![one]);
                        given.received_at = second(day * DAY / 4);
                        prop_assert_eq!(submit(&*store, given).await, (1, 0));
                        // Alerts are told of people, and nothing that happened to them.
                        alive[person] += u64::from(!Kind::ALL[kind].is_alert());
                        gone.retain(|other| *other != person && *other != named);
                    },
                    Act::Forget(person) => {
                        store.forget(Address::parse(PEOPLE[person]).unwrap()).await.unwrap();
                        alive[person] = 0;
                        gone.push(person);
                    }
                    Act::Retain(at) => {
                        let retention = Retention { events_days: Some(90), ..Retention::default() };
                        store.retain(retention, second(at * DAY)).await.unwrap();
                    }
                    Act::Restart => {
                        store.close().await.unwrap();
                        drop(store);
                        store = home.open();
                    }
                    Act::Rebuild => { store.rebuild(false, Box::new(|_, _| ())).await.unwrap(); }
                }
                let (since, until) = (second(-1), second(1_000_000));
                let rollups = [store.hourly(since, until).await.unwrap(), store.daily_by_tag(since, until).await.unwrap(),
                    store.daily_by_domain(since, until).await.unwrap()];
                for rollup in rollups {
                    prop_assert_eq!(rollup.iter().map(|row| row.count).sum::<u64>(), serial);
                }
                for (person, alive) in PEOPLE.iter().zip(alive) {
                    let view = store.recipient(Address::parse(person).unwrap()).await.unwrap();
                    prop_assert_eq!(view.map_or(0, |view| view.counts().as_array().iter().sum::<u64>()), alive);
                }
                for person in &gone {
                    prop_assert_eq!(stands_in(&home, PEOPLE[*person]), Vec::<String>::new());
                }
                no_differences(&*store).await;
            }
            Ok(())
        })?;
    }
}

on_every_store! {
    a_person_is_erased_from_every_table_and_others_stay,
    who_was_never_there_is_not_found,
    from_sealed_periods_as_well_also_from_those_that_are_dropped_in_part,
    while_a_period_is_being_sealed_and_new_events_come_in,
    who_is_forgotten_while_a_period_is_open_is_not_sealed_with_it,
}
