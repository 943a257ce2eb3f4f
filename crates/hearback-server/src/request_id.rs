//! A name for every request, in the log and in `x-request-id`.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use hearback_event::Timestamp;
use http::{HeaderName, HeaderValue};
use uuid::Uuid;

/// Where the answer carries it.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A UUIDv7. Different for every request of every process, but no secret: its random part is a counter, started at random
/// and stirred, because asking the kernel for random bytes costs more than the rest of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RequestId(Uuid);

impl RequestId {
    /// The next one.
    pub(crate) fn new(received_at: Timestamp) -> Self {
        static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("request"));
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let (first, second) = (stir(*SEED ^ count), stir(SEED.wrapping_add(count).rotate_left(17)));
        let mut random = [0; 10];
        random[..8].copy_from_slice(&first.to_be_bytes());
        random[8..].copy_from_slice(&second.to_be_bytes()[..2]);
        let millis = received_at.as_millis().max(0) as u64;
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// As a header's value.
    pub(crate) fn header(self) -> Option<HeaderValue> {
        let mut text = Uuid::encode_buffer();
        HeaderValue::from_str(self.0.hyphenated().encode_lower(&mut text)).ok()
    }
}

/// The finaliser of SplitMix64: a bijection, so different counts stay different.
const fn stir(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_has_its_own() {
        let at = Timestamp::now();
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| RequestId::new(at)).collect();
        assert_eq!(ids.len(), 10_000);
        let id = RequestId::new(at);
        assert_eq!(id.0.get_version_num(), 7);
        assert_eq!(id.header().unwrap().to_str().unwrap(), id.to_string());
    }
}
