//! Hearback: receives the webhooks of e-mail and SMS providers, stores each exactly once, and answers what became of
//! every message.
//!
//! This crate is the wiring: the command line ([`cli`]), the configuration ([`config`]), and one file per command
//! ([`commands`]). It knows no rule of any provider, of the log, or of HTTP.

mod cli;
mod client;
mod commands;
mod config;
mod demo;
mod exit;
mod inspect;
mod logging;
mod output;
mod progress;
mod runtime;
mod show;
mod shutdown;
mod simulate;
mod token;
mod trial;
mod welcome;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let outcome = cli::Cli::parse().run();
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::error(&error);
            error.exit().into()
        }
    }
}
