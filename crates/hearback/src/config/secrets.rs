//! Secrets that stand elsewhere: `env:NAME` and `file:PATH` instead of the secret itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::Place;
use super::node::{Entry, Node, Table, Value};
use super::section::Report;

/// What secrets are resolved against.
pub(crate) struct Surroundings<'a> {
    /// Environment variables.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// Relative paths are taken from this folder.
    pub(crate) folder: &'a Path,
}

/// Longest secret file: a PEM key has 2 KiB, and nobody means a whole disk.
const LONGEST_FILE: u64 = 64 * 1024;

/// Whether a text is a reference and not the secret itself.
pub(crate) fn is_reference(text: &str) -> bool {
    text.starts_with("env:") || text.starts_with("file:")
}

/// Whether a key of this name usually holds a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    const EXACT: &[&str] = &["value", "user", "username"];
    const PARTS: &[&str] = &["key", "secret", "pass", "token", "credential"];
    // `secret_encoding`, `secret_prefix`, `secret_name` and the like describe a secret.
    let describes = ["_encoding", "_prefix", "_name", "_header"].iter().any(|end| name.ends_with(end));
    EXACT.contains(&name) || (!describes && PARTS.iter().any(|part| name.contains(part)))
}

/// Whether a table of this name says where things are found, so that what is called `key` in it is none.
pub(crate) fn is_description(name: &str) -> bool {
    ["extract", "map", "types"].contains(&name)
}

/// Replaces every reference in the table by what it refers to. What cannot be resolved becomes an empty text; the keys of
/// which that is so are returned (`keys`, `auth[0].secrets`), since complaints about them would only repeat the problem.
pub(crate) fn resolve(
    table: &mut Table,
    surroundings: &Surroundings<'_>,
    report: &mut Report,
) -> Vec<String> {
    let mut resolver = Resolver { surroundings, report, unresolved: Vec::new() };
    resolver.table(table, "");
    resolver.unresolved
}

struct Resolver<'a> {
    surroundings: &'a Surroundings<'a>,
    report: &'a mut Report,
    unresolved: Vec<String>,
}

impl Resolver<'_> {
    fn table(&mut self, table: &mut Table, above: &str) {
        for (name, Entry { node, .. }) in table.iter_mut() {
            let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
            self.node(node, &path);
        }
    }

    fn node(&mut self, node: &mut Node, path: &str) {
        let Node { place, value } = node;
        match value {
            Value::Text(text) => self.text(text, place, path),
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    match item.value {
                        Value::Table(_) | Value::List(_) => self.node(item, &format!("{path}[{index}]")),
                        _ => self.node(item, path),
                    }
                }
            }
            Value::Table(table) => self.table(table, path),
            Value::Integer(_) | Value::Float(_) | Value::Bool(_) => {}
        }
    }

    fn text(&mut self, text: &mut String, place: &Place, path: &str) {
        match resolve_text(text, place, self.surroundings, self.report) {
            None => {}
            Some(Ok(resolved)) => *text = resolved,
            Some(Err(message)) => {
                self.report.problem(place, message);
                self.unresolved.push(path.to_owned());
                text.clear();
            }
        }
    }
}

/// `None` where the text is no reference.
fn resolve_text(
    text: &str,
    place: &Place,
    surroundings: &Surroundings<'_>,
    report: &mut Report,
) -> Option<Result<String, String>> {
    if let Some(name) = text.strip_prefix("env:") {
        let found = surroundings.environment.get(name).cloned();
        return Some(found.ok_or_else(|| {
            format!("the environment variable `{name}` is not set; set it, or take `env:{name}` out")
        }));
    }
    let path = surroundings.folder.join(text.strip_prefix("file:")?);
    warn_if_readable_by_all(&path, "this secret", place, report);
    Some(read_secret(&path))
}

fn read_secret(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let problem = |error: std::io::Error| format!("cannot read the secret file {shown}: {error}");
    let metadata = fs::metadata(path).map_err(problem)?;
    if metadata.len() > LONGEST_FILE {
        return Err(format!(
            "the secret file {shown} is longer than 64 KiB; it should hold one secret and nothing else"
        ));
    }
    let text = fs::read_to_string(path).map_err(problem)?;
    if text.trim().is_empty() {
        return Err(format!("the secret file {shown} is empty; write the secret into it"));
    }
    Ok(text.trim().to_owned())
}

/// Warns where every user of this machine may read a file.
#[cfg(unix)]
pub(crate) fn warn_if_readable_by_all(path: &Path, what: &str, place: &Place, report: &mut Report) {
    use std::os::unix::fs::PermissionsExt as _;
    if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0) {
        let shown = path.display();
        report.warning(place, format!("every user of this machine can read {what}; run `chmod o-r {shown}`"));
    }
}

/// Permissions are not known here.
#[cfg(not(unix))]
pub(crate) fn warn_if_readable_by_all(_: &Path, _: &str, _: &Place, _: &mut Report) {}
