//! `hearback inspect`.

use clap::Args;

use crate::cli::Global;
use crate::exit::{CliError, Exit};

/// Arguments of `inspect`.
#[derive(Debug, Default, Args)]
pub(crate) struct InspectArgs {}

/// Runs `inspect`.
pub(crate) fn run(_args: &InspectArgs, _global: &Global) -> Result<Exit, CliError> {
    Err(CliError::failed("this command is not built yet"))
}
