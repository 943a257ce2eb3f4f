//! `hearback rebuild`.

use clap::Args;

use crate::cli::Global;
use crate::exit::{CliError, Exit};

/// Arguments of `rebuild`.
#[derive(Debug, Default, Args)]
pub(crate) struct RebuildArgs {}

/// Runs `rebuild`.
pub(crate) fn run(_args: &RebuildArgs, _global: &Global) -> Result<Exit, CliError> {
    Err(CliError::failed("this command is not built yet"))
}
