//! What is done to a request before it waits for the journal, so that the one writer has as little to do as possible.

use hearback_event::{Address, DedupKey, Event, Fact, Kind, MessageId, Origin, Timestamp};

use super::payload::Packed;
use super::posting::{Key, filtered_keys_of, keys_of};
use crate::{SourceRef, Submission};

/// A request ready to be written.
pub(super) struct Staged {
    pub(super) source: SourceRef,
    pub(super) origin: Origin,
    pub(super) received_at: Timestamp,
    pub(super) events: Vec<StagedEvent>,
    /// The raw request; none of what was imported.
    pub(super) payload: Option<Packed>,
    pub(super) token: Option<DedupKey>,
    pub(super) digest: DedupKey,
    pub(super) known_messages_only: bool,
}

impl Staged {
    /// About how many bytes it holds while it waits.
    pub(super) fn weight(&self) -> usize {
        self.payload.as_ref().map_or(0, |payload| payload.bytes.len())
            + self.events.iter().map(|event| event.data.len() + 400).sum::<usize>()
    }
}

/// An event ready to be written: everything but its position and its source's number.
pub(super) struct StagedEvent {
    pub(super) kind: Kind,
    pub(super) channel: u8,
    pub(super) occurred_at: Timestamp,
    pub(super) flags: u16,
    /// Of a delivery that is in the log already: how long it took.
    pub(super) delay: u8,
    pub(super) event_recipient: Option<Address>,
    /// Upper halves of the ids of its message.
    pub(super) sends: Vec<u64>,
    /// Those of its keys that the filters of sealed periods know.
    pub(super) filtered: Vec<Key>,
    pub(super) unique: Vec<DedupKey>,
    pub(super) keys: Vec<Key>,
    pub(super) tags: Vec<String>,
    pub(super) data: String,
}

impl StagedEvent {
    /// The fact that the event is, once it has a position and a source number.
    pub(super) const fn fact(&self, position: u64, source: u32) -> Fact {
        Fact {
            position,
            kind: self.kind,
            occurred_at: self.occurred_at,
            flags: self.flags,
            delay: self.delay,
            source,
        }
    }

    /// From an event whose keys are already those within its account.
    pub(super) fn of(event: &Event, source: &SourceRef, occurred_at: Timestamp, verified: bool) -> Self {
        let sends: Vec<u64> = event.message_ids(&source.account).map(MessageId::send).collect();
        Self {
            kind: event.kind,
            channel: event.channel.number(),
            occurred_at,
            flags: Fact::flags_of(event, verified),
            delay: 0,
            event_recipient: event.recipient.clone(),
            filtered: filtered_keys_of(event, &sends),
            sends,
            unique: event.dedup.clone(),
            keys: keys_of(event, &source.name, &source.account),
            // A database of ours has no NUL in texts, and what is counted must be what is kept.
            tags: event.tags.iter().map(|tag| tag.replace('\0', "\u{fffd}")).collect(),
            data: String::new(),
        }
    }
}

/// Prepares a submission: keys, hashes and the JSON of each event.
pub(super) fn stage(submission: Submission, payload: Option<Packed>) -> Staged {
    let Submission {
        source,
        origin,
        received_at,
        verified,
        events,
        replay_token,
        digest,
        known_messages_only,
        ..
    } = submission;
    let token = replay_token.map(|token| token.within(&source.account));
    let events = events
        .into_iter()
        .map(|mut event| {
            // What is imported brings its keys as a log had them: within the account already.
            if origin != Origin::Import {
                event.dedup.iter_mut().for_each(|key| *key = key.within(&source.account));
            }
            stage_event(&event, &source, received_at, verified)
        })
        .collect();
    Staged { source, origin, received_at, events, payload, token, digest, known_messages_only }
}

fn stage_event(event: &Event, source: &SourceRef, received_at: Timestamp, verified: bool) -> StagedEvent {
    let occurred_at = event.occurred_at.unwrap_or(received_at);
    let mut staged = StagedEvent::of(event, source, occurred_at, verified);
    staged.data = serde_json::to_string(event).unwrap_or_else(|_| "{}".to_owned());
    staged
}
