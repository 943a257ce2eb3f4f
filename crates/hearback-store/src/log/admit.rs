//! One batch, before it is written: which requests are genuine news, which were known, which are forged.

use std::collections::{HashMap, HashSet};

use hearback_event::{DedupKey, Fact, Kind, Origin, delay_step};

use super::filter::Filters;
use super::known::Known;
use super::posting::Key;
use super::rows::{self, Sources};
use super::stage::{Staged, StagedEvent};
use super::tail::{Blocks, Tail};
use crate::session::Session;
use crate::{Order, Receipt, SourceRef, StoreError};

pub(super) type Digest = [u8; 16];

/// What tells that a message begins to be sent.
const BEGINNINGS: &[Kind] = &[Kind::Registered, Kind::Queued, Kind::Sent, Kind::Deferred];
/// Of a send to many, so many of its newest events are looked at.
const MOST_OF_A_SEND: usize = 64;

/// What a batch will write.
#[derive(Default)]
pub(crate) struct Plan {
    /// New events: request, event within it, fact.
    pub(crate) events: Vec<(usize, usize, Fact)>,
    /// Requests with new events, each with the position of its first.
    pub(crate) payloads: Vec<(u64, usize)>,
    /// Tokens bound, with their body and the position of the event that binds them; none where nothing was new.
    pub(crate) tokens: Vec<(Digest, Digest, Option<u64>)>,
    /// Sources that the log did not know.
    pub(super) sources: Vec<(u32, SourceRef)>,
    /// What became of each request.
    pub(super) receipts: Vec<Receipt>,
    unique: HashSet<Digest>,
    bodies: HashMap<Digest, Digest>,
    sends: HashSet<u64>,
    /// When the messages of this batch began to be sent, as far as it tells.
    begun: HashMap<u64, i64>,
}

impl Plan {
    /// Tokens with nothing new beside them.
    pub(super) fn loose_tokens(&self) -> impl Iterator<Item = &(Digest, Digest, Option<u64>)> {
        self.tokens.iter().filter(|(_, _, position)| position.is_none())
    }

    /// Moves it to where its first event has the position `first`; it was made for 1.
    pub(super) fn place(&mut self, first: u64) {
        let by = first - 1;
        self.events.iter_mut().for_each(|(_, _, fact)| fact.position += by);
        self.payloads.iter_mut().for_each(|(position, _)| *position += by);
        self.tokens.iter_mut().filter_map(|(_, _, position)| position.as_mut()).for_each(|at| *at += by);
    }
}

/// Decides about the requests of a batch, one after the other.
pub(super) struct Admission<'a> {
    pub(super) session: &'a dyn Session,
    pub(super) tail: &'a Tail,
    pub(super) filters: &'a Filters,
    pub(super) sources: &'a Sources,
    /// The bodies of loose tokens.
    pub(super) loose: &'a HashMap<Digest, Digest>,
    /// What the sealed periods know of the batch.
    pub(super) known: Known,
    pub(super) plan: Plan,
}

impl Admission<'_> {
    /// Decides about request number `index` of the batch.
    pub(super) fn admit(&mut self, index: usize, request: &Staged) -> Result<(), StoreError> {
        let receipt = self.decide(index, request)?;
        self.plan.receipts.push(receipt);
        Ok(())
    }

    fn decide(&mut self, index: usize, request: &Staged) -> Result<Receipt, StoreError> {
        let digest = *request.digest.as_bytes();
        let token = request.token.map(|token| *token.as_bytes());
        let bound = token.and_then(|token| self.body_of(&token));
        if bound.is_some_and(|bound| bound != digest) {
            return Ok(Receipt::ForgedReplay);
        }
        if request.known_messages_only && !self.knows_a_message(request)? {
            return Ok(Receipt::UnknownMessage);
        }
        let first = self.plan.events.len() as u64 + 1;
        let mut duplicates = 0;
        for (number, event) in request.events.iter().enumerate() {
            if self.knows(event) {
                duplicates += 1;
            } else {
                self.take(index, number, request, event)?;
            }
        }
        let new = (self.plan.events.len() as u64 + 1 - first) as u32;
        if new > 0 {
            self.plan.payloads.push((first, index));
        }
        if let (Some(token), None) = (token, bound) {
            self.plan.bodies.insert(token, digest);
            self.plan.tokens.push((token, digest, (new > 0).then_some(first)));
        }
        Ok(Receipt::Stored { new, duplicates })
    }

    fn take(
        &mut self,
        index: usize,
        number: usize,
        request: &Staged,
        event: &StagedEvent,
    ) -> Result<(), StoreError> {
        let source = self.source_number(&request.source)?;
        let position = self.plan.events.len() as u64 + 1;
        let mut fact = event.fact(position, source);
        if fact.kind == Kind::Delivered {
            fact.delay = self.delay_of(event);
        } else if BEGINNINGS.contains(&fact.kind) {
            for send in &event.sends {
                let begun = self.plan.begun.entry(*send).or_insert(i64::MAX);
                *begun = (*begun).min(fact.occurred_at.as_nanos());
            }
        }
        self.plan.events.push((index, number, fact));
        self.plan.unique.extend(event.unique.iter().map(|key| *key.as_bytes()));
        self.plan.sends.extend(&event.sends);
        Ok(())
    }

    /// How long a delivery took: since the earliest beginning of its send, of those that this batch and memory know.
    fn delay_of(&self, event: &StagedEvent) -> u8 {
        let known = |half: &u64| {
            let here = self.plan.begun.get(half).copied();
            let periods = self.tail.unsealed.iter().rev();
            let facts = periods
                .flat_map(|period| period.places(Key::send(*half)).filter_map(|place| period.fact(place)));
            let begun = facts.take(MOST_OF_A_SEND).filter(|fact| BEGINNINGS.contains(&fact.kind));
            begun.map(|fact| fact.occurred_at.as_nanos()).chain(here).min()
        };
        let begun = event.sends.iter().filter_map(known).min();
        begun.map_or(0, |begun| delay_step(event.occurred_at.as_nanos().saturating_sub(begun)))
    }

    fn source_number(&mut self, source: &SourceRef) -> Result<u32, StoreError> {
        let new = || self.plan.sources.iter().find(|(_, known)| known == source).map(|(number, _)| *number);
        if let Some(number) = self.sources.number(source).or_else(new) {
            return Ok(number);
        }
        let number = rows::add_source(self.session, source)?;
        self.plan.sources.push((number, source.clone()));
        Ok(number)
    }

    /// Whether the event is known under any of its keys: in this batch, in memory, or in the database.
    fn knows(&self, event: &StagedEvent) -> bool {
        event.unique.iter().map(DedupKey::as_bytes).any(|key| {
            self.plan.unique.contains(key)
                || self.tail.unsealed.iter().any(|period| period.knows(key))
                || self.known.has_event(key)
        })
    }

    /// The body that a token was bound to before.
    fn body_of(&self, token: &Digest) -> Option<Digest> {
        let in_memory = || self.tail.unsealed.iter().rev().find_map(|period| period.body_of(token));
        let known = self.plan.bodies.get(token).or_else(|| self.loose.get(token)).copied();
        known.or_else(in_memory).or_else(|| self.known.body_of(token))
    }

    /// Whether any event of the request belongs to a message of which something is known.
    fn knows_a_message(&self, request: &Staged) -> Result<bool, StoreError> {
        let blocks = Blocks::new(self.session);
        for half in request.events.iter().flat_map(|event| &event.sends).copied() {
            let key = Key::send(half);
            if self.plan.sends.contains(&half)
                || self.tail.unsealed.iter().any(|period| period.places(key).next().is_some())
            {
                return Ok(true);
            }
            let periods = self.filters.periods_of(key);
            let sealed = self.tail.sealed.iter().rev();
            for sealed in sealed.filter(|sealed| periods.has(sealed.number)) {
                for places in blocks.places(sealed, key, Order::Newest) {
                    if !places?.is_empty() {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }
}

/// The first period that is asked for the keys of a request. An import may be done again at any time.
pub(super) fn first_asked(request: &Staged, oldest_period: u64) -> u64 {
    if request.origin == Origin::Import { 0 } else { oldest_period }
}

/// The first period that deduplication looks into, for a horizon given as a moment: periods received wholly before it
/// are left out. What was imported was received long before its neighbours, so that each is looked at.
pub(super) fn oldest_period(tail: &Tail, horizon_nanos: i64) -> u64 {
    let within = tail.sealed.iter().find(|sealed| sealed.received_max >= horizon_nanos);
    within.map_or_else(|| tail.first_unsealed(), |sealed| sealed.number)
}
