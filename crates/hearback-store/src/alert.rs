//! Alerts: what somebody should look at, with a life of its own.
//!
//! An alert names positions in the log and keeps no words of events, so that forgetting a person leaves nothing of him here.

use hearback_event::{AlertState, Kind, Timestamp, Urgency};

use crate::Answer;

/// One alert: of one message, source, destination or rate; or of many at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertItem {
    /// Its number, from 1.
    pub id: u64,
    /// The rule that raised it.
    pub rule: String,
    /// A digest of what it is about: of the message, the source.
    pub subject: [u8; 16],
    /// Whether it sums up others that came at once.
    pub sums_up: bool,
    /// The alert that sums it up.
    pub part_of: Option<u64>,
    /// How soon somebody should look.
    pub urgency: Urgency,
    /// What the first event was.
    pub kind: Kind,
    /// Where the first event stands in the log.
    pub cause: u64,
    /// When the first event was.
    pub first_at: Timestamp,
    /// When the last event was.
    pub last_at: Timestamp,
    /// How many events: of one subject, or of all that it sums up.
    pub count: u64,
    /// Of one that sums up others: how many of these are not over.
    pub parts_left: u64,
    /// How it stands.
    pub state: AlertState,
    /// When somebody said that he has seen it, and who.
    pub acknowledged: Option<(Timestamp, String)>,
    /// When it was over, and who or what says so.
    pub resolved: Option<(Timestamp, String)>,
    /// Of what was sent: when, and to which destinations.
    pub told: Vec<(Timestamp, Vec<String>)>,
}

/// Where the one who raises alerts stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertDesk {
    /// Grows with every change; whoever has read an older one may not write.
    pub version: u64,
    /// How far the log was read; `None` where nobody has begun.
    pub upto: Option<u64>,
    /// What he keeps for himself, as JSON.
    pub notes: String,
    /// Whether there is any alert that is not over.
    pub any: bool,
}

/// What he writes down, all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertSave {
    /// The version that he has read.
    pub version: u64,
    /// How far he has read the log.
    pub upto: u64,
    /// What he keeps for himself.
    pub notes: String,
    /// New and changed alerts, whole.
    pub items: Vec<AlertItem>,
}

/// Which alerts are asked for, the newest first. Those that are summed up by others are asked for by `part_of` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertQuery {
    /// Any of these; empty for all.
    pub states: Vec<AlertState>,
    /// Of this rule.
    pub rule: Option<String>,
    /// Those that this one sums up.
    pub part_of: Option<u64>,
    /// Older than this number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// What a person does to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertChange {
    /// He has seen it.
    Acknowledge,
    /// It is over.
    Resolve,
}

/// How many alerts are not over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertCounts {
    /// Open.
    pub open: u64,
    /// Acknowledged.
    pub acknowledged: u64,
}

/// A place for alerts, beside the log.
pub trait Alerts: Send + Sync {
    /// Where the one who raises alerts stands.
    fn alert_desk(&self) -> Answer<'_, AlertDesk>;

    /// Writes down what he did. False, and nothing written, where another has written since.
    fn save_alerts(&self, save: AlertSave) -> Answer<'_, bool>;

    /// Alerts about any of these subjects that are not over, and those that sum them up.
    fn alerts_about(&self, subjects: Vec<[u8; 16]>) -> Answer<'_, Vec<AlertItem>>;

    /// The next alerts that are not over, by their numbers, beyond one; each with the one that sums it up. At most `limit`, and
    /// these.
    fn alerts_standing(&self, beyond: u64, limit: usize) -> Answer<'_, Vec<AlertItem>>;

    /// Alerts, the newest first.
    fn alerts(&self, query: AlertQuery) -> Answer<'_, Vec<AlertItem>>;

    /// One alert.
    fn alert(&self, id: u64) -> Answer<'_, Option<AlertItem>>;

    /// What a person does; the alert afterwards. Doing it again changes nothing. Of one that sums up others, these too.
    fn change_alert(
        &self,
        id: u64,
        change: AlertChange,
        by: String,
        at: Timestamp,
    ) -> Answer<'_, Option<AlertItem>>;

    /// How many are not over.
    fn alert_counts(&self) -> Answer<'_, AlertCounts>;

    /// Drops those that have been over since before a moment. How many.
    fn drop_alerts(&self, before: Timestamp) -> Answer<'_, u64>;
}
