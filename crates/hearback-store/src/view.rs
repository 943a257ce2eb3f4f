//! What a store answers.

use hearback_event::{
    Address, Counts, Fact, Kind, MessageId, MessageState, RecipientState, RecipientStatus, Record,
    SuppressionReason, Timestamp,
};
use serde::Serialize;

use crate::Payload;

/// A message with everything known of it.
#[derive(Clone, Debug)]
pub struct MessageView {
    /// Its name: the one that the application was given first, where it registered the message.
    pub id: MessageId,
    /// Every id under which its events stand, `id` among them.
    pub ids: Vec<MessageId>,
    /// Where it stands.
    pub state: MessageState,
    /// Its events in the order in which they happened (then of the log). At most [`MessageView::MOST_EVENTS`], the newest.
    pub events: Vec<Record>,
    /// For each event, how it bears on the status.
    pub explanations: Vec<Explanation>,
    /// When it should have been delivered, where the application said so.
    pub due_at: Option<Timestamp>,
}

impl MessageView {
    /// More events of one message are counted but not shown.
    pub const MOST_EVENTS: usize = 1000;

    /// The message that its events make; `None` where none of them names a message.
    pub fn of(events: Vec<Record>) -> Option<Self> {
        let ids = events.iter().flat_map(|record| record.event.message_ids(&record.account)).collect();
        Self::with_ids(ids, events)
    }

    /// As [`MessageView::of`], where the ids that they name are known.
    pub(crate) fn with_ids(mut ids: Vec<MessageId>, mut events: Vec<Record>) -> Option<Self> {
        events.sort_by_key(|record| (record.occurred_at(), record.position));
        let first = events.iter().min_by_key(|record| (!is_registration(record), record.position))?;
        let id = first.message_id()?;
        ids.sort_unstable();
        ids.dedup();
        let facts: Vec<Fact> = events.iter().map(|record| Fact::of(record, 0)).collect();
        let state = MessageState::of(&facts);
        let explained = |fact: &Fact| Explanation {
            decided: state.decided_by == Some(fact.position),
            why: MessageState::why_not(&facts, fact),
        };
        let explanations = facts.iter().map(explained).collect();
        let due_at = events.iter().filter(|record| is_registration(record)).find_map(|record| {
            let within = record.event.registration.as_ref()?.expect_delivered_within?;
            Some(record.occurred_at().plus_seconds(i64::from(within)))
        });
        Some(Self { id, ids, state, events, explanations, due_at })
    }

    /// Whether it should have been delivered by now and was not, and may still be.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.state.status.is_under_way() && self.due_at.is_some_and(|due_at| due_at <= now)
    }

    /// Nanoseconds from when it was sent (registered, queued or sent, whatever came first) to its first delivery.
    pub fn delivered_after(&self) -> Option<i64> {
        let first = |kinds: &[Kind]| {
            let of_kinds = self.events.iter().filter(|record| kinds.contains(&record.event.kind));
            of_kinds.map(Record::occurred_at).min()
        };
        let sent = first(&[Kind::Registered, Kind::Queued, Kind::Sent, Kind::Deferred])?;
        let delivered = first(&[Kind::Delivered])?;
        Some(delivered.as_nanos().saturating_sub(sent.as_nanos()).max(0))
    }
}

fn is_registration(record: &Record) -> bool {
    record.event.kind == Kind::Registered
}

/// How one event bears on a message's status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whether it decided.
    pub decided: bool,
    /// Why, or why not.
    pub why: &'static str,
}

/// A recipient with everything known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientView {
    /// The address.
    pub address: Address,
    /// What its events say.
    pub state: RecipientState,
    /// In one word.
    pub status: RecipientStatus,
    /// Whether it must not be sent to, and why: by its events or by a person.
    pub suppression: Option<SuppressionView>,
    /// What the application or a person said of it.
    pub profile: Profile,
}

/// What the application or a person said of a recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The application's own id for the person. The addresses of one person have the same.
    pub user_id: Option<String>,
    /// What the person is called.
    pub name: Option<String>,
}

impl RecipientView {
    /// The counters.
    pub const fn counts(&self) -> &Counts {
        &self.state.counts
    }
}

/// An address that must not be sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuppressionView {
    /// Which.
    pub address: Address,
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub since: Timestamp,
    /// The source that told it; none for a person.
    pub source: Option<String>,
}

/// A refused request.
#[derive(Clone, Debug)]
pub struct QuarantineEntry {
    /// Its number, newer ones greater.
    pub id: u64,
    /// The source that refused it.
    pub source: String,
    /// The source's provider.
    pub provider: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// Why, in one word.
    pub cause: String,
    /// Why, in a sentence.
    pub detail: String,
    /// Who sent it.
    pub remote: Option<String>,
    /// Size of the body in bytes, also where it was not kept.
    pub body_bytes: u64,
    /// The request. In lists the body is left out.
    pub payload: Payload,
}

/// How many refused requests are kept of a source and cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QuarantineCount {
    /// The source.
    pub source: String,
    /// The cause.
    pub cause: String,
    /// How many.
    pub count: u64,
    /// The newest.
    pub newest: Timestamp,
}

/// What a source has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceActivity {
    /// Its name.
    pub name: String,
    /// Its provider.
    pub provider: String,
    /// Events so far, by kind; kinds without any are left out.
    pub events: Vec<(Kind, u64)>,
    /// When its newest event was received.
    pub last_received_at: Option<Timestamp>,
}

/// One number of the hourly statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RollupRow {
    /// Start of the hour or day.
    pub start: Timestamp,
    /// Source, tag or domain.
    pub of: String,
    /// What happened.
    pub kind: Kind,
    /// By a machine (opens and clicks).
    pub machine: bool,
    /// How often.
    pub count: u64,
}

/// How many deliveries of an hour took how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTimes {
    /// Start of the hour in which they were delivered.
    pub start: Timestamp,
    /// The source that told of them.
    pub source: String,
    /// How long they took: [`hearback_event::delay_step`]; 0 where no beginning is known.
    pub step: u8,
    /// How many.
    pub count: u64,
}

/// Figures about the store itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoreStats {
    /// The last position of the log; also the number of events ever stored.
    pub last_position: u64,
    /// The first position that is still there; older events were dropped.
    pub first_position: u64,
    /// Size of the database file in bytes.
    pub database_bytes: u64,
    /// Size of the write-ahead log in bytes.
    pub wal_bytes: u64,
    /// Requests that wait for the journal.
    pub queue_depth: u64,
    /// How many requests may wait.
    pub queue_capacity: u64,
    /// Events whose indexes are still in memory.
    pub unsealed_events: u64,
    /// Refused requests that are kept.
    pub quarantined: u64,
}

/// What `rebuild` found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RebuildReport {
    /// Events read.
    pub events: u64,
    /// Rows that were compared or written, by projection.
    pub rows: Vec<(String, u64)>,
    /// What differed, at most 100 of them, in words without addresses.
    pub differences: Vec<String>,
    /// How many differed in all.
    pub different: u64,
}

/// A token to be kept.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is called.
    pub name: String,
    /// `read`, `write`, `admin`; greater scopes hold the smaller ones.
    pub scope: String,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
}

/// A token that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenView {
    /// Its number.
    pub id: u64,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scope: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// SHA-256 of the token, for comparing.
    #[serde(skip)]
    pub hash: [u8; 32],
}
