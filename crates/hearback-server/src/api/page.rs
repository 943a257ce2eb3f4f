//! The form of every list.

use serde::Serialize;

/// One page of a list.
#[derive(Debug, Serialize)]
pub(super) struct ListPage<T> {
    /// The rows.
    pub(super) data: Vec<T>,
    /// Where the next page begins; null at the end.
    pub(super) next_cursor: Option<String>,
}

impl<T> ListPage<T> {
    /// A list that fits on one page.
    pub(super) const fn whole(data: Vec<T>) -> Self {
        Self { data, next_cursor: None }
    }
}
