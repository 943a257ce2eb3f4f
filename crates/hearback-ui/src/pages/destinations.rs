//! `/destinations`: who is pushed to, who takes nothing, and what a person does about it.

mod change;
mod failed;
mod one;

use askama::Template;
use axum::extract::State;
use hearback_deliver::{Standing, View};
use http::StatusCode;

use crate::answer;
use crate::frame::Frame;
use crate::pieces::{Clock, Html, Mark, badge, count, duration};
use crate::refusal::Outcome;
use crate::ui::{Parts, Ui};
use crate::url::segment;
use crate::visit::Visit;

pub(crate) use change::{pause, redrive, resume, test};
pub(crate) use one::one;

/// How a standing is marked.
const fn mark(standing: Standing) -> Mark {
    match standing {
        Standing::Running => Mark { status: "ok", icon: "events", word: "Pushing" },
        Standing::Paused => Mark { status: "deferred", icon: "silent", word: "Paused" },
        Standing::Disabled => Mark { status: "failed", icon: "rejected", word: "Gone" },
        Standing::Failing => Mark { status: "failed", icon: "failed", word: "Failing" },
        Standing::NotSetUp => Mark { status: "queued", icon: "settings", word: "Not set up" },
    }
}

/// Those first that need somebody.
const fn urgency(standing: Standing) -> u8 {
    match standing {
        Standing::Disabled => 0,
        Standing::Failing => 1,
        Standing::Paused => 2,
        Standing::NotSetUp => 3,
        Standing::Running => 4,
    }
}

#[derive(Template)]
#[template(path = "destinations.html")]
struct Page {
    frame: Frame,
    about: String,
    lines: Vec<Line>,
}

/// A destination in a list.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) kind: String,
    target: String,
    pub(crate) href: String,
    badge: Html,
    pub(crate) standing: Standing,
    last: Html,
    behind: String,
    is_behind: bool,
    waiting: (String, bool),
    dead: (String, bool),
    /// Why it takes nothing, where it does not.
    pub(crate) problem: Option<String>,
}

/// How far it is behind: `12 events, 3 min 4 s`.
fn behind(view: &View) -> String {
    match view.lag_events {
        0 => "up to date".to_owned(),
        events => {
            let since = duration(i64::try_from(view.lag.as_nanos()).unwrap_or(i64::MAX));
            format!("{}, {since}", events_word(events))
        }
    }
}

fn events_word(events: u64) -> String {
    if events == 1 { "1 event".to_owned() } else { format!("{} events", count(events)) }
}

/// Every destination, those first that need somebody.
pub(crate) async fn lines(ui: &Parts, visit: &Visit) -> Outcome<Vec<Line>> {
    let clock = Clock::of(visit);
    let mut lines: Vec<Line> =
        ui.destinations.list().await?.iter().map(|view| line(view, visit, &clock)).collect();
    lines.sort_by_key(|line| urgency(line.standing));
    Ok(lines)
}

fn line(view: &View, visit: &Visit, clock: &Clock) -> Line {
    let (standing, _) = Standing::of(view.state.as_ref());
    let state = view.state.as_ref();
    let (waiting, dead) = state.map_or((0, 0), |state| (state.waiting, state.dead));
    let last = state.and_then(|state| state.last_success_at);
    let failure = state.and_then(|state| state.last_failure.as_ref());
    let needs_somebody = matches!(standing, Standing::Failing | Standing::Disabled);
    Line {
        kind: view.destination.carrier.kind().to_owned(),
        target: visit.eyes.text(&view.destination.carrier.target()).into_owned(),
        href: format!("/destinations/{}", segment(&view.destination.name)),
        name: view.destination.name.clone(),
        badge: badge(mark(standing), ""),
        standing,
        last: last.map_or_else(|| Html("never".to_owned()), |at| clock.ago(at)),
        behind: behind(view),
        is_behind: view.lag_events > 0,
        waiting: (count(waiting), waiting == 0),
        dead: (count(dead), dead == 0),
        problem: failure.filter(|_| needs_somebody).map(|(_, why)| visit.eyes.text(why).into_owned()),
    }
}

/// `/destinations`
pub(crate) async fn list(State(ui): State<Ui>, visit: Visit) -> Outcome {
    let ui = &*ui.0;
    let lines = lines(ui, &visit).await?;
    let unwell = lines.iter().filter(|line| urgency(line.standing) < 3).count();
    let about = match (lines.len(), unwell) {
        (0, _) => "Programs and people that are told of events".to_owned(),
        (1, 0) => "One, and it is well".to_owned(),
        (all, 0) => format!("{all}, all of them well"),
        (all, 1) => format!("1 of {all} takes nothing now"),
        (all, unwell) => format!("{unwell} of {all} take nothing now"),
    };
    let page = Page { frame: Frame::new(ui, &visit, "/destinations", "Destinations").await?, about, lines };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &page))
}
