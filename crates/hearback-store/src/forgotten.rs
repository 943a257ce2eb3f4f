//! What was erased of a person.

use serde::Serialize;

/// What was erased of a person, by where it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Events to the address: each still counts, and says nothing any more.
    pub events: u64,
    /// Events to others that named the address: it was taken out of them.
    pub mentions: u64,
    /// Raw requests that held an event to the address, or named it.
    pub payloads: u64,
    /// Counters and suppression of the address.
    pub recipients: u64,
    /// The same, of events that were dropped before.
    pub recipients_dropped: u64,
    /// What the application or a person said about the address.
    pub profiles: u64,
    /// Refused requests that named it.
    pub quarantine: u64,
    /// Tags that named it; what was counted under them is counted among the others.
    pub tags: u64,
    /// Whether the whole file was written anew because unused parts of it still held the address.
    pub rewritten: bool,
    /// Whether nothing that is deleted stands anywhere in the files any more. If not, a reader was in the way: again, later.
    pub purged: bool,
}

impl Forgotten {
    /// The rows that were erased or changed, by table.
    pub const fn by_table(&self) -> [(&'static str, u64); 8] {
        [
            ("events", self.events),
            ("events of others", self.mentions),
            ("payloads", self.payloads),
            ("recipients", self.recipients),
            ("recipients_dropped", self.recipients_dropped),
            ("profiles", self.profiles),
            ("quarantine", self.quarantine),
            ("tags", self.tags),
        ]
    }

    /// Adds what another step erased.
    pub(crate) const fn add(&mut self, other: Self) {
        self.events += other.events;
        self.mentions += other.mentions;
        self.payloads += other.payloads;
        self.recipients += other.recipients;
        self.recipients_dropped += other.recipients_dropped;
        self.profiles += other.profiles;
        self.quarantine += other.quarantine;
        self.tags += other.tags;
    }

    /// Whether nothing was known.
    pub fn is_nothing(&self) -> bool {
        self.by_table().iter().all(|(_, rows)| *rows == 0)
    }
}
