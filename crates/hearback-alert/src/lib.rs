//! Alerts: what somebody should look at, told once.
//!
//! A [`Rule`] says which events raise an alert, and to which destinations it is told. An alert is an item with a life (open,
//! acknowledged, resolved), one for each message, source, destination or rate. When many come at once they are summed up in one
//! ([`Pacing`]).
//!
//! What is told is an event in the log like any other (`alert.raised`, `alert.resolved`), addressed to destinations, which push it
//! as they push everything: with retries, and under an id that stays the same. So an alert is written exactly once, whatever is
//! restarted: what has been decided is on disk together with how far the log was read, before anything is told.
//!
//! What is decided is pure (`desk.rs`); `engine.rs` reads and writes.

mod desk;
mod engine;
mod letter;
mod quiet;
mod rule;
mod subject;
mod text;

pub use engine::{Alerter, Step};
pub use quiet::{QuietError, QuietHours};
pub use rule::{Fallback, Pacing, Rule, default_rules};
pub use text::title;
