//! What takes long to count is shown as it stood a moment ago, and counted anew beside.
//!
//! How long that moment may be depends on how long the counting takes, so that it never takes more than a small share of a core, however
//! many people look. What is counted quickly is counted each time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// What takes less is not kept.
const WORTH_KEEPING: Duration = Duration::from_millis(8);
/// Kept for so many times what it took: at most half a percent of a core.
const SHARE: u32 = 200;
/// Whoever looks after this waits for new counts.
const STALE_AFTER: Duration = Duration::from_mins(1);

/// Results by what was asked.
pub(crate) struct Recent<K, V>(Mutex<BTreeMap<K, Kept<V>>>);

struct Kept<V> {
    value: Arc<V>,
    at: Instant,
    took: Duration,
    /// Whether somebody counts anew.
    renewed: bool,
}

/// What is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<V> {
    /// To be shown.
    Fresh(Arc<V>),
    /// To be shown, and the asker is the one who counts anew.
    Stale(Arc<V>),
    /// The asker has to count.
    Nothing,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord, V> Recent<K, V> {
    /// What is there at a moment.
    pub(crate) fn find(&self, key: &K, now: Instant) -> Found<V> {
        let mut all = self.0.lock();
        let Some(kept) = all.get_mut(key) else { return Found::Nothing };
        let age = now.saturating_duration_since(kept.at);
        if age >= STALE_AFTER {
            Found::Nothing
        } else if age < kept.took * SHARE || kept.renewed {
            Found::Fresh(Arc::clone(&kept.value))
        } else {
            kept.renewed = true;
            Found::Stale(Arc::clone(&kept.value))
        }
    }

    /// Keeps what was counted, if that took long.
    pub(crate) fn put(&self, key: K, value: &Arc<V>, began: Instant, now: Instant) {
        let took = now.saturating_duration_since(began);
        let mut all = self.0.lock();
        all.retain(|_, kept| now.saturating_duration_since(kept.at) < STALE_AFTER);
        if took < WORTH_KEEPING {
            all.remove(&key);
        } else {
            all.insert(key, Kept { value: Arc::clone(value), at: now, took, renewed: false });
        }
    }

    /// Counting anew failed: the next one may try.
    pub(crate) fn not_renewed(&self, key: &K) {
        if let Some(kept) = self.0.lock().get_mut(key) {
            kept.renewed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn what_took_long_is_kept_and_counted_anew_by_one() {
        let (recent, began) = (Recent::default(), Instant::now());
        let end = began + ms(20);
        assert_eq!(recent.find(&"domains", end), Found::Nothing);
        recent.put("domains", &Arc::new(1), began, end);
        assert_eq!(recent.find(&"tags", end), Found::Nothing);
        assert_eq!(recent.find(&"domains", end + ms(3999)), Found::Fresh(Arc::new(1)));
        assert_eq!(recent.find(&"domains", end + ms(4000)), Found::Stale(Arc::new(1)));
        assert_eq!(recent.find(&"domains", end + ms(5000)), Found::Fresh(Arc::new(1)), "one is enough");
        recent.not_renewed(&"domains");
        assert_eq!(recent.find(&"domains", end + ms(5001)), Found::Stale(Arc::new(1)));
        recent.put("domains", &Arc::new(2), end + ms(5001), end + ms(5031));
        assert_eq!(recent.find(&"domains", end + ms(11_000)), Found::Fresh(Arc::new(2)));
        assert_eq!(recent.find(&"domains", end + ms(65_031)), Found::Nothing, "too old to be shown");
    }

    #[test]
    fn what_was_quick_is_counted_each_time() {
        let (recent, began) = (Recent::default(), Instant::now());
        recent.put("domains", &Arc::new(1), began, began + ms(20));
        recent.put("domains", &Arc::new(2), began + ms(30), began + ms(31));
        assert_eq!(recent.find(&"domains", began + ms(31)), Found::Nothing);
    }
}
