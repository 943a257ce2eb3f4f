//! Metrics: their names (docs/metrics.md states them), the recorder, and what `/metrics` prints.

mod recorder;
mod scrape;
mod source;

pub(crate) use recorder::upkeep;
pub use recorder::{MetricsError, install_metrics};
pub(crate) use scrape::{PATH, examples, router};
pub(crate) use source::SourceMeters;
