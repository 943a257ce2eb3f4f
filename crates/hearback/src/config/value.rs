//! The checked configuration: nothing in it can still be wrong.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use hearback_alert::Rule;
use hearback_deliver::Destination;
use hearback_providers::{Endpoint, Options, Provider};
use hearback_server::{Limits, Mode, UnknownMessage};
pub(crate) use hearback_store::QuarantineLimits as QuarantineConfig;
use hearback_store::{Database, Retention, SourceRef};
use ipnet::IpNet;
use reqwest::header::HeaderValue;
use serde_json::{Map, Value};

use super::Problem;
use super::section::Report;
use super::sending::SendConfig;
use super::watchdog::WatchdogConfig;
use crate::exit::CliError;

/// What [`super::load()`] found.
#[derive(Default)]
pub(crate) struct Loaded {
    /// The configuration, if nothing is wrong.
    pub(crate) config: Option<Config>,
    /// Everything that is wrong.
    pub(crate) problems: Vec<Problem>,
    /// What works but should be known.
    pub(crate) warnings: Vec<Problem>,
}

impl Loaded {
    /// Problems in the order of the file; the configuration only if there are none.
    pub(super) fn new(config: Config, mut report: Report) -> Self {
        report.problems.sort();
        report.problems.dedup();
        report.warnings.sort();
        report.warnings.dedup();
        let config = report.problems.is_empty().then_some(config);
        Self { config, problems: report.problems, warnings: report.warnings }
    }

    /// The configuration, or an error that lists every problem.
    pub(crate) fn require(self) -> Result<Config, CliError> {
        self.config.ok_or_else(|| CliError::configuration(&self.problems))
    }
}

/// The whole configuration.
pub(crate) struct Config {
    /// The file it was read from, if there is one.
    pub(crate) file: Option<PathBuf>,
    /// Listening and limits.
    pub(crate) server: ServerConfig,
    /// Where data are kept.
    pub(crate) storage: StorageConfig,
    /// How long what is kept.
    pub(crate) retention: Retention,
    /// Bounds of the quarantine.
    pub(crate) quarantine: QuarantineConfig,
    /// Logging.
    pub(crate) log: LogConfig,
    /// The web interface; none where it is switched off.
    pub(crate) ui: Option<hearback_ui::Options>,
    /// The sources, by name.
    pub(crate) sources: Vec<SourceConfig>,
    /// The destinations, by name.
    pub(crate) destinations: Vec<DestinationConfig>,
    /// What is looked for, and by when messages are expected.
    pub(crate) watchdog: WatchdogConfig,
    /// What raises an alert.
    pub(crate) alerts: Vec<Rule>,
    /// Whether the sources are trial sources, with keys that no provider knows.
    pub(crate) trial: bool,
}

/// Listening and limits.
pub(crate) struct ServerConfig {
    /// Where webhooks are received.
    pub(crate) listen: SocketAddr,
    /// Where API and metrics are served instead of there.
    pub(crate) admin: Option<SocketAddr>,
    /// Origins whose pages may ask the API from a browser.
    pub(crate) cors_origins: Vec<HeaderValue>,
    /// Scheme and host under which the server is reached from outside, without a slash at the end.
    pub(crate) public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Threads that serve requests.
    pub(crate) workers: usize,
    /// Bounds.
    pub(crate) limits: Limits,
}

/// Where data are kept.
#[derive(Clone, Debug)]
pub(crate) struct StorageConfig {
    /// The data folder.
    pub(crate) data: PathBuf,
    /// The database.
    pub(crate) database: Database,
    /// Requests that may wait for the journal.
    pub(crate) queue_max: usize,
    /// Bytes of requests that may wait for the journal.
    pub(crate) queue_bytes_max: usize,
    /// How many days back an event is recognised as known.
    pub(crate) dedup_days: u32,
}

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// Shape.
    pub(crate) format: LogFormat,
    /// A level (`info`) or a filter (`info,hearback_store=debug`).
    pub(crate) level: String,
}

/// The shape of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// One destination: secrets resolved, ready to push.
pub(crate) struct DestinationConfig {
    /// It.
    pub(crate) destination: Destination,
    /// Whether alerts go to it that name no destination.
    pub(crate) gets_alerts: bool,
    /// Its options as they may be printed.
    pub(crate) printable: Map<String, Value>,
}

/// One source: keys resolved, endpoint made.
pub(crate) struct SourceConfig {
    /// Name, provider and account.
    pub(crate) reference: SourceRef,
    /// Its provider.
    pub(crate) provider: &'static dyn Provider,
    /// The provider's own options with secrets resolved: what a simulator is made from.
    pub(crate) options: Options,
    /// The same options as they may be printed.
    pub(crate) printable_options: Map<String, Value>,
    /// How many keys are in them.
    pub(crate) keys: usize,
    /// Its keys and rules.
    pub(crate) endpoint: Box<dyn Endpoint>,
    /// Further paths.
    pub(crate) paths: Vec<String>,
    /// How strictly signatures are taken.
    pub(crate) mode: Mode,
    /// What to do with events of unknown messages.
    pub(crate) unknown_message: UnknownMessage,
    /// Longest body.
    pub(crate) body_bytes_max: usize,
    /// Requests per second, if limited.
    pub(crate) requests_per_second: Option<u32>,
    /// The public URL of this one source, complete, if it was given.
    pub(crate) public_url: Option<String>,
    /// Through what it sends, if that is configured.
    pub(crate) send: Option<SendConfig>,
}

impl Config {
    /// Scheme, host and port under which this machine reaches the server.
    pub(crate) fn local_url(&self) -> String {
        let listen = self.server.listen;
        let ip = match listen.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        format!("http://{}", SocketAddr::new(ip, listen.port()))
    }

    /// Where API and metrics are reached from this machine.
    pub(crate) fn local_admin_url(&self) -> String {
        self.server.admin.map_or_else(|| self.local_url(), |admin| format!("http://{admin}"))
    }

    /// Scheme and host that signatures of URLs are checked against: the configured ones, else the local ones, so that
    /// simulated requests are right without any configuration.
    pub(crate) fn public_base(&self) -> String {
        self.server.public_url.clone().unwrap_or_else(|| self.local_url())
    }

    /// The URL to give to the provider, as far as it is known.
    pub(crate) fn url_of(&self, source: &SourceConfig) -> String {
        self.url_at(source, &self.local_url())
    }

    /// As [`Config::url_of`], of a server that is reached at `local` and not where the configuration would have it.
    pub(crate) fn url_at(&self, source: &SourceConfig, local: &str) -> String {
        let base = self.server.public_url.as_deref().unwrap_or(local).trim_end_matches('/');
        source.public_url.clone().unwrap_or_else(|| format!("{base}{}", source.path()))
    }
}

impl SourceConfig {
    /// Its name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.reference.name
    }

    /// Its first path.
    pub(crate) fn path(&self) -> String {
        format!("/webhooks/{}", self.reference.name)
    }
}
