//! Consumers that Hearback pushes to.
//!
//! The event log is the queue: a destination holds a durable cursor in it, and nothing is written per destination when an event
//! comes in. Only pushes that failed are written down, by the position of their event. The cursor never passes an event that was
//! neither pushed nor written down as failed, so that a crash at any moment repeats pushes (under the same id) and loses none.
//!
//! What is decided is pure: which events are wanted (`filter`), what is pushed next (`engine/queue.rs`), how far the cursor may go
//! (`window`), when is tried again (`schedule`), when nothing is tried any more (`breaker`). I/O is in `engine/runner.rs` and in the
//! kinds.

mod breaker;
mod chance;
mod desk;
mod destination;
mod engine;
mod explain;
mod filter;
mod http;
mod kinds;
mod live;
mod meters;
mod network;
mod notice;
mod pages;
mod parcel;
mod schedule;
mod signature;
mod standing;
mod window;
mod words;

pub use breaker::BreakerRules;
pub use desk::{Destinations, Redrive, View, Which};
pub use destination::{Destination, Pace};
pub use engine::{Engine, Timing};
pub use explain::{Became, Why};
pub use filter::{Filter, FilterError, Template, Unwanted};
pub use http::{ClientError, parse_url};
pub use kinds::{Email, Lines, LinesOptions, Slack, Sms, SmsOptions, Stdout, Webhook, WebhookOptions};
#[cfg(feature = "nats")]
pub use kinds::{Nats, NatsOptions};
pub use network::{Guard, Refused};
pub use pages::Pages;
pub use parcel::{Carrier, Failure, Outcome, Parcel};
pub use schedule::Schedule;
pub use signature::SigningKey;
pub use standing::Standing;
pub use words::in_words;
