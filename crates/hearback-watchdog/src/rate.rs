//! Whether too much bounces, or is complained about: pure, of counts.

use std::collections::BTreeMap;

use hearback_event::Kind;
use hearback_store::RollupRow;

/// When a rate is told, and over what it is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimits {
    /// Highest share of messages that may bounce, of those of which the end is known (0 to 1).
    pub bounced: f64,
    /// Highest share of delivered messages that may be complained about (0 to 1).
    pub complained: f64,
    /// With fewer messages, a rate says nothing.
    pub messages_min: u64,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self { bounced: 0.05, complained: 0.001, messages_min: 500 }
    }
}

/// A rate is within its limit again when it is below this share of it, so that one that wavers is not told again and again.
const AGAIN: f64 = 0.8;

/// What came of the messages of one source, tag or domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    delivered: u64,
    bounced: u64,
    lost: u64,
    complained: u64,
}

impl Counts {
    fn add(&mut self, row: &RollupRow) {
        let place = match row.kind {
            Kind::Delivered => &mut self.delivered,
            Kind::Bounced => &mut self.bounced,
            Kind::Rejected | Kind::Failed => &mut self.lost,
            Kind::Complained => &mut self.complained,
            _ => return,
        };
        *place += row.count;
    }

    const fn ended(&self) -> u64 {
        self.delivered + self.bounced + self.lost
    }
}

/// By name.
pub(crate) fn by_name(rows: &[RollupRow]) -> BTreeMap<&str, Counts> {
    let mut names: BTreeMap<&str, Counts> = BTreeMap::new();
    for row in rows {
        names.entry(&row.of).or_default().add(row);
    }
    names
}

/// One rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate {
    /// `bounced` or `complained`.
    pub(crate) word: &'static str,
    /// How many, and of how many.
    pub(crate) part: u64,
    pub(crate) whole: u64,
    limit: f64,
    enough: bool,
}

impl Rate {
    /// Both rates.
    pub(crate) fn of(counts: &Counts, limits: &RateLimits) -> [Self; 2] {
        let rate = |word, part, whole, limit| {
            let enough = whole >= limits.messages_min;
            Self { word, part, whole, limit, enough }
        };
        [
            rate("bounced", counts.bounced, counts.ended(), limits.bounced),
            rate("complained", counts.complained, counts.delivered, limits.complained),
        ]
    }

    fn share(&self) -> f64 {
        if self.whole == 0 { 0.0 } else { self.part as f64 / self.whole as f64 }
    }

    /// Whether it is to be told.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.enough && self.share() > self.limit
    }

    /// Whether it is well, once it was told.
    pub(crate) fn is_well(&self) -> bool {
        !self.enough || self.share() < self.limit * AGAIN
    }

    /// In words.
    pub(crate) fn words(&self, within: &str) -> String {
        let percent = |share: f64| {
            let text = format!("{:.2}", share * 100.0);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        let (share, limit) = (percent(self.share()), percent(self.limit));
        format!("{share} % {} ({} of {}) {within}, the limit is {limit} %", self.word, self.part, self.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_told_above_the_limit_and_well_below_it() {
        let limits = RateLimits::default();
        let counts = |delivered, bounced, complained| Counts { delivered, bounced, lost: 0, complained };
        for (counts, exceeded, well) in [
            (counts(950, 50, 0), [false, false], [false, true]),
            (counts(949, 51, 0), [true, false], [false, true]),
            (counts(961, 39, 0), [false, false], [true, true]),
            (counts(400, 99, 1), [false, false], [true, true]),
            (counts(1000, 0, 1), [false, false], [true, false]),
            (counts(1000, 0, 2), [false, true], [true, false]),
            (Counts::default(), [false, false], [true, true]),
        ] {
            let rates = Rate::of(&counts, &limits);
            assert_eq!(rates.map(|rate| rate.is_exceeded()), exceeded, "{counts:?}");
            assert_eq!(rates.map(|rate| rate.is_well()), well, "{counts:?}");
        }
        let [bounced, complained] = Rate::of(&counts(949, 51, 2), &limits);
        assert_eq!(bounced.words("in 24 h"), "5.1 % bounced (51 of 1000) in 24 h, the limit is 5 %");
        assert_eq!(complained.words("in 24 h"), "0.21 % complained (2 of 949) in 24 h, the limit is 0.1 %");
    }
}
