//! `/alerts`: what somebody should look at, who has, and what is over.

mod change;
mod life;
mod one;

use askama::Template;
use axum::extract::{RawQuery, State};
use hearback_event::{AlertState, Record};
use hearback_store::{AlertItem, AlertQuery, EventQuery, Order};
use http::StatusCode;

use crate::answer;
use crate::frame::Frame;
use crate::pieces::{Clock, Html, alert_mark, badge, count, icon, urgency_mark};
use crate::refusal::Outcome;
use crate::ui::{Parts, Ui};
use crate::url::Query;
use crate::visit::Visit;

pub(crate) use change::{acknowledge, resolve};
pub(crate) use one::one;

/// Rows of a page.
const ROWS: usize = 50;

#[derive(Template)]
#[template(path = "alerts.html")]
struct Page {
    frame: Frame,
    about: String,
    chips: Vec<Chip>,
    /// Name, whether it is chosen.
    rules: Vec<(String, bool)>,
    is_filtered: bool,
    lines: Vec<Line>,
    older: Option<String>,
    first: Option<String>,
    nothing_yet: bool,
    is_told: bool,
}

/// A state that can be chosen.
struct Chip {
    name: &'static str,
    status: &'static str,
    icon: Html,
    word: &'static str,
    /// How many; of those that are over nobody wants to know.
    count: Option<String>,
    chosen: bool,
}

/// An alert in a list.
pub(crate) struct Line {
    pub(crate) href: String,
    pub(crate) status: &'static str,
    pub(crate) icon: Html,
    pub(crate) urgency: Html,
    pub(crate) state: Html,
    pub(crate) title: String,
    pub(crate) rule: String,
    pub(crate) count: String,
    pub(crate) first: Html,
    pub(crate) last: Html,
    /// Who has seen it, or ended it.
    pub(crate) by: Option<String>,
}

/// The event at a position, where it still is.
async fn event_at(ui: &Parts, position: u64) -> Outcome<Option<Record>> {
    let beyond = Some(position.saturating_sub(1));
    let query = EventQuery { order: Order::Oldest, beyond, limit: 1, ..EventQuery::default() };
    Ok(ui.store.events(query).await?.rows.pop().filter(|record| record.position == position))
}

/// What an alert is about, in one line.
fn title(item: &AlertItem, cause: Option<&Record>, visit: &Visit) -> String {
    let one = cause.filter(|_| item.count == 1 || !item.sums_up);
    let many = if one.is_some() { 1 } else { item.count };
    let title = hearback_alert::title(item.kind, many, item.first_at, cause);
    visit.eyes.text(&title).into_owned()
}

/// Alerts as lines, in their order.
async fn lines(ui: &Parts, visit: &Visit, items: &[AlertItem]) -> Outcome<Vec<Line>> {
    let clock = Clock::of(visit);
    let mut lines = Vec::with_capacity(items.len());
    for item in items {
        let cause = event_at(ui, item.cause).await?;
        let urgency = urgency_mark(item.urgency);
        let seen = item.acknowledged.as_ref().filter(|_| item.state == AlertState::Acknowledged);
        lines.push(Line {
            href: format!("/alerts/{}", item.id),
            status: urgency.status,
            icon: icon(urgency.icon),
            urgency: badge(urgency, "badge-plain"),
            state: badge(alert_mark(item.state), ""),
            title: title(item, cause.as_ref(), visit),
            rule: item.rule.clone(),
            count: count(item.count),
            first: clock.row(item.first_at),
            last: clock.ago(item.last_at),
            by: seen.map(|(_, by)| by.clone()),
        });
    }
    Ok(lines)
}

/// Open ones: of the newest the most urgent first, so that what is critical is not pushed off by warnings.
pub(crate) async fn open(ui: &Parts, visit: &Visit, limit: usize) -> Outcome<Vec<Line>> {
    let query = AlertQuery { states: vec![AlertState::Open], limit: ROWS, ..AlertQuery::default() };
    let mut items = ui.store.alerts(query).await?;
    items.sort_by_key(|item| std::cmp::Reverse(item.urgency.number()));
    items.truncate(limit);
    lines(ui, visit, &items).await
}

/// `/alerts`
pub(crate) async fn list(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let states: Vec<AlertState> = query.all("state").filter_map(|name| name.parse().ok()).collect();
    let rule = query.get("rule").map(str::to_owned);
    let asked = AlertQuery {
        states: states.clone(),
        rule: rule.clone(),
        part_of: None,
        before: query.read("before"),
        limit: ROWS + 1,
    };
    let mut items = ui.store.alerts(asked).await?;
    let has_more = items.len() > ROWS;
    items.truncate(ROWS);
    let base = query.without(&["before", "said"]);
    let counts = ui.store.alert_counts().await?;
    let mut rules: Vec<String> = ui.options.rules.clone();
    // One that is not configured any more may still have raised something.
    rules.extend(rule.clone().filter(|rule| !ui.options.rules.contains(rule)));
    let chip = |state: &AlertState| {
        let mark = alert_mark(*state);
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
            chosen: states.contains(state),
        }
    };
    let view = Page {
        about: match (counts.open, counts.acknowledged) {
            (0, 0) => "What somebody should look at; nothing is open".to_owned(),
            (0, seen) => format!("None open, {} acknowledged", count(seen)),
            (open, 0) => format!("{} open", count(open)),
            (open, seen) => format!("{} open, {} acknowledged", count(open), count(seen)),
        },
        chips: AlertState::ALL.iter().map(chip).collect(),
        rules: rules
            .into_iter()
            .map(|name| {
                let chosen = rule.as_ref() == Some(&name);
                (name, chosen)
            })
            .collect(),
        is_filtered: !base.pairs().is_empty(),
        lines: lines(ui, &visit, &items).await?,
        older: items.last().filter(|_| has_more).map(|last| base.with("before", last.id).of("/alerts")),
        first: query.get("before").map(|_| base.of("/alerts")),
        nothing_yet: items.is_empty() && base.pairs().is_empty(),
        is_told: items.iter().any(|item| item.told.iter().any(|(_, to)| !to.is_empty())),
        frame: Frame::new(ui, &visit, "/alerts", "Alerts").await?.saying(query.get("said")),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}
