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
mod tests;
