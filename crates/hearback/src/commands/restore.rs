//! `hearback restore`: puts a backup in the place of the database.

use std::path::PathBuf;

use clap::Args;
use hearback_store::Database;
use indicatif::HumanBytes;

use crate::cli::Global;
use crate::config::{self, QuarantineConfig};
use crate::exit::{CliError, Exit};
use crate::{output, progress, wiring};

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    file: PathBuf,
    /// Replace the database that is there: what is in it and not in the backup is lost
    #[arg(long)]
    force: bool,
}

/// Runs `restore`.
pub(crate) fn run(args: &RestoreArgs, global: &Global) -> Result<Exit, CliError> {
    let storage = config::storage(global)?;
    let database = wiring::database(&storage, QuarantineConfig::default());
    if let Some(tools) = database.own_tools() {
        return Err(CliError::failed("this database has a better tool for that than Hearback")
            .hint(format!("run: {}", tools.restore)));
    }
    if database.is_taken() {
        return Err(CliError::failed("a server is using the database, which cannot be replaced under it")
            .hint("stop the server first, or restore into another folder with --data"));
    }
    if !database.is_missing() && !args.force {
        return Err(CliError::failed(format!("there is a database already: {database}")).hint(
            "back it up first; then replace it with --force, or restore into another folder with --data",
        ));
    }
    if let Database::Sqlite(options) = &database
        && let Some(folder) = options.path.parent()
    {
        wiring::make_folder(folder)?;
    }
    let bar = progress::bar(0, "{bar:30} {percent}% copied, {eta} left");
    let copied = database.restore(&args.file, args.force, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let bytes = copied.map_err(|error| CliError::failed(error.to_string()).hint("nothing was changed"))?;
    output::line(format_args!("{} restored to {database}", HumanBytes(bytes)));
    output::note("Who was forgotten after the backup was made is in it again: forget them again.");
    Ok(Exit::Ok)
}
