//! From the checked configuration to what the store and the server take.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use hearback_deliver::Destinations;
use hearback_server::{Settings, Source};
use hearback_store::{Database, LogOptions, LogStore, Store, StoreError};

use hearback_ui::Ui;

use crate::config::{Config, QuarantineConfig, SourceConfig, StorageConfig};
use crate::exit::CliError;

/// How the store is opened.
pub(crate) fn database(storage: &StorageConfig, quarantine: QuarantineConfig) -> Database {
    let mut database = storage.database.clone();
    *database.log_mut() = LogOptions {
        quarantine,
        queue_length: storage.queue_max,
        queue_bytes: storage.queue_bytes_max,
        dedup_horizon_days: storage.dedup_days,
    };
    database
}

/// Opens the store with its journal, making folder and file where they are missing.
pub(crate) fn open_store(database: &Database) -> Result<LogStore, CliError> {
    if let Database::Sqlite(options) = database
        && let Some(folder) = options.path.parent()
    {
        make_folder(folder)?;
    }
    database.open().map_err(|error| cannot_open(error, database))
}

/// Opens the store for small changes: beside a server, or alone where none has run yet.
pub(crate) fn open_store_beside(database: &Database) -> Result<LogStore, CliError> {
    if database.is_missing() {
        return open_store(database);
    }
    database.open_beside().map_err(|error| cannot_open(error, database))
}

/// Makes a folder for data where there is none.
pub(crate) fn make_folder(folder: &Path) -> Result<(), CliError> {
    fs::create_dir_all(folder).map_err(|error| {
        CliError::failed(format!("cannot make the folder {}: {error}", folder.display()))
            .hint("give a folder that this user can write with --data or HEARBACK_DATA")
    })
}

fn cannot_open(error: StoreError, database: &Database) -> CliError {
    let hint = match &error {
        StoreError::Newer { .. } => {
            "an older version would not understand what the newer one wrote; nothing was changed"
        }
        StoreError::Open { .. } | StoreError::Write(_) | StoreError::Read(_)
            if matches!(database, Database::Sqlite(_)) =>
        {
            "the database lies in the data folder; choose another with --data, HEARBACK_DATA or `[storage] url`"
        }
        StoreError::Open { .. } => return CliError::failed(error.to_string()),
        _ => return CliError::failed(format!("{database}: {error}")),
    };
    CliError::failed(error.to_string()).hint(hint)
}

/// What the server takes, over a store. The base of public URLs is the one of `config`, whose `listen` is the address that was
/// bound.
pub(crate) fn settings(config: Config, store: &Arc<dyn Store>) -> Settings {
    let public_base = config.public_base();
    let destinations = config.destinations.into_iter().map(|configured| configured.destination).collect();
    Settings {
        expect: config.watchdog.expect,
        destinations: Some(Destinations::new(destinations, Arc::clone(store))),
        listen: config.server.listen,
        admin: config.server.admin,
        cors_origins: config.server.cors_origins,
        limits: config.server.limits,
        trusted_proxies: config.server.trusted_proxies,
        sources: config.sources.into_iter().map(|source| Arc::new(wire(source, &public_base))).collect(),
        pages: None,
    }
}

/// The interface over what the server takes.
pub(crate) fn interface(store: &Arc<LogStore>, settings: &Settings, options: hearback_ui::Options) -> Ui {
    let destinations = settings.destinations.clone();
    let destinations = destinations.unwrap_or_else(|| Destinations::new(Vec::new(), Arc::clone(store) as _));
    let options = hearback_ui::Options { expect: settings.expect.clone(), ..options };
    Ui::new(Arc::clone(store) as _, Arc::clone(store) as _, settings.sources.clone(), destinations, options)
}

fn wire(source: SourceConfig, public_base: &str) -> Source {
    Source {
        reference: source.reference,
        provider: source.provider,
        endpoint: source.endpoint,
        paths: source.paths,
        mode: source.mode,
        unknown_message: source.unknown_message,
        body_bytes_max: source.body_bytes_max,
        requests_per_second: source.requests_per_second,
        public_url: source.public_url,
        public_base: Some(public_base.to_owned()),
        outlet: source.send.map(|send| send.outlet),
    }
}
