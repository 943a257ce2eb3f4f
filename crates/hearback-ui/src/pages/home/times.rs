//! How long deliveries took.

use std::collections::BTreeMap;

use hearback_event::{delay_end, delay_percentile};
use hearback_store::DeliveryTimes;

use crate::pieces::{Html, brief, count, percent, put};

/// Sources of the table, the slowest first.
const SOURCES: usize = 4;
/// Above so many seconds a tenth of the deliveries is worth a look.
const SLOW_SECONDS: f64 = 60.0;

/// Where the bars of the drawing end, in seconds, and their words; what comes later is late.
const BARS: &[(f64, &str, &str)] = &[
    (1.0, "<1 s", "delivered"),
    (2.0, "1–2", "delivered"),
    (5.0, "2–5", "delivered"),
    (10.0, "5–10", "delivered"),
    (30.0, "10–30", "delivered"),
    (60.0, "30–60", "delivered"),
    (300.0, "1–5 m", "deferred"),
    (900.0, "5–15", "deferred"),
    (f64::MAX, ">15 m", "deferred"),
];

/// How long deliveries took.
pub(super) struct Times {
    /// Words and time: half, nine of ten, 99 of 100.
    pub(super) shares: Vec<(&'static str, String, bool)>,
    pub(super) bars: Vec<(Html, &'static str)>,
    /// The drawing in a sentence.
    pub(super) about: String,
    pub(super) sources: Vec<Line>,
    pub(super) measured: String,
}

/// One source.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) half: String,
    pub(super) most: (String, bool),
    pub(super) nearly_all: String,
}

type Steps = BTreeMap<u8, u64>;

fn within(steps: &Steps, share: f64) -> Option<f64> {
    let steps: Vec<(u8, u64)> = steps.iter().map(|(step, count)| (*step, *count)).collect();
    delay_percentile(&steps, share)
}

fn shown(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), |seconds| brief((seconds * 1e9) as i64))
}

fn is_slow(seconds: Option<f64>) -> bool {
    seconds.is_some_and(|seconds| seconds > SLOW_SECONDS)
}

/// Nothing where no delivery was measured.
pub(super) fn times(rows: &[DeliveryTimes]) -> Option<Times> {
    let mut all = Steps::new();
    let mut by_source: BTreeMap<&str, Steps> = BTreeMap::new();
    // Step 0 is of deliveries whose beginning nobody told.
    for row in rows.iter().filter(|row| row.step > 0) {
        *all.entry(row.step).or_default() += row.count;
        *by_source.entry(&row.source).or_default().entry(row.step).or_default() += row.count;
    }
    let measured: u64 = all.values().sum();
    if measured == 0 {
        return None;
    }
    let share = |words, share| (words, shown(within(&all, share)), is_slow(within(&all, share)));
    let mut lines: Vec<(Option<f64>, Line)> = by_source
        .into_iter()
        .map(|(name, steps)| {
            let most = within(&steps, 0.9);
            let line = Line {
                name: name.to_owned(),
                half: shown(within(&steps, 0.5)),
                most: (shown(most), is_slow(most)),
                nearly_all: shown(within(&steps, 0.99)),
            };
            (most, line)
        })
        .collect();
    lines.sort_by(|(one, _), (other, _)| other.unwrap_or_default().total_cmp(&one.unwrap_or_default()));
    let (bars, late) = bars(&all, measured);
    Some(Times {
        shares: vec![share("Half within", 0.5), share("90% within", 0.9), share("99% within", 0.99)],
        bars,
        about: format!(
            "Deliveries by the time that they took; {}% later than a minute",
            percent(late, measured)
        ),
        sources: lines.into_iter().take(SOURCES).map(|(_, line)| line).collect(),
        measured: count(measured),
    })
}

/// The bars, and how many came later than a minute.
fn bars(all: &Steps, measured: u64) -> (Vec<(Html, &'static str)>, u64) {
    let mut counts = vec![0_u64; BARS.len()];
    for (step, count) in all {
        // A step ends a tenth after it begins: its middle decides.
        let middle = delay_end(*step) / 1.05;
        let place = BARS.iter().position(|(end, ..)| middle < *end).unwrap_or(BARS.len() - 1);
        if let Some(bar) = counts.get_mut(place) {
            *bar += count;
        }
    }
    let highest = counts.iter().copied().max().unwrap_or(1).max(1);
    let late =
        counts.iter().zip(BARS).filter(|(_, (.., hue))| *hue == "deferred").map(|(count, _)| count).sum();
    let draw = |(count, (_, word, hue)): (&u64, &(f64, &'static str, &str))| {
        let height = if *count == 0 { 0.0 } else { (*count as f64 / highest as f64 * 76.0).max(1.5) };
        let mut svg = String::new();
        put(
            &mut svg,
            format_args!(
                "<svg viewBox=\"0 0 10 80\" preserveAspectRatio=\"none\" data-status=\"{hue}\" aria-hidden=\"true\"><title>{} of {}</title>\
                 <rect y=\"{:.1}\" width=\"10\" height=\"{height:.1}\"/></svg>",
                crate::pieces::count(*count),
                crate::pieces::count(measured),
                80.0 - height
            ),
        );
        (Html(svg), *word)
    };
    (counts.iter().zip(BARS).map(draw).collect(), late)
}

#[cfg(test)]
mod tests {
    use hearback_event::{Timestamp, delay_step};

    use super::*;

    fn row(source: &str, seconds: i64, count: u64) -> DeliveryTimes {
        let step = delay_step(seconds * 1_000_000_000);
        DeliveryTimes { start: Timestamp::EPOCH, source: source.to_owned(), step, count }
    }

    #[test]
    fn times_are_summed_and_the_slowest_source_is_first() {
        let unknown = DeliveryTimes { step: 0, ..row("fast", 1, 500) };
        let rows = [row("fast", 3, 80), row("slow", 1200, 20), unknown];
        let times = times(&rows).unwrap();
        assert_eq!(times.measured, "100");
        let (words, shown, slow) = &times.shares[1];
        assert_eq!((*words, *slow), ("90% within", true), "{shown}");
        assert!(!times.shares[0].2, "half came within seconds");
        let names: Vec<_> = times.sources.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["slow", "fast"]);
        assert!(times.about.contains("20.0% later"), "{}", times.about);
        assert!(super::times(&[DeliveryTimes { step: 0, ..row("a", 1, 5) }]).is_none());
    }
}
