//! `hearback events`.

use clap::Args;

use crate::cli::Global;
use crate::exit::{CliError, Exit};

/// Arguments of `events`.
#[derive(Debug, Default, Args)]
pub(crate) struct EventsArgs {}

/// Runs `events`.
pub(crate) fn run(_args: &EventsArgs, _global: &Global) -> Result<Exit, CliError> {
    Err(CliError::failed("this command is not built yet"))
}
