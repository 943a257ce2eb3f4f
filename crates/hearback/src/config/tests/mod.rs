//! The configuration as a whole: what is taken, what is refused with which words, and what is never printed.

mod alerts;
mod bad;
mod destinations;
mod good;
mod oidc;
mod secrecy;

use std::fs;
use std::path::Path;

use super::{Inputs, Loaded, Trial, load};

/// A folder with a configuration file, and an environment.
pub(super) struct Bench {
    folder: tempfile::TempDir,
    pub(super) inputs: Inputs,
}

impl Bench {
    pub(super) fn new(toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inputs = Inputs { folder: folder.path().to_owned(), ..Inputs::default() };
        let bench = Self { folder, inputs };
        bench.write("hearback.toml", toml, 0o600);
        bench
    }

    /// Nothing but an environment.
    pub(super) fn bare() -> Self {
        let bench = Self::new("");
        fs::remove_file(bench.path().join("hearback.toml")).unwrap();
        bench
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.inputs.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn trial(mut self, trial: Trial) -> Self {
        self.inputs.trial = trial;
        self
    }

    pub(super) fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        #[cfg(not(unix))]
        drop(mode);
    }

    pub(super) fn load(&self) -> Loaded {
        load(&self.inputs)
    }

    /// Every problem and warning, one per line, with the folder's name taken out.
    pub(super) fn complaints(&self) -> String {
        let loaded = self.load();
        let problems = loaded.problems.iter().map(|problem| format!("problem {problem}\n"));
        let warnings = loaded.warnings.iter().map(|warning| format!("warning {warning}\n"));
        let folder = format!("{}/", self.path().display());
        problems.chain(warnings).collect::<String>().replace(&folder, "")
    }
}
