//! `hearback serve`.

use clap::Args;

use crate::cli::Global;
use crate::exit::{CliError, Exit};

/// Arguments of `serve`.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {}

/// Runs `serve`.
pub(crate) fn run(_args: &ServeArgs, _global: &Global) -> Result<Exit, CliError> {
    Err(CliError::failed("this command is not built yet"))
}
