//! What the log says of an alert: to whom it is told, and what it is about.

use serde::{Deserialize, Serialize};

use crate::kind::vocabulary;
use crate::{EventId, Timestamp};

vocabulary! {
    /// How soon somebody should look.
    #[derive(Default)]
    Urgency, "urgency" {
        /// When there is time.
        Info = 1 "info",
        /// Today.
        #[default]
        Warning = 2 "warning",
        /// Now.
        Critical = 3 "critical",
    }
}

vocabulary! {
    /// How an alert stands.
    #[derive(Default)]
    AlertState, "state of an alert" {
        /// Nobody has looked yet.
        #[default]
        Open = 1 "open",
        /// Somebody has seen it.
        Acknowledged = 2 "acknowledged",
        /// It is over.
        Resolved = 3 "resolved",
    }
}

/// A part of what an alert sums up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Share {
    /// A reason, or a recipient's domain.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// An alert that was raised, or resolved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    /// Its number.
    pub id: u64,
    /// The rule that raised it.
    pub rule: String,
    /// How soon somebody should look.
    pub urgency: Urgency,
    /// How many things it sums up.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub count: u64,
    /// When the first of them happened.
    pub first_at: Timestamp,
    /// When the last of them happened.
    pub last_at: Timestamp,
    /// The destinations that it is for.
    pub to: Vec<String>,
    /// The event that raised it: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<EventId>,
    /// Of many: the most frequent reasons, the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Share>,
    /// Of many: the most frequent domains of recipients, the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<Share>,
    /// It is a text to the recipient himself, in the place of a mail that failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fallback: bool,
}
