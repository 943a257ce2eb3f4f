//! Where Hearback keeps events: one contract ([`Store`]), shaped by use and object-safe, and the stores that keep it.
//!
//! The event log is the truth. Everything else a store holds (indexes, recipients, rollups, suppressions) follows from it
//! and can be made anew. What was answered is on disk; nothing here knows HTTP or any provider.

pub mod postgres;
pub mod sqlite;

mod accounts;
mod alert;
mod contract;
mod database;
mod delivery;
mod error;
mod expectation;
mod forgotten;
mod log;
mod query;
mod retention;
mod session;
mod submission;
mod view;

pub use accounts::{
    Accounts, AuditEntry, Identity, NewSession, NewUser, Role, Session as UserSession, UnknownRole, User,
    UserChange,
};
pub use alert::{AlertChange, AlertCounts, AlertDesk, AlertItem, AlertQuery, AlertSave, Alerts};
pub use contract::{Answer, Store};
pub use database::{Database, OwnTools};
pub use delivery::{
    Begin, ConsumerState, DestinationClaim, DestinationControl, DestinationState, FailedPush,
    FailedPushQuery, Fate, Outage, Progress, PushEnd,
};
pub use error::StoreError;
pub use expectation::{Due, Expectation, Settled, Watched};
pub use forgotten::Forgotten;
pub use log::{LogOptions, LogStore, QuarantineLimits};
pub use query::{
    AddressPage, EventFilter, EventQuery, MessageFilter, MessagePage, MessageQuery, MinCounts, Order, Page,
    QuarantineFilter, RecipientPage, RecipientPlace, RecipientQuery, SuppressionQuery,
};
pub use retention::{Dropped, Retention};
pub use submission::{Payload, Receipt, Refused, SourceRef, Submission};
pub use view::{
    DeliveryTimes, Explanation, MessageView, NewToken, Profile, QuarantineCount, QuarantineEntry,
    RebuildReport, RecipientView, RollupRow, SourceActivity, StoreStats, SuppressionView, TokenView,
};
