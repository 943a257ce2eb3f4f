//! `hearback config`: the default configuration, and the one in effect.

use clap::{Args, Subcommand};

use crate::cli::Global;
use crate::config::{self, Trial};
use crate::exit::{CliError, Exit};
use crate::output;

/// Arguments of `config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a hearback.toml with every key, its default and its meaning
    Default,
    /// Print the configuration in effect, from file and environment, without secrets
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs `config`.
pub(crate) fn run(args: &ConfigArgs, global: &Global) -> Result<Exit, CliError> {
    match args.action {
        Action::Default => output::line(config::DEFAULT.trim_end()),
        Action::Show { json } => {
            let shown = config::require(global, Trial::Existing)?.to_shown();
            if json {
                output::json(&shown)?;
            } else {
                let text = toml::to_string_pretty(&shown)
                    .map_err(|error| CliError::failed(format!("cannot write it as TOML: {error}")))?;
                output::line(text.trim_end());
            }
        }
    }
    Ok(Exit::Ok)
}
