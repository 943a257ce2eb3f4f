//! Writing down how far it has come, and telling the log of an outage.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hearback_event::Timestamp;
use hearback_store::{Progress, Receipt, StoreError};
use tokio::time::Instant;

use super::Runner;
use crate::notice;

/// What was to be written, and whether it was.
pub(super) type Saved = (Progress, Result<bool, StoreError>);

impl Runner {
    pub(super) fn start_saving(&mut self) {
        if !self.unsaved.is_dirty {
            return;
        }
        let since = *self.dirty_since.get_or_insert_with(Instant::now);
        let is_time = self.unsaved.is_much() || since.elapsed() >= self.save_after();
        if is_time && self.saving.is_none() && self.store_again.is_none() {
            self.saving = Some(self.save());
        }
    }

    /// Writes everything down.
    pub(super) fn save(&mut self) -> BoxFuture<'static, Saved> {
        self.dirty_since = None;
        let mut progress = Progress {
            name: self.name().to_owned(),
            owner: self.run.owner.clone(),
            cursor: self.queue.window().cursor(),
            skipped: self.queue.take_skipped(),
            failing: self.breaker.outage(),
            ..Progress::default()
        };
        self.run.meters.skipped(progress.skipped);
        self.unsaved.take(&mut progress);
        let store = Arc::clone(&self.run.store);
        Box::pin(async move {
            let saved = store.save_progress(progress.clone()).await;
            (progress, saved)
        })
    }

    /// Whether the destination is still this process's own.
    pub(super) fn saved(&mut self, progress: Progress, saved: Result<bool, StoreError>) -> bool {
        match saved {
            Ok(true) => true,
            Ok(false) => {
                tracing::info!(destination = self.name(), "another process pushes to the destination now");
                false
            }
            Err(error) => {
                self.unsaved.put_back(progress);
                self.store_failed(&error);
                true
            }
        }
    }

    /// Tells the log, once the outage itself is on disk.
    pub(super) fn start_telling(&mut self) {
        if self.notifying.is_some() || self.store_again.is_some() {
            return;
        }
        if let Some((since, why)) = &self.to_tell {
            let notice = notice::failing(self.name(), *since, why, Timestamp::now());
            let store = Arc::clone(&self.run.store);
            self.notifying = Some(Box::pin(async move { store.submit(notice).await }));
        }
    }

    pub(super) fn told(&mut self, told: Result<Receipt, StoreError>) {
        match told {
            Ok(_) => self.to_tell = None,
            Err(error) => self.store_failed(&error),
        }
    }
}
