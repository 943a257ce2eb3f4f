//! The vocabulary of Hearback: what an event is, and what follows from a set of events.
//!
//! Pure types and functions: no I/O, no clock but [`Timestamp::now`], no SQL, no HTTP.
//! The names of the kinds are those of django-anymail, the de-facto standard of the field.

mod address;
mod alert;
mod delay;
mod event;
mod exported;
mod fact;
mod failure;
mod id;
mod join;
mod kind;
mod label;
mod message;
mod recipient;
mod record;
mod registration;
#[cfg(feature = "openapi")]
mod schema;
mod sending;
mod timestamp;

pub use address::{Address, AddressError, mask};
pub use alert::{Alert, AlertState, Share, Urgency};
pub use delay::{DELAY_STEPS, delay_end, delay_percentile, delay_step};
pub use event::{Actor, DedupKey, Engagement, Event, Inbound, ListAction, SuppressionChange};
pub use exported::{Exported, ImportError, Imported};
pub use fact::Fact;
pub use failure::{Failure, Reason, Severity};
pub use id::{EventId, IdError, MessageId};
pub use join::{LABELS_WITHIN, RECIPIENT_WITHIN, Unjoined, join};
pub use kind::{Channel, Kind, Origin, UnknownName};
pub use label::{Label, labels_from_json};
pub use message::{Class, MessageState, Status};
pub use recipient::{Counts, RecipientState, RecipientStatus, Suppression, SuppressionReason};
pub use record::{MessageRef, Record};
pub use registration::{NewMessage, Registration};
#[cfg(feature = "openapi")]
pub use schema::EventType;
pub use sending::{Sending, SendingEnd, is_final};
pub use timestamp::{Timestamp, TimestampError};
