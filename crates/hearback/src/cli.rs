//! The command line: one variant per command, one file per variant in [`crate::commands`].

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands;
use crate::exit::{CliError, Exit};

/// Hearback receives the webhooks of e-mail and SMS providers, stores each exactly once, and answers what became of
/// every message.
///
/// Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "hearback", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options that every command takes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// Configuration file [default: hearback.toml in the current folder, if there is one]
    #[arg(long, short, global = true, env = "HEARBACK_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the database and of trial keys [default: data, beside the configuration file]
    #[arg(long, global = true, env = "HEARBACK_DATA", value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// Allow sources with `mode = "off"`, which accept whatever anybody sends
    #[arg(long, global = true)]
    pub(crate) insecure_no_verify: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receive webhooks and answer questions (the default)
    Serve(commands::serve::ServeArgs),
    /// Check the configuration: every problem at once, with its line and what to write instead
    Check(commands::check::CheckArgs),
    /// Send realistic, correctly signed webhooks to a running server
    Simulate(commands::simulate::SimulateArgs),
    /// Explain a captured request without a server: is it genuine, and which events are in it
    Inspect(commands::inspect::InspectArgs),
    /// List and follow events
    Events(commands::events::EventsArgs),
    /// List messages by where they stand: bounced, overdue, ...
    Messages(commands::messages::MessagesArgs),
    /// Tell where a message stands, and why
    Message(commands::message::MessageArgs),
    /// Tell what is known of an address: may it be sent to, what arrived, what did not
    Recipient(commands::recipient::RecipientArgs),
    /// List recipients, those with the newest activity first
    Recipients(commands::recipients::RecipientsArgs),
    /// List, check, add and lift addresses that must not be sent to
    Suppressions(commands::suppressions::SuppressionsArgs),
    /// Tell everything that happened under one label, such as booking_id=42
    Timeline(commands::timeline::TimelineArgs),
    /// Counts, rates and delivery times, with a small chart
    Stats(commands::stats::StatsArgs),
    /// List the sources with what each told and refused
    Sources(commands::sources::SourcesArgs),
    /// List what somebody should look at, say that it was seen or is over
    Alerts(commands::alerts::AlertsArgs),
    /// List, hold, test and redrive those to whom events are pushed
    Destinations(commands::destinations::DestinationsArgs),
    /// List, show and retry refused requests
    Quarantine(commands::quarantine::QuarantineArgs),
    /// Write events to a file, for other programs and for another Hearback
    Export(commands::export::ExportArgs),
    /// Take events of an export into the log; what is known already is left alone
    Import(commands::import::ImportArgs),
    /// Tell what was sent, so that its silence is noticed
    Register(commands::register::RegisterArgs),
    /// Send a message through a running server: registered first, and sent once per key
    Send(commands::send::SendArgs),
    /// Erase a person from everything that is kept; what was counted stays
    Forget(commands::forget::ForgetArgs),
    /// Copy the database into a file, also while a server is using it
    Backup(commands::backup::BackupArgs),
    /// Put a backup in the place of the database
    Restore(commands::restore::RestoreArgs),
    /// Compute everything that follows from the events anew
    Rebuild(commands::rebuild::RebuildArgs),
    /// Make, list and remove the users of the web interface
    Users(commands::users::UsersArgs),
    /// Start a server with a made-up month of history and live traffic, to look around
    Demo(commands::demo::DemoArgs),
    /// Create, list and revoke the tokens of the API
    Token(commands::token::TokenArgs),
    /// Print the default configuration, or the one in effect
    Config(commands::config::ConfigArgs),
    /// Print a completion script for a shell
    Completions(commands::completions::CompletionsArgs),
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<Exit, CliError> {
        let global = self.global;
        match self.command.unwrap_or(Command::Serve(commands::serve::ServeArgs::default())) {
            Command::Serve(args) => commands::serve::run(&args, &global),
            Command::Check(args) => commands::check::run(&args, &global),
            Command::Simulate(args) => commands::simulate::run(&args, &global),
            Command::Inspect(args) => commands::inspect::run(&args, &global),
            Command::Events(args) => commands::events::run(&args, &global),
            Command::Messages(args) => commands::messages::run(&args, &global),
            Command::Message(args) => commands::message::run(&args, &global),
            Command::Recipient(args) => commands::recipient::run(&args, &global),
            Command::Recipients(args) => commands::recipients::run(&args, &global),
            Command::Suppressions(args) => commands::suppressions::run(&args, &global),
            Command::Timeline(args) => commands::timeline::run(&args, &global),
            Command::Stats(args) => commands::stats::run(&args, &global),
            Command::Sources(args) => commands::sources::run(&args, &global),
            Command::Alerts(args) => commands::alerts::run(&args, &global),
            Command::Destinations(args) => commands::destinations::run(&args, &global),
            Command::Quarantine(args) => commands::quarantine::run(&args, &global),
            Command::Export(args) => commands::export::run(&args, &global),
            Command::Import(args) => commands::import::run(&args, &global),
            Command::Register(args) => commands::register::run(&args, &global),
            Command::Send(args) => commands::send::run(&args),
            Command::Forget(args) => commands::forget::run(&args, &global),
            Command::Backup(args) => commands::backup::run(&args, &global),
            Command::Restore(args) => commands::restore::run(&args, &global),
            Command::Rebuild(args) => commands::rebuild::run(&args, &global),
            Command::Users(args) => commands::users::run(&args, &global),
            Command::Demo(args) => commands::demo::run(&args),
            Command::Token(args) => commands::token::run(&args, &global),
            Command::Config(args) => commands::config::run(&args, &global),
            Command::Completions(args) => commands::completions::run(&args, &global),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_tree_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
