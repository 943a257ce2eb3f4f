//! Hearback's HTTP side.
//!
//! `ingest` receives webhooks, `api` answers questions, `health` and `metrics` are for machines. No SQL, no rules of any
//! provider: status codes come from each provider's contract, storage is an [`hearback_store::Store`].

mod settings;

pub use settings::{Limits, Mode, Settings, Source, UnknownMessage};
