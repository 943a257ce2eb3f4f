//! `hearback completions`.

use clap::Args;

use crate::cli::Global;
use crate::exit::{CliError, Exit};

/// Arguments of `completions`.
#[derive(Debug, Default, Args)]
pub(crate) struct CompletionsArgs {}

/// Runs `completions`.
pub(crate) fn run(_args: &CompletionsArgs, _global: &Global) -> Result<Exit, CliError> {
    Err(CliError::failed("this command is not built yet"))
}
