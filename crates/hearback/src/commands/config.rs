//! `hearback config`.

use clap::Args;

use crate::cli::Global;
use crate::exit::{CliError, Exit};

/// Arguments of `config`.
#[derive(Debug, Default, Args)]
pub(crate) struct ConfigArgs {}

/// Runs `config`.
pub(crate) fn run(_args: &ConfigArgs, _global: &Global) -> Result<Exit, CliError> {
    Err(CliError::failed("this command is not built yet"))
}
