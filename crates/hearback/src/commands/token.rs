//! `hearback token`.

use clap::Args;

use crate::cli::Global;
use crate::exit::{CliError, Exit};

/// Arguments of `token`.
#[derive(Debug, Default, Args)]
pub(crate) struct TokenArgs {}

/// Runs `token`.
pub(crate) fn run(_args: &TokenArgs, _global: &Global) -> Result<Exit, CliError> {
    Err(CliError::failed("this command is not built yet"))
}
