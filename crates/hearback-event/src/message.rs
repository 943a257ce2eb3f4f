//! What a set of events says about one message: its status, and why.
//!
//! The status is the maximum of the events under one total order, so any order of arrival gives the same answer:
//! class first (complained, then terminal, then in transit), then the provider's time, then rank (a failure outranks a
//! delivery at the same instant). Where any event of the deciding class has no time of its own (Twilio), rank
//! decides before time within that class, because the time of receipt says nothing about what happened first.

use std::cmp::Reverse;

use crate::kind::vocabulary;
use crate::{Fact, Kind, Timestamp};

vocabulary! {
    /// Where a message stands.
    Status, "message status" {
        /// Nothing but engagement or unknown events were seen.
        Unknown = 1 "unknown",
        /// The application told us of it; the provider has not spoken yet.
        Registered = 2 "registered",
        /// The provider holds it.
        Queued = 3 "queued",
        /// The provider handed it on.
        Sent = 4 "sent",
        /// Delivery failed for now; the provider goes on trying.
        Deferred = 5 "deferred",
        /// It arrived.
        Delivered = 6 "delivered",
        /// The provider could not send it.
        Failed = 7 "failed",
        /// The provider would not send it.
        Rejected = 8 "rejected",
        /// The recipient's side refused it.
        Bounced = 9 "bounced",
        /// The recipient reported it as spam.
        Complained = 10 "complained",
        /// A message that came in.
        Inbound = 11 "inbound",
    }
}

impl Status {
    /// The kinds of events that can decide for it.
    pub fn kinds(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.iter().copied().filter(move |kind| status_of(*kind) == self)
    }

    /// Whether a message with an event of this kind can have this status, whatever else happened to it.
    pub fn is_possible_with(self, kind: Kind) -> bool {
        let least = Class::of(kind).weight();
        least == 0 || self.kinds().any(|own| Class::of(own).weight() >= least)
    }

    /// Whether the message's way has not ended yet.
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Unknown | Self::Registered | Self::Queued | Self::Sent | Self::Deferred)
    }
}

/// How much an event weighs: greater classes decide over smaller ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Says nothing about the message's way.
    Silent,
    /// The application said that it sends it; whatever a provider tells says more.
    Registered,
    /// Proves a delivery where no terminal event was seen.
    Proof,
    /// The message is still under way.
    InTransit,
    /// The end of the way.
    Terminal,
    /// A complaint, which nothing takes back.
    Complained,
}

impl Class {
    /// The class of a kind.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Complained => Self::Complained,
            Kind::Delivered
            | Kind::Bounced
            | Kind::Rejected
            | Kind::Failed
            | Kind::Inbound
            | Kind::InboundFailed => Self::Terminal,
            Kind::Registered => Self::Registered,
            Kind::Queued | Kind::Sent | Kind::Deferred => Self::InTransit,
            Kind::Opened | Kind::Clicked | Kind::Unsubscribed => Self::Proof,
            _ => Self::Silent,
        }
    }

    /// Of a message's events those of the heaviest class decide. An open and the like proves a delivery over anything in transit.
    const fn weight(self) -> u8 {
        match self {
            Self::Silent => 0,
            Self::Registered => 1,
            Self::InTransit => 2,
            Self::Proof => 3,
            Self::Terminal => 4,
            Self::Complained => 5,
        }
    }
}

/// Within a class, at the same time: the greater decides.
const fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Queued | Kind::Delivered | Kind::Inbound => 1,
        Kind::Sent | Kind::Failed | Kind::InboundFailed => 2,
        Kind::Deferred | Kind::Rejected => 3,
        Kind::Bounced => 4,
        _ => 0,
    }
}

const fn status_of(kind: Kind) -> Status {
    match kind {
        Kind::Registered => Status::Registered,
        Kind::Queued => Status::Queued,
        Kind::Sent => Status::Sent,
        Kind::Deferred => Status::Deferred,
        Kind::Delivered | Kind::Opened | Kind::Clicked | Kind::Unsubscribed => Status::Delivered,
        Kind::Bounced => Status::Bounced,
        Kind::Rejected => Status::Rejected,
        Kind::Failed | Kind::InboundFailed => Status::Failed,
        Kind::Complained => Status::Complained,
        Kind::Inbound => Status::Inbound,
        _ => Status::Unknown,
    }
}

/// What a set of events says about one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageState {
    /// Where it stands.
    pub status: Status,
    /// Whether a delivery was concluded from an open, a click or an unsubscribe.
    pub implied: bool,
    /// Position of the event that decided; `None` without any that could.
    pub decided_by: Option<u64>,
    /// When the deciding event happened.
    pub since: Option<Timestamp>,
    /// Time of the first event that is no alert.
    pub first_at: Option<Timestamp>,
    /// Time of the last event that is no alert.
    pub last_at: Option<Timestamp>,
    /// Opens by people (or not known to be machines) and by machines.
    pub opens: (u64, u64),
    /// Clicks by people (or not known to be machines) and by machines.
    pub clicks: (u64, u64),
}

impl MessageState {
    /// The state that `facts`, in any order, give.
    pub fn of(facts: &[Fact]) -> Self {
        let count = |kind: Kind, machine: bool| {
            facts.iter().filter(|fact| fact.kind == kind && fact.has(Fact::MACHINE) == machine).count() as u64
        };
        let deciding = deciding(facts);
        let class = deciding.map_or(Class::Silent, |fact| Class::of(fact.kind));
        // That somebody is told of a message is nothing that happened to it.
        let happened = || facts.iter().filter(|fact| !fact.kind.is_alert()).map(|fact| fact.occurred_at);
        Self {
            status: deciding.map_or(Status::Unknown, |fact| status_of(fact.kind)),
            implied: class == Class::Proof,
            decided_by: deciding.map(|fact| fact.position),
            since: deciding.map(|fact| fact.occurred_at),
            first_at: happened().min(),
            last_at: happened().max(),
            opens: (count(Kind::Opened, false), count(Kind::Opened, true)),
            clicks: (count(Kind::Clicked, false), count(Kind::Clicked, true)),
        }
    }

    /// In words, why `fact` did not decide over the event that did.
    pub fn why_not(facts: &[Fact], fact: &Fact) -> &'static str {
        let Some(decided) = deciding(facts) else { return "says nothing about the message's way" };
        if decided.position == fact.position {
            return "decided the status";
        }
        let (class, decided_class) = (Class::of(fact.kind), Class::of(decided.kind));
        match class {
            Class::Silent => "says nothing about the message's way",
            Class::Registered if decided_class > Class::Registered => "the provider has spoken since",
            Class::Proof if decided_class > Class::Proof => {
                "opens, clicks and unsubscribes do not change a status"
            }
            _ if class < decided_class && decided_class == Class::Complained => {
                "a complaint outranks everything"
            }
            _ if class < decided_class => "the message's way had ended",
            _ if rank_first(facts, class) && rank(fact.kind) < rank(decided.kind) => {
                "the provider gives no times, so the graver event decides"
            }
            _ if fact.occurred_at < decided.occurred_at => "a later event of the same weight decided",
            _ if rank(fact.kind) < rank(decided.kind) => "happened at the same instant as a graver event",
            _ => "says the same as the event that decided",
        }
    }
}

/// The event that decides.
fn deciding(facts: &[Fact]) -> Option<&Fact> {
    let classes = || facts.iter().map(|fact| Class::of(fact.kind));
    let class = classes().max_by_key(|class| class.weight()).filter(|class| class.weight() > 0)?;
    let rank_first = rank_first(facts, class);
    let key = |fact: &&Fact| {
        let (time, rank) = (fact.occurred_at, rank(fact.kind));
        // For an implied delivery the first proof counts; for a complaint the first complaint.
        let time = if matches!(class, Class::Proof | Class::Complained) {
            Timestamp::from_nanos(time.as_nanos().checked_neg().unwrap_or(i64::MAX))
        } else {
            time
        };
        let (first, second) =
            if rank_first { (i64::from(rank), time.as_nanos()) } else { (time.as_nanos(), i64::from(rank)) };
        (first, second, fact.kind, Reverse(fact.position))
    };
    facts.iter().filter(|fact| Class::of(fact.kind) == class).max_by_key(key)
}

fn rank_first(facts: &[Fact], class: Class) -> bool {
    facts.iter().any(|fact| Class::of(fact.kind) == class && fact.has(Fact::APPROXIMATE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fact(position: u64, kind: Kind, at: i64, flags: u16) -> Fact {
        Fact { position, kind, occurred_at: Timestamp::from_nanos(at), flags, delay: 0, source: 1 }
    }

    fn status(events: &[(Kind, i64)]) -> (Status, bool) {
        let facts: Vec<Fact> =
            events.iter().enumerate().map(|(i, (kind, at))| fact(i as u64 + 1, *kind, *at, 0)).collect();
        let state = MessageState::of(&facts);
        (state.status, state.implied)
    }

    #[test]
    fn table_of_statuses() {
        use Kind::{
            Bounced, Clicked, Complained, Deferred, Delivered, Failed, Opened, Queued, Registered, Sent,
            Unsubscribed,
        };
        type Case = (&'static [(Kind, i64)], Status, bool);
        let cases: &[Case] = &[
            (&[], Status::Unknown, false),
            (&[(Kind::Unknown, 1)], Status::Unknown, false),
            (&[(Registered, 9)], Status::Registered, false),
            (&[(Registered, 9), (Queued, 1)], Status::Queued, false),
            (&[(Registered, 9), (Opened, 1)], Status::Delivered, true),
            (&[(Sent, 2), (Queued, 1)], Status::Sent, false),
            (&[(Deferred, 5), (Sent, 9)], Status::Sent, false),
            (&[(Deferred, 5), (Delivered, 3)], Status::Delivered, false),
            (&[(Delivered, 5), (Bounced, 9)], Status::Bounced, false),
            (&[(Bounced, 5), (Delivered, 9)], Status::Delivered, false),
            (&[(Bounced, 5), (Delivered, 5)], Status::Bounced, false),
            (&[(Failed, 5), (Bounced, 5)], Status::Bounced, false),
            (&[(Opened, 5)], Status::Delivered, true),
            (&[(Queued, 1), (Clicked, 5)], Status::Delivered, true),
            (&[(Unsubscribed, 5), (Deferred, 9)], Status::Delivered, true),
            (&[(Opened, 9), (Bounced, 5)], Status::Bounced, false),
            (&[(Complained, 1), (Bounced, 9)], Status::Complained, false),
        ];
        for (events, expected, implied) in cases {
            assert_eq!(status(events), (*expected, *implied), "{events:?}");
        }
    }

    #[test]
    fn without_times_rank_decides() {
        let undelivered = fact(1, Kind::Bounced, 5, Fact::APPROXIMATE);
        let delivered = fact(2, Kind::Delivered, 9, Fact::APPROXIMATE);
        assert_eq!(MessageState::of(&[undelivered, delivered]).status, Status::Bounced);
        let sent = fact(1, Kind::Sent, 5, Fact::APPROXIMATE);
        let queued = fact(2, Kind::Queued, 9, Fact::APPROXIMATE);
        assert_eq!(MessageState::of(&[queued, sent]).status, Status::Sent);
    }

    #[test]
    fn every_event_is_explained() {
        let facts = [
            fact(1, Kind::Delivered, 5, 0),
            fact(2, Kind::Bounced, 9, 0),
            fact(3, Kind::Opened, 10, 0),
            fact(4, Kind::Sent, 11, 0),
        ];
        let why: Vec<_> = facts.iter().map(|fact| MessageState::why_not(&facts, fact)).collect();
        assert_eq!(
            why,
            [
                "a later event of the same weight decided",
                "decided the status",
                "opens, clicks and unsubscribes do not change a status",
                "the message's way had ended",
            ]
        );
    }

    proptest! {
        #[test]
        fn any_order_gives_the_same_state(
            events in proptest::collection::vec((0..Kind::ALL.len(), 0_i64..12, 0_u16..64), 0..12),
            seed: u64,
        ) {
            let facts: Vec<Fact> = events.iter().enumerate()
                .map(|(i, (kind, at, flags))| fact(i as u64 + 1, Kind::ALL[*kind], *at, *flags)).collect();
            let mut shuffled = facts.clone();
            let len = shuffled.len().max(1);
            for i in 0..shuffled.len() { shuffled.swap(i, (seed as usize).wrapping_mul(i + 3) % len); }
            prop_assert_eq!(MessageState::of(&facts), MessageState::of(&shuffled));
        }

        #[test]
        fn a_status_is_possible_with_every_event_that_gave_it(
            events in proptest::collection::vec((0..Kind::ALL.len(), 0_i64..12, 0_u16..64), 0..12),
        ) {
            let facts: Vec<Fact> = events.iter().enumerate()
                .map(|(i, (kind, at, flags))| fact(i as u64 + 1, Kind::ALL[*kind], *at, *flags)).collect();
            let status = MessageState::of(&facts).status;
            for fact in &facts {
                prop_assert!(status.is_possible_with(fact.kind), "{:?} with {:?}", status, fact.kind);
            }
        }
    }

    #[test]
    fn what_ended_the_way_rules_out_what_was_on_it() {
        for kind in [Kind::Delivered, Kind::Opened, Kind::Bounced, Kind::Complained] {
            assert!(!Status::Deferred.is_possible_with(kind), "{kind:?}");
        }
        assert!(Status::Deferred.is_possible_with(Kind::Sent));
        assert!(!Status::Delivered.is_possible_with(Kind::Complained));
        assert!(Status::Delivered.is_possible_with(Kind::Bounced));
    }
}
