//! The kinds of destinations, one file each.

mod email;
mod lines;
#[cfg(feature = "nats")]
mod nats;
mod slack;
mod sms;
mod webhook;

pub use email::Email;
pub use lines::{Lines, LinesOptions, Stdout};
#[cfg(feature = "nats")]
pub use nats::{Nats, NatsOptions};
pub use slack::Slack;
pub use sms::{Sms, SmsOptions};
pub use webhook::{Webhook, WebhookOptions};
