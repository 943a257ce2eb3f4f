//! The stretches of time that the overview can show.

/// A period: its word, its hours, and the hours of a column of the chart.
pub(super) struct Period {
    pub(super) word: &'static str,
    pub(super) title: &'static str,
    /// Counts are kept by the hour: one hour is the last full one and the one under way.
    pub(super) hours: i64,
    /// The hours of the chart.
    pub(super) drawn: i64,
    pub(super) column: i64,
    pub(super) unit: &'static str,
    pub(super) before: &'static str,
}

impl Period {
    /// The events of a kind in it.
    pub(super) fn events(&self, kind: &str) -> String {
        format!("/events?type={kind}&period={}", self.word)
    }

    /// The one of this word; a day, if there is none.
    pub(super) fn of(word: Option<&str>) -> &'static Self {
        PERIODS.iter().find(|period| Some(period.word) == word).unwrap_or(&PERIODS[1])
    }

    /// All of them: title, link, whether it is this one.
    pub(super) fn pills(&self) -> Vec<(&'static str, String, bool)> {
        let pill = |one: &Self| (one.title, format!("/?period={}", one.word), one.word == self.word);
        PERIODS.iter().map(pill).collect()
    }
}

const PERIODS: &[Period] = &[
    Period {
        word: "1h",
        title: "1 h",
        hours: 2,
        drawn: 24,
        column: 1,
        unit: "hour",
        before: "the two hours before",
    },
    Period {
        word: "24h",
        title: "24 h",
        hours: 24,
        drawn: 24,
        column: 1,
        unit: "hour",
        before: "the 24 hours before",
    },
    Period {
        word: "7d",
        title: "7 d",
        hours: 168,
        drawn: 168,
        column: 6,
        unit: "6 hours",
        before: "the 7 days before",
    },
    Period {
        word: "30d",
        title: "30 d",
        hours: 720,
        drawn: 720,
        column: 24,
        unit: "day",
        before: "the 30 days before",
    },
];
