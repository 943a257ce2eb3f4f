//! Reads and checks everything: file, overlay, sections, sources.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use hearback_deliver::Pages;
use hearback_providers::ShapeLimits;
use hearback_server::Limits;
use hearback_store::sqlite::SqliteOptions;
use hearback_store::{Database, LogOptions, Retention};
use reqwest::header::HeaderValue;

use super::node::{Node, Table, Value};
use super::section::{Report, Section, unknown_key};
use super::sources::{self, SourceRules};
use super::{
    Config, Inputs, Loaded, LogConfig, LogFormat, Place, QuarantineConfig, ServerConfig, StorageConfig,
    alerts, destinations, document, overlay, parse, secrets, ui, watchdog,
};
use crate::exit::CliError;

/// The file that is looked for in the current folder.
pub(crate) const FILE: &str = "hearback.toml";

/// The sections besides `sources`.
const SECTIONS: &[&str] = &[
    "server",
    "admin",
    "storage",
    "retention",
    "quarantine",
    "log",
    "ui",
    "sources",
    "destinations",
    "alerts",
    "watchdog",
];

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8025);

/// Reads and checks the whole configuration.
pub(crate) fn load(inputs: &Inputs) -> Loaded {
    let (mut root, mut report) = match read(inputs) {
        Ok(read) => read,
        Err(problems) => return Loaded { problems, ..Loaded::default() },
    };
    for (name, entry) in root.iter() {
        if !SECTIONS.contains(&name.as_str()) {
            report.problem(&entry.name_at, unknown_key(name, "the configuration", SECTIONS));
        }
    }
    let data = inputs.data_folder();
    let admin = admin_section(&mut root, &mut report);
    let server = server_section(&mut root, admin, &mut report);
    let storage = storage_section(&mut root, data, &mut report);
    let retention = retention_section(&mut root, storage.dedup_days, &mut report);
    let quarantine = quarantine_section(&mut root, &mut report);
    let log = log_section(&mut root, &mut report);
    let ui = ui::section(&mut root, &server, &mut report);
    let rules = SourceRules { inputs, has_public_url: server.public_url.is_some(), data: &storage.data };
    let (sources, trial) = sources::read(&mut root, &rules, &mut report);
    let pages = Pages::at(ui.as_ref().and_then(|ui| ui.public_url.as_deref()));
    let destinations = destinations::read(&mut root, inputs, &pages, &mut report);
    let watchdog = watchdog::section(&mut root, &mut report);
    let alerts = alerts::read(&mut root, &destinations, &mut report);
    let config = Config {
        file: inputs.file_in_use(),
        server,
        storage,
        retention,
        quarantine,
        log,
        ui,
        sources,
        destinations,
        alerts,
        watchdog,
        trial,
    };
    Loaded::new(config, report)
}

/// Only where the data are.
pub(crate) fn storage(inputs: &Inputs) -> Result<StorageConfig, CliError> {
    let mut report = Report::default();
    let storage = match read(inputs) {
        Ok((mut root, _)) => storage_section(&mut root, inputs.data_folder(), &mut report),
        Err(problems) => return Err(CliError::configuration(&problems)),
    };
    if report.problems.is_empty() { Ok(storage) } else { Err(CliError::configuration(&report.problems)) }
}

fn read(inputs: &Inputs) -> Result<(Table, Report), Vec<super::Problem>> {
    let mut root = match inputs.file_in_use() {
        None => Table::default(),
        Some(path) => match fs::read_to_string(&path) {
            Ok(text) => document::parse(&text, &inputs.shown(&path))?,
            Err(error) => {
                let message = match error.kind() {
                    std::io::ErrorKind::NotFound => {
                        "there is no such file; `hearback config default` prints one to begin with".to_owned()
                    }
                    _ => format!("cannot read the configuration: {error}"),
                };
                return Err(vec![super::Problem { place: Place::Path(inputs.shown(&path)), message }]);
            }
        },
    };
    overlay::apply(&mut root, &inputs.environment);
    if let Some(listen) = &inputs.listen {
        let node = Node { place: Place::Argument("--listen"), value: Value::Text(listen.clone()) };
        root.set_path(&["server".to_owned(), "listen".to_owned()], node);
    }
    let surroundings =
        secrets::Surroundings { environment: &inputs.environment, folder: &inputs.base_folder() };
    // Sources and destinations resolve theirs one by one, so that complaints about a key can be told from a key that is not at hand.
    let own = ["sources", "destinations"].map(|name| (name, root.take(name)));
    let mut report = Report::default();
    secrets::resolve(&mut root, &surroundings, &mut report);
    for (name, entry) in own {
        if let Some(entry) = entry {
            root.set(name, entry.name_at, entry.node);
        }
    }
    if report.problems.is_empty() { Ok((root, report)) } else { Err(report.problems) }
}

/// What `[admin]` says.
struct Admin {
    listen: Option<SocketAddr>,
    cors_origins: Vec<HeaderValue>,
}

fn admin_section(root: &mut Table, report: &mut Report) -> Admin {
    let mut section = Section::of(root, "admin", report);
    let listen = section.text("listen", parse::listen).map(|(address, _)| address);
    let origins = section.list("cors_origins", parse::origin);
    section.finish();
    Admin { listen, cors_origins: origins.into_iter().map(|(origin, _)| origin).collect() }
}

fn server_section(root: &mut Table, admin: Admin, report: &mut Report) -> ServerConfig {
    let Admin { listen: admin, cors_origins } = admin;
    let mut section = Section::of(root, "server", report);
    let (listen, listen_at) =
        section.text("listen", parse::listen).unwrap_or((DEFAULT_LISTEN, Place::Default));
    if admin == Some(listen) && listen.port() != 0 {
        let message =
            "`listen` is the same in [server] and [admin]; leave [admin] out to serve both on one address";
        section.report().problem(&listen_at, message);
    }
    if admin.is_none() && !listen.ip().is_loopback() {
        let message = "API and metrics are served on this address, too, which other machines can reach; set \
                       `[admin] listen = \"127.0.0.1:8026\"` to serve webhooks and nothing else on it";
        section.report().warning(&listen_at, message);
    }
    let public_url = section.text("public_url", parse::base_url).map(|(url, place)| {
        warn_clear_text(&url, &place, section.report());
        url
    });
    let trusted_proxies = section.list("trusted_proxies", parse::network);
    let cores = available_parallelism().map_or(1, usize::from);
    let workers = section.number("workers", 1..=1024).map_or((cores / 2).max(1), |workers| workers as usize);
    let server = ServerConfig {
        listen,
        admin,
        cors_origins,
        public_url,
        trusted_proxies: trusted_proxies.into_iter().map(|(network, _)| network).collect(),
        workers,
        limits: limits(&mut section),
    };
    section.finish();
    server
}

fn limits(section: &mut Section<'_>) -> Limits {
    let mut limits = Limits::default();
    if let Some(connections) = section.number("connections_max", 1..=1_000_000) {
        limits.connections_max = connections as usize;
    }
    if let Some(headers) = section.number("headers_max", 16..=1000) {
        limits.headers_max = headers as usize;
    }
    if let Some(depth) = section.number("json_depth_max", 8..=ShapeLimits::MOST_DEPTH as u64) {
        limits.shape.json_depth = depth as usize;
    }
    if let Some(fields) = section.number("form_fields_max", 32..=ShapeLimits::MOST_FIELDS as u64) {
        limits.shape.form_fields = fields as usize;
    }
    if let Some(bytes) = section.size("in_flight_bytes_max", parse::size) {
        limits.in_flight_bytes_max = bytes;
    }
    if let Some(seconds) = section.number("read_timeout_s", 1..=3600) {
        limits.read_timeout = Duration::from_secs(seconds);
    }
    if let Some(seconds) = section.number("drain_timeout_s", 0..=3600) {
        limits.drain_timeout = Duration::from_secs(seconds);
    }
    if let Some(rate) = section.number("quarantined_per_second", 0..=1_000_000) {
        limits.quarantined_per_second = rate as u32;
    }
    limits
}

fn storage_section(root: &mut Table, data: PathBuf, report: &mut Report) -> StorageConfig {
    let mut section = Section::of(root, "storage", report);
    let own_file = || (Database::Sqlite(SqliteOptions::new(data.join("hearback.db"))), Place::Default);
    let (mut database, url_at) =
        section.text("url", |text| parse::storage_url(text, &data)).unwrap_or_else(own_file);
    postgres_keys(&mut database, &url_at, &mut section);
    let default = LogOptions::default();
    let storage = StorageConfig {
        queue_max: section.number("queue_max", 1..=1_000_000).map_or(default.queue_length, |n| n as usize),
        queue_bytes_max: section.size("queue_bytes_max", parse::size).unwrap_or(default.queue_bytes),
        // Providers try again for up to three days; a horizon within that would count retries as new.
        dedup_days: section.number("dedup_days", 7..=3650).map_or(default.dedup_horizon_days, |n| n as u32),
        data,
        database,
    };
    section.finish();
    storage
}

/// What is there for PostgreSQL only; in a configuration for SQLite it may stand unused.
fn postgres_keys(database: &mut Database, url_at: &Place, section: &mut Section<'_>) {
    let readers_max = section.number("readers_max", 1..=1000);
    let [connect, statement, lock] = ["connect_timeout_s", "statement_timeout_s", "lock_timeout_s"]
        .map(|key| section.number(key, 1..=3600).map(Duration::from_secs));
    let Database::Postgres(options) = database else { return };
    options.readers_max = readers_max.map_or(options.readers_max, |readers| readers as usize);
    options.connect_timeout = connect.unwrap_or(options.connect_timeout);
    options.statement_timeout = statement.unwrap_or(options.statement_timeout);
    options.lock_timeout = lock.unwrap_or(options.lock_timeout);
    if options.is_exposed() {
        let message = "the certificate of the database server is not checked: whoever is on the way can read and change \
                       what is stored; add `sslmode=verify-full` (and `sslrootcert=FILE` for an authority of your own)";
        section.report().warning(url_at, message);
    }
}

/// Longest time that anything is kept on purpose: a hundred years.
const DAYS_MAX: u64 = 36_500;

fn retention_section(root: &mut Table, dedup_days: u32, report: &mut Report) -> Retention {
    let mut section = Section::of(root, "retention", report);
    let place = section.place_of("events_days");
    let payloads_at = section.place_of("payloads_days");
    let mut days = |name| section.number(name, 1..=DAYS_MAX).map(|days| days as u32);
    let retention = Retention {
        payloads_days: days("payloads_days"),
        events_days: days("events_days"),
        quarantine_days: days("quarantine_days"),
    };
    if let Some(events) = retention.events_days.filter(|events| *events <= dedup_days) {
        let message = format!(
            "`events_days` is {events}, but a retry is recognised by the event that it repeats for {dedup_days} days \
             (`dedup_days` of [storage]); write at least {}",
            dedup_days + 1
        );
        section.report().problem(&place, message);
    }
    if let (Some(payloads), Some(events)) = (retention.payloads_days, retention.events_days)
        && payloads > events
    {
        let message = format!(
            "`payloads_days` is {payloads}, but raw requests go with their events after {events} days"
        );
        section.report().warning(&payloads_at, message);
    }
    section.finish();
    retention
}

fn quarantine_section(root: &mut Table, report: &mut Report) -> QuarantineConfig {
    let mut section = Section::of(root, "quarantine", report);
    let default = QuarantineConfig::default();
    let quarantine = QuarantineConfig {
        entries_max: section.number("entries_max", 1..=10_000_000).unwrap_or(default.entries_max),
        bytes_max: section.size("bytes_max", parse::size).map_or(default.bytes_max, |bytes| bytes as u64),
    };
    section.finish();
    quarantine
}

fn log_section(root: &mut Table, report: &mut Report) -> LogConfig {
    let mut section = Section::of(root, "log", report);
    let format = section.text("format", parse::log_format).map_or(LogFormat::Text, |(format, _)| format);
    let level = section.text("level", parse::log_level).map_or_else(|| "info".to_owned(), |(level, _)| level);
    section.finish();
    LogConfig { format, level }
}

/// Warns of a URL under which events travel in the clear.
pub(crate) fn warn_clear_text(url: &str, place: &Place, report: &mut Report) {
    if parse::is_clear_text(url) {
        let message = "`public_url` is not encrypted: whoever is on the way reads the events and, of some providers, the \
                       credentials; use https://";
        report.warning(place, message);
    }
}

impl Inputs {
    /// The configuration file that is read: the one that was named, or the one in the current folder.
    pub(crate) fn file_in_use(&self) -> Option<PathBuf> {
        match &self.file {
            Some(file) => Some(self.folder.join(file)),
            None => Some(self.folder.join(FILE)).filter(|path| path.exists()),
        }
    }

    /// The folder from which relative paths in the configuration are taken.
    pub(crate) fn base_folder(&self) -> PathBuf {
        let file = self.file_in_use();
        file.as_deref().and_then(Path::parent).unwrap_or(&self.folder).to_owned()
    }

    /// The data folder.
    pub(crate) fn data_folder(&self) -> PathBuf {
        match &self.data {
            Some(data) => self.folder.join(data),
            None => self.base_folder().join("data"),
        }
    }

    /// Whether the address to listen on comes from this process's own arguments or environment.
    pub(crate) fn overrides_listen(&self) -> bool {
        let is_set = |name: &str| self.environment.get(name).is_some_and(|value| !value.is_empty());
        self.listen.is_some() || is_set("HEARBACK_LISTEN") || is_set("HEARBACK__SERVER__LISTEN")
    }

    /// A database as the user would name it: a file by its path, another by its URL without the password.
    pub(crate) fn shown_database(&self, database: &Database) -> String {
        match database {
            Database::Sqlite(options) => self.shown(&options.path).display().to_string(),
            Database::Postgres(options) => options.to_string(),
        }
    }

    /// A path as the user would write it: relative where it lies below the current folder.
    pub(crate) fn shown(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.folder).unwrap_or(path).to_owned()
    }
}
