//! Handing messages to providers, for those who want one call instead of two.
//!
//! An attempt is begun in the log before the provider is asked, and ended there with its answer
//! ([`hearback_event::Sending`]): so a message that was begun and has no end says so, whatever was killed in between. The event that
//! begins an attempt can be stored only once, which makes it the right to send: of several that ask at once, in one process or in
//! several, one sends, and the others are told what came of it.
//!
//! What a repeat does is decided by what is known (`decide.rs`), never by what is hoped: an attempt whose end is not known is repeated only
//! if the provider promises to send it once, or if the caller takes the risk.

mod client;
mod decide;
mod dispatch;
mod order;
mod outlet;

pub use client::ClientError;
pub use dispatch::Dispatch;
pub use order::{Content, Order, Outcome, SendError, Sent};
pub use outlet::Outlet;
