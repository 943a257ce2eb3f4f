//! `hearback check`.

use clap::Args;

use crate::cli::Global;
use crate::exit::{CliError, Exit};

/// Arguments of `check`.
#[derive(Debug, Default, Args)]
pub(crate) struct CheckArgs {}

/// Runs `check`.
pub(crate) fn run(_args: &CheckArgs, _global: &Global) -> Result<Exit, CliError> {
    Err(CliError::failed("this command is not built yet"))
}
