//! What is known of a destination only while it is pushed to: for questions and for metrics.

use std::collections::VecDeque;

use hearback_event::Timestamp;
use parking_lot::Mutex;

/// So many of the newest deliveries are remembered with their times.
const REMEMBERED: usize = 10_000;

/// The newest deliveries of one destination in this process.
#[derive(Debug, Default)]
pub(crate) struct Live {
    delivered: Mutex<VecDeque<(u64, Timestamp)>>,
}

impl Live {
    /// An event has arrived.
    pub(crate) fn delivered(&self, position: u64, at: Timestamp) {
        let mut delivered = self.delivered.lock();
        if delivered.len() == REMEMBERED {
            delivered.pop_front();
        }
        delivered.push_back((position, at));
    }

    /// When an event arrived, if that is remembered.
    pub(crate) fn delivered_at(&self, position: u64) -> Option<Timestamp> {
        let delivered = self.delivered.lock();
        delivered.iter().rev().find(|(known, _)| *known == position).map(|(_, at)| *at)
    }
}
