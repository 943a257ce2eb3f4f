//! Where the answers come from: the database file, or a server. Both speak the API, so that every command is written once:
//! beside a database file the API's own handlers run in this process, without a socket.

mod answer;
mod http;

use std::sync::Arc;

use clap::Args;
use hearback_server::LocalApi;
use hearback_store::{Database, LogStore, Store, StoreError};
use reqwest::{Method, Url};
use serde_json::Value;

pub(crate) use http::{HttpClient, base_url, http_client, is_loopback, unreachable};

use crate::cli::Global;
use crate::config::{self, Inputs, QuarantineConfig, Trial};
use crate::exit::CliError;
use crate::wiring;

/// Where to look for answers.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Where {
    /// Ask a server instead of the database file
    #[arg(long, env = "HEARBACK_URL")]
    url: Option<String>,
    /// The token for the server
    #[arg(long, env = "HEARBACK_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Who answers.
pub(crate) enum Client {
    /// The database file, which a server may be using at the same time.
    Local(LocalApi),
    /// A server.
    Remote(HttpClient),
}

/// What is to be asked: the path, segment by segment, and the query.
pub(crate) type Query<'a> = &'a [(&'a str, String)];

impl Where {
    /// Opens it for reading, and for taking things out of the quarantine.
    pub(crate) fn open(&self, global: &Global) -> Result<Client, CliError> {
        self.open_with(global, Database::open_beside)
    }

    /// A server, where only one can do what is asked; `why` says why.
    pub(crate) fn server(&self, why: &str) -> Result<Client, CliError> {
        let url = self.url.as_deref();
        let url = url
            .ok_or_else(|| CliError::usage(format!("{why}: give its address with --url or HEARBACK_URL")))?;
        Client::server(url, self.token.as_deref())
    }

    /// Opens it for storing events too: that a process can only do while no other has the database.
    pub(crate) fn open_for_events(&self, global: &Global) -> Result<Client, CliError> {
        self.open_with(global, |database| {
            if database.is_missing() {
                let problem = "there is no such file; has `hearback serve` ever run with this configuration?";
                return Err(cannot_open(database, problem.to_owned()));
            }
            open_alone(database)
        })
    }

    /// As [`Where::open_for_events`], making the database where there is none.
    pub(crate) fn open_or_make(&self, global: &Global) -> Result<Client, CliError> {
        self.open_with(global, |database| {
            if let Database::Sqlite(options) = database
                && let Some(folder) = options.path.parent()
            {
                wiring::make_folder(folder).map_err(|error| cannot_open(database, error.to_string()))?;
            }
            open_alone(database)
        })
    }

    fn open_with(
        &self,
        global: &Global,
        open: impl FnOnce(&Database) -> Result<LogStore, StoreError>,
    ) -> Result<Client, CliError> {
        if let Some(url) = &self.url {
            return Client::server(url, self.token.as_deref());
        }
        // What was stored can be read although the configuration is not right, or keys are not at hand.
        let loaded = config::load(&Inputs::from_process(global, Trial::Existing));
        let Some(config) = loaded.config else {
            let storage = config::storage(global)?;
            let store = open(&wiring::database(&storage, QuarantineConfig::default()))?;
            return Ok(Client::Local(LocalApi::new(Vec::new(), Vec::new(), None, Arc::new(store))));
        };
        let store: Arc<dyn Store> = Arc::new(open(&wiring::database(&config.storage, config.quarantine))?);
        let settings = wiring::settings(config, &store);
        Ok(Client::Local(LocalApi::new(settings.sources, settings.expect, settings.destinations, store)))
    }
}

fn open_alone(database: &Database) -> Result<LogStore, StoreError> {
    if database.is_taken() {
        let problem = "a server is using it; ask that one, with --url and --token";
        return Err(cannot_open(database, problem.to_owned()));
    }
    database.open()
}

fn cannot_open(database: &Database, problem: String) -> StoreError {
    StoreError::Open { database: database.to_string(), problem }
}

impl Client {
    /// A server's API.
    pub(crate) fn server(url: &str, token: Option<&str>) -> Result<Self, CliError> {
        HttpClient::new(url, token).map(Self::Remote)
    }

    /// What is at `path`; `None` where there is nothing.
    pub(crate) async fn get(&self, path: &[&str], query: Query<'_>) -> Result<Option<Value>, CliError> {
        self.ask(Method::GET, path, query).await
    }

    /// What is at `path`, which is always there.
    pub(crate) async fn list(&self, path: &[&str], query: Query<'_>) -> Result<Value, CliError> {
        self.get(path, query).await?.ok_or_else(|| {
            CliError::failed("the server does not know what was asked for")
                .hint("is it a Hearback server of this version, and is this the address of its API?")
        })
    }

    /// Asks for something to be done.
    pub(crate) async fn post(&self, path: &[&str], query: Query<'_>) -> Result<Option<Value>, CliError> {
        self.ask(Method::POST, path, query).await
    }

    /// Hands something over.
    pub(crate) async fn hand_over(&self, path: &[&str], body: Vec<u8>) -> Result<Option<Value>, CliError> {
        self.send(Method::POST, path, &[], body).await
    }

    /// Puts something in the place of what is there.
    pub(crate) async fn put(&self, path: &[&str], body: Vec<u8>) -> Result<Option<Value>, CliError> {
        self.send(Method::PUT, path, &[], body).await
    }

    /// Takes something away, and says more about it.
    pub(crate) async fn delete_with(
        &self,
        path: &[&str],
        query: Query<'_>,
    ) -> Result<Option<Value>, CliError> {
        self.ask(Method::DELETE, path, query).await
    }

    /// Takes something away.
    pub(crate) async fn delete(&self, path: &[&str]) -> Result<Option<Value>, CliError> {
        self.ask(Method::DELETE, path, &[]).await
    }

    /// Makes sure that what was changed is on disk.
    pub(crate) async fn close(&self) -> Result<(), CliError> {
        if let Self::Local(api) = self {
            api.store().close().await?;
        }
        Ok(())
    }

    /// Whether a server answers, which can wait for something to happen.
    pub(crate) const fn can_wait(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    async fn ask(&self, method: Method, path: &[&str], query: Query<'_>) -> Result<Option<Value>, CliError> {
        self.send(method, path, query, Vec::new()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: Query<'_>,
        body: Vec<u8>,
    ) -> Result<Option<Value>, CliError> {
        match self {
            Self::Remote(http) => http.ask(method, path, query, body).await,
            Self::Local(api) => {
                let url = with_path(base_url("http://localhost")?, path, query);
                let (status, body) = api.ask(method, &path_and_query(&url), body.into()).await;
                answer::read(status, &body)
            }
        }
    }
}

/// The URL of a path, encoded segment by segment, so that a slash in an address or a label stays in its place.
fn with_path(mut base: Url, path: &[&str], query: Query<'_>) -> Url {
    if let Ok(mut segments) = base.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    if !query.is_empty() {
        base.query_pairs_mut().extend_pairs(query.iter().map(|(name, value)| (*name, value.as_str())));
    }
    base
}

fn path_and_query(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_labels_are_one_segment_each() {
        let base = base_url("http://127.0.0.1:8025/hearback/").unwrap();
        let query = [("label", "a=b&c".to_owned())];
        let url = with_path(base, &["v1", "timelines", "ref/no", "a b?#%"], &query);
        assert_eq!(path_and_query(&url), "/hearback/v1/timelines/ref%2Fno/a%20b%3F%23%25?label=a%3Db%26c");
    }
}
