//! One alert: what it is about, who was told, who has seen it, what ended it, and what it sums up.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use hearback_event::{AlertState, Kind, Label, Record, Share};
use hearback_store::{AlertItem, AlertQuery, EventFilter, EventQuery, Role};
use http::StatusCode;

use super::life::{Day, Known, days};
use super::{Line, ROWS, event_at, lines, title};
use crate::answer;
use crate::frame::Frame;
use crate::pages::events::recipient_link;
use crate::pieces::{Clock, Html, alert_mark, badge, count, escape, label, meter, urgency_mark};
use crate::refusal::{Outcome, Refusal};
use crate::ui::{Parts, Ui};
use crate::url::{Query, segment};
use crate::visit::Visit;

/// Events that were told of one alert: raised, over, a text.
const TOLD: usize = 20;

#[derive(Template)]
#[template(path = "alert.html")]
struct Page {
    frame: Frame,
    id: u64,
    path: String,
    title: String,
    badges: Vec<Html>,
    facts: Vec<(&'static str, Html)>,
    days: Vec<Day>,
    about: Vec<(&'static str, Html)>,
    labels: Vec<Html>,
    /// The heading, and name, count and bar of each.
    shares: Vec<(&'static str, Vec<Part>)>,
    /// The alert that sums it up.
    whole: Option<u64>,
    /// Whether it is to be told together with others, which has not come yet.
    waits: bool,
    sums_up: bool,
    lines: Vec<Line>,
    more: Option<String>,
    may_acknowledge: bool,
    may_resolve: bool,
}

/// A part of what is summed up.
struct Part {
    name: String,
    count: String,
    bar: Html,
}

pub(super) fn missing() -> Refusal {
    Refusal::not_found("There is no alert of this number. Those that are over are dropped after 90 days.")
}

/// `/alerts/{id}`
pub(crate) async fn one(
    State(ui): State<Ui>,
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let id: u64 = id.parse().map_err(|_| missing())?;
    let item = ui.store.alert(id).await?.ok_or_else(missing)?;
    let cause = event_at(ui, item.cause).await?;
    let told = told(ui, &item).await?;
    let known = Known { cause: cause.as_ref(), told: &told };
    let (parts, more) = parts(ui, &visit, &item, &query).await?;
    let heading = title(&item, cause.as_ref(), &visit);
    let one = cause.as_ref().filter(|_| !item.sums_up);
    let may_change = visit.role >= Role::Operator;
    let view = Page {
        path: format!("/alerts/{id}"),
        badges: vec![badge(alert_mark(item.state), "badge-lg"), badge(urgency_mark(item.urgency), "")],
        facts: facts(&item, &visit),
        days: days(&item, &known, &visit),
        about: one.map(|record| about(record, &visit)).unwrap_or_default(),
        labels: one.map(|record| labels(record, &visit)).unwrap_or_default(),
        shares: known.raised().map(|record| shares(record, &item)).unwrap_or_default(),
        whole: item.part_of,
        waits: item.sums_up && item.told.is_empty() && item.state != AlertState::Resolved,
        sums_up: item.sums_up,
        lines: parts,
        more,
        may_acknowledge: may_change && item.state == AlertState::Open,
        may_resolve: may_change && item.state != AlertState::Resolved,
        frame: Frame::new(ui, &visit, "/alerts", heading.clone()).await?.saying(query.get("said")),
        title: heading,
        id,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}

/// What was told of it.
async fn told(ui: &Parts, item: &AlertItem) -> Outcome<Vec<Record>> {
    let filter = EventFilter {
        kinds: vec![Kind::AlertRaised, Kind::AlertResolved],
        labels: vec![(Label::ALERT.to_owned(), item.id.to_string())],
        ..EventFilter::default()
    };
    let page = ui.store.events(EventQuery { filter, limit: TOLD, ..EventQuery::default() }).await?;
    let is_its = |record: &Record| {
        record.event.alert.as_ref().is_some_and(|alert| alert.id == item.id && alert.rule == item.rule)
    };
    Ok(page.rows.into_iter().filter(is_its).collect())
}

/// What it sums up.
async fn parts(
    ui: &Parts,
    visit: &Visit,
    item: &AlertItem,
    query: &Query,
) -> Outcome<(Vec<Line>, Option<String>)> {
    if !item.sums_up {
        return Ok((Vec::new(), None));
    }
    let asked = AlertQuery {
        part_of: Some(item.id),
        before: query.read("before"),
        limit: ROWS + 1,
        ..AlertQuery::default()
    };
    let mut parts = ui.store.alerts(asked).await?;
    let has_more = parts.len() > ROWS;
    parts.truncate(ROWS);
    let path = format!("/alerts/{}", item.id);
    let more =
        parts.last().filter(|_| has_more).map(|last| Query::default().with("before", last.id).of(&path));
    Ok((lines(ui, visit, &parts).await?, more))
}

fn facts(item: &AlertItem, visit: &Visit) -> Vec<(&'static str, Html)> {
    let clock = Clock::of(visit);
    let rule = Query::default().with("rule", &item.rule).of("/alerts");
    let mut facts = vec![
        ("Rule", Html(format!("<a href=\"{}\">{}</a>", escape(&rule), escape(&item.rule)))),
        (if item.sums_up { "Sums up" } else { "Events" }, Html(count(item.count))),
        ("First", clock.moment(item.first_at)),
    ];
    if item.last_at > item.first_at {
        facts.push(("Last", clock.moment(item.last_at)));
    }
    if let Some((at, _)) = &item.resolved {
        let lasted = at.as_nanos().saturating_sub(item.first_at.as_nanos());
        facts.push(("Over after", Html(crate::pieces::duration(lasted))));
    }
    facts
}

/// The message, source, destination or rate that it is about.
fn about(record: &Record, visit: &Visit) -> Vec<(&'static str, Html)> {
    let event = &record.event;
    let text = |text: &str| escape(&visit.eyes.text(text));
    let link = |href: &str, words: &str| Html(format!("<a href=\"{}\">{}</a>", escape(href), text(words)));
    let source = || link(&format!("/sources/{}", segment(&record.source)), &record.source);
    match event.kind {
        Kind::SourceSilent | Kind::SourceRefusing => {
            let refused = Query::default().with("source", &record.source).of("/quarantine");
            let mut about = vec![("Source", source())];
            if event.kind == Kind::SourceRefusing {
                about.push(("Refused", link(&refused, "In quarantine")));
            }
            return about;
        }
        Kind::DestinationFailing => {
            let name = event.labels.get("destination").map(String::as_str).unwrap_or_default();
            return vec![("Destination", link(&format!("/destinations/{}", segment(name)), name))];
        }
        Kind::RateExceeded => {
            let label = |name: &str| event.labels.get(name).map(String::as_str).unwrap_or_default();
            let href = crate::pages::watchdog::rate_link(label("rate"), label("rate_of"));
            return vec![("Rate of", link(&href, label("rate_of")))];
        }
        _ => {}
    }
    let mut about = Vec::new();
    if let Some(address) = &event.recipient {
        let words = visit.eyes.address(address);
        about.push((
            "Recipient",
            match recipient_link(address, visit) {
                Some(href) => link(&href, &words),
                None => Html(escape(&words)),
            },
        ));
    }
    if let Some(id) = record.message_id() {
        let subject = event.subject.as_deref().filter(|subject| !subject.is_empty());
        about.push(("Message", link(&format!("/messages/{id}"), subject.unwrap_or("Its story"))));
    }
    about.push(("Source", source()));
    about
}

fn labels(record: &Record, visit: &Visit) -> Vec<Html> {
    let ours = [Label::MESSAGE_ID, Label::ALERT, "destination", "rate", "rate_of"];
    let labels = record.event.labels.iter().filter(|(key, _)| !ours.contains(&key.as_str()));
    labels.map(|(key, value)| label(key, value, visit.eyes)).collect()
}

/// Reasons and domains, as they were told.
fn shares(record: &Record, item: &AlertItem) -> Vec<(&'static str, Vec<Part>)> {
    let Some(alert) = &record.event.alert else { return Vec::new() };
    let status = urgency_mark(item.urgency).status;
    let part = |share: &Share| {
        let percent = share.count as f64 * 100.0 / alert.count.max(1) as f64;
        Part {
            name: share.name.clone(),
            count: count(share.count),
            bar: meter((status, percent), ("queued", 0.0)),
        }
    };
    [("Reasons", &alert.reasons), ("Domains", &alert.domains)]
        .into_iter()
        .filter(|(_, shares)| !shares.is_empty())
        .map(|(word, shares)| (word, shares.iter().map(part).collect()))
        .collect()
}
