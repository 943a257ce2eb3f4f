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

/// Prints a line to standard output. False when nobody reads any more: then it is time to stop.
pub(crate) fn line_is_read(text: impl Display) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).is_ok()
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

/// Rows in columns that are as wide as need be; the last one is not padded.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or(0)).collect();
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            format!("  {}", cells.join("  ")).trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}
