//! Where the answers come from: the database file, or a server's API. Both give the API's JSON, so that every command is
//! written once.

mod http;

pub(crate) use http::{HttpClient, base_url, http_client, is_loopback, unreachable};
