//! Which source answers under which path.

use std::collections::HashMap;
use std::sync::Arc;

use super::Intake;
use crate::{Limits, ServeError, Source, api, health, metrics, openapi};

/// Paths without their trailing slashes, each with its source.
pub(super) struct PathTable(HashMap<Box<str>, Arc<Intake>>);

impl PathTable {
    /// Refuses two sources of one name or path, and paths that the server itself answers.
    pub(super) fn new(sources: &[Arc<Source>], limits: &Limits) -> Result<Self, ServeError> {
        let mut paths: HashMap<Box<str>, Arc<Intake>> = HashMap::new();
        for source in sources {
            let name = source.reference.name.to_string();
            if paths.values().any(|other| *other.source.reference.name == *name) {
                return Err(ServeError::NameTaken { name });
            }
            let intake = Arc::new(Intake::new(Arc::clone(source), limits));
            let own = format!("/webhooks/{name}");
            for path in std::iter::once(&own).chain(&source.paths) {
                let key: Box<str> = trimmed(path).into();
                if is_reserved(&key) {
                    return Err(ServeError::PathReserved { path: path.clone(), source_name: name });
                }
                if let Some(other) = paths.insert(key, Arc::clone(&intake))
                    && !Arc::ptr_eq(&other, &intake)
                {
                    let first = other.source.reference.name.to_string();
                    return Err(ServeError::PathTaken { path: path.clone(), first, second: name });
                }
            }
        }
        Ok(Self(paths))
    }

    /// The source of a path; a trailing slash matters not.
    pub(super) fn find(&self, path: &str) -> Option<&Arc<Intake>> {
        self.0.get(trimmed(path))
    }
}

fn trimmed(path: &str) -> &str {
    path.trim_end_matches('/')
}

/// What the paths of pages for people begin with, whether they are served or not.
const PAGES: &[&str] = &[
    "alerts",
    "assets",
    "destinations",
    "events",
    "events.csv",
    "events.ndjson",
    "messages",
    "preferences",
    "quarantine",
    "recipients",
    "search",
    "settings",
    "sign-in",
    "sign-out",
    "sources",
    "suppressions",
    "timelines",
    "watchdog",
    "welcome",
];

/// Whether the server itself answers under a path, so that no source can have it. A trailing slash matters not.
pub fn is_reserved(path: &str) -> bool {
    let path = trimmed(path);
    [health::WEBHOOKS_HEALTH, health::ALIVE, health::READY, metrics::PATH].contains(&path)
        || openapi::PATHS.contains(&path)
        || path.is_empty()
        || path.split('/').nth(1).is_some_and(|first| PAGES.contains(&first))
        || path.strip_prefix(api::ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_paths_are_reserved() {
        for path in [
            "",
            "/webhooks/health",
            "/healthz",
            "/readyz",
            "/metrics",
            "/v1",
            "/v1/events",
            "/docs",
            "/docs/style.css",
            "/openapi.json",
            "/events",
            "/settings/users",
        ] {
            assert!(is_reserved(path), "{path}");
        }
        for path in ["/webhooks/mailgun", "/v1x", "/mailgun-webhook", "/webhook/mailgun"] {
            assert!(!is_reserved(path), "{path}");
        }
    }
}
