//! How much is worked on at a time.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Lets requests through, in their order, while those inside are not too many bytes together.
///
/// A parsed request takes ten times the memory of its body. Without this, as many as there are connections would be
/// parsed and wait for the same commit, which is no faster than waiting unparsed.
pub(super) struct Gate {
    room: Semaphore,
    bytes_max: usize,
}

impl Gate {
    /// Bodies of so many bytes are let in together.
    pub(super) fn new(bytes_max: usize) -> Self {
        let bytes_max = bytes_max.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Self { room: Semaphore::new(bytes_max), bytes_max }
    }

    /// Waits for the turn of a body of so many bytes; `None` where it does not come in time. A body larger than the gate
    /// goes alone.
    pub(super) async fn enter(&self, bytes: usize, timeout: Duration) -> Option<SemaphorePermit<'_>> {
        let bytes = bytes.clamp(1, self.bytes_max) as u32;
        // Making a timer costs more than finding room.
        if let Ok(permit) = self.room.try_acquire_many(bytes) {
            return Some(permit);
        }
        tokio::time::timeout(timeout, self.room.acquire_many(bytes)).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bodies_wait_in_their_order_and_the_largest_goes_alone() {
        let gate = Gate::new(100);
        let long = Duration::from_mins(1);
        let (first, second) = (gate.enter(60, long).await, gate.enter(40, long).await);
        assert!(first.is_some() && second.is_some());
        assert!(gate.enter(1, long).await.is_none(), "it is full");
        drop(first);
        assert!(gate.enter(1000, long).await.is_none(), "not beside another");
        drop(second);
        let alone = gate.enter(1000, long).await;
        assert!(alone.is_some() && gate.enter(0, long).await.is_none());
        drop(alone);
        let small = gate.enter(1, long).await;
        let large = gate.enter(100, long);
        tokio::pin!(large);
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut large).await.is_err());
        assert!(gate.enter(1, Duration::from_secs(1)).await.is_none(), "a small one does not overtake");
        drop(small);
        assert!(large.await.is_some());
    }
}
