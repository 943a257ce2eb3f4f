//! What was asked of the provider, kept for a while.

use std::sync::Arc;

use hearback_event::Timestamp;

use super::http::OidcError;

/// What failed is not tried again for so many seconds, so that many who wait do not wait for each other.
const FAILED: i64 = 5;

/// Something that was fetched, and when; and the last failure.
pub(super) struct Kept<T> {
    value: Option<(Arc<T>, Timestamp)>,
    failed: Option<(OidcError, Timestamp)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { value: None, failed: None }
    }
}

impl<T> Kept<T> {
    /// What need not be asked for: it is younger than `seconds`, or just failed.
    pub(super) fn fresh(&self, seconds: i64, now: Timestamp) -> Option<Result<Arc<T>, OidcError>> {
        if let Some((value, _)) = self.value.as_ref().filter(|(_, at)| now.seconds_since(*at) < seconds) {
            return Some(Ok(Arc::clone(value)));
        }
        let (error, _) = self.failed.as_ref().filter(|(_, at)| now.seconds_since(*at) < FAILED)?;
        Some(self.value.as_ref().map_or(Err(error.clone()), |(value, _)| Ok(Arc::clone(value))))
    }

    /// What was fetched; where that failed, what there was before.
    pub(super) fn put(&mut self, fetched: Result<T, OidcError>, now: Timestamp) -> Result<Arc<T>, OidcError> {
        match fetched {
            Ok(value) => {
                let value = Arc::new(value);
                *self = Self { value: Some((Arc::clone(&value), now)), failed: None };
                Ok(value)
            }
            Err(error) => {
                tracing::warn!(%error, "the provider of single sign-on does not answer as it should");
                self.failed = Some((error.clone(), now));
                self.value.as_ref().map_or(Err(error), |(value, _)| Ok(Arc::clone(value)))
            }
        }
    }
}
