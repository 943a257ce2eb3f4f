//! `/`: is anything wrong, since when, and where.

use askama::Template;
use axum::extract::{RawQuery, State};
use hearback_event::{Kind, Timestamp};
use hearback_store::{EventFilter, EventQuery, RollupRow};
use http::StatusCode;

use crate::answer;
use crate::frame::Frame;
use crate::pages::events::who;
use crate::pages::messages::result;
use crate::pages::sources::{Health, SourceLine, lines};
use crate::pieces::{
    Clock, Columns, Html, Mark, Stack, badge, count, icon, kind_mark, meter, percent, spark,
};
use crate::refusal::Outcome;
use crate::ui::{Parts, Ui};
use crate::url::Query;
use crate::visit::Visit;

/// Rows of the tables of domains and tags.
const WORST: usize = 6;
/// Failures that are shown.
const FAILURES: usize = 6;
/// With fewer sent, a rate says nothing; where little is sent at all, a tenth of it.
const ENOUGH: u64 = 50;

/// A period: its word, its hours, and the hours of a column of the chart.
struct Period {
    word: &'static str,
    title: &'static str,
    hours: i64,
    column: i64,
    unit: &'static str,
    before: &'static str,
}

impl Period {
    /// The events of a kind in it.
    fn events(&self, kind: &str) -> String {
        format!("/events?type={kind}&period={}", self.word)
    }
}

const PERIODS: &[Period] = &[
    Period { word: "24h", title: "24 h", hours: 24, column: 1, unit: "hour", before: "the 24 hours before" },
    Period { word: "7d", title: "7 d", hours: 168, column: 6, unit: "6 hours", before: "the 7 days before" },
    Period { word: "30d", title: "30 d", hours: 720, column: 24, unit: "day", before: "the 30 days before" },
];

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
    sources: Vec<SourceLine>,
    /// Id, title, word, rows.
    worst: [(&'static str, &'static str, &'static str, Vec<Worst>); 2],
    enough: String,
    nothing_yet: bool,
}

struct Tile {
    status: &'static str,
    icon: Html,
    word: &'static str,
    number: String,
    unit: &'static str,
    /// How it changed: hue class, icon, words, title.
    delta: Option<(&'static str, Html, String, String)>,
    note: String,
    href: String,
    spark: Html,
}

struct Concern {
    status: &'static str,
    icon: Html,
    title: String,
    words: String,
    href: String,
}

struct Failure {
    status: &'static str,
    icon: Html,
    badge: Html,
    who: String,
    words: String,
    href: String,
    time: Html,
    source: String,
}

struct Worst {
    name: String,
    href: String,
    sent: String,
    meter: Html,
    deferred: (String, &'static str),
    bounced: (String, &'static str),
}

/// Sums of a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    queued: u64,
    sent: u64,
    delivered: u64,
    deferred: u64,
    bounced: u64,
    failed: u64,
    complained: u64,
    opened: u64,
    opened_machine: u64,
    clicked: u64,
}

impl Sums {
    fn add(&mut self, row: &RollupRow) {
        let place = match (row.kind, row.machine) {
            (Kind::Queued, _) => &mut self.queued,
            (Kind::Sent, _) => &mut self.sent,
            (Kind::Delivered, _) => &mut self.delivered,
            (Kind::Deferred, _) => &mut self.deferred,
            (Kind::Bounced, _) => &mut self.bounced,
            (Kind::Rejected | Kind::Failed, _) => &mut self.failed,
            (Kind::Complained, _) => &mut self.complained,
            (Kind::Opened, false) => &mut self.opened,
            (Kind::Opened, true) => &mut self.opened_machine,
            (Kind::Clicked, false) => &mut self.clicked,
            _ => return,
        };
        *place += row.count;
    }

    /// How many were sent, as far as it is told: some providers tell only how it ended.
    fn attempted(&self) -> u64 {
        self.queued.max(self.sent).max(self.delivered + self.bounced + self.failed)
    }

    fn plus(mut self, other: &Self) -> Self {
        self.queued += other.attempted();
        self.sent += other.attempted();
        self.delivered += other.delivered;
        self.deferred += other.deferred;
        self.bounced += other.bounced;
        self.failed += other.failed;
        self.complained += other.complained;
        self.opened += other.opened;
        self.opened_machine += other.opened_machine;
        self.clicked += other.clicked;
        self
    }
}

/// The sums of all sources: what was sent is found out for each by itself, because each tells it in its own way.
fn sum<'a>(rows: impl Iterator<Item = &'a RollupRow>) -> Sums {
    let mut by_source: Vec<(&str, Sums)> = Vec::new();
    for row in rows {
        let at = by_source.iter().position(|(name, _)| *name == row.of).unwrap_or_else(|| {
            by_source.push((&row.of, Sums::default()));
            by_source.len() - 1
        });
        if let Some((_, sums)) = by_source.get_mut(at) {
            sums.add(row);
        }
    }
    by_source.iter().fold(Sums::default(), |sum, (_, sums)| sum.plus(sums))
}

/// `/`
pub(crate) async fn show(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let word = query.get("period").unwrap_or(PERIODS[0].word);
    let period = PERIODS.iter().find(|period| period.word == word).unwrap_or(&PERIODS[0]);
    let clock = Clock::of(&visit);
    let seconds = period.hours * 3600;
    // Counts are by the hour: the period ends with the hour that is under way.
    let end = Timestamp::from_seconds((visit.now.hour() + 1) * 3600).unwrap_or(visit.now);
    let (since, before) = (end.plus_seconds(-seconds), end.plus_seconds(-2 * seconds));
    let rows = ui.store.hourly(before, end).await?;
    let (old, new): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.start < since);
    let (was, is) = (sum(old.iter()), sum(new.iter()));
    let stacks = stacks(&new, since, period, &clock);
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
    let domains = ui.store.daily_by_domain(day_of(from), until).await?;
    let tags = ui.store.daily_by_tag(day_of(from), until).await?;
    let lines = lines(ui, &visit).await?;
    let text = |at: Timestamp| clock.text(at, "%a %-d %b, %H:%M");
    let page = Page {
        about: format!("{} to now, compared with {}", text(since), period.before),
        periods: PERIODS
            .iter()
            .map(|one| (one.title, format!("/?period={}", one.word), one.word == period.word))
            .collect(),
        tiles: tiles(&is, &was, &series, period),
        unit: period.unit,
        legend: SERIES.iter().zip(ended(&is)).map(|((status, word), n)| (*status, *word, count(n))).collect(),
        scale: columns.scale(),
        chart: columns.draw(),
        axis: axis(since, period, &clock),
        concerns: concerns(&lines, &is),
        failures: failures(ui, &visit, &clock).await?,
        sources: lines,
        worst: [("domain", "Worst recipient domains", &domains), ("tag", "Worst tags", &tags)].map(
            |(key, title, rows)| {
                let link = |name: &str| Query::default().with(key, name).with("period", period.word);
                let word = if key == "tag" { "Tag" } else { "Domain" };
                (key, title, word, worst(rows, enough, link))
            },
        ),
        enough: count(enough),
        nothing_yet: ui.store.last_position() == 0,
        frame: Frame::new(ui, &visit, "/", "Overview").await?.saying(query.get("said")),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &page))
}

fn day_of(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.day() * 86_400).unwrap_or(at)
}

/// The parts of a column from the bottom up.
const SERIES: &[(&str, &str)] = &[
    ("delivered", "Delivered"),
    ("deferred", "Deferred"),
    ("bounced", "Bounced, failed"),
    ("complained", "Complained"),
];

fn ended(sums: &Sums) -> [u64; 4] {
    [sums.delivered, sums.deferred, sums.bounced + sums.failed, sums.complained]
}

fn stacks(rows: &[RollupRow], since: Timestamp, period: &Period, clock: &Clock) -> Vec<(Sums, Stack)> {
    let width = period.column * 3600;
    (0..period.hours / period.column)
        .map(|place| {
            let (from, until) = (since.plus_seconds(place * width), since.plus_seconds((place + 1) * width));
            let sums = sum(rows.iter().filter(|row| row.start >= from && row.start < until));
            let title = clock.text(from, "%a %-d %b, %H:%M");
            (sums, Stack { title, parts: ended(&sums).to_vec() })
        })
        .collect()
}

fn axis(since: Timestamp, period: &Period, clock: &Clock) -> Vec<String> {
    let pattern = if period.hours == 24 { "%H:%M" } else { "%-d %b" };
    (0..=6).map(|sixth| clock.text(since.plus_seconds(period.hours * 600 * sixth), pattern)).collect()
}

/// A share in points of a hundred.
fn points(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// Whether more of it is good, bad, or neither.
#[derive(Clone, Copy, PartialEq, Eq)]
enum More {
    Good,
    Bad,
    Neither,
}

fn delta(
    change: f64,
    unit: &str,
    digits: usize,
    more: More,
    before: &str,
) -> Option<(&'static str, Html, String, String)> {
    let shown = format!("{:.digits$}", change.abs());
    if shown.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return None;
    }
    let up = change > 0.0;
    let hue = match (more, up) {
        (More::Neither, _) => "",
        (More::Good, true) | (More::Bad, false) => "good",
        _ => "bad",
    };
    let direction = if up { "more" } else { "less" };
    Some((
        hue,
        icon(if up { "up" } else { "dn" }),
        format!("{shown}{unit}"),
        format!("{shown}{unit} {direction} than in {before}"),
    ))
}

/// A rate and its change.
struct Rated {
    kind: Kind,
    word: &'static str,
    /// Now and before.
    part: (u64, u64),
    of: (u64, u64),
    more: More,
}

impl Rated {
    fn tile(&self, note: String, spark: Html, period: &Period) -> Tile {
        let mark = kind_mark(self.kind);
        let (part, of) = (self.part, self.of);
        let change = if of.1 == 0 || of.0 == 0 { 0.0 } else { points(part.0, of.0) - points(part.1, of.1) };
        Tile {
            status: mark.status,
            icon: icon(mark.icon),
            word: self.word,
            number: percent(part.0.min(of.0), of.0),
            unit: if of.0 == 0 { "" } else { "%" },
            delta: delta(change, " pt", 2, self.more, period.before),
            note,
            href: period.events(self.kind.name()),
            spark,
        }
    }
}

fn tiles(is: &Sums, was: &Sums, series: &[Sums], period: &Period) -> Vec<Tile> {
    let line = |of: &dyn Fn(&Sums) -> f64| spark(&series.iter().map(of).collect::<Vec<_>>(), 120.0, 32.0);
    let all = (is.attempted(), was.attempted());
    let rate = |kind, word, part, of, more, note, spark| {
        Rated { kind, word, part, of, more }.tile(note, spark, period)
    };
    let growth = if all.1 == 0 { 0.0 } else { points(all.0, all.1) - 100.0 };
    let sent = kind_mark(Kind::Sent);
    let messages = |n: u64| if n == 1 { "1 message".to_owned() } else { format!("{} messages", count(n)) };
    let machine = match is.opened_machine {
        0 => messages(is.opened),
        n => format!("{} by machines left out", count(n)),
    };
    vec![
        Tile {
            status: sent.status,
            icon: icon(sent.icon),
            word: "Sent",
            number: count(all.0),
            unit: "",
            delta: delta(growth, "%", 1, More::Neither, period.before),
            note: "as far as providers tell".to_owned(),
            href: format!("/messages?period={}", period.word),
            spark: line(&|sums| sums.attempted() as f64),
        },
        rate(
            Kind::Delivered,
            "Delivered",
            (is.delivered, was.delivered),
            all,
            More::Good,
            messages(is.delivered),
            line(&|s| s.delivered as f64),
        ),
        rate(
            Kind::Bounced,
            "Bounced",
            (is.bounced, was.bounced),
            all,
            More::Bad,
            format!("{}, limit 5%", messages(is.bounced)),
            line(&|s| s.bounced as f64),
        ),
        rate(
            Kind::Complained,
            "Complained",
            (is.complained, was.complained),
            all,
            More::Bad,
            format!("{}, limit 0.1%", messages(is.complained)),
            line(&|s| s.complained as f64),
        ),
        rate(
            Kind::Opened,
            "Opens by people",
            (is.opened, was.opened),
            (is.delivered, was.delivered),
            More::Good,
            machine,
            line(&|s| s.opened as f64),
        ),
        rate(
            Kind::Clicked,
            "Clicks by people",
            (is.clicked, was.clicked),
            (is.delivered, was.delivered),
            More::Good,
            format!("{} clicks", count(is.clicked)),
            line(&|s| s.clicked as f64),
        ),
    ]
}

/// What needs somebody now, the worst first.
fn concerns(lines: &[SourceLine], is: &Sums) -> Vec<Concern> {
    let mut found = Vec::new();
    for line in lines {
        let (status, name, title, words) = match line.health {
            Health::Refusing => (
                "refusing",
                "quarantine",
                format!("{} refuses what comes in", line.name),
                format!("{} requests wait in quarantine. Was the key changed?", line.refused),
            ),
            Health::Silent => (
                "silent",
                "silent",
                format!("{} is silent", line.name),
                "No event for more than a day.".to_owned(),
            ),
            Health::New | Health::Ok => continue,
        };
        let href = if line.health == Health::Refusing {
            Query::default().with("source", &line.name).of("/quarantine")
        } else {
            line.href.clone()
        };
        found.push(Concern { status, icon: icon(name), title, words, href });
    }
    let all = is.attempted();
    let limits = [
        (Kind::Bounced, is.bounced, 5.0, "5%", "Mailbox providers begin to block above that."),
        (Kind::Complained, is.complained, 0.1, "0.1%", "Mailbox providers ask for less than that."),
    ];
    for (kind, part, limit, shown, words) in limits {
        if all >= ENOUGH && points(part, all) > limit {
            let mark = kind_mark(kind);
            let title = format!("{}% {}, more than {shown}", percent(part, all), mark.word.to_lowercase());
            let href = format!("/events?type={}", kind.name());
            found.push(Concern {
                status: mark.status,
                icon: icon(mark.icon),
                title,
                words: words.to_owned(),
                href,
            });
        }
    }
    found
}

async fn failures(ui: &Parts, visit: &Visit, clock: &Clock) -> Outcome<Vec<Failure>> {
    let filter = EventFilter {
        kinds: vec![Kind::Bounced, Kind::Rejected, Kind::Failed, Kind::Complained],
        since: Some(visit.now.plus_seconds(-30 * 86_400)),
        ..EventFilter::default()
    };
    let page = ui.store.events(EventQuery { filter, limit: FAILURES, ..EventQuery::default() }).await?;
    let failure = |record: &hearback_event::Record| {
        let mark = Mark::of(&record.event);
        Failure {
            status: mark.status,
            icon: icon(mark.icon),
            badge: badge(mark, "badge-plain"),
            who: who(record, visit),
            words: visit.eyes.text(&result(&record.event)).into_owned(),
            href: format!(
                "/events?type=bounced&type=rejected&type=failed&type=complained&period=30d&open={}",
                record.id()
            ),
            time: clock.ago(record.occurred_at()),
            source: record.source.to_string(),
        }
    };
    Ok(page.rows.iter().map(failure).collect())
}

fn worst(rows: &[RollupRow], enough: u64, link: impl Fn(&str) -> Query) -> Vec<Worst> {
    let mut by_name: std::collections::HashMap<&str, Sums> = std::collections::HashMap::new();
    for row in rows {
        by_name.entry(&row.of).or_default().add(row);
    }
    let bad = |sums: &Sums| sums.bounced + sums.failed;
    let mut found: Vec<(&str, Sums)> = by_name
        .into_iter()
        .filter(|(_, sums)| sums.attempted() >= enough && bad(sums) + sums.deferred > 0)
        .collect();
    let weight =
        |sums: &Sums| points(bad(sums), sums.attempted()) + points(sums.deferred, sums.attempted()) / 2.0;
    found.sort_by(|(one, a), (other, b)| weight(b).total_cmp(&weight(a)).then_with(|| one.cmp(other)));
    let rate = |part: u64, all: u64, limit: f64| {
        let class = match (part, points(part, all)) {
            (0, _) => "zero",
            (_, share) if share > limit => "hot",
            _ => "",
        };
        (format!("{}%", percent(part.min(all), all)), class)
    };
    let line = |(name, sums): &(&str, Sums)| {
        let all = sums.attempted();
        // A quarter of all fills the bar: what is not arrived is small, and must be seen.
        let share = |part: u64| points(part, all) * 4.0;
        Worst {
            name: (*name).to_owned(),
            href: link(name).of("/events"),
            sent: count(all),
            meter: meter(("deferred", share(sums.deferred)), ("bounced", share(bad(sums)))),
            deferred: rate(sums.deferred, all, 4.0),
            bounced: rate(bad(sums), all, 5.0),
        }
    };
    found.iter().take(WORST).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(of: &str, kind: Kind, count: u64) -> RollupRow {
        RollupRow { start: Timestamp::EPOCH, of: of.to_owned(), kind, machine: false, count }
    }

    #[test]
    fn each_source_tells_in_its_own_way_how_many_were_sent() {
        // One tells sends, one only how it ended; an acceptance and a send of one message are not two.
        let rows = [
            row("a", Kind::Queued, 10),
            row("a", Kind::Sent, 10),
            row("a", Kind::Delivered, 8),
            row("b", Kind::Delivered, 5),
            row("b", Kind::Bounced, 1),
        ];
        let sums = sum(rows.iter());
        assert_eq!((sums.attempted(), sums.delivered, sums.bounced), (16, 13, 1));
    }

    #[test]
    fn the_worst_come_first_and_few_say_nothing() {
        let rows = [
            row("good.example", Kind::Delivered, 100),
            row("bad.example", Kind::Delivered, 50),
            row("bad.example", Kind::Bounced, 20),
            row("slow.example", Kind::Delivered, 90),
            row("slow.example", Kind::Deferred, 9),
            row("few.example", Kind::Bounced, 3),
        ];
        let names: Vec<_> =
            worst(&rows, 10, |_| Query::default()).into_iter().map(|worst| worst.name).collect();
        assert_eq!(names, ["bad.example", "slow.example"]);
    }
}
