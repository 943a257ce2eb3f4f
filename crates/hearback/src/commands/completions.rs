//! `hearback completions`: what a shell needs to complete the command line.

use std::io;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::{Cli, Global};
use crate::exit::{CliError, Exit};

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the script.
#[expect(clippy::unnecessary_wraps, reason = "every command's run has this shape")]
pub(crate) fn run(args: &CompletionsArgs, _global: &Global) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hearback", &mut script);
    // A pipe that closes early is the reader's choice.
    drop(io::Write::write_all(&mut io::stdout().lock(), &script));
    Ok(Exit::Ok)
}
