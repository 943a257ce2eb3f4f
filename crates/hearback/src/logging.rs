//! The log of the server, on standard error: text for people or JSON for machines.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogConfig, LogFormat};
use crate::exit::CliError;

/// The variable that overrides the configured level.
pub(crate) const VARIABLE: &str = "HEARBACK_LOG";

/// Starts logging for the whole process.
pub(crate) fn start(config: &LogConfig) -> Result<(), CliError> {
    let registry = tracing_subscriber::registry().with(filter(config)?);
    let started = match config.format {
        LogFormat::Text => registry
            .with(
                fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).with_target(false),
            )
            .try_init(),
        LogFormat::Json => {
            registry.with(fmt::layer().json().flatten_event(true).with_writer(io::stderr)).try_init()
        }
    };
    started.map_err(|error| CliError::failed(format!("cannot start the log: {error}")))
}

fn filter(config: &LogConfig) -> Result<EnvFilter, CliError> {
    match std::env::var(VARIABLE) {
        Ok(filter) if !filter.trim().is_empty() => EnvFilter::builder().parse(filter).map_err(|error| {
            CliError::usage(format!("{VARIABLE} is no filter: {error}"))
                .hint("write a level such as `debug`, or `info,hearback_store=debug`")
        }),
        // The level was checked with the rest of the configuration.
        _ => Ok(EnvFilter::new(&config.level)),
    }
}
