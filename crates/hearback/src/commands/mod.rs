//! One file per command: its arguments, and `run`.

pub(crate) mod check;
mod choose;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod events;
pub(crate) mod inspect;
pub(crate) mod quarantine;
pub(crate) mod rebuild;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod token;
