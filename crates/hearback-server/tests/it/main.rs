//! The HTTP side from outside: through the router where that is enough, over TCP where sockets matter.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod conditional;
mod contract;
mod cors;
mod credentials;
mod fake_store;
mod filters;
mod hostile;
mod life;
mod metrics;
mod modes;
mod openapi;
mod people;
mod problems;
mod quarantine;
mod real;
mod schema;
mod sending;
mod stream;
mod tcp;
mod test_provider;
mod tokens;
mod world;
