//! What can be asked of a store.

use hearback_event::{
    Address, Channel, Counts, Kind, MessageId, Reason, RecipientStatus, Record, Severity, Status,
    SuppressionReason, Timestamp,
};

use crate::{MessageView, RecipientView, SuppressionView};

/// Which events; everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// One of these kinds; empty for any.
    pub kinds: Vec<Kind>,
    /// Received by this source.
    pub source: Option<String>,
    /// Of this provider.
    pub provider: Option<String>,
    /// To this recipient.
    pub recipient: Option<Address>,
    /// To one of these recipients; empty for any.
    pub recipients: Vec<Address>,
    /// To a recipient of this domain.
    pub domain: Option<String>,
    /// Of one of these messages, as far as the event itself says so; empty for any.
    pub messages: Vec<MessageId>,
    /// With these labels.
    pub labels: Vec<(String, String)>,
    /// With this tag.
    pub tag: Option<String>,
    /// Failures (deferred, bounced, rejected, failed) of this severity.
    pub severity: Option<Severity>,
    /// Failures with one of these reasons; empty for any. No index knows reasons: the row decides.
    pub reasons: Vec<Reason>,
    /// Happened at or after.
    pub since: Option<Timestamp>,
    /// Happened before.
    pub until: Option<Timestamp>,
}

/// The kinds that have a severity and a reason.
const FAILURES: &[Kind] = &[Kind::Deferred, Kind::Bounced, Kind::Rejected, Kind::Failed, Kind::InboundFailed];

impl EventFilter {
    /// The kinds that can be in the answer; empty for any.
    pub(crate) fn effective_kinds(&self) -> &[Kind] {
        let wants_failures = self.severity.is_some() || !self.reasons.is_empty();
        if self.kinds.is_empty() && wants_failures { FAILURES } else { &self.kinds }
    }

    /// Whether an event is meant: what decides in the end, whatever index led to it.
    pub fn matches(&self, record: &Record) -> bool {
        let event = &record.event;
        let is =
            |wanted: Option<&str>, found: Option<&str>| wanted.is_none_or(|wanted| Some(wanted) == found);
        let kinds = self.effective_kinds();
        (kinds.is_empty() || kinds.contains(&event.kind))
            && is(self.source.as_deref(), Some(&record.source))
            && is(self.provider.as_deref(), Some(&record.provider))
            && self.recipient.as_ref().is_none_or(|wanted| is_to(record, wanted))
            && (self.recipients.is_empty() || self.recipients.iter().any(|wanted| is_to(record, wanted)))
            && self.domain.as_deref().is_none_or(|wanted| is_to_domain(record, wanted))
            && (self.messages.is_empty()
                || event.message_ids(&record.account).any(|id| self.messages.contains(&id)))
            && self.labels.iter().all(|(key, value)| event.labels.get(key) == Some(value))
            && self.tag.as_ref().is_none_or(|wanted| event.tags.contains(wanted))
            && self.severity.is_none_or(|wanted| event.severity() == Some(wanted))
            && (self.reasons.is_empty()
                || event.reason().is_some_and(|reason| self.reasons.contains(&reason)))
            && self.since.is_none_or(|since| record.occurred_at() >= since)
            && self.until.is_none_or(|until| record.occurred_at() < until)
    }
}

fn is_to(record: &Record, wanted: &Address) -> bool {
    record.event.recipient.as_ref() == Some(wanted) || record.event.ambiguous_recipients.contains(wanted)
}

fn is_to_domain(record: &Record, wanted: &str) -> bool {
    let event = &record.event;
    let mut addresses = event.recipient.iter().chain(&event.ambiguous_recipients);
    addresses.any(|address| address.domain().is_some_and(|domain| domain.eq_ignore_ascii_case(wanted)))
}

/// Which messages; everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// In one of these statuses; empty for any.
    pub statuses: Vec<Status>,
    /// Of which this source tells.
    pub source: Option<String>,
    /// Of this provider.
    pub provider: Option<String>,
    /// Which travels so.
    pub channel: Option<Channel>,
    /// To this recipient.
    pub recipient: Option<Address>,
    /// To a recipient of this domain.
    pub domain: Option<String>,
    /// With these labels, all on one of its events.
    pub labels: Vec<(String, String)>,
    /// With this tag.
    pub tag: Option<String>,
    /// Of which something that bears on the other conditions happened at or after.
    pub since: Option<Timestamp>,
    /// Of which something that bears on the other conditions happened before.
    pub until: Option<Timestamp>,
    /// Registered with a time by which it should have been delivered, and overdue at this moment.
    pub overdue_at: Option<Timestamp>,
}

impl MessageFilter {
    /// The events among which a message's newest stands for it in a list.
    pub(crate) fn events(&self) -> EventFilter {
        // What the sender attached need not be on every event, so that the event that decides may be without.
        let by_kind = self.labels.is_empty() && self.tag.is_none();
        let kinds = match (self.overdue_at, self.statuses.is_empty()) {
            (Some(_), _) => vec![Kind::Registered],
            (None, false) if by_kind => self.statuses.iter().flat_map(|status| status.kinds()).collect(),
            _ => Vec::new(),
        };
        EventFilter {
            kinds,
            source: self.source.clone(),
            provider: self.provider.clone(),
            recipient: self.recipient.clone(),
            domain: self.domain.clone(),
            labels: self.labels.clone(),
            tag: self.tag.clone(),
            since: self.since,
            until: self.until,
            ..EventFilter::default()
        }
    }

    /// Whether a message that has such an event is meant.
    pub fn matches(&self, message: &MessageView) -> bool {
        (self.statuses.is_empty() || self.statuses.contains(&message.state.status))
            && self
                .channel
                .is_none_or(|wanted| message.events.iter().any(|record| record.event.channel == wanted))
            && self.overdue_at.is_none_or(|now| message.is_overdue(now))
    }
}

/// One page of messages, those of which something happened last first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageQuery {
    /// Which.
    pub filter: MessageFilter,
    /// As the log stood with this position as its last; `None` for now. The pages of one list are all as of the first one's.
    pub as_of: Option<u64>,
    /// Only messages beyond this position: where the page before ended.
    pub beyond: Option<u64>,
    /// At most so many (1 to 200).
    pub limit: usize,
}

/// A page of messages.
#[derive(Clone, Debug)]
pub struct MessagePage {
    /// The messages as they stood then.
    pub rows: Vec<MessageView>,
    /// Where the next page begins ([`MessageQuery::beyond`]); `None` at the end. A page with a next one may be short or empty,
    /// where little of what was looked at is meant.
    pub next: Option<u64>,
    /// The last position that was looked at.
    pub as_of: u64,
}

/// In which order of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The last received first.
    #[default]
    Newest,
    /// The first received first: for following the log.
    Oldest,
}

/// One page of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Which.
    pub filter: EventFilter,
    /// In which order.
    pub order: Order,
    /// Only events beyond this log position, in the query's order: the last position of the page before.
    pub beyond: Option<u64>,
    /// At most so many (1 to 1000).
    pub limit: usize,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows in order.
    pub rows: Vec<T>,
    /// Where the next page begins ([`EventQuery::beyond`]); `None` at the end.
    pub next: Option<u64>,
}

/// Which refused requests, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuarantineFilter {
    /// Of this source.
    pub source: Option<String>,
    /// With this cause.
    pub cause: Option<String>,
    /// Only entries with a smaller number: the last of the page before.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// Which suppressed addresses; everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuppressionQuery {
    /// For one of these reasons; empty for any.
    pub reasons: Vec<SuppressionReason>,
    /// Told by this source.
    pub source: Option<String>,
    /// Suppressed at or after.
    pub since: Option<Timestamp>,
    /// Suppressed before.
    pub until: Option<Timestamp>,
    /// Only addresses that come after this one: [`AddressPage::next`] of the page before.
    pub after: Option<Address>,
    /// At most so many.
    pub limit: usize,
}

impl SuppressionQuery {
    /// Whether it is meant.
    pub fn matches(&self, found: &SuppressionView) -> bool {
        (self.reasons.is_empty() || self.reasons.contains(&found.reason))
            && self.source.as_ref().is_none_or(|source| Some(source) == found.source.as_ref())
            && self.since.is_none_or(|since| found.since >= since)
            && self.until.is_none_or(|until| found.since < until)
    }
}

/// A page of what is in the order of addresses. It may be shorter than asked for, and even empty, and not be the last: so much
/// is looked at and no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPage<T> {
    /// The rows in order.
    pub rows: Vec<T>,
    /// After which address the next page begins; `None` at the end.
    pub next: Option<Address>,
}

/// How often something must have happened at least; 0 for any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is what it counts")]
pub struct MinCounts {
    pub sent: u64,
    pub delivered: u64,
    pub deferred: u64,
    /// For good or for now.
    pub bounced: u64,
    pub rejected: u64,
    pub failed: u64,
    /// By people.
    pub opened: u64,
    /// By people.
    pub clicked: u64,
    pub complained: u64,
    pub unsubscribed: u64,
    pub inbound: u64,
}

impl MinCounts {
    /// Whether the counters reach it.
    pub const fn hold(&self, counts: &Counts) -> bool {
        counts.sent >= self.sent
            && counts.delivered >= self.delivered
            && counts.deferred >= self.deferred
            && counts.bounced_permanent + counts.bounced_temporary >= self.bounced
            && counts.rejected >= self.rejected
            && counts.failed >= self.failed
            && counts.opened_human >= self.opened
            && counts.clicked_human >= self.clicked
            && counts.complained >= self.complained
            && counts.unsubscribed >= self.unsubscribed
            && counts.inbound >= self.inbound
    }
}

/// Which recipients; everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecipientQuery {
    /// Whose last event is of one of these kinds; empty for any.
    pub last_kinds: Vec<Kind>,
    /// Of one of these statuses; empty for any.
    pub statuses: Vec<RecipientStatus>,
    /// Of this e-mail domain, in lower case.
    pub domain: Option<String>,
    /// To whom something happened so often.
    pub at_least: MinCounts,
    /// Whose profile names this user. Only these are listed if nothing is known but their profile, and in the order of the
    /// address.
    pub user_id: Option<String>,
    /// Where the page begins: [`RecipientPage::next`] of the page before, of the same query.
    pub from: Option<RecipientPlace>,
    /// At most so many (1 to 1000).
    pub limit: usize,
}

impl RecipientQuery {
    /// Whether a recipient, as it is now, is meant.
    pub fn matches(&self, view: &RecipientView) -> bool {
        let is_last = |kind: Kind| self.last_kinds.contains(&kind);
        (self.last_kinds.is_empty() || view.state.last_kind().is_some_and(is_last))
            && (self.statuses.is_empty() || self.statuses.contains(&view.status))
            && self.domain.as_deref().is_none_or(|domain| view.address.domain() == Some(domain))
            && self.at_least.hold(view.counts())
            && self.user_id.as_ref().is_none_or(|user_id| Some(user_id) == view.profile.user_id.as_ref())
    }
}

/// A place in a list of recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientPlace {
    /// In the log, newest first.
    Log {
        /// The log position as of which the list is made.
        as_of: u64,
        /// Events from this position on were walked.
        beyond: u64,
    },
    /// Among those whose last event was dropped, in the order of the address.
    Dropped {
        /// The log position as of which the list is made.
        as_of: u64,
        /// Recipients whose last event stood here or later were listed.
        below: u64,
        /// The last address that was looked at.
        after: Option<Address>,
    },
    /// Among the addresses of a user, in their order.
    User {
        /// The last address that was looked at.
        after: Address,
    },
}

/// A page of recipients. It may be shorter than asked for, and even empty, and not be the last: so much is looked at and no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientPage {
    /// The rows in order.
    pub rows: Vec<RecipientView>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<RecipientPlace>,
}
