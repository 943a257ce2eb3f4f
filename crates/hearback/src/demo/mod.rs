//! A made-up month: bookings of a house, their guests, and what became of each message over all providers.
//!
//! [`people`] and [`plan`] are pure: a seed and a moment give everybody and everything. [`tell`] has each provider's simulator
//! write the request, the source check it as it would any other, and the store keep it as of when it came. [`nights`] has the
//! watchdog and the rules look at it as of then, too.

mod nights;
mod people;
mod plan;
mod tell;

pub(crate) use nights::Nights;
pub(crate) use plan::{Told, expected_within, history, live};
pub(crate) use tell::Teller;
