//! What a set of events says about one recipient: counters, the last event, and whether it may be sent to.
//!
//! [`RecipientState`] is a commutative monoid: states of two disjoint sets of events merge into the
//! state of their union in any order, which is what makes it independent of the order of arrival.

use serde::Serialize;

use crate::kind::vocabulary;
use crate::{Fact, Kind, Timestamp};

vocabulary! {
    /// In one word, what is known of a recipient.
    RecipientStatus, "recipient status" {
        /// Must not be sent to.
        Suppressed = 1 "suppressed",
        /// The last outcome was a failure.
        Failing = 2 "failing",
        /// The last outcome was a delivery.
        Deliverable = 3 "deliverable",
        /// No outcome is known yet.
        Pending = 4 "pending",
    }
}

vocabulary! {
    /// Why an address must not be sent to.
    SuppressionReason, "suppression reason" {
        /// A person added it by hand.
        Manual = 1 "manual",
        /// The recipient reported a message as spam.
        Complained = 2 "complained",
        /// The recipient unsubscribed.
        Unsubscribed = 3 "unsubscribed",
        /// The provider put it on its list.
        Listed = 4 "listed",
        /// A permanent bounce: the address does not exist.
        Bounced = 5 "bounced",
    }
}

/// An address that must not be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub since: Timestamp,
    /// The store's number for the source that told it.
    pub source: u32,
}

/// How often what happened. Opens and clicks by people and machines are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each field is the kind it counts")]
pub struct Counts {
    pub registered: u64,
    pub queued: u64,
    pub sent: u64,
    pub delivered: u64,
    pub deferred: u64,
    pub bounced_permanent: u64,
    pub bounced_temporary: u64,
    pub rejected: u64,
    pub failed: u64,
    pub opened_human: u64,
    pub opened_machine: u64,
    pub clicked_human: u64,
    pub clicked_machine: u64,
    pub complained: u64,
    pub unsubscribed: u64,
    pub inbound: u64,
    pub other: u64,
}

impl Counts {
    /// How many numbers there are.
    pub const LEN: usize = 17;

    /// The numbers in the order of the fields.
    pub const fn as_array(&self) -> [u64; Self::LEN] {
        [
            self.registered,
            self.queued,
            self.sent,
            self.delivered,
            self.deferred,
            self.bounced_permanent,
            self.bounced_temporary,
            self.rejected,
            self.failed,
            self.opened_human,
            self.opened_machine,
            self.clicked_human,
            self.clicked_machine,
            self.complained,
            self.unsubscribed,
            self.inbound,
            self.other,
        ]
    }

    /// From the numbers in the order of the fields.
    pub const fn from_array(n: [u64; Self::LEN]) -> Self {
        Self {
            registered: n[0],
            queued: n[1],
            sent: n[2],
            delivered: n[3],
            deferred: n[4],
            bounced_permanent: n[5],
            bounced_temporary: n[6],
            rejected: n[7],
            failed: n[8],
            opened_human: n[9],
            opened_machine: n[10],
            clicked_human: n[11],
            clicked_machine: n[12],
            complained: n[13],
            unsubscribed: n[14],
            inbound: n[15],
            other: n[16],
        }
    }

    fn counter(&mut self, fact: &Fact) -> &mut u64 {
        let machine = fact.has(Fact::MACHINE);
        match fact.kind {
            Kind::Registered => &mut self.registered,
            Kind::Queued => &mut self.queued,
            Kind::Sent => &mut self.sent,
            Kind::Delivered => &mut self.delivered,
            Kind::Deferred => &mut self.deferred,
            Kind::Bounced if fact.has(Fact::TEMPORARY) => &mut self.bounced_temporary,
            Kind::Bounced => &mut self.bounced_permanent,
            Kind::Rejected => &mut self.rejected,
            Kind::Failed => &mut self.failed,
            Kind::Opened if machine => &mut self.opened_machine,
            Kind::Opened => &mut self.opened_human,
            Kind::Clicked if machine => &mut self.clicked_machine,
            Kind::Clicked => &mut self.clicked_human,
            Kind::Complained => &mut self.complained,
            Kind::Unsubscribed => &mut self.unsubscribed,
            Kind::Inbound | Kind::InboundFailed => &mut self.inbound,
            _ => &mut self.other,
        }
    }
}

/// A moment and the source that told it. Later wins; at the same moment the greater source number.
type Mark = Option<(Timestamp, u32)>;

/// What a set of events says about one recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecipientState {
    /// How often what happened.
    pub counts: Counts,
    /// The newest event: its time, kind and position in the log. Order of the tuple decides which is newest.
    pub last: Option<(Timestamp, u8, u64)>,
    /// The newest outcome (delivered, bounced, rejected, failed).
    pub outcome: Option<(Timestamp, u8)>,
    /// When a message to it was last handed on (sent, or delivered where sends are not told).
    pub sent_at: Option<Timestamp>,
    /// When the first event was.
    pub first_at: Option<Timestamp>,
    /// Newest permanent bounce as a bad address.
    pub bounced: Mark,
    /// Newest complaint.
    pub complained: Mark,
    /// Newest unsubscribe from everything.
    pub unsubscribed: Mark,
    /// Newest entry on a provider's list.
    pub listed: Mark,
    /// Newest removal from a provider's list, or subscription.
    pub unlisted: Mark,
    /// Newest delivery.
    pub delivered: Mark,
    /// Newest suppression by hand.
    pub by_hand: Mark,
    /// Newest lifting by hand.
    pub lifted: Mark,
}

impl RecipientState {
    /// The state after one more event.
    pub fn add(&mut self, fact: &Fact) {
        // That somebody is told of a bounce is nothing that happened to the recipient.
        if fact.kind.is_alert() {
            return;
        }
        *self.counts.counter(fact) += 1;
        let mark = Some((fact.occurred_at, fact.source));
        self.last = self.last.max(Some((fact.occurred_at, fact.kind.number(), fact.position)));
        let last = Some((fact.occurred_at, fact.kind.number()));
        self.first_at = earliest(self.first_at, Some(fact.occurred_at));
        match fact.kind {
            Kind::Delivered | Kind::Bounced | Kind::Rejected | Kind::Failed => {
                self.outcome = self.outcome.max(last);
            }
            _ => {}
        }
        if matches!(fact.kind, Kind::Sent | Kind::Delivered) {
            self.sent_at = self.sent_at.max(Some(fact.occurred_at));
        }
        let raise = |slot: &mut Mark| *slot = (*slot).max(mark);
        match fact.kind {
            Kind::Delivered => raise(&mut self.delivered),
            Kind::Complained => raise(&mut self.complained),
            Kind::Unsubscribed if !fact.has(Fact::SCOPED) => raise(&mut self.unsubscribed),
            _ => {}
        }
        if fact.has(Fact::BAD_ADDRESS) {
            raise(&mut self.bounced);
        }
        // What people do is apart from what providers do: neither undoes what the other did in the same way.
        let (listed, unlisted) = if fact.has(Fact::MANUAL) {
            (&mut self.by_hand, &mut self.lifted)
        } else {
            (&mut self.listed, &mut self.unlisted)
        };
        if fact.has(Fact::LISTED) {
            raise(listed);
        }
        if fact.has(Fact::UNLISTED) {
            raise(unlisted);
        }
    }

    /// The state of two disjoint sets of events together.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        let (a, b) = (self.counts.as_array(), other.counts.as_array());
        Self {
            counts: Counts::from_array(std::array::from_fn(|i| a[i] + b[i])),
            last: self.last.max(other.last),
            outcome: self.outcome.max(other.outcome),
            sent_at: self.sent_at.max(other.sent_at),
            first_at: earliest(self.first_at, other.first_at),
            bounced: self.bounced.max(other.bounced),
            complained: self.complained.max(other.complained),
            unsubscribed: self.unsubscribed.max(other.unsubscribed),
            listed: self.listed.max(other.listed),
            unlisted: self.unlisted.max(other.unlisted),
            delivered: self.delivered.max(other.delivered),
            by_hand: self.by_hand.max(other.by_hand),
            lifted: self.lifted.max(other.lifted),
        }
    }

    /// The kind of the newest event.
    pub fn last_kind(&self) -> Option<Kind> {
        self.last.and_then(|(_, number, _)| Kind::from_number(number))
    }

    /// Whether the events suppress the address, and why: the gravest cause that still stands.
    ///
    /// What a person suppressed, only a person lifts; what a person lifted is lifted, whatever the cause, until a newer one.
    /// At the same moment the cause stands: a message too few is better than one too many.
    ///
    /// A bounce is cleared by a later delivery (the address exists after all) or removal from the provider's list;
    /// a complaint, an unsubscribe and a list entry only by removal or a new subscription, because a message that was
    /// under way may well be delivered after its recipient complained.
    pub fn suppression(&self) -> Option<Suppression> {
        let stands = |mark: Mark, cleared: Option<Timestamp>| {
            mark.filter(|(at, _)| cleared.is_none_or(|cleared| *at >= cleared))
        };
        let lifted = self.lifted.map(|(at, _)| at);
        let unlisted = lifted.max(self.unlisted.map(|(at, _)| at));
        let delivered = self.delivered.map(|(at, _)| at);
        [
            (SuppressionReason::Manual, stands(self.by_hand, lifted)),
            (SuppressionReason::Complained, stands(self.complained, unlisted)),
            (SuppressionReason::Unsubscribed, stands(self.unsubscribed, unlisted)),
            (SuppressionReason::Listed, stands(self.listed, unlisted)),
            (SuppressionReason::Bounced, stands(self.bounced, unlisted.max(delivered))),
        ]
        .into_iter()
        .find_map(|(reason, mark)| mark.map(|(since, source)| Suppression { reason, since, source }))
    }

    /// The first moment, from `now` on, at which something that is done by hand comes after all that is known: clocks of
    /// providers differ from ours, and what is lifted now must not stand because of a complaint in the future.
    #[must_use]
    pub fn moment_by_hand(&self, now: Timestamp) -> Timestamp {
        let marks =
            [self.by_hand, self.lifted, self.complained, self.unsubscribed, self.listed, self.bounced];
        let newest = marks.into_iter().flatten().map(|(at, _)| at.as_nanos()).max();
        newest.map_or(now, |newest| now.max(Timestamp::from_nanos(newest.saturating_add(1))))
    }

    /// The status in one word.
    pub fn status(&self) -> RecipientStatus {
        if self.suppression().is_some() {
            return RecipientStatus::Suppressed;
        }
        match self.outcome.and_then(|(_, number)| Kind::from_number(number)) {
            Some(Kind::Delivered) => RecipientStatus::Deliverable,
            Some(_) => RecipientStatus::Failing,
            None => RecipientStatus::Pending,
        }
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn facts() -> impl Strategy<Value = Vec<Fact>> {
        let fact =
            (0..Kind::ALL.len(), 0_i64..40, 0_u16..2048, 0_u32..3).prop_map(|(kind, at, flags, source)| {
                Fact {
                    position: at as u64 * 7 % 11,
                    kind: Kind::ALL[kind],
                    occurred_at: Timestamp::from_nanos(at),
                    flags,
                    delay: 0,
                    source,
                }
            });
        proptest::collection::vec(fact, 0..24)
    }

    fn fold(facts: &[Fact]) -> RecipientState {
        let mut state = RecipientState::default();
        for fact in facts {
            state.add(fact);
        }
        state
    }

    fn fact(kind: Kind, at: i64, flags: u16) -> Fact {
        Fact { position: at as u64, kind, occurred_at: Timestamp::from_nanos(at), flags, delay: 0, source: 1 }
    }

    proptest! {
        #[test]
        fn any_order_and_any_split_give_the_same_state(facts in facts(), seed: u64, cut in 0_usize..24) {
            let mut shuffled = facts.clone();
            let len = shuffled.len().max(1);
            for i in 0..shuffled.len() { shuffled.swap(i, (seed as usize).wrapping_mul(i + 7) % len); }
            prop_assert_eq!(fold(&facts), fold(&shuffled));
            let (left, right) = facts.split_at(cut.min(facts.len()));
            prop_assert_eq!(fold(&facts), fold(left).merge(&fold(right)));
            prop_assert_eq!(fold(right).merge(&fold(left)), fold(left).merge(&fold(right)));
        }
    }

    #[test]
    fn a_bad_address_is_suppressed_until_a_later_delivery() {
        let bounce = fact(Kind::Bounced, 10, Fact::PERMANENT | Fact::BAD_ADDRESS);
        assert_eq!(fold(&[bounce]).suppression().unwrap().reason, SuppressionReason::Bounced);
        assert_eq!(fold(&[bounce, fact(Kind::Delivered, 9, 0)]).status(), RecipientStatus::Suppressed);
        assert_eq!(fold(&[bounce, fact(Kind::Delivered, 11, 0)]).status(), RecipientStatus::Deliverable);
        assert_eq!(fold(&[fact(Kind::Bounced, 10, Fact::TEMPORARY)]).status(), RecipientStatus::Failing);
    }

    #[test]
    fn a_complaint_outlives_a_delivery_but_not_a_removal() {
        let complaint = fact(Kind::Complained, 10, 0);
        let state = fold(&[complaint, fact(Kind::Delivered, 20, 0)]);
        assert_eq!(state.suppression().unwrap().reason, SuppressionReason::Complained);
        assert!(
            fold(&[complaint, fact(Kind::SuppressionChanged, 20, Fact::UNLISTED)]).suppression().is_none()
        );
        assert!(fold(&[fact(Kind::Unsubscribed, 5, Fact::SCOPED)]).suppression().is_none());
    }

    const ADDED: u16 = Fact::MANUAL | Fact::LISTED;
    const LIFTED: u16 = Fact::MANUAL | Fact::UNLISTED;

    /// Every way in which something can be told after a suppression.
    fn told_by_providers(at: i64) -> Vec<Fact> {
        let flags = [0, Fact::LISTED, Fact::UNLISTED, Fact::BAD_ADDRESS, Fact::SCOPED];
        let all = Kind::ALL.iter().flat_map(|kind| flags.map(|flags| fact(*kind, at, flags)));
        all.collect()
    }

    #[test]
    fn what_a_person_suppressed_only_a_person_lifts() {
        let added = fact(Kind::SuppressionChanged, 10, ADDED);
        for later in told_by_providers(20) {
            let suppression = fold(&[added, later]).suppression().unwrap();
            assert_eq!(
                (suppression.reason, suppression.since),
                (SuppressionReason::Manual, added.occurred_at)
            );
        }
        assert_eq!(fold(&[added, fact(Kind::SuppressionChanged, 11, LIFTED)]).suppression(), None);
        let tie = fold(&[fact(Kind::SuppressionChanged, 10, LIFTED), added]);
        assert_eq!(tie.status(), RecipientStatus::Suppressed, "at the same moment it stands");
    }

    #[test]
    fn what_a_person_lifts_is_lifted_until_a_newer_cause() {
        for cause in told_by_providers(10) {
            let lifted = fact(Kind::SuppressionChanged, 11, LIFTED);
            assert_eq!(fold(&[cause, lifted]).suppression(), None);
            let again = Fact { occurred_at: Timestamp::from_nanos(12), ..cause };
            assert_eq!(fold(&[lifted, again]).suppression(), fold(&[again]).suppression());
        }
    }

    proptest! {
        #[test]
        fn what_is_done_by_hand_now_is_what_holds(facts in facts(), now in 0_i64..60) {
            let before = fold(&facts);
            let at = before.moment_by_hand(Timestamp::from_nanos(now));
            prop_assert!(at.as_nanos() >= now);
            for (flags, expected) in [(ADDED, Some(SuppressionReason::Manual)), (LIFTED, None)] {
                let done = Fact { occurred_at: at, ..fact(Kind::SuppressionChanged, 0, flags) };
                let mut after = before;
                after.add(&done);
                prop_assert_eq!(after.suppression().map(|suppression| suppression.reason), expected);
            }
        }
    }
}
