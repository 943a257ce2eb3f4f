//! One alert: what it is about, its life, and what it sums up.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use hearback_event::{AlertState, Label, Record, Timestamp};
use hearback_store::{AlertChange, AlertItem, AlertQuery, EventFilter, EventQuery, Order, Role};
use http::StatusCode;

use super::{Row, cause, rows, state_mark, title, urgency_mark};
use crate::answer;
use crate::change::Change;
use crate::frame::Frame;
use crate::pages::events::recipient_link;
use crate::pieces::{Clock, Html, Mark, badge, count, escape};
use crate::refusal::{Outcome, Refusal};
use crate::ui::{Parts, Ui};
use crate::url::{Query, segment};
use crate::visit::Visit;

/// Parts that are shown.
const PARTS: usize = 50;

#[derive(Template)]
#[template(path = "alert.html")]
struct Page {
    frame: Frame,
    id: u64,
    path: String,
    title: String,
    status: &'static str,
    badges: Vec<Html>,
    facts: Vec<(&'static str, Html)>,
    life: Vec<Step>,
    /// The first event: its mark, a link to it, and to its message.
    event: Option<Event>,
    /// Name and how many.
    shares: Vec<(&'static str, Vec<(String, String)>)>,
    parts: Vec<Row>,
    parts_of: Option<String>,
    can_acknowledge: bool,
    can_resolve: bool,
}

struct Step {
    status: &'static str,
    word: &'static str,
    words: String,
    links: Vec<(String, String)>,
    time: Html,
}

struct Event {
    badge: Html,
    href: String,
    message: Option<String>,
    recipient: Option<(String, Option<String>)>,
    timeline: Option<(String, String)>,
    words: String,
}

fn missing() -> Refusal {
    Refusal::not_found("There is no alert of this number. Those that are over are kept for 90 days.")
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
    let first = cause(ui, &item).await?;
    let told = told(ui, id).await?;
    let clock = Clock::of(&visit);
    let asked = AlertQuery { part_of: Some(id), limit: PARTS, ..AlertQuery::default() };
    let parts = if item.sums_up { ui.store.alerts(asked).await? } else { Vec::new() };
    let title = title(&item, first.as_ref(), &visit);
    let may_change = visit.role >= Role::Operator;
    let view = Page {
        frame: Frame::new(ui, &visit, "/alerts", title.clone()).await?.saying(query.get("said")),
        id,
        path: format!("/alerts/{id}"),
        status: urgency_mark(item.urgency).status,
        badges: vec![badge(state_mark(item.state), ""), badge(urgency_mark(item.urgency), "")],
        facts: facts(&item, &clock),
        life: life(&item, &visit, &clock),
        event: first.as_ref().map(|record| event(record, &visit)),
        shares: shares(told.as_ref()),
        parts: rows(ui, &visit, &parts).await?,
        parts_of: item.part_of.map(|whole| format!("/alerts/{whole}")),
        can_acknowledge: may_change && item.state == AlertState::Open,
        can_resolve: may_change && item.state != AlertState::Resolved,
        title,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}

/// The event that told the alert first.
async fn told(ui: &Parts, id: u64) -> Outcome<Option<Record>> {
    let filter =
        EventFilter { labels: vec![(Label::ALERT.to_owned(), id.to_string())], ..EventFilter::default() };
    let query = EventQuery { filter, order: Order::Oldest, beyond: None, limit: 1 };
    Ok(ui.store.events(query).await?.rows.pop())
}

fn facts(item: &AlertItem, clock: &Clock) -> Vec<(&'static str, Html)> {
    vec![
        ("Rule", Html(escape(&item.rule))),
        ("Events", Html(count(item.count))),
        ("First", clock.moment(item.first_at)),
        ("Last", clock.moment(item.last_at)),
    ]
}

fn life(item: &AlertItem, visit: &Visit, clock: &Clock) -> Vec<Step> {
    let mut steps = vec![Step {
        status: state_mark(AlertState::Open).status,
        word: "Raised",
        words: format!("by the rule {}", item.rule),
        links: Vec::new(),
        time: clock.row(item.first_at),
    }];
    for (at, to) in &item.told {
        let links =
            to.iter().map(|name| (name.clone(), format!("/destinations/{}", segment(name)))).collect();
        steps.push(Step {
            status: "sent",
            word: if to.is_empty() { "Told nobody" } else { "Told" },
            words: if to.is_empty() { "no destination has alerts = true".to_owned() } else { String::new() },
            links,
            time: clock.row(*at),
        });
    }
    if item.told.is_empty() && item.part_of.is_none() {
        steps.push(Step {
            status: "queued",
            word: "Waits",
            words: "it is told with others, or when quiet hours end".to_owned(),
            links: Vec::new(),
            time: Html::default(),
        });
    }
    let mut mark = |mark: &Option<(Timestamp, String)>, state: AlertState| {
        let Some((at, by)) = mark else { return };
        let Mark { status, word, .. } = state_mark(state);
        let words = visit.eyes.text(by).into_owned();
        steps.push(Step { status, word, words, links: Vec::new(), time: clock.row(*at) });
    };
    mark(&item.acknowledged, AlertState::Acknowledged);
    mark(&item.resolved, AlertState::Resolved);
    steps
}

fn event(record: &Record, visit: &Visit) -> Event {
    let event = &record.event;
    let timeline = event.labels.iter().find(|(key, value)| {
        *key != Label::MESSAGE_ID && Label::is_indexed(value) && visit.eyes.text(value) == **value
    });
    Event {
        badge: badge(Mark::of(event), ""),
        href: format!("/events?open={}", record.id()),
        message: record.message_id().map(|id| format!("/messages/{id}")),
        recipient: event.recipient.as_ref().map(|to| (visit.eyes.address(to), recipient_link(to, visit))),
        timeline: timeline.map(|(key, value)| {
            (format!("{key}={value}"), format!("/timelines/{}/{}", segment(key), segment(value)))
        }),
        words: visit.eyes.text(&crate::pages::messages::result(event)).into_owned(),
    }
}

fn shares(told: Option<&Record>) -> Vec<(&'static str, Vec<(String, String)>)> {
    let Some(alert) = told.and_then(|record| record.event.alert.as_ref()) else { return Vec::new() };
    [("Reasons", &alert.reasons), ("Domains", &alert.domains)]
        .into_iter()
        .filter(|(_, shares)| !shares.is_empty())
        .map(|(title, shares)| {
            (title, shares.iter().map(|share| (share.name.clone(), count(share.count))).collect())
        })
        .collect()
}

/// `POST /alerts/{id}/acknowledge`
pub(crate) async fn acknowledge(State(ui): State<Ui>, Path(id): Path<String>, change: Change) -> Outcome {
    done(&ui.0, &id, &change, AlertChange::Acknowledge).await
}

/// `POST /alerts/{id}/resolve`
pub(crate) async fn resolve(State(ui): State<Ui>, Path(id): Path<String>, change: Change) -> Outcome {
    done(&ui.0, &id, &change, AlertChange::Resolve).await
}

async fn done(ui: &Parts, id: &str, change: &Change, what: AlertChange) -> Outcome {
    change.visit.require(Role::Operator)?;
    let id: u64 = id.parse().map_err(|_| missing())?;
    let changed = ui.store.change_alert(id, what, change.visit.name.clone(), change.visit.now).await?;
    changed.ok_or_else(missing)?;
    let (word, said) = match what {
        AlertChange::Acknowledge => ("alert.acknowledge", "Marked as seen"),
        AlertChange::Resolve => ("alert.resolve", "Resolved; if it happens again, that is another alert"),
    };
    change.record(ui, word, id.to_string()).await?;
    Ok(answer::redirect(&Query::default().with("said", said).of(&format!("/alerts/{id}")), []))
}
