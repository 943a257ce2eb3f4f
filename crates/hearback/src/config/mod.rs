//! The configuration: `hearback.toml`, overlaid by environment variables, checked as a whole.
//!
//! [`load()`] never stops at the first problem: it returns everything that is wrong, each with its place and what to write
//! instead, and (if nothing is) the [`Config`].
//!
//! The way: text → `document` (a tree that knows lines) → `overlay` (environment) → `secrets` (`env:`, `file:`) →
//! `load` and `sources` (checked values) → `endpoint` (each provider reads its own options; `sending` those for sending).

mod alerts;
mod destinations;
mod document;
mod endpoint;
mod inputs;
mod load;
mod mask;
mod node;
#[cfg(feature = "oidc")]
mod oidc;
mod overlay;
mod parse;
mod problem;
mod secrets;
mod section;
mod sending;
mod show;
mod sources;
mod ui;
mod value;
mod watchdog;

#[cfg(test)]
mod tests;

pub(crate) use inputs::{Inputs, Trial};
pub(crate) use load::{load, storage as load_storage};
pub(crate) use parse::printable_url;
pub(crate) use problem::{Place, Problem};
pub(crate) use value::{
    Config, DestinationConfig, Loaded, LogConfig, LogFormat, QuarantineConfig, ServerConfig, SourceConfig,
    StorageConfig,
};

use crate::cli::Global;
use crate::exit::CliError;

/// The default configuration, with every key explained.
pub(crate) const DEFAULT: &str = include_str!("default.toml");

/// The whole configuration, or an error that lists every problem: for commands that need sources and keys.
/// Warnings are `check`'s and `serve`'s to print.
pub(crate) fn require(global: &Global, trial: Trial) -> Result<Config, CliError> {
    load(&Inputs::from_process(global, trial)).require()
}

/// Only where the data are: for commands that need no keys, and work though keys are not at hand.
pub(crate) fn storage(global: &Global) -> Result<StorageConfig, CliError> {
    load_storage(&Inputs::from_process(global, Trial::Ignore))
}
