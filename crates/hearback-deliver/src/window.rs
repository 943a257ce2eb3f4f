//! How far a destination has come, though its pushes end in any order.

use std::collections::BTreeSet;

/// The events between the cursor and the last one that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Read, and neither pushed nor kept as failed.
    open: BTreeSet<u64>,
    /// Read up to here.
    read: u64,
}

impl Window {
    pub(crate) const fn new(cursor: u64) -> Self {
        Self { open: BTreeSet::new(), read: cursor }
    }

    /// An event was read that is to be pushed.
    pub(crate) fn begin(&mut self, position: u64) {
        self.open.insert(position);
        self.read = self.read.max(position);
    }

    /// Everything up to here was read.
    pub(crate) fn pass(&mut self, position: u64) {
        self.read = self.read.max(position);
    }

    /// An event was pushed, or is kept as failed.
    pub(crate) fn end(&mut self, position: u64) {
        self.open.remove(&position);
    }

    /// What comes after this is read again; none of it is open.
    pub(crate) fn rewind(&mut self, position: u64) {
        self.read = self.read.min(position);
    }

    /// What was read up to.
    pub(crate) const fn read(&self) -> u64 {
        self.read
    }

    /// Nothing up to here is open.
    pub(crate) fn cursor(&self) -> u64 {
        self.open.first().map_or(self.read, |first| first - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever the order in which pushes end, the cursor passes what is not open, all of it, and nothing else.
        #[test]
        fn the_cursor_stands_before_the_first_open_event(
            wanted in prop::collection::vec(any::<bool>(), 1..60),
            ends in prop::collection::vec(any::<prop::sample::Index>(), 0..60),
        ) {
            let mut window = Window::new(100);
            let mut open = BTreeSet::new();
            for (position, wanted) in (101..).zip(&wanted) {
                if *wanted {
                    window.begin(position);
                    open.insert(position);
                } else {
                    window.pass(position);
                }
            }
            let last = 100 + wanted.len() as u64;
            let mut before = window.cursor();
            for index in ends {
                let positions: Vec<u64> = open.iter().copied().collect();
                if positions.is_empty() { break; }
                let position = *index.get(&positions);
                window.end(position);
                open.remove(&position);
                let expected = open.first().map_or(last, |first| first - 1);
                prop_assert_eq!(window.cursor(), expected);
                prop_assert!(window.cursor() >= before);
                before = window.cursor();
            }
        }
    }
}
