//! `/v1/stats`: counts, rates and delivery times.

mod figures;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::Timestamp;
use hearback_store::{DeliveryTimes, RollupRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::params::Params;
use super::query::{Names, StatsQuery};
use super::{filter, store_failed};
use crate::auth::Reader;
use crate::openapi::Refusals;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;
pub(crate) use figures::Figures;
use figures::Sum;

const HOUR_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 86_400;
/// Longest span of one answer.
const SPAN_DAYS_MAX: i64 = 366;
/// With no step said, shorter spans are given by the hour.
const BY_HOUR_DAYS: i64 = 3;
/// Points of all series together.
const POINTS_MAX: i64 = 10_000;
/// Series when nothing is said, and at most.
const SERIES: usize = 20;
const SERIES_MAX: usize = 200;
/// What is not among the greatest.
const OTHERS: &str = "(others)";

/// How long one step of a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// An hour.
    Hour,
    /// A day, from midnight to midnight in UTC.
    Day,
    /// All of it.
    Total,
}

/// What makes the series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum By {
    /// The source that told of the events.
    Source,
    /// A tag.
    Tag,
    /// The recipient's domain.
    Domain,
}

/// Statistics of a span.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Stats {
    /// Where it begins: the hour or day that `since` is in.
    since: Timestamp,
    /// Where it ends.
    until: Timestamp,
    /// How long a step is.
    step: Step,
    /// What makes the series; null where there is one.
    #[schema(required)]
    by: Option<By>,
    /// The series, those with the most events first.
    series: Vec<Series>,
}

/// One series.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatsSeries)]
struct Series {
    /// Of which source, tag or domain; null where everything is one series. `(others)` for all that are not among the greatest.
    #[schema(required)]
    of: Option<String>,
    /// Of all steps.
    total: Figures,
    /// Step by step, the first first; steps without events are left out. Empty where the step is `total`.
    points: Vec<Point>,
}

/// One step of a series.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatsPoint)]
struct Point {
    /// When it begins.
    start: Timestamp,
    #[serde(flatten)]
    figures: Figures,
}

/// What is asked for.
struct Question {
    since: Timestamp,
    until: Timestamp,
    step: Step,
    by: Option<By>,
    /// Only this source, tag or domain.
    only: Option<String>,
    most: usize,
}

static NAMES: Names = Names::of::<StatsQuery>();

/// Counts, rates and delivery times
///
/// By the hour for up to three days, else by the day, if nothing is said; of the last day. Counted is what happened in the span, by
/// the time at which it happened. Opens and clicks are events, not messages: one message may be opened several times.
#[utoipa::path(
    get,
    path = "/stats",
    operation_id = "getStats",
    tag = "stats",
    params(StatsQuery),
    responses((status = 200, description = "The statistics.", body = Stats), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn stats(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<Stats>> {
    let question = Question::read(&Params::new(query, &NAMES)?)?;
    let store = &shared.store;
    // The last moment that is meant: rollups give the whole step that a moment is in.
    let (since, last) = (question.since, question.until.plus_seconds(-1).max(question.since));
    let (rows, times) = match question.by {
        Some(By::Tag) => (store.daily_by_tag(since, last).await, Vec::new()),
        Some(By::Domain) => (store.daily_by_domain(since, last).await, Vec::new()),
        Some(By::Source) | None => {
            let times = store.delivery_times(since, last).await.map_err(|error| store_failed(&error))?;
            (store.hourly(since, last).await, times)
        }
    };
    let rows = rows.map_err(|error| store_failed(&error))?;
    Ok(Json(question.answer(rows, times)))
}

impl Question {
    fn read(params: &Params) -> Outcome<Self> {
        let word = |name: &str| params.one(name).map(|value| value.map(str::to_owned));
        let (since, until) = filter::span(params)?;
        let until = until.unwrap_or_else(Timestamp::now);
        let since = since.unwrap_or_else(|| until.plus_seconds(-DAY_SECONDS));
        if since >= until {
            return Err(Problem::bad_field(
                "until",
                "a moment after `since`",
                "`until` is not after `since`",
            ));
        }
        let days = until.seconds_since(since).div_euclid(DAY_SECONDS);
        if days > SPAN_DAYS_MAX {
            let expected = format!("a moment at most {SPAN_DAYS_MAX} days before `until`");
            let detail = format!("at most {SPAN_DAYS_MAX} days at a time");
            return Err(Problem::bad_field("since", expected, detail));
        }
        let (by, only) = series(
            &[("source", word("source")?), ("tag", word("tag")?), ("domain", word("domain")?)],
            word("by")?,
        )?;
        let by_the_day = matches!(by, Some(By::Tag | By::Domain));
        let step = match word("step")?.as_deref() {
            Some("hour") if by_the_day => {
                let detail = "tags and domains are counted by the day";
                return Err(Problem::bad_field("step", "`day` or `total`", detail));
            }
            Some("hour") => Step::Hour,
            Some("day") => Step::Day,
            Some("total") => Step::Total,
            Some(_) => {
                return Err(Problem::bad_field(
                    "step",
                    "`hour`, `day` or `total`",
                    "`step` is none of these",
                ));
            }
            None if by_the_day || days >= BY_HOUR_DAYS => Step::Day,
            None => Step::Hour,
        };
        let expected = format!("a number from 1 to {SERIES_MAX}");
        let most = params.parsed::<usize>("limit", &expected)?.unwrap_or(SERIES);
        if !(1..=SERIES_MAX).contains(&most) {
            return Err(Problem::bad_field(
                "limit",
                expected.clone(),
                format!("`limit` is {most}; expected {expected}"),
            ));
        }
        let since = begin_of(since, if by_the_day { Step::Day } else { step });
        let question = Self { since, until, step, by, only, most };
        question.bounded()
    }

    /// Refuses what would have too many points.
    fn bounded(self) -> Outcome<Self> {
        let steps = match self.step {
            Step::Total => 1,
            Step::Hour => self.until.seconds_since(self.since) / HOUR_SECONDS + 1,
            Step::Day => self.until.seconds_since(self.since) / DAY_SECONDS + 1,
        };
        let series = if self.by.is_some() && self.only.is_none() { self.most as i64 + 1 } else { 1 };
        if steps * series <= POINTS_MAX {
            return Ok(self);
        }
        let detail = format!("{series} series of {steps} steps are more than {POINTS_MAX} points");
        Err(Problem::bad_field("step", "a longer step, a shorter span, or a smaller `limit`", detail))
    }

    fn answer(self, rows: Vec<RollupRow>, times: Vec<DeliveryTimes>) -> Stats {
        let by_source = self.by == Some(By::Source);
        let is_meant = |of: &str| self.only.as_deref().is_none_or(|only| only == of);
        let name = |of: String| if self.by.is_none() { None } else { Some(of) };
        let mut series: BTreeMap<Option<String>, BTreeMap<Timestamp, Sum>> = BTreeMap::new();
        for row in rows.into_iter().filter(|row| is_meant(&row.of) && !row.kind.is_notice()) {
            let points = series.entry(name(row.of)).or_default();
            points.entry(begin_of(row.start, self.step)).or_default().count(row.kind, row.machine, row.count);
        }
        let timed = self.by.is_none() || by_source;
        for time in times.into_iter().filter(|time| is_meant(&time.source)) {
            let points = series.entry(name(time.source)).or_default();
            points.entry(begin_of(time.start, self.step)).or_default().time(time.step, time.count);
        }
        let mut series: Vec<_> = series.into_iter().collect();
        let volume = |points: &BTreeMap<Timestamp, Sum>| points.values().map(Sum::events).sum::<u64>();
        series.sort_by_key(|(_, points)| std::cmp::Reverse(volume(points)));
        let rest = series.split_off(series.len().min(self.most));
        let mut others: BTreeMap<Timestamp, Sum> = BTreeMap::new();
        for (start, sum) in rest.into_iter().flat_map(|(_, points)| points) {
            others.entry(start).or_default().add(&sum);
        }
        if !others.is_empty() {
            series.push((Some(OTHERS.to_owned()), others));
        }
        let series = series.into_iter().map(|(of, points)| self.series(of, points, timed)).collect();
        Stats { since: self.since, until: self.until, step: self.step, by: self.by, series }
    }

    fn series(&self, of: Option<String>, points: BTreeMap<Timestamp, Sum>, timed: bool) -> Series {
        let mut total = Sum::default();
        for sum in points.values() {
            total.add(sum);
        }
        let figures = |sum: &Sum| Figures::of(sum, timed);
        let shown = if self.step == Step::Total { BTreeMap::new() } else { points };
        let points = shown.iter().map(|(start, sum)| Point { start: *start, figures: figures(sum) });
        Series { of, total: figures(&total), points: points.collect() }
    }
}

/// What makes the series, and the one that is asked for: a filter names its dimension.
fn series(filters: &[(&str, Option<String>)], by: Option<String>) -> Outcome<(Option<By>, Option<String>)> {
    let of = |name: &str| match name {
        "source" => Some(By::Source),
        "tag" => Some(By::Tag),
        "domain" => Some(By::Domain),
        _ => None,
    };
    let by = by.map(|name| {
        let problem = || Problem::bad_field("by", "`source`, `tag` or `domain`", "`by` is none of these");
        of(&name).ok_or_else(problem)
    });
    let by = by.transpose()?;
    let mut given = filters.iter().filter(|(_, value)| value.is_some());
    let Some((name, value)) = given.next() else { return Ok((by, None)) };
    if let Some((other, _)) = given.next() {
        let detail = format!(
            "counts are kept by source, by tag and by domain, not by `{name}` and `{other}` together"
        );
        return Err(Problem::bad_field(other, format!("`{name}` or `{other}`, not both"), detail));
    }
    if by.is_some() && by != of(name) {
        let detail = format!("counts are not kept by `{name}` and something else together");
        return Err(Problem::bad_field("by", format!("`{name}`, or no `by`"), detail));
    }
    Ok((of(name), value.clone()))
}

/// The beginning of the step that a moment is in.
fn begin_of(at: Timestamp, step: Step) -> Timestamp {
    let seconds = match step {
        Step::Hour | Step::Total => HOUR_SECONDS,
        Step::Day => DAY_SECONDS,
    };
    at.begin_of(seconds)
}

impl Stats {
    /// For the description.
    pub(crate) fn example(rows: Vec<RollupRow>, times: Vec<DeliveryTimes>) -> Self {
        let since = rows.first().map_or(Timestamp::EPOCH, |row| row.start);
        let question = Question {
            since,
            until: since.plus_seconds(HOUR_SECONDS),
            step: Step::Hour,
            by: Some(By::Source),
            only: None,
            most: SERIES,
        };
        question.answer(rows, times)
    }
}

#[cfg(test)]
mod tests {
    use hearback_event::{Kind, delay_end};
    use serde_json::{Value, json};

    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(hour * HOUR_SECONDS)
    }

    fn row(hour: i64, of: &str, kind: Kind, machine: bool, count: u64) -> RollupRow {
        RollupRow { start: at(hour), of: of.to_owned(), kind, machine, count }
    }

    fn asked(step: Step, by: Option<By>, only: Option<&str>, most: usize) -> Value {
        let only = only.map(str::to_owned);
        let question = Question { since: at(0), until: at(48), step, by, only, most };
        let rows = vec![
            row(1, "a", Kind::Delivered, false, 90),
            row(1, "a", Kind::Bounced, false, 6),
            row(2, "a", Kind::Rejected, false, 4),
            row(2, "a", Kind::Opened, true, 50),
            row(30, "a", Kind::Opened, false, 45),
            row(30, "a", Kind::Complained, false, 9),
            row(30, "a", Kind::Overdue, false, 1000),
            row(31, "b", Kind::Delivered, false, 10),
            row(31, "c", Kind::Registered, false, 1),
        ];
        let time = |step, count| DeliveryTimes { start: at(1), source: "a".to_owned(), step, count };
        let times = vec![time(0, 5), time(3, 60), time(9, 40)];
        serde_json::to_value(question.answer(rows, times)).unwrap()
    }

    #[test]
    fn figures_are_summed_by_step_and_rates_follow() {
        let stats = asked(Step::Day, None, None, 20);
        let one = &stats["series"][0];
        assert_eq!(stats["series"].as_array().unwrap().len(), 1);
        assert_eq!(one["points"].as_array().unwrap().len(), 2);
        assert_eq!(one["points"][0]["counts"]["delivered"], 90);
        assert_eq!(one["total"]["counts"]["registered"], 1);
        let rates = &one["total"]["rates"];
        assert_eq!(rates["delivered"], json!(0.909_091));
        assert_eq!(rates["bounced"], json!(0.054_545));
        assert_eq!((&rates["complained"], &rates["opened"]), (&json!(0.09), &json!(0.45)));
        assert_eq!(rates["clicked"], json!(0.0));
        assert_eq!(one["points"][1]["rates"]["bounced"], json!(0.0));
        let times = &one["total"]["delivery_time"];
        assert_eq!((&times["measured"], &times["unmeasured"]), (&json!(100), &json!(5)));
        let rounded = |step| (delay_end(step) * 100.0).round() / 100.0;
        assert_eq!((&times["p50"], &times["p75"]), (&json!(rounded(3)), &json!(rounded(9))));
        assert_eq!(one["points"][1]["delivery_time"]["p50"], json!(null));
    }

    #[test]
    fn the_greatest_series_come_first_and_the_rest_is_one() {
        let names = |stats: &Value| -> Vec<String> {
            let series = stats["series"].as_array().unwrap();
            series.iter().map(|one| one["of"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&asked(Step::Hour, Some(By::Source), None, 20)), ["a", "b", "c"]);
        let two = asked(Step::Hour, Some(By::Source), None, 1);
        assert_eq!(names(&two), ["a", "(others)"]);
        assert_eq!(two["series"][1]["total"]["counts"]["delivered"], 10);
        assert_eq!(names(&asked(Step::Hour, Some(By::Source), Some("b"), 20)), ["b"]);
        let total = asked(Step::Total, Some(By::Tag), None, 20);
        assert_eq!(total["series"][0]["points"], json!([]));
        assert_eq!(total["series"][0]["total"]["delivery_time"], json!(null), "kept by source only");
    }
}
