//! What is to be sent: which messages, what happens to them, in which requests. Pure: a seed and a moment give it all.

use std::collections::BTreeMap;

use hearback_event::{Address, Kind, Timestamp};
use hearback_providers::Happening;

use super::life::{LONGEST_SECONDS, Voice, live};
use super::rng::Rng;
use super::scenario::Scenario;

/// More messages are a load test, which this is not: the plan is kept in memory.
pub(crate) const MOST_MESSAGES: usize = 100_000;
/// Larger batches than this are not made, whatever the provider allows.
const LARGEST_BATCH: usize = 100;
/// So few requests are spoilt in each way, because the server bounds how many refused ones it keeps per second.
const MOST_SPOILT: usize = 20;

/// What is wished for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// How many messages.
    pub(crate) messages: usize,
    /// Only this happens to each of them, instead of a whole life.
    pub(crate) only: Option<Kind>,
    /// What else is to go on.
    pub(crate) scenarios: Vec<Scenario>,
    /// What chance is made of.
    pub(crate) seed: u64,
    /// When it begins.
    pub(crate) start: Timestamp,
}

impl Wish {
    fn has(&self, scenario: Scenario) -> bool {
        self.scenarios.contains(&scenario)
    }
}

/// Why a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It tells something new.
    First,
    /// It tells something new, hours after it was first tried.
    Late,
    /// The request of that number again, as the provider does when it saw no answer.
    Retry(usize),
    /// What was told before, grouped otherwise and signed anew.
    Again,
    /// Signed with another key.
    Forged,
    /// The signature of the request of that number on another body.
    ForgedReplay(usize),
    /// Rightly signed, of a shape that the provider never sends.
    Broken,
}

impl Role {
    /// The word for it in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Late => "late",
            Self::Retry(_) => "retry",
            Self::Again => "again",
            Self::Forged => "forged",
            Self::ForgedReplay(_) => "forged_replay",
            Self::Broken => "broken",
        }
    }

    /// Whether what it tells is new and counts.
    pub(crate) const fn tells_news(self) -> bool {
        matches!(self, Self::First | Self::Late)
    }
}

/// A request to be made.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    /// Why.
    pub(crate) role: Role,
    /// What it tells: places in [`Plan::happenings`].
    pub(crate) tells: Vec<usize>,
    /// How many seconds before it is sent it was signed, where the provider's limits allow that.
    pub(crate) signed_before: i64,
}

/// Everything that is to be sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// All that happens or is pretended to.
    pub(crate) happenings: Vec<Happening>,
    /// The requests. Those that tell something new come first, and are answered before any other is sent.
    pub(crate) requests: Vec<Planned>,
}

impl Plan {
    /// Makes the plan.
    pub(crate) fn new(wish: &Wish, voice: &Voice<'_>) -> Self {
        let mut rng = Rng::new(wish.seed);
        let mut stage = Stage::new(wish, voice);
        let lives: Vec<Vec<usize>> =
            (0..wish.messages.min(MOST_MESSAGES)).map(|_| stage.message(&mut rng)).collect();
        let late = if wish.has(Scenario::Late) { lives.len().div_ceil(5) } else { 0 };
        let mut plan = Self::default();
        let (late, punctual) = lives.split_at(late);
        for (lives, role) in [(punctual, Role::First), (late, Role::Late)] {
            let mut tells = lives.concat();
            if role == Role::Late {
                stage.hours_earlier(&mut rng, &tells);
            }
            if wish.has(Scenario::Reorder) {
                rng.shuffle(&mut tells);
            } else {
                tells.sort_by_key(|place| stage.happenings[*place].occurred_at);
            }
            plan.requests.extend(stage.requests(&mut rng, role, &tells));
        }
        plan.spoil(&mut rng, &mut stage);
        plan.happenings = stage.happenings;
        plan
    }

    /// Any happening, for finding out how a provider tells it.
    pub(crate) fn sample(kind: Kind, at: Timestamp) -> Happening {
        let voice = Voice { kinds: &[], timed: true, batch_limit: 1, phone: false };
        let wish = Wish { messages: 1, only: Some(kind), scenarios: Vec::new(), seed: 0, start: at };
        let mut stage = Stage::new(&wish, &voice);
        let model = stage.next_message(&mut Rng::new(0));
        Happening { kind, ..model }
    }

    /// Adds what the scenarios send besides the news.
    fn spoil(&mut self, rng: &mut Rng, stage: &mut Stage<'_>) {
        let wish = stage.wish;
        let news = self.requests.len();
        let mut more = Vec::new();
        if wish.has(Scenario::Duplicates) {
            more.extend((0..news).map(|of| Planned { role: Role::Retry(of), ..self.requests[of].clone() }));
            if stage.voice.batch_limit > 1 {
                let mut told: Vec<usize> = self.requests.iter().flat_map(|one| one.tells.clone()).collect();
                rng.shuffle(&mut told);
                told.truncate(told.len().div_ceil(3));
                more.extend(stage.requests(rng, Role::Again, &told));
            }
        }
        if wish.has(Scenario::Forged) {
            let count = few(wish.messages, 10);
            more.extend((0..count).map(|_| stage.forged(rng)));
            more.extend((0..few(news, 10).min(news)).map(|_| {
                let of = rng.below(news);
                Planned { role: Role::ForgedReplay(of), ..self.requests[of].clone() }
            }));
        }
        if wish.has(Scenario::Broken) {
            more.extend((0..few(wish.messages, 20)).map(|_| stage.broken(rng)));
        }
        rng.shuffle(&mut more);
        self.requests.extend(more);
    }

    /// The happenings of a request.
    pub(crate) fn told(&self, request: &Planned) -> Vec<Happening> {
        request.tells.iter().filter_map(|place| self.happenings.get(*place)).cloned().collect()
    }

    /// How many requests tell something new.
    pub(crate) fn news(&self) -> usize {
        self.requests.iter().take_while(|request| request.role.tells_news()).count()
    }
}

fn few(of: usize, share: usize) -> usize {
    of.div_ceil(share).clamp(1, MOST_SPOILT)
}

/// What the planning goes along with.
struct Stage<'a> {
    wish: &'a Wish,
    voice: &'a Voice<'a>,
    happenings: Vec<Happening>,
    /// Different for every run, also of the same seed, so that a second run meets nothing of the first.
    run: String,
    first_serial: u64,
    messages: usize,
    booking: usize,
    left_in_booking: usize,
}

const PURPOSES: [(&str, &str); 4] = [
    ("confirmation", "Your booking is confirmed"),
    ("pre_arrival", "Your stay begins soon"),
    ("check_in", "Your check-in details"),
    ("check_out", "Thank you for your stay"),
];

impl<'a> Stage<'a> {
    fn new(wish: &'a Wish, voice: &'a Voice<'a>) -> Self {
        let mut names = Rng::new(wish.seed ^ wish.start.as_nanos() as u64);
        Self {
            wish,
            voice,
            happenings: Vec::new(),
            run: format!("{:08x}", names.next() >> 32),
            // Below 2^52, so that a provider may write it as a JSON number; the low bits are counted up.
            first_serial: (names.next() >> 12) & !0xF_FFFF,
            messages: 0,
            booking: 0,
            left_in_booking: 0,
        }
    }

    fn happening(&mut self, kind: Kind, at: Timestamp, like: &Happening) -> usize {
        let serial = self.first_serial + self.happenings.len() as u64;
        self.happenings.push(Happening { kind, occurred_at: at, serial, ..like.clone() });
        self.happenings.len() - 1
    }

    /// A message with all that happens to it.
    fn message(&mut self, rng: &mut Rng) -> Vec<usize> {
        let model = self.next_message(rng);
        let life = match self.wish.only {
            Some(kind) => vec![(kind, 1)],
            None => live(rng, self.voice),
        };
        let sent = self.wish.start.plus_seconds(-(LONGEST_SECONDS + 60 + rng.below(1200) as i64));
        // Whole seconds: several providers tell no more than that.
        let sent = Timestamp::from_seconds(sent.as_seconds()).unwrap_or(sent);
        life.into_iter()
            .map(|(kind, second)| self.happening(kind, sent.plus_seconds(second), &model))
            .collect()
    }

    /// A message to which nothing has happened yet: the next of the booking, or the first of another.
    fn next_message(&mut self, rng: &mut Rng) -> Happening {
        if self.left_in_booking == 0 {
            self.booking += 1;
            self.left_in_booking = 1 + rng.below(PURPOSES.len());
        }
        self.left_in_booking -= 1;
        self.messages += 1;
        let (purpose, subject) = PURPOSES[self.messages % PURPOSES.len()];
        let labels = BTreeMap::from([
            ("booking_id".to_owned(), format!("{}-{}", self.run, self.booking)),
            ("purpose".to_owned(), purpose.to_owned()),
        ]);
        Happening {
            kind: Kind::Unknown,
            occurred_at: self.wish.start,
            recipient: self.guest(),
            message: format!("sim-{}-{}", self.run, self.messages),
            serial: 0,
            labels,
            tags: vec![purpose.replace('_', "-")],
            subject: subject.to_owned(),
        }
    }

    /// Who booked; every fifth booking is a second one of an earlier guest.
    fn guest(&self) -> Address {
        let number = if self.booking.is_multiple_of(5) { self.booking - 4 } else { self.booking };
        let text = if self.voice.phone {
            // +999 is no country's code, so that no made-up number can be a person's.
            format!("+999{:011}", (self.first_serial / 7 + number as u64) % 100_000_000_000)
        } else {
            let domain = ["example.com", "example.net", "example.org"][number % 3];
            format!("guest{number}.{}@{domain}", self.run)
        };
        text.parse().expect("made of letters, digits and one @")
    }

    /// Moves whole messages into the past, as if the server had been away.
    fn hours_earlier(&mut self, rng: &mut Rng, tells: &[usize]) {
        let hours: BTreeMap<String, i64> = tells
            .iter()
            .map(|place| (self.happenings[*place].message.clone(), 2 + rng.below(5) as i64))
            .collect();
        for place in tells {
            let one = &mut self.happenings[*place];
            one.occurred_at =
                one.occurred_at.plus_seconds(-3600 * hours.get(&one.message).copied().unwrap_or(2));
        }
    }

    /// Groups what is to be told into requests.
    fn requests(&self, rng: &mut Rng, role: Role, tells: &[usize]) -> Vec<Planned> {
        let limit = self.voice.batch_limit.clamp(1, LARGEST_BATCH);
        let mut requests = Vec::new();
        let mut rest = tells;
        while !rest.is_empty() {
            let (batch, others) = rest.split_at((1 + rng.below(limit)).min(rest.len()));
            let newest = batch.iter().map(|place| self.happenings[*place].occurred_at).max();
            let signed_before = match (role, newest) {
                (Role::Late, Some(newest)) => self.wish.start.seconds_since(newest) - 2,
                (Role::First, _) => 30,
                _ => 0,
            };
            requests.push(Planned { role, tells: batch.to_vec(), signed_before });
            rest = others;
        }
        requests
    }

    /// A lie about a message that exists.
    fn forged(&mut self, rng: &mut Rng) -> Planned {
        let kinds = self.voice.kinds;
        let kind = if kinds.contains(&Kind::Complained) {
            Kind::Complained
        } else {
            kinds.get(rng.below(kinds.len())).copied().unwrap_or_default()
        };
        let about = self.happenings.get(rng.below(self.happenings.len())).cloned();
        let about = about.unwrap_or_else(|| self.next_message(rng));
        let place = self.happening(kind, self.wish.start, &about);
        Planned { role: Role::Forged, tells: vec![place], signed_before: 0 }
    }

    /// News of messages of their own in a request that is broken (or, in a batch, one element of it).
    fn broken(&mut self, rng: &mut Rng) -> Planned {
        let tells = (0..self.voice.batch_limit.clamp(1, 3))
            .map(|_| {
                let model = self.next_message(rng);
                let kind = self.voice.kinds.first().copied().unwrap_or_default();
                self.happening(kind, self.wish.start.plus_seconds(-90), &model)
            })
            .collect();
        Planned { role: Role::Broken, tells, signed_before: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    const MAIL: Voice<'_> = Voice { kinds: Kind::ALL, timed: true, batch_limit: 1, phone: false };
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
        let (one, other) =
            (Plan::new(&wish(30, &EVERYTHING), &MAIL), Plan::new(&wish(30, &EVERYTHING), &MAIL));
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
        let later = Wish { start: wish(1, &[]).start.plus_seconds(1), ..wish(30, &EVERYTHING) };
        let later = Plan::new(&later, &MAIL);
        let names =
            |plan: &Plan| plan.happenings.iter().map(|one| one.message.clone()).collect::<HashSet<_>>();
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
                plan.requests
                    .iter()
                    .all(|one| (1..=batch_limit.min(LARGEST_BATCH)).contains(&one.tells.len()))
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
        let bookings: HashSet<_> =
            plan.happenings.iter().map(|one| one.labels["booking_id"].clone()).collect();
        assert!(bookings.len() < 12, "several messages share a booking");
    }
}
