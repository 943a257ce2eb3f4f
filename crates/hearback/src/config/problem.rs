//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// A place in a file; lines and columns count from 1.
    File {
        /// Which file.
        path: PathBuf,
        /// Line.
        line: usize,
        /// Column, in characters.
        column: usize,
    },
    /// An environment variable.
    Environment(String),
    /// An argument of the command line.
    Argument(&'static str),
    /// A file or folder as a whole.
    Path(PathBuf),
    /// The configuration as a whole.
    Default,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => write!(f, "${name}"),
            Self::Argument(name) => f.write_str(name),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("configuration"),
        }
    }
}

/// Something that is wrong, or a warning: where, what, and what to write instead. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Problem {
    /// Where.
    pub(crate) place: Place,
    /// What is wrong, and what to write instead.
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}
