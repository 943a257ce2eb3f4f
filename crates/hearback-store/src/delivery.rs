//! What is kept of consumers: those that are pushed to, and those that pull and keep their place here.

use hearback_event::Timestamp;

/// Where a new consumer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// With what comes from now on.
    End,
    /// With the oldest event that is still there.
    Beginning,
}

/// Where a destination stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationState {
    /// Its name in the configuration.
    pub name: String,
    /// The log's last position when it was set up (0: from the beginning); what is older was never meant for it.
    pub begun: u64,
    /// Every event up to here was pushed, was not wanted, or is a [`FailedPush`].
    pub cursor: u64,
    /// Since when a person holds it.
    pub paused_at: Option<Timestamp>,
    /// Since when the receiver is gone for good, and what it said.
    pub disabled: Option<(Timestamp, String)>,
    /// The outage, if there is one.
    pub failing: Option<Outage>,
    /// Events that it took.
    pub delivered: u64,
    /// Events that it did not want.
    pub skipped: u64,
    /// When it last took one.
    pub last_success_at: Option<Timestamp>,
    /// When a push last failed, and why, in words.
    pub last_failure: Option<(Timestamp, String)>,
    /// The process that pushes to it.
    pub owner: Option<String>,
    /// Grows as long as that process lives.
    pub beat: u64,
    /// Grows when a person changes something.
    pub changes: u64,
    /// Failed pushes that are tried again.
    pub waiting: u64,
    /// Failed pushes that are not.
    pub dead: u64,
}

/// A destination takes nothing any more: only probes are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Since when.
    pub since: Timestamp,
    /// Probes that failed.
    pub probes: u32,
    /// When the next one is sent.
    pub probe_at: Timestamp,
}

/// A push that failed. It names the place of the event in the log and nothing else of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedPush {
    /// The event.
    pub position: u64,
    /// How often it was tried. 0 where it waits for an earlier event of its message, or was put back by hand.
    pub attempts: u32,
    /// When it first failed, or began to wait.
    pub first_failed: Timestamp,
    /// When it was last tried.
    pub last_try: Option<Timestamp>,
    /// The status of the last answer, where there was one.
    pub status: Option<u16>,
    /// What went wrong, in words, without anything of the event.
    pub error: String,
    /// What becomes of it.
    pub fate: Fate,
}

impl FailedPush {
    /// Whether there is still something to be pushed: its event was neither dropped nor forgotten.
    pub const fn can_be_pushed(&self) -> bool {
        !matches!(self.fate, Fate::Ended { why: PushEnd::Dropped | PushEnd::Forgotten, .. })
    }
}

/// What becomes of a failed push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is tried again.
    Waits {
        /// When.
        next_try: Timestamp,
    },
    /// It is not.
    Ended {
        /// Since when.
        at: Timestamp,
        /// Why.
        why: PushEnd,
    },
}

/// Why a failed push is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushEnd {
    /// It was tried often enough.
    GaveUp,
    /// Its event was dropped by age.
    Dropped,
    /// The person whom its event is about was forgotten.
    Forgotten,
}

impl PushEnd {
    /// The number under which it is kept.
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::GaveUp => 1,
            Self::Dropped => 2,
            Self::Forgotten => 3,
        }
    }

    pub(crate) const fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::GaveUp),
            2 => Some(Self::Dropped),
            3 => Some(Self::Forgotten),
            _ => None,
        }
    }
}

/// How far the owner of a destination has come: written as one, so that the cursor never passes an event that was neither pushed
/// nor is kept as failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whose.
    pub name: String,
    /// By whom. Nothing is written where another has become the owner.
    pub owner: String,
    /// The new cursor.
    pub cursor: u64,
    /// Pushes that failed.
    pub failed: Vec<FailedPush>,
    /// Failed pushes that succeeded after all.
    pub recovered: Vec<u64>,
    /// Events that it took since the last time.
    pub delivered: u64,
    /// Events that it did not want since the last time.
    pub skipped: u64,
    /// When it last took one, if since the last time.
    pub last_success_at: Option<Timestamp>,
    /// When a push last failed, if since the last time.
    pub last_failure: Option<(Timestamp, String)>,
    /// The outage.
    pub failing: Option<Outage>,
    /// Whether the receiver said just now that it is gone for good.
    pub disabled: Option<(Timestamp, String)>,
}

/// Who wants to push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationClaim {
    /// The process, under a name that no other has or had.
    pub owner: String,
    /// Destinations, each with its beat where that was watched for so long without growing that its owner must be dead.
    pub wanted: Vec<(String, Option<u64>)>,
}

/// What a person does to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DestinationControl {
    /// Holds it; events wait in the log.
    Pause,
    /// Lets it go on, also where its receiver was said to be gone or takes nothing.
    Resume,
}

/// Which failed pushes, in the order of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedPushQuery {
    /// Of this destination.
    pub destination: String,
    /// Only those that have ended, or only those that have not.
    pub ended: Option<bool>,
    /// Only beyond this position.
    pub beyond: u64,
    /// At most so many (1 to 1000).
    pub limit: usize,
}

/// A consumer that pulls and keeps its place here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerState {
    /// Its name.
    pub name: String,
    /// It has everything up to here.
    pub position: u64,
    /// When it last said so.
    pub at: Timestamp,
}
