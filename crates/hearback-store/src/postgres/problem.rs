//! What went wrong with PostgreSQL, in words with which a person can act.

use postgres::Error;
use postgres::error::SqlState;

use super::url::PgUrl;
use crate::StoreError;
use crate::error::whole;

/// Why a connection could not be had, and what to do.
pub(super) fn explain(error: &Error, url: &PgUrl) -> String {
    let hint = match error.code() {
        Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            format!("is the password of {} right, and does pg_hba.conf let this machine in?", url.user())
        }
        Some(&SqlState::INVALID_CATALOG_NAME) => {
            format!("make it with: CREATE DATABASE {} OWNER {}", url.database(), url.user())
        }
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            format!("let the user in with: GRANT CONNECT ON DATABASE {} TO {}", url.database(), url.user())
        }
        Some(&SqlState::TOO_MANY_CONNECTIONS) => {
            "the server has no connection left: raise max_connections, or lower `readers_max` in [storage]"
                .to_owned()
        }
        Some(&SqlState::CANNOT_CONNECT_NOW) => "the server is starting or stopping; try again".to_owned(),
        Some(_) => "see the message".to_owned(),
        None => without_code(error),
    };
    format!("{} ({hint})", whole(error))
}

fn without_code(error: &Error) -> String {
    let text = whole(error);
    if text.contains("server does not support TLS") {
        return "add `sslmode=disable` to the URL if the network in between is your own".to_owned();
    }
    if text.contains("TLS handshake") {
        return "add `sslrootcert=FILE` with the certificate of the server's authority to the URL, or `sslmode=require` to \
                encrypt without checking it"
            .to_owned();
    }
    "is PostgreSQL running there, and is its port reachable from this machine?".to_owned()
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Read(Box::new(error))
    }
}

/// Why tables cannot be made, and what to do.
pub(super) fn explain_migration(error: StoreError, url: &PgUrl) -> String {
    let StoreError::Read(source) = &error else { return error.to_string() };
    let code = source.downcast_ref::<Error>().and_then(Error::code);
    let hint = match code {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            format!("the user may not make tables: GRANT CREATE ON SCHEMA public TO {}", url.user())
        }
        Some(&SqlState::INVALID_SCHEMA_NAME) => {
            "there is no schema to make tables in; see search_path in the URL's options".to_owned()
        }
        Some(&SqlState::DUPLICATE_TABLE) => {
            "another program has a table of that name there; give Hearback a database or a schema of its own"
                .to_owned()
        }
        Some(&SqlState::LOCK_NOT_AVAILABLE) => "another process is changing the tables; try again".to_owned(),
        _ => "nothing was changed".to_owned(),
    };
    format!("cannot make its tables: {} ({hint})", whole(&**source))
}
