//! The kinds of destinations, one file each.

mod webhook;

pub use webhook::{Webhook, WebhookOptions};
