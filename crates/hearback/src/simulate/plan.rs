//! What is to be sent: which messages, what happens to them, in which requests. Pure: a seed and a moment give it all.

use hearback_event::{Kind, Timestamp};
use hearback_providers::Happening;

use super::life::Voice;
use super::rng::Rng;
use super::scenario::Scenario;
use super::stage::Stage;

/// More messages are a load test, which this is not: the plan is kept in memory.
pub(crate) const MOST_MESSAGES: usize = 100_000;
/// Larger batches than this are not made, whatever the provider allows.
pub(super) const LARGEST_BATCH: usize = 100;
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

#[cfg(test)]
mod tests;
