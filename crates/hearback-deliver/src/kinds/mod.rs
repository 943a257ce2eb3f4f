//! The kinds of destinations, one file each.

mod email;
mod lines;
mod slack;
mod sms;
mod webhook;

pub use email::Email;
pub use lines::{Lines, LinesOptions, Stdout};
pub use slack::Slack;
pub use sms::{Sms, SmsOptions};
pub use webhook::{Webhook, WebhookOptions};
