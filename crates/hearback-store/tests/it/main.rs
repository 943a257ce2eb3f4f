//! What a store must hold, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod accounts;
mod alerts;
mod conformance;
mod coverage;
mod delivery;
mod delivery_times;
mod expectations;
mod forget;
mod listing;
mod message_lists;
mod messages;
mod partitions;
mod people;
mod postgres;
mod properties;
mod retention;
mod sealing;
mod sqlite;
mod support;
