//! Trial sources: what a first start without any configuration makes, so that Hearback can be tried out at once.
//!
//! One source per provider, with keys that are made once and kept in the data folder, so that `hearback simulate` signs
//! with the keys that the server checks. No provider knows them; the file is readable by its owner only all the same,
//! because whoever has the keys can make events.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use hearback_providers::PROVIDERS;
use serde_json::{Map, Value};

use crate::token;

/// The name of the file in the data folder.
pub(crate) const FILE: &str = "trial.json";

/// Options by provider.
pub(crate) type TrialKeys = BTreeMap<String, Map<String, Value>>;

/// The keys that are there; none if there is no file.
pub(crate) fn read(path: &Path) -> Result<TrialKeys, String> {
    match fs::read(path) {
        // The message of serde_json could repeat what stands in the file: keys.
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            let line = error.line();
            format!("the trial keys are damaged (line {line}); delete the file to have new ones made")
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(TrialKeys::new()),
        Err(error) => Err(format!("cannot read the trial keys: {error}")),
    }
}

/// The keys that are there, and new ones for every provider that has none yet; these are kept.
pub(crate) fn read_or_make(path: &Path) -> Result<TrialKeys, String> {
    let mut keys = read(path)?;
    let before = keys.len();
    for provider in PROVIDERS {
        if !keys.contains_key(provider.name()) {
            let options = provider.trial_options(&mut token::fill_random);
            if !options.is_empty() {
                keys.insert(provider.name().to_owned(), options);
            }
        }
    }
    if keys.len() > before {
        write(path, &keys)
            .map_err(|error| format!("cannot keep the trial keys: {error}; is the folder writable?"))?;
    }
    Ok(keys)
}

/// Replaces the file as a whole. A temporary file is made with mode 0600, and stays so.
fn write(path: &Path, keys: &TrialKeys) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut file, keys)?;
    writeln!(file)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_are_for_the_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join(FILE);
        let made = read_or_make(&path).unwrap();
        assert_eq!(made, read_or_make(&path).unwrap());
        if !made.is_empty() {
            assert_eq!(made, read(&path).unwrap());
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
    }

    #[test]
    fn a_damaged_file_is_named_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, "{\"mailgun\": \"geheim\"}").unwrap();
        let problem = read_or_make(&path).unwrap_err();
        assert!(problem.contains("delete the file") && !problem.contains("geheim"), "{problem}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"mailgun\": \"geheim\"}");
    }
}
