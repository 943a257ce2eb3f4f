//! What is given to a store to keep.

use std::sync::Arc;

use bytes::Bytes;
use hearback_event::{DedupKey, Event, Origin, Timestamp};

/// A source as the log names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceRef {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Its provider.
    pub provider: Arc<str>,
    /// The account it belongs to: messages and duplicates are told apart within an account.
    pub account: Arc<str>,
}

impl SourceRef {
    /// The name, provider and account of what no provider tells: what people and the application say, and notices.
    pub const HEARBACK: &str = "hearback";

    /// As what Hearback itself writes is in the log. No configured source may have this name.
    pub fn hearback() -> Self {
        let name: Arc<str> = Self::HEARBACK.into();
        Self { provider: Arc::clone(&name), account: Arc::clone(&name), name }
    }
}

/// A raw request, as far as it is worth keeping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// Request line and headers without secrets, each ended by CRLF, as on the wire; no empty line at the end.
    pub head: String,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// An authentic request with the events it tells of.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The source that received it.
    pub source: SourceRef,
    /// How it came in.
    pub origin: Origin,
    /// When it was received.
    pub received_at: Timestamp,
    /// Whether its signature was right.
    pub verified: bool,
    /// What it tells of. May be empty.
    pub events: Vec<Event>,
    /// The raw request.
    pub payload: Payload,
    /// A one-time token that came with it, to be bound to `digest`.
    pub replay_token: Option<DedupKey>,
    /// Digest of the body.
    pub digest: DedupKey,
    /// Refuse the whole request when it tells of a message of which nothing is known.
    pub known_messages_only: bool,
}

/// What became of a [`Submission`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is on disk.
    Stored {
        /// How many events were new.
        new: u32,
        /// How many were known already.
        duplicates: u32,
    },
    /// Its one-time token came before with another body. Nothing was kept.
    ForgedReplay,
    /// It tells of a message of which nothing is known, and the source takes known ones only. Nothing was kept.
    UnknownMessage,
}

/// A request that was not believed, for the quarantine.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The source that refused it.
    pub source: SourceRef,
    /// When it was received.
    pub received_at: Timestamp,
    /// The cause in one word (`bad_signature`).
    pub cause: String,
    /// The cause in a sentence.
    pub detail: String,
    /// Who sent it.
    pub remote: Option<String>,
    /// The request; the body is empty where it was too large to be read.
    pub payload: Payload,
}
