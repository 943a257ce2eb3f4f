//! One file per command: its arguments, and `run`.

pub(crate) mod backup;
pub(crate) mod check;
mod choose;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod events;
pub(crate) mod export;
mod follow;
pub(crate) mod forget;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod message;
pub(crate) mod messages;
pub(crate) mod quarantine;
pub(crate) mod rebuild;
pub(crate) mod recipient;
pub(crate) mod recipients;
pub(crate) mod register;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod sources;
pub(crate) mod suppressions;
pub(crate) mod timeline;
pub(crate) mod token;
pub(crate) mod users;
