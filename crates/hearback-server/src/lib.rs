//! Hearback's HTTP side.
//!
//! `ingest` receives webhooks, `api` answers questions, `health` and `metrics` are for machines, `serve` owns sockets and
//! connections. No SQL, no rules of any provider: status codes come from each provider's contract, storage is an
//! [`hearback_store::Store`].

mod api;
mod app;
mod auth;
mod by_hand;
mod conditional;
mod cors;
mod expect;
mod follower;
mod health;
mod ingest;
mod local;
mod metrics;
mod openapi;
mod problem;
mod put_back;
mod readmit;
mod request_id;
mod serve;
mod settings;
mod shared;

pub use app::app;
pub use by_hand::{lift_by_hand, suppress_by_hand};
pub use expect::{ExpectRule, ExpectWhich};
pub use ingest::{is_reserved, remote};
pub use local::LocalApi;
pub use metrics::{MetricsError, install_metrics};
pub use readmit::{Readmit, Readmitted, readmit};
pub use serve::{Listeners, ServeError, run, run_on};
pub use settings::{Limits, Mode, Settings, Source, UnknownMessage};
