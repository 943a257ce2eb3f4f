//! Everything that is printed goes through here.
//!
//! A reader that went away (`hearback events | head`) is no error: the rest is dropped without a word.

use std::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use crate::exit::CliError;

/// Prints a line to standard output.
pub(crate) fn line(text: impl Display) {
    drop(writeln!(io::stdout().lock(), "{text}"));
}

/// Prints a value as JSON to standard output: indented, for people and `jq` alike.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CliError::failed(format!("cannot write the answer as JSON: {error}")))?;
    line(text);
    Ok(())
}

/// Prints a line to standard error: what is not part of the answer.
pub(crate) fn note(text: impl Display) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Prints an error with its hints.
pub(crate) fn error(error: &CliError) {
    note(format_args!("error: {error}"));
    for hint in error.hints() {
        note(format_args!("hint: {hint}"));
    }
}
