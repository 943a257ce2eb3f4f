//! Bars on standard error for what takes its time; drawn only where that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over a known length.
pub(crate) fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// A count of what has no known end.
pub(crate) fn counter(template: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
