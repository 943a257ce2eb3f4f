//! What a configuration is made from, besides the file: explicit, so that tests need no process of their own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::cli::Global;

/// Everything that has a say in the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inputs {
    /// The configuration file named by the user.
    pub(crate) file: Option<PathBuf>,
    /// The data folder named by the user.
    pub(crate) data: Option<PathBuf>,
    /// The address to listen on named by the user.
    pub(crate) listen: Option<String>,
    /// Whether sources may go without any check of signatures.
    pub(crate) insecure_no_verify: bool,
    /// The current folder.
    pub(crate) folder: PathBuf,
    /// Environment variables.
    pub(crate) environment: BTreeMap<String, String>,
    /// What to do about trial keys where nothing is configured.
    pub(crate) trial: Trial,
}

/// What to do about trial keys where nothing is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trial {
    /// Go without sources.
    #[default]
    Ignore,
    /// Take those that a first start has made, if there are any.
    Existing,
    /// Take them, and make those that are missing.
    Make,
}

impl Inputs {
    /// From the command line and this process's environment.
    pub(crate) fn from_process(global: &Global, trial: Trial) -> Self {
        Self {
            file: global.config.clone(),
            data: global.data.clone(),
            listen: None,
            insecure_no_verify: global.insecure_no_verify,
            folder: std::env::current_dir().unwrap_or_default(),
            environment: readable_environment(),
            trial,
        }
    }
}

/// Variables that are no Unicode are nobody's configuration.
fn readable_environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
