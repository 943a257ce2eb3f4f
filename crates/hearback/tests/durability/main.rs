//! Promises that only a real process on a real disk can break: what was answered 200 survives `kill -9`, a full disk and
//! a database that cannot be written are answered so that the provider tries again, and service resumes by itself.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod crash;
mod disk;
mod http;
mod push;
mod server;
mod shared;
