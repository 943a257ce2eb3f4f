//! The HTTP side from outside: through the router where that is enough, over TCP where sockets matter.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod contract;
mod credentials;
mod fake_store;
mod filters;
mod life;
mod metrics;
mod modes;
mod quarantine;
mod real;
mod tcp;
mod test_provider;
mod tokens;
mod world;
