use std::collections::{HashMap, HashSet};

use super::*;

const MAIL: Voice<'_> = Voice { kinds: Kind::TOLD_BY_PROVIDERS, timed: true, batch_limit: 1, phone: false };
const EVERYTHING: [Scenario; 5] =
    [Scenario::Duplicates, Scenario::Reorder, Scenario::Late, Scenario::Forged, Scenario::Broken];

fn wish(messages: usize, scenarios: &[Scenario]) -> Wish {
    let start = Timestamp::from_seconds(1_760_000_000).unwrap();
    Wish { messages, only: None, scenarios: scenarios.to_vec(), seed: 5, start }
}

fn told(plan: &Plan, role: fn(Role) -> bool) -> Vec<usize> {
    plan.requests.iter().filter(|one| role(one.role)).flat_map(|one| one.tells.clone()).collect()
}

#[test]
fn the_same_seed_and_moment_give_the_same_plan() {
    let (one, other) = (Plan::new(&wish(30, &EVERYTHING), &MAIL), Plan::new(&wish(30, &EVERYTHING), &MAIL));
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    let later = Wish { start: wish(1, &[]).start.plus_seconds(1), ..wish(30, &EVERYTHING) };
    let later = Plan::new(&later, &MAIL);
    let names = |plan: &Plan| plan.happenings.iter().map(|one| one.message.clone()).collect::<HashSet<_>>();
    assert!(names(&one).is_disjoint(&names(&later)), "a second run must not meet the first");
    assert!(later.happenings.iter().all(|new| one.happenings.iter().all(|old| old.serial != new.serial)));
}

#[test]
fn everything_that_happens_is_told_once_as_news() {
    for batch_limit in [1, 7, 1000] {
        let voice = Voice { batch_limit, ..MAIL };
        let plan = Plan::new(&wish(40, &EVERYTHING), &voice);
        let news = told(&plan, Role::tells_news);
        assert_eq!(news.iter().collect::<HashSet<_>>().len(), news.len());
        let messages: HashSet<_> = news.iter().map(|place| &plan.happenings[*place].message).collect();
        assert_eq!(messages.len(), 40);
        assert!(
            plan.requests.iter().all(|one| (1..=batch_limit.min(LARGEST_BATCH)).contains(&one.tells.len()))
        );
        assert!(plan.requests[..plan.news()].iter().all(|one| one.role.tells_news()));
        assert!(!plan.requests[plan.news()..].iter().any(|one| one.role.tells_news()));
    }
}

#[test]
fn serials_differ_and_fit_in_a_json_number() {
    let plan = Plan::new(&wish(200, &EVERYTHING), &MAIL);
    let serials: HashSet<u64> = plan.happenings.iter().map(|one| one.serial).collect();
    assert_eq!(serials.len(), plan.happenings.len());
    assert!(serials.iter().all(|serial| *serial < 1 << 53));
}

#[test]
fn each_scenario_sends_what_it_says_and_nothing_else() {
    let count = |scenarios: &[Scenario], role: fn(Role) -> bool| {
        Plan::new(&wish(100, scenarios), &Voice { batch_limit: 10, ..MAIL })
            .requests
            .iter()
            .filter(|one| role(one.role))
            .count()
    };
    let plain = Plan::new(&wish(100, &[]), &MAIL);
    assert_eq!(plain.news(), plain.requests.len());
    assert_eq!(count(&[Scenario::Forged], |role| role == Role::Forged), 10);
    assert!(count(&[Scenario::Forged], |role| matches!(role, Role::ForgedReplay(_))) > 0);
    assert_eq!(count(&[Scenario::Broken], |role| role == Role::Broken), 5);
    assert!(count(&[Scenario::Late], |role| role == Role::Late) > 0);
    assert!(count(&[Scenario::Duplicates], |role| role == Role::Again) > 0);
    let duplicated = Plan::new(&wish(20, &[Scenario::Duplicates]), &MAIL);
    assert_eq!(duplicated.requests.len(), 2 * duplicated.news());
}

#[test]
fn reordering_disturbs_the_order_of_a_message_and_nothing_else_does() {
    let disturbed = |scenarios: &[Scenario]| {
        let plan = Plan::new(&wish(50, scenarios), &MAIL);
        let mut last: HashMap<String, Timestamp> = HashMap::new();
        told(&plan, Role::tells_news).into_iter().any(|place| {
            let one = &plan.happenings[place];
            let before = last.insert(one.message.clone(), one.occurred_at);
            before.is_some_and(|before| before > one.occurred_at)
        })
    };
    assert!(!disturbed(&[]) && !disturbed(&[Scenario::Late]) && disturbed(&[Scenario::Reorder]));
}

#[test]
fn everything_lies_in_the_past_and_late_ones_hours_back() {
    let wish = wish(50, &[Scenario::Late]);
    let plan = Plan::new(&wish, &MAIL);
    for request in &plan.requests {
        for happening in plan.told(request) {
            let age = wish.start.seconds_since(happening.occurred_at);
            let expected = if request.role == Role::Late { 2 * 3600..9 * 3600 } else { 1..3600 };
            assert!(expected.contains(&age), "{:?}: {age}", request.role);
        }
    }
}

#[test]
fn one_kind_only_when_wished_and_numbers_of_no_country_for_phones() {
    let wish = Wish { only: Some(Kind::Bounced), ..wish(12, &[]) };
    let plan = Plan::new(&wish, &Voice { phone: true, ..MAIL });
    assert_eq!(plan.happenings.len(), 12);
    assert!(plan.happenings.iter().all(|one| one.kind == Kind::Bounced));
    assert!(plan.happenings.iter().all(|one| one.recipient.is_phone()));
    assert!(plan.happenings.iter().all(|one| one.recipient.as_str().starts_with("+999")));
    let bookings: HashSet<_> = plan.happenings.iter().map(|one| one.labels["booking_id"].clone()).collect();
    assert!(bookings.len() < 12, "several messages share a booking");
}
