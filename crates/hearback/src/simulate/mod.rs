//! Sending what providers would send, and knowing beforehand what must come of it.
//!
//! [`plan`], [`make`] and [`expected`] are pure: a seed, a moment and a source's keys give the requests, the answers that
//! they must get, and the state that the server must be in afterwards. [`send`] and [`verify`] talk to the server.

mod compare;
mod expected;
mod life;
mod make;
mod plan;
mod report;
mod rng;
mod scenario;
mod send;
mod stage;
mod verify;

pub(crate) use expected::{BOOKING, Expected};
pub(crate) use life::Voice;
pub(crate) use make::Voicebox;
pub(crate) use plan::{MOST_MESSAGES, Plan, Wish};
pub(crate) use report::Report;
pub(crate) use rng::Rng;
pub(crate) use scenario::Scenario;
pub(crate) use send::{Sender, Tally};
pub(crate) use verify::Verifier;
