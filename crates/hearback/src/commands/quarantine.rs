//! `hearback quarantine`.

use clap::Args;

use crate::cli::Global;
use crate::exit::{CliError, Exit};

/// Arguments of `quarantine`.
#[derive(Debug, Default, Args)]
pub(crate) struct QuarantineArgs {}

/// Runs `quarantine`.
pub(crate) fn run(_args: &QuarantineArgs, _global: &Global) -> Result<Exit, CliError> {
    Err(CliError::failed("this command is not built yet"))
}
