//! `/alerts`: what somebody should look at, who has seen it, and how it ended.

mod one;

use askama::Template;
use axum::extract::{RawQuery, State};
use hearback_event::{AlertState, Record, Urgency};
use hearback_store::{AlertItem, AlertQuery, EventQuery, Order};
use http::StatusCode;

use crate::answer;
use crate::frame::Frame;
use crate::pieces::{Clock, Html, Mark, badge, count, icon, kind_mark};
use crate::refusal::Outcome;
use crate::ui::{Parts, Ui};
use crate::url::Query;
use crate::visit::Visit;

pub(crate) use one::{acknowledge, one, resolve};

/// Rows of a page.
const ROWS: usize = 50;

#[derive(Template)]
#[template(path = "alerts.html")]
struct Page {
    frame: Frame,
    about: String,
    chips: Vec<Chip>,
    rule: Option<(String, String)>,
    is_filtered: bool,
    rows: Vec<Row>,
    older: Option<String>,
    first: Option<String>,
    nothing_yet: bool,
}

struct Chip {
    name: &'static str,
    status: &'static str,
    icon: Html,
    word: &'static str,
    count: Option<String>,
    chosen: bool,
}

/// An alert in a list.
pub(crate) struct Row {
    pub(crate) status: &'static str,
    pub(crate) icon: Html,
    pub(crate) title: String,
    pub(crate) href: String,
    pub(crate) state: Html,
    pub(crate) urgency: Html,
    pub(crate) rule: String,
    pub(crate) count: String,
    pub(crate) last: Html,
    pub(crate) who: String,
}

/// How it stands.
pub(crate) const fn state_mark(state: AlertState) -> Mark {
    match state {
        AlertState::Open => Mark { status: "bounced", icon: "alert", word: "Open" },
        AlertState::Acknowledged => Mark { status: "deferred", icon: "check", word: "Seen" },
        AlertState::Resolved => Mark { status: "ok", icon: "check", word: "Resolved" },
    }
}

/// How soon somebody should look.
const fn urgency_mark(urgency: Urgency) -> Mark {
    match urgency {
        Urgency::Info => Mark { status: "queued", icon: "info", word: "Info" },
        Urgency::Warning => Mark { status: "deferred", icon: "alert", word: "Warning" },
        Urgency::Critical => Mark { status: "bounced", icon: "alert", word: "Critical" },
    }
}

/// The event at a position, where it still is.
pub(crate) async fn cause(ui: &Parts, item: &AlertItem) -> Outcome<Option<Record>> {
    let beyond = Some(item.cause.saturating_sub(1));
    let query = EventQuery { order: Order::Oldest, beyond, limit: 1, ..EventQuery::default() };
    Ok(ui.store.events(query).await?.rows.pop().filter(|record| record.position == item.cause))
}

/// What an alert is about, in one line.
fn title(item: &AlertItem, cause: Option<&Record>, visit: &Visit) -> String {
    let count = if item.sums_up { item.count } else { 1 };
    visit.eyes.text(&hearback_alert::title(item.kind, count, item.first_at, cause)).into_owned()
}

/// Alerts as rows of a list.
pub(crate) async fn rows(ui: &Parts, visit: &Visit, items: &[AlertItem]) -> Outcome<Vec<Row>> {
    let clock = Clock::of(visit);
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        let cause = cause(ui, item).await?;
        let mark = kind_mark(item.kind);
        let by = |mark: &Option<(_, String)>| mark.as_ref().map(|(_, by)| visit.eyes.text(by).into_owned());
        rows.push(Row {
            status: mark.status,
            icon: icon(mark.icon),
            title: title(item, cause.as_ref(), visit),
            href: format!("/alerts/{}", item.id),
            state: badge(state_mark(item.state), ""),
            urgency: badge(urgency_mark(item.urgency), "badge-plain"),
            rule: item.rule.clone(),
            count: count(item.count),
            last: clock.ago(item.last_at),
            who: by(&item.resolved).or_else(|| by(&item.acknowledged)).unwrap_or_default(),
        });
    }
    Ok(rows)
}

/// `/alerts`
pub(crate) async fn list(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let chosen: Vec<AlertState> = query.all("state").filter_map(|name| name.parse().ok()).collect();
    let states =
        if chosen.is_empty() { vec![AlertState::Open, AlertState::Acknowledged] } else { chosen.clone() };
    let rule = query.get("rule").map(str::to_owned);
    let asked =
        AlertQuery { states, rule: rule.clone(), part_of: None, before: query.read("before"), limit: ROWS };
    let items = ui.store.alerts(asked).await?;
    let counts = ui.store.alert_counts().await?;
    let base = query.without(&["before", "said"]);
    let older =
        items.last().filter(|_| items.len() == ROWS).map(|item| base.with("before", item.id).of("/alerts"));
    let chips = AlertState::ALL.iter().map(|state| {
        let mark = state_mark(*state);
        Chip {
            name: state.name(),
            status: mark.status,
            icon: icon(mark.icon),
            word: mark.word,
            count: match state {
                AlertState::Open => Some(count(counts.open)),
                AlertState::Acknowledged => Some(count(counts.acknowledged)),
                AlertState::Resolved => None,
            },
            chosen: chosen.contains(state),
        }
    });
    let view = Page {
        frame: Frame::new(ui, &visit, "/alerts", "Alerts").await?.saying(query.get("said")),
        about: match counts.open {
            0 => "Nothing waits for somebody to look".to_owned(),
            1 => "1 waits for somebody to look".to_owned(),
            open => format!("{} wait for somebody to look", count(open)),
        },
        chips: chips.collect(),
        rule: rule.map(|rule| (rule, base.without(&["rule"]).of("/alerts"))),
        is_filtered: !base.pairs().is_empty(),
        rows: rows(ui, &visit, &items).await?,
        older,
        first: query.get("before").map(|_| base.of("/alerts")),
        nothing_yet: ui.store.last_position() == 0,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}
