//! Runs over a database in memory, against what is expected of them: whatever is merged, interrupted or erased, and when.

use std::collections::BTreeMap;

use hearback_event::{Address, Fact, Kind, RecipientState, Timestamp};
use proptest::prelude::*;
use rusqlite::Connection;

use super::super::filter::Filters;
use super::super::posting::PERIOD;
use super::super::tail::first_position;
use super::merge::Upkeep;
use super::*;

fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(include_str!("../../sqlite/migrations/0001_initial.sql")).unwrap();
    connection
}

type States = BTreeMap<Address, RecipientState>;

fn address(n: u16) -> Address {
    Address::parse(&format!("guest{n}@example.com")).unwrap()
}

/// What a period says about some recipients.
fn states(period: u64, recipients: impl IntoIterator<Item = u16>) -> States {
    let mut states = States::new();
    for n in recipients {
        let position = first_position(period) + u64::from(n);
        let fact = Fact {
            position,
            kind: if n.is_multiple_of(3) { Kind::Bounced } else { Kind::Delivered },
            occurred_at: Timestamp::from_nanos(position as i64 * 7),
            flags: 0,
            delay: 0,
            source: 1,
        };
        states.entry(address(n)).or_default().add(&fact);
    }
    states
}

fn seal(session: &dyn Session, period: u64, states: &States) {
    let recipients = states.iter().map(|(address, state)| (address.clone(), *state));
    let prepared = Prepared::new(period, recipients).unwrap();
    prepared.begin(session).unwrap();
    for (number, block) in prepared.blocks().iter().enumerate() {
        prepared.write(session, number, std::slice::from_ref(block)).unwrap();
    }
    prepared.finish(session).unwrap();
}

fn add(all: &mut States, states: States) {
    for (address, state) in states {
        let known = all.entry(address).or_default();
        *known = known.merge(&state);
    }
}

fn everything(session: &dyn Session) -> States {
    let mut found = States::new();
    let damage = for_each(session, |address, state| {
        assert!(found.insert(Address::parse(address).unwrap(), state.unwrap()).is_none(), "each is met once");
    });
    assert_eq!(damage.unwrap(), Vec::<String>::new());
    found
}

/// Asks for every address, and for some that there are not.
fn asked(session: &dyn Session, fences: &Fences, texts: &[&str]) -> Option<Found> {
    let may_be =
        |text: &&str| MayBe { periods: Filters::default().periods_of(Key::recipient(text)), begins: 0 };
    try_look_up(fences, session, texts, &texts.iter().map(may_be).collect::<Vec<_>>()).unwrap()
}

fn finish(session: &dyn Session, upkeep: &mut Upkeep, rows: usize) {
    while upkeep.is_due() {
        upkeep.proceed(session, rows).unwrap();
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// A period is sealed that has these recipients.
    Seal(Vec<u16>),
    /// Some of what there is to be done is done.
    Proceed(usize),
    /// A transaction fails in which so much was done.
    Fail(usize),
    /// The process ends, and another one begins.
    Restart,
    Erase(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => prop::collection::vec(0_u16..400, 0..60).prop_map(Step::Seal),
        5 => (1_usize..200).prop_map(Step::Proceed),
        1 => (1_usize..200).prop_map(Step::Fail),
        1 => Just(Step::Restart),
        1 => (0_u16..400).prop_map(Step::Erase),
    ];
    prop::collection::vec(step, 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn runs_say_what_their_periods_said(steps in steps()) {
        let connection = database();
    let session: &dyn Session = &connection;
        let (mut upkeep, mut expected, mut period) = (Upkeep::default(), States::new(), 0);
        let fences = Fences::default();
        for step in steps {
            match step {
                Step::Seal(recipients) => {
                    let states = states(period, recipients);
                    seal(session, period, &states);
                    add(&mut expected, states);
                    period += 1;
                    upkeep.look_again();
                }
                Step::Proceed(rows) => upkeep.proceed(session, rows).unwrap(),
                Step::Fail(rows) => {
                    session.batch("BEGIN").unwrap();
                    upkeep.proceed(session, rows).unwrap();
                    session.batch("ROLLBACK").unwrap();
                    upkeep = Upkeep::Unknown;
                }
                Step::Restart => upkeep = Upkeep::Unknown,
                Step::Erase(n) => {
                    // As the journal does: nothing is erased beside a merge.
                    while upkeep.is_unsettled() {
                        upkeep.proceed(session, 50).unwrap();
                    }
                    let gone = erase(session, &address(n)).unwrap();
                    prop_assert!(gone || !expected.contains_key(&address(n)));
                    expected.remove(&address(n));
                }
            }
            prop_assert!(everything(session) == expected);
        }
        let all: Vec<Address> = (0..420).map(address).collect();
        let texts: Vec<&str> = all.iter().map(Address::as_str).collect();
        for _ in 0..2 {
            let found = asked(session, &fences, &texts).unwrap();
            prop_assert_eq!(found.upto, period * PERIOD);
            prop_assert!(found.states.len() == expected.len());
            prop_assert!(expected.iter().all(|(address, state)| found.states.get(address.as_str()) == Some(state)));
            finish(session, &mut upkeep, 100);
        }
        let runs = list(session).unwrap();
        prop_assert!((0..8).all(|level| runs.iter().filter(|run| level_of(run.id) == level).count() < 16));
        let of_others = session.number(
            "SELECT count(*) FROM recipient_blocks /* walks */ WHERE id >> 32 NOT IN (SELECT id FROM recipient_runs)",
            params![],
        );
        prop_assert_eq!(of_others.unwrap(), 0, "what was merged is thrown away");
    }
}

#[test]
fn a_merge_goes_on_whatever_is_sealed_meanwhile() {
    let connection = database();
    let session: &dyn Session = &connection;
    let mut upkeep = Upkeep::default();
    for period in 0..16 {
        seal(session, period, &states(period, 0..200));
    }
    upkeep.proceed(session, 1).unwrap();
    let first = block_id(id_of(15, 1), 0);
    let mut reached = 0;
    for period in 16..20 {
        upkeep.proceed(session, 20).unwrap();
        assert!(upkeep.is_unsettled());
        seal(session, period, &states(period, 0..200));
        upkeep.look_again();
        let upto = "SELECT count(*) FROM recipient_blocks WHERE id >= $1 AND id < $2";
        let written = session.number(upto, params![first, block_id(id_of(15, 1) + 1, 0)]).unwrap();
        assert!(written > reached, "{written} blocks after {reached}");
        reached = written;
    }
    finish(session, &mut upkeep, 20);
    assert_eq!(list(session).unwrap().len(), 5);
}

#[test]
fn runs_of_every_size_are_merged() {
    let connection = database();
    let session: &dyn Session = &connection;
    let (mut expected, mut upkeep) = (States::new(), Upkeep::default());
    for period in 0..300 {
        let states = states(period, [7, period as u16 + 100]);
        seal(session, period, &states);
        add(&mut expected, states);
        upkeep.look_again();
        finish(session, &mut upkeep, 100);
    }
    let levels: Vec<u32> = list(session).unwrap().iter().map(|run| level_of(run.id)).collect();
    assert_eq!(levels, [vec![2, 1, 1], vec![0; 12]].concat(), "256 and 2 times 16 and 12");
    assert!(everything(session) == expected);
    assert!(!upkeep.is_due());
}

#[test]
fn who_reads_while_runs_are_merged_is_told_to_look_again() {
    let connection = database();
    let session: &dyn Session = &connection;
    for period in 0..16 {
        seal(session, period, &states(period, [7, period as u16 + 100]));
    }
    let stale = list(session).unwrap();
    finish(session, &mut Upkeep::default(), 10);
    let merged = list(session).unwrap();
    assert_eq!(merged.len(), 1);
    assert_eq!((merged[0].first, merged[0].last, level_of(merged[0].id)), (0, 15, 1));
    // As it would be if the list had been read before.
    for run in &stale {
        write_run(session, run.id, (run.first, run.last), &[0]).unwrap();
    }
    assert!(asked(session, &Fences::default(), &["guest7@example.com"]).is_none());
    session
        .execute(
            "UPDATE recipient_runs /* walks */ SET merged = 1 WHERE first_period = last_period",
            params![],
        )
        .unwrap();
    let found = asked(session, &Fences::default(), &["guest7@example.com"]).unwrap();
    assert_eq!(found.states["guest7@example.com"].counts.delivered, 16);
}

#[test]
fn what_is_damaged_is_told_and_not_merged() {
    let connection = database();
    let session: &dyn Session = &connection;
    for period in 0..16 {
        seal(session, period, &states(period, 0..400));
    }
    let count = |from: u64, end: u64| {
        let sql = "SELECT count(*) FROM recipient_blocks WHERE id >= $1 AND id < $2";
        session.number(sql, params![block_id(from, 0), block_id(end, 0)]).unwrap()
    };
    let merged = id_of(15, 1);
    let blocks = count(0, merged);
    // Far enough for something to be written before it is met.
    let cut = "UPDATE recipient_blocks SET block = substr(block, 1, 3) WHERE id = $1";
    session.execute(cut, params![block_id(id_of(0, 0), 20)]).unwrap();
    let lost = "DELETE FROM recipient_blocks WHERE id = $1";
    session.execute(lost, params![block_id(id_of(3, 0), 21)]).unwrap();
    let (mut upkeep, mut written) = (Upkeep::default(), 0);
    while upkeep.is_due() {
        upkeep.proceed(session, 10).unwrap();
        written = written.max(count(merged, merged + 1));
    }
    assert!(written > 0);
    assert_eq!(count(merged, merged + 1), 0, "nobody could be taken out of what is in no run");
    assert_eq!(count(0, merged), blocks - 1, "nothing more is gone");
    assert_eq!(list(session).unwrap().len(), 16);
    assert_eq!(for_each(session, |_, _| ()).unwrap().len(), 2);
}

#[test]
fn only_runs_that_an_address_may_be_in_are_read() {
    let mut filters = Filters::default();
    for period in 0..40 {
        let keys = (period == 20).then(|| super::super::filter::entry_of(Key::recipient("a@b.example")));
        filters.add(period, &super::super::filter::bitmap(keys.into_iter()));
    }
    let run = |first, last| Run { id: 0, first, last, digest: 0 };
    let may_be = |begins| MayBe { periods: filters.periods_of(Key::recipient("a@b.example")), begins };
    let has = |begins, (first, last)| may_be(begins).has(&run(first, last));
    assert!(has(0, (16, 31)) && has(0, (20, 20)) && !has(0, (0, 15)) && !has(0, (21, 21)));
    assert!(has(0, (39, 40)), "of a period that is not known, anything may be");
    assert!(
        has(10, (9, 9)) && has(10, (0, 15)) && !has(10, (10, 10)),
        "dropped periods have no filter any more"
    );
}
