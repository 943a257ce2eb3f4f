//! Requests that were made and signed before the clock started.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Complete requests, each of as many events.
pub(crate) struct Pool {
    requests: Vec<Box<[u8]>>,
    events_each: u64,
}

impl Pool {
    /// A pool of these requests.
    pub(crate) const fn new(requests: Vec<Box<[u8]>>, events_each: u64) -> Self {
        Self { requests, events_each }
    }

    /// Mean size of a request in bytes, head included.
    pub(crate) fn mean_bytes(&self) -> u64 {
        let total: usize = self.requests.iter().map(|request| request.len()).sum();
        total as u64 / (self.requests.len() as u64).max(1)
    }
}

/// Hands the requests of a pool out, one after the other.
pub(crate) struct Supply {
    pool: Pool,
    next: AtomicUsize,
    again: bool,
}

impl Supply {
    /// Each request once.
    pub(crate) const fn once(pool: Pool) -> Self {
        Self { pool, next: AtomicUsize::new(0), again: false }
    }

    /// From the beginning again after the end: for a server that does not look at them.
    pub(crate) const fn again(pool: Pool) -> Self {
        Self { pool, next: AtomicUsize::new(0), again: true }
    }

    /// Events in each request.
    pub(crate) const fn events_each(&self) -> u64 {
        self.pool.events_each
    }

    /// The next request.
    pub(crate) fn take(&self) -> Option<&[u8]> {
        let count = self.pool.requests.len();
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        if next >= count && !self.again {
            return None;
        }
        self.pool.requests.get(next % count.max(1)).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_goes_out_once_unless_they_may_repeat() {
        let pool = || Pool::new(vec![b"a".as_slice().into(), b"b".as_slice().into()], 1);
        let take = |supply: &Supply| supply.take().map(|bytes| bytes[0]);
        let once = Supply::once(pool());
        assert_eq!([take(&once), take(&once), take(&once)], [Some(b'a'), Some(b'b'), None]);
        let again = Supply::again(pool());
        assert_eq!([take(&again), take(&again), take(&again)], [Some(b'a'), Some(b'b'), Some(b'a')]);
        assert_eq!(Supply::again(Pool::new(Vec::new(), 1)).take(), None);
        assert_eq!(pool().mean_bytes(), 1);
    }
}
