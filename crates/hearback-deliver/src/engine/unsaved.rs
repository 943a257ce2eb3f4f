//! What has happened since progress was last written down.

use std::collections::{BTreeMap, BTreeSet};

use hearback_event::Timestamp;
use hearback_store::{FailedPush, Progress};

/// So much at most is not written down.
pub(super) const MOST: usize = 500;

/// What is to be written down next.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    pub(super) failed: BTreeMap<u64, FailedPush>,
    pub(super) recovered: BTreeSet<u64>,
    pub(super) delivered: u64,
    pub(super) last_success_at: Option<Timestamp>,
    pub(super) last_failure: Option<(Timestamp, String)>,
    pub(super) disabled: Option<(Timestamp, String)>,
    /// Whether there is anything at all, the cursor included.
    pub(super) is_dirty: bool,
}

impl Unsaved {
    /// Whether it should be written down without waiting for more.
    pub(super) fn is_much(&self) -> bool {
        self.failed.len() + self.recovered.len() >= MOST || self.delivered >= MOST as u64
    }

    /// Whether a crash would have something pushed again, or forgotten.
    pub(super) fn matters(&self) -> bool {
        !self.failed.is_empty()
            || !self.recovered.is_empty()
            || self.delivered > 0
            || self.last_failure.is_some()
            || self.disabled.is_some()
    }

    pub(super) fn failed(&mut self, push: FailedPush) {
        self.recovered.remove(&push.position);
        self.failed.insert(push.position, push);
        self.is_dirty = true;
    }

    pub(super) fn recovered(&mut self, position: u64) {
        self.failed.remove(&position);
        self.recovered.insert(position);
        self.is_dirty = true;
    }

    /// Moves everything into what is written.
    pub(super) fn take(&mut self, progress: &mut Progress) {
        let Self { failed, recovered, delivered, last_success_at, last_failure, disabled, .. } =
            std::mem::take(self);
        progress.failed = failed.into_values().collect();
        progress.recovered = recovered.into_iter().collect();
        progress.delivered = delivered;
        progress.last_success_at = last_success_at;
        progress.last_failure = last_failure;
        progress.disabled = disabled;
    }

    /// What could not be written is to be written next time; what happened since then is newer.
    pub(super) fn put_back(&mut self, progress: Progress) {
        for push in progress.failed {
            if !self.recovered.contains(&push.position) {
                self.failed.entry(push.position).or_insert(push);
            }
        }
        for position in progress.recovered {
            if !self.failed.contains_key(&position) {
                self.recovered.insert(position);
            }
        }
        self.delivered += progress.delivered;
        self.last_success_at = self.last_success_at.or(progress.last_success_at);
        self.last_failure = self.last_failure.take().or(progress.last_failure);
        self.disabled = self.disabled.take().or(progress.disabled);
        self.is_dirty = true;
    }
}
