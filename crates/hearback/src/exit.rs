//! Exit codes, and errors as people get to see them.

use std::fmt;
use std::process::ExitCode;

use hearback_store::StoreError;

use crate::config::Problem;

/// How a command ended, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; or the answer is yes.
    Ok = 0,
    /// The answer is no; problems were found; what was asked for is not there.
    No = 1,
    /// The command line is wrong. clap ends with the same code.
    Usage = 2,
    /// It could not be done: files, database, network.
    Failed = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do what it was asked, and what the user can do about it. Never holds a secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CliError {
    exit: Exit,
    message: String,
    hints: Vec<String>,
}

impl CliError {
    /// The answer is no.
    pub(crate) fn no(message: impl Into<String>) -> Self {
        Self::new(Exit::No, message)
    }

    /// The command line asks for something that makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something outside of the program failed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// The configuration has problems.
    pub(crate) fn configuration(problems: &[Problem]) -> Self {
        let list: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
        let count = match list.len() {
            1 => "a problem".to_owned(),
            count => format!("{count} problems"),
        };
        Self::no(format!("the configuration has {count}:{}", list.concat()))
            .hint("`hearback config default` prints every key with its meaning")
    }

    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hints: Vec::new() }
    }

    /// Adds what the user can do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit code that goes with it.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// What the user can do about it.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        Self::failed(error.to_string())
    }
}
