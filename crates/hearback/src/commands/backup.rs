//! `hearback backup`: a copy of everything, taken while a server may be using it.

use std::path::PathBuf;

use clap::Args;
use indicatif::HumanBytes;

use crate::cli::Global;
use crate::config::{self, QuarantineConfig};
use crate::exit::{CliError, Exit};
use crate::{output, progress, wiring};

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to make
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

/// Runs `backup`.
pub(crate) fn run(args: &BackupArgs, global: &Global) -> Result<Exit, CliError> {
    let storage = config::storage(global)?;
    let database = wiring::database(&storage, QuarantineConfig::default());
    if let Some(tools) = database.own_tools() {
        return Err(CliError::failed("this database has a better tool for that than Hearback")
            .hint(format!("run: {}", tools.backup)));
    }
    if args.file.exists() && !args.force {
        return Err(CliError::failed(format!("there is a file {} already", args.file.display()))
            .hint("name another one, or replace it with --force"));
    }
    let bar = progress::bar(0, "{bar:30} {percent}% copied, {eta} left");
    let copied = database.backup(&args.file, args.force, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let bytes = copied.map_err(|error| CliError::failed(error.to_string()))?;
    output::line(format_args!("{} copied to {}", HumanBytes(bytes), args.file.display()));
    output::note("It holds addresses and raw requests: keep it as safe as the database itself.");
    Ok(Exit::Ok)
}
