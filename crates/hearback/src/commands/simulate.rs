//! `hearback simulate`.

use clap::Args;

use crate::cli::Global;
use crate::exit::{CliError, Exit};

/// Arguments of `simulate`.
#[derive(Debug, Default, Args)]
pub(crate) struct SimulateArgs {}

/// Runs `simulate`.
pub(crate) fn run(_args: &SimulateArgs, _global: &Global) -> Result<Exit, CliError> {
    Err(CliError::failed("this command is not built yet"))
}
