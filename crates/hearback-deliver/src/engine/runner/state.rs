//! What persons and other processes change, and what waits from before.

use std::collections::BTreeSet;

use hearback_event::MessageId;
use hearback_store::{FailedPushQuery, Store, StoreError};

use super::super::attempt::event_at;
use super::{Runner, is_held};
use crate::breaker::Breaker;
use crate::destination::Destination;

impl Runner {
    /// A person, or another process, may have changed something.
    pub(super) async fn take_state(&mut self) {
        let state = self.run.state.borrow_and_update().clone();
        if state.changes == self.changes {
            return;
        }
        let was_held = std::mem::replace(&mut self.is_held, is_held(&state));
        if was_held && !self.is_held {
            self.breaker = Breaker::restored(state.failing);
            self.hold_until = None;
            self.unsaved.disabled = None;
        } else if state.failing.is_none() && self.breaker.outage().is_some() {
            // Resumed by hand during an outage: it is tried at once.
            self.breaker = Breaker::default();
            self.hold_until = None;
        }
        // The rows are read when none of ours is on the way to them.
        if let Some(saving) = self.saving.take() {
            let (progress, saved) = saving.await;
            self.saved(progress, saved);
        }
        match self.load_waiting().await {
            Ok(()) => self.changes = state.changes,
            Err(error) => self.store_failed(&error),
        }
    }

    /// Reads which failed pushes wait.
    pub(super) async fn load_waiting(&mut self) -> Result<(), StoreError> {
        let (mut beyond, limit) = (0, 1000);
        let mut there = BTreeSet::new();
        loop {
            let destination = self.name().to_owned();
            let query = FailedPushQuery { destination, ended: Some(false), beyond, limit };
            let pushes = self.run.store.failed_pushes(query).await?;
            for push in &pushes {
                there.insert(push.position);
                // What happened here since is newer.
                if !self.unsaved.failed.contains_key(&push.position)
                    && !self.unsaved.recovered.contains(&push.position)
                {
                    let message = message_of(&self.run.destination, &*self.run.store, push.position).await?;
                    self.queue.wait(push, message);
                }
            }
            match pushes.last() {
                Some(last) if pushes.len() == limit => beyond = last.position,
                _ => break,
            }
        }
        let gone: Vec<u64> = self.queue.waiting().filter(|position| !there.contains(position)).collect();
        for position in gone.into_iter().filter(|position| !self.unsaved.failed.contains_key(position)) {
            self.queue.forget(position);
        }
        Ok(())
    }
}

/// The message of a failed push, where its order matters.
async fn message_of(
    destination: &Destination,
    store: &dyn Store,
    position: u64,
) -> Result<Option<MessageId>, StoreError> {
    if !destination.pace.ordered {
        return Ok(None);
    }
    Ok(event_at(store, position).await?.and_then(|record| record.message_id()))
}
