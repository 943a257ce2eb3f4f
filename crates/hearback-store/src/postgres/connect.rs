//! Connecting: encryption, time limits, and the settings that our promises need.

use std::time::Duration;

use postgres::NoTls;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::problem::explain;
use super::session::PgSession;
use super::url::Encryption;
use super::{PostgresOptions, schema, tls};
use crate::StoreError;
use crate::session::{Session, params};

/// After so long without a sign of life the server is taken for gone.
const SILENCE: Duration = Duration::from_secs(30);

/// Opens one connection.
pub(super) fn connect(options: &PostgresOptions) -> Result<PgSession, StoreError> {
    let mut config = (*options.url.config).clone();
    if config.get_application_name().is_none() {
        config.application_name("hearback");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(options.connect_timeout);
    }
    // A network that swallows everything must not hold up the journal for as long as TCP itself would try.
    config.keepalives_idle(SILENCE).keepalives_interval(SILENCE / 3).keepalives_retries(3);
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SILENCE);
    }
    let open = |problem: String| StoreError::Open { database: options.to_string(), problem };
    let client = if options.url.encryption == Encryption::Disable {
        config.connect(NoTls)
    } else {
        let tls =
            tls::config(options.url.encryption, options.url.root_certificates.as_deref()).map_err(open)?;
        config.connect(MakeRustlsConnect::new(tls))
    };
    let session = PgSession::new(client.map_err(|error| open(explain(&error, &options.url)))?);
    prepare(&session, options)?;
    Ok(session)
}

fn prepare(session: &dyn Session, options: &PostgresOptions) -> Result<(), StoreError> {
    schema::check_server(session, options)?;
    // A connection that hangs in the middle of a transaction must not hold up the others for long.
    session.batch(&format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = 30000;
         SET client_min_messages = warning",
        options.statement_timeout.as_millis(),
        options.lock_timeout.as_millis()
    ))?;
    // What is answered is on disk, whatever the server's default.
    let setting = session
        .one("SELECT current_setting('synchronous_commit')", params![], |row| Ok(row.text(0)? == "off"))?;
    if setting == Some(true) {
        session.batch("SET synchronous_commit = on")?;
    }
    Ok(())
}
