//! What must be found on the server afterwards, computed with the same pure rules of state that it uses.

use std::collections::{BTreeMap, HashSet};

use hearback_event::{
    Address, DedupKey, Event, Fact, Kind, MessageId, MessageState, Origin, RecipientState, Record, Timestamp,
};
use hearback_providers::Refusal;

use super::make::{Expectation, Made, Voicebox};
use super::plan::{Plan, Planned, Role};

/// The label that ties the messages of a booking together.
pub(crate) const BOOKING: &str = "booking_id";

/// What must be found.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// Messages.
    pub(crate) messages: BTreeMap<MessageId, ExpectedMessage>,
    /// Recipients.
    pub(crate) recipients: BTreeMap<Address, ExpectedRecipient>,
    /// How many events each booking has.
    pub(crate) bookings: BTreeMap<String, u64>,
    /// How many new events of each kind.
    pub(crate) kinds: BTreeMap<Kind, u64>,
    /// How many requests are refused for each cause.
    pub(crate) refused: BTreeMap<&'static str, u64>,
    /// Where the provider's own code contradicts itself: simulated and read events differ.
    pub(crate) contradictions: Vec<String>,
    keys: HashSet<DedupKey>,
    position: u64,
}

/// A message that must be found.
#[derive(Debug)]
pub(crate) struct ExpectedMessage {
    /// The provider's name for it.
    pub(crate) provider_id: String,
    /// To whom.
    pub(crate) recipient: Option<Address>,
    facts: Vec<Fact>,
}

impl ExpectedMessage {
    /// Where it must stand.
    pub(crate) fn state(&self) -> MessageState {
        MessageState::of(&self.facts)
    }

    /// How many events it has.
    pub(crate) fn events(&self) -> usize {
        self.facts.len()
    }
}

/// A recipient that must be found.
#[derive(Debug, Default)]
pub(crate) struct ExpectedRecipient {
    /// Counters and marks.
    pub(crate) state: RecipientState,
    delivered: bool,
    undelivered: bool,
    approximate: bool,
}

impl ExpectedRecipient {
    /// Whether the status follows from what was sent. Where the provider gives no times, that of the last outcome to
    /// arrive decides, and which that is nobody can say beforehand.
    pub(crate) const fn status_is_certain(&self) -> bool {
        !(self.approximate && self.delivered && self.undelivered)
    }

    /// Takes in one more event.
    pub(super) fn add(&mut self, fact: &Fact) {
        self.state.add(fact);
        self.approximate |= fact.has(Fact::APPROXIMATE);
        self.delivered |= fact.kind == Kind::Delivered;
        self.undelivered |= matches!(fact.kind, Kind::Bounced | Kind::Rejected | Kind::Failed);
    }
}

impl Expected {
    /// What the whole plan must lead to on a source of `account`. An error is a request that the source's own keys and
    /// URL would not let in.
    pub(crate) fn of(
        plan: &Plan,
        voice: &Voicebox<'_>,
        account: &str,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut expected = Self::default();
        let mut signed: Vec<Option<Timestamp>> = Vec::with_capacity(plan.requests.len());
        for planned in &plan.requests {
            let original = match planned.role {
                Role::Retry(of) | Role::ForgedReplay(of) => signed.get(of).copied().flatten(),
                _ => None,
            };
            let made = voice.make(plan, planned, original, now);
            signed.push(made.as_ref().map(|made| made.signed_at));
            if let Some(made) = made {
                expected.take(plan, planned, &made, voice, account, now)?;
            }
        }
        Ok(expected)
    }

    fn take(
        &mut self,
        plan: &Plan,
        planned: &Planned,
        made: &Made,
        voice: &Voicebox<'_>,
        account: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if let Expectation::Refused { cause, .. } = made.expectation {
            *self.refused.entry(cause).or_default() += 1;
            return Ok(());
        }
        // What was told before must change nothing, whatever keys its events get: that is what is tried here.
        if planned.role.tells_news() || planned.role == Role::Broken {
            let events = voice.read(&made.raw, now)?;
            if planned.role.tells_news() {
                self.compare(plan, planned, &events, voice);
            }
            for event in events {
                if planned.role == Role::Broken && event.dedup.iter().any(|key| self.keys.contains(key)) {
                    continue;
                }
                self.keys.extend(&event.dedup);
                self.add(event, account, now);
            }
        }
        Ok(())
    }

    /// The events must be what was to be told, one for one.
    fn compare(&mut self, plan: &Plan, planned: &Planned, events: &[Event], voice: &Voicebox<'_>) {
        let told = plan.told(planned);
        if told.len() != events.len() {
            self.contradict(format!("{} happenings were read as {} events", told.len(), events.len()));
        }
        for (happening, event) in told.iter().zip(events) {
            let message = voice.simulator.provider_message_id(happening);
            if happening.kind != event.kind {
                self.contradict(format!("`{}` was read as `{}`", happening.kind, event.kind));
            }
            if event.recipient.as_ref() != Some(&happening.recipient)
                || event.provider_message_id.as_deref() != Some(message.as_str())
            {
                self.contradict(format!("`{}` was read as of another message", happening.kind));
            }
        }
    }

    fn contradict(&mut self, what: String) {
        if !self.contradictions.contains(&what) && self.contradictions.len() < 20 {
            self.contradictions.push(what);
        }
    }

    fn add(&mut self, event: Event, account: &str, now: Timestamp) {
        self.position += 1;
        let record = Record {
            position: self.position,
            received_at: now,
            source: "".into(),
            provider: "".into(),
            account: account.into(),
            origin: Origin::Webhook,
            verified: true,
            payload: None,
            event,
        };
        let fact = Fact::of(&record, 1);
        *self.kinds.entry(fact.kind).or_default() += 1;
        if let Some(address) = &record.event.recipient {
            self.recipients.entry(address.clone()).or_default().add(&fact);
        }
        if let Some(booking) = record.event.labels.get(BOOKING) {
            *self.bookings.entry(booking.clone()).or_default() += 1;
        }
        if let Some((id, provider_id)) = record.message_id().zip(record.event.provider_message_id.clone()) {
            let recipient = record.event.recipient.clone();
            let message = self.messages.entry(id);
            message
                .or_insert_with(|| ExpectedMessage { provider_id, recipient, facts: Vec::new() })
                .facts
                .push(fact);
        }
    }

    /// How many events are new.
    pub(crate) fn events(&self) -> u64 {
        self.kinds.values().sum()
    }

    /// How many events are not understood.
    pub(crate) fn unknown(&self) -> u64 {
        self.kinds.get(&Kind::Unknown).copied().unwrap_or_default()
    }

    /// How many messages stand where.
    pub(crate) fn statuses(&self) -> BTreeMap<hearback_event::Status, u64> {
        let mut statuses = BTreeMap::new();
        for message in self.messages.values() {
            *statuses.entry(message.state().status).or_default() += 1;
        }
        statuses
    }
}

#[cfg(test)]
mod tests {
    use hearback_event::Status;
    use hearback_providers::{Options, PROVIDERS, Provider, Tamper};

    use super::super::plan::Wish;
    use super::super::{Scenario, Voice};
    use super::*;

    const URL: &str = "http://127.0.0.1:8025/webhooks/trial";
    const EVERYTHING: [Scenario; 5] =
        [Scenario::Duplicates, Scenario::Reorder, Scenario::Late, Scenario::Forged, Scenario::Broken];

    fn trial(provider: &'static dyn Provider) -> Options {
        let mut rng = super::super::rng::Rng::new(9);
        let mut random = |buffer: &mut [u8]| buffer.fill_with(|| rng.next() as u8);
        Options::new(provider.trial_options(&mut random))
    }

    /// Plans for one provider, and what must come of it.
    fn expect(
        provider: &'static dyn Provider,
        scenarios: &[Scenario],
        only: Option<Kind>,
    ) -> (Plan, Expected) {
        let options = trial(provider);
        let (simulator, endpoint) =
            (provider.simulator(&options).unwrap(), provider.endpoint(&options).unwrap());
        let voice = Voicebox {
            simulator: simulator.as_ref(),
            endpoint: endpoint.as_ref(),
            contract: endpoint.contract().unwrap_or(*provider.contract()),
            url: URL.to_owned(),
        };
        let start = Timestamp::from_seconds(1_760_000_000).unwrap();
        let sample = Plan::sample(simulator.kinds()[0], start);
        let raw = simulator.request(&[sample], URL, start, Tamper::None);
        let event = voice.read(&raw, start).unwrap().remove(0);
        let phone = event.channel == hearback_event::Channel::Sms;
        let timed = event.occurred_at.is_some();
        let kinds = simulator.kinds();
        let wish = Wish { messages: 40, only, scenarios: scenarios.to_vec(), seed: 3, start };
        let plan = Plan::new(&wish, &Voice { kinds, timed, batch_limit: simulator.batch_limit(), phone });
        let expected = Expected::of(&plan, &voice, "trial", start)
            .unwrap_or_else(|e| panic!("{}: {e}", provider.name()));
        (plan, expected)
    }

    #[test]
    fn what_is_expected_follows_from_what_happens_for_every_provider() {
        for provider in PROVIDERS {
            let name = provider.name();
            let (plan, expected) = expect(*provider, &[], None);
            assert_eq!(expected.contradictions, Vec::<String>::new(), "{name}");
            assert_eq!(expected.messages.len(), 40, "{name}");
            assert_eq!(expected.events(), plan.happenings.len() as u64, "{name}");
            assert_eq!(expected.bookings.values().sum::<u64>(), expected.events(), "{name}");
            assert!(expected.refused.is_empty(), "{name}");
            let of_recipients: u64 =
                expected.recipients.values().flat_map(|one| one.state.counts.as_array()).sum();
            assert_eq!(of_recipients, expected.events(), "{name}");
            assert_eq!(expected.statuses().values().sum::<u64>(), 40, "{name}");
        }
    }

    #[test]
    fn scenarios_add_nothing_but_what_is_broken_or_refused() {
        for provider in PROVIDERS {
            let name = provider.name();
            let (plan, expected) = expect(*provider, &EVERYTHING, None);
            assert_eq!(expected.contradictions, Vec::<String>::new(), "{name}");
            assert!(expected.unknown() > 0, "{name}");
            assert!(expected.refused.values().sum::<u64>() >= 4, "{name}: {:?}", expected.refused);
            let told = |role: fn(Role) -> bool| {
                plan.requests
                    .iter()
                    .filter(|one| role(one.role))
                    .map(|one| one.tells.len() as u64)
                    .sum::<u64>()
            };
            let (news, broken) = (told(Role::tells_news), told(|role| role == Role::Broken));
            assert!((news + 1..=news + 2 * broken).contains(&expected.events()), "{name}");
            let broken = plan.requests.iter().filter(|one| one.role == Role::Broken).count() as u64;
            assert_eq!(expected.unknown(), broken, "{name}: two broken requests count as one");
        }
    }

    #[test]
    fn one_kind_gives_one_status() {
        for provider in PROVIDERS {
            let (_, expected) = expect(*provider, &[], Some(Kind::Delivered));
            assert_eq!(expected.statuses(), BTreeMap::from([(Status::Delivered, 40)]), "{}", provider.name());
        }
    }
}
