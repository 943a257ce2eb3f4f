//! `/`: is anything wrong, since when, and where.

mod chart;
mod concerns;
mod period;
mod sums;
mod tiles;
mod times;
mod worst;

use askama::Template;
use axum::extract::{RawQuery, State};
use hearback_event::Timestamp;
use http::StatusCode;

use self::chart::{SERIES, axis, ended, stacks};
use self::concerns::{Concern, Failure, concerns, failures};
use self::period::Period;
use self::sums::{Sums, sum};
use self::tiles::{Tile, overdue, tiles};
use self::times::{Times, times};
pub(crate) use self::worst::{By, Ranked};
use self::worst::{Worst, ranking, worst};
use crate::answer;
use crate::frame::Frame;
use crate::pages::sources::{SourceLine, lines};
use crate::pages::{alerts, destinations};
use crate::pieces::{Clock, Columns, Html, Stack, count};
use crate::refusal::Outcome;
use crate::ui::Ui;
use crate::url::Query;
use crate::visit::Visit;

/// Open alerts that are shown.
const ALERTS: usize = 5;
/// With fewer sent, a rate says nothing; where little is sent at all, a tenth of it.
const ENOUGH: u64 = 50;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    about: String,
    periods: Vec<(&'static str, String, bool)>,
    tiles: Vec<Tile>,
    unit: &'static str,
    legend: Vec<(&'static str, &'static str, String)>,
    scale: Vec<String>,
    chart: Html,
    axis: Vec<String>,
    concerns: Vec<Concern>,
    failures: Vec<Failure>,
    alerts: Vec<alerts::Line>,
    times: Option<Times>,
    sources: Vec<SourceLine>,
    /// Id, title, word, rows.
    worst: [(&'static str, &'static str, &'static str, Vec<Worst>); 2],
    enough: String,
    /// Domains and tags are counted by the day.
    worst_since: String,
    nothing_yet: bool,
}

/// `/`
pub(crate) async fn show(State(shared): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let shared = &shared;
    let ui = &*shared.0;
    let query = Query::parse(&query.unwrap_or_default());
    let period = Period::of(query.get("period"));
    let clock = Clock::of(&visit);
    let seconds = period.hours * 3600;
    // Counts are by the hour: the period ends with the hour that is under way.
    let end = Timestamp::from_seconds((visit.now.hour() + 1) * 3600).unwrap_or(visit.now);
    let (since, before) = (end.plus_seconds(-seconds), end.plus_seconds(-2 * seconds));
    let drawn = end.plus_seconds(-period.drawn * 3600);
    let rows = ui.store.hourly(before.min(drawn), end).await?;
    let was = sum(rows.iter().filter(|row| row.start >= before && row.start < since));
    let is = sum(rows.iter().filter(|row| row.start >= since));
    let stacks = stacks(&rows, drawn, period, &clock);
    let columns = Columns {
        series: SERIES,
        stacks: &stacks
            .iter()
            .map(|(_, stack)| Stack { title: stack.title.clone(), parts: stack.parts.clone() })
            .collect::<Vec<_>>(),
        about: format!("Messages per {} by what became of them", period.unit),
    };
    let series: Vec<Sums> = stacks.iter().map(|(sums, _)| *sums).collect();
    let enough = (is.attempted() / 200).clamp(5, ENOUGH);
    let (from, until) = (since, end);
    let domains = ranking(shared, By::Domain, day_of(from), until).await?;
    let tags = ranking(shared, By::Tag, day_of(from), until).await?;
    let lines = lines(ui, &visit).await?;
    let pushed = destinations::lines(ui, &visit).await?;
    let watched = ui.store.watched().await?;
    let mut tiles = tiles(&is, &was, &series, period);
    tiles.push(overdue(&watched));
    let text = |at: Timestamp| clock.text(at, "%a %-d %b, %H:%M");
    let page = Page {
        about: format!("{} to now, compared with {}", text(since), period.before),
        periods: period.pills(),
        tiles,
        unit: period.unit,
        legend: SERIES.iter().zip(ended(&is)).map(|((status, word), n)| (*status, *word, count(n))).collect(),
        scale: columns.scale(),
        chart: columns.draw(),
        axis: axis(drawn, period, &clock),
        concerns: concerns(&lines, &pushed, &watched, &is),
        failures: failures(ui, &visit, &clock).await?,
        alerts: alerts::open(ui, &visit, ALERTS).await?,
        times: times(&ui.store.delivery_times(since, end).await?),
        sources: lines,
        worst: [("domain", "Worst recipient domains", &domains), ("tag", "Worst tags", &tags)].map(
            |(key, title, rows)| {
                let link = |name: &str| Query::default().with(key, name).with("period", period.word);
                let word = if key == "tag" { "Tag" } else { "Domain" };
                (key, title, word, worst(rows, enough, link))
            },
        ),
        enough: count(enough),
        worst_since: clock.text(day_of(from), "%-d %b, %H:%M"),
        nothing_yet: ui.store.last_position() == 0,
        frame: Frame::new(ui, &visit, "/", "Overview").await?.saying(query.get("said")),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &page))
}

fn day_of(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.day() * 86_400).unwrap_or(at)
}
