//! Figures of one step: counts, what follows from them, and how long deliveries took.

use std::collections::BTreeMap;

use hearback_event::{Kind, delay_percentile};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::messages::ByWhom;

/// Figures of one step or of all of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatsFigures)]
pub(crate) struct Figures {
    /// How often what happened.
    counts: Counts,
    /// What follows from the counts; each null where its denominator is 0.
    rates: Rates,
    /// How long deliveries took; null where the series are tags or domains.
    #[schema(required)]
    delivery_time: Option<DeliveryTime>,
}

/// How often what happened. Registrations tell of messages that the application sends; the other counts are what providers told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatsCounts)]
struct Counts {
    registered: u64,
    queued: u64,
    sent: u64,
    delivered: u64,
    deferred: u64,
    bounced: u64,
    rejected: u64,
    failed: u64,
    opened: ByWhom,
    clicked: ByWhom,
    complained: u64,
    unsubscribed: u64,
    inbound: u64,
    other: u64,
}

/// Shares, from 0 to 1.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatsRates)]
struct Rates {
    /// Delivered, of all that reached an end (delivered, bounced, rejected, failed).
    #[schema(required)]
    delivered: Option<f64>,
    /// Bounced, of all that reached an end.
    #[schema(required)]
    bounced: Option<f64>,
    /// Complaints per delivery.
    #[schema(required)]
    complained: Option<f64>,
    /// Unsubscribes per delivery.
    #[schema(required)]
    unsubscribed: Option<f64>,
    /// Opens by people per delivery; more than 1 where messages are opened several times.
    #[schema(required)]
    opened: Option<f64>,
    /// Clicks by people per delivery.
    #[schema(required)]
    clicked: Option<f64>,
}

/// How long deliveries took, in seconds from when a message was registered, queued or sent (whatever came first), each at most a
/// tenth too large.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryTime {
    /// Deliveries of which the beginning is known.
    measured: u64,
    /// Deliveries of which it is not: nothing was told before them, or long before.
    unmeasured: u64,
    /// Half of them took no longer.
    #[schema(required)]
    p50: Option<f64>,
    /// Three of four.
    #[schema(required)]
    p75: Option<f64>,
    /// Nine of ten.
    #[schema(required)]
    p90: Option<f64>,
    /// 19 of 20.
    #[schema(required)]
    p95: Option<f64>,
    /// 99 of 100.
    #[schema(required)]
    p99: Option<f64>,
}

/// Counts that can be added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    counts: BTreeMap<(Kind, bool), u64>,
    times: BTreeMap<u8, u64>,
}

impl Sum {
    pub(super) fn count(&mut self, kind: Kind, machine: bool, count: u64) {
        *self.counts.entry((kind, machine)).or_default() += count;
    }

    pub(super) fn time(&mut self, step: u8, count: u64) {
        *self.times.entry(step).or_default() += count;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for ((kind, machine), count) in &other.counts {
            self.count(*kind, *machine, *count);
        }
        for (step, count) in &other.times {
            self.time(*step, *count);
        }
    }

    pub(super) fn events(&self) -> u64 {
        self.counts.values().sum()
    }

    fn of(&self, kind: Kind) -> u64 {
        self.by(kind, false) + self.by(kind, true)
    }

    fn by(&self, kind: Kind, machine: bool) -> u64 {
        self.counts.get(&(kind, machine)).copied().unwrap_or_default()
    }

    fn by_whom(&self, kind: Kind) -> ByWhom {
        ByWhom { human: self.by(kind, false), machine: self.by(kind, true) }
    }
}

impl Figures {
    pub(super) fn of(sum: &Sum, timed: bool) -> Self {
        let other = [Kind::Subscribed, Kind::Autoresponded, Kind::Unknown, Kind::SuppressionChanged];
        let counts = Counts {
            registered: sum.of(Kind::Registered),
            queued: sum.of(Kind::Queued),
            sent: sum.of(Kind::Sent),
            delivered: sum.of(Kind::Delivered),
            deferred: sum.of(Kind::Deferred),
            bounced: sum.of(Kind::Bounced),
            rejected: sum.of(Kind::Rejected),
            failed: sum.of(Kind::Failed),
            opened: sum.by_whom(Kind::Opened),
            clicked: sum.by_whom(Kind::Clicked),
            complained: sum.of(Kind::Complained),
            unsubscribed: sum.of(Kind::Unsubscribed),
            inbound: sum.of(Kind::Inbound) + sum.of(Kind::InboundFailed),
            other: other.into_iter().map(|kind| sum.of(kind)).sum(),
        };
        Self { rates: Rates::of(&counts), delivery_time: timed.then(|| DeliveryTime::of(sum)), counts }
    }
}

impl Rates {
    fn of(counts: &Counts) -> Self {
        let ended = counts.delivered + counts.bounced + counts.rejected + counts.failed;
        let share = |part: u64, whole: u64| (whole > 0).then(|| round(part as f64 / whole as f64));
        let per_delivery = |part| share(part, counts.delivered);
        Self {
            delivered: share(counts.delivered, ended),
            bounced: share(counts.bounced, ended),
            complained: per_delivery(counts.complained),
            unsubscribed: per_delivery(counts.unsubscribed),
            opened: per_delivery(counts.opened.human),
            clicked: per_delivery(counts.clicked.human),
        }
    }
}

/// Six digits are more than any of these figures is worth.
fn round(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

impl DeliveryTime {
    fn of(sum: &Sum) -> Self {
        let times: Vec<(u8, u64)> = sum.times.iter().map(|(step, count)| (*step, *count)).collect();
        let unmeasured = sum.times.get(&0).copied().unwrap_or_default();
        let percentile =
            |share| delay_percentile(&times, share).map(|seconds| (seconds * 100.0).round() / 100.0);
        Self {
            measured: sum.times.values().sum::<u64>() - unmeasured,
            unmeasured,
            p50: percentile(0.5),
            p75: percentile(0.75),
            p90: percentile(0.9),
            p95: percentile(0.95),
            p99: percentile(0.99),
        }
    }
}
