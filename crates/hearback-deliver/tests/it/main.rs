//! Destinations seen from the receiver's side: real HTTP servers that fail, hang, redirect and count, and a real store.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod chats;
mod faults;
mod health;
mod mail;
#[cfg(feature = "nats")]
mod nats;
mod network;
mod order;
mod people;
mod property;
mod receiver;
mod shared;
mod webhook;
mod world;
