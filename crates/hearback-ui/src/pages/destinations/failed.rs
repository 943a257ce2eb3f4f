//! Pushes that failed: what waits for another try, and what was given up.

use hearback_event::EventId;
use hearback_store::{FailedPush, FailedPushQuery, Fate, PushEnd};

use crate::pages::events::who;
use crate::pieces::{Clock, Html, Mark, badge, count};
use crate::refusal::Outcome;
use crate::ui::Parts;
use crate::url::Query;
use crate::visit::Visit;

/// Rows of a page.
const ROWS: usize = 25;

/// How many there are.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    pub(super) waiting: u64,
    pub(super) dead: u64,
}

/// The list.
pub(super) struct Failed {
    /// Which are shown: word, link, whether it is chosen.
    pub(super) shows: Vec<(String, String, bool)>,
    pub(super) rows: Vec<Row>,
    pub(super) more: Option<String>,
    pub(super) is_first: bool,
}

/// One push.
pub(super) struct Row {
    pub(super) badge: Html,
    /// What happened, and to whom; nothing where the event is not kept any more.
    pub(super) event: Option<(Html, String)>,
    pub(super) href: String,
    pub(super) error: String,
    pub(super) attempts: u32,
    pub(super) last: Html,
    pub(super) next: Html,
}

/// A page of them, in the order of the log.
pub(super) async fn failed(
    ui: &Parts,
    visit: &Visit,
    name: &str,
    query: &Query,
    path: &str,
    shown: Shown,
) -> Outcome<Failed> {
    let show = query.get("show").unwrap_or("all");
    let ended = match show {
        "dead" => Some(true),
        "waiting" => Some(false),
        _ => None,
    };
    let beyond = query.read("beyond").unwrap_or_default();
    let asked = FailedPushQuery { destination: name.to_owned(), ended, beyond, limit: ROWS };
    let found = ui.destinations.failed(asked).await?.unwrap_or_default();
    let clock = Clock::of(visit);
    let link = |word: &str| Query::default().with("show", word).of(path);
    let all = shown.waiting + shown.dead;
    let last = found.last().filter(|_| found.len() == ROWS).map(|(push, _)| push.position);
    let mut rows = Vec::with_capacity(found.len());
    for (push, event) in found {
        rows.push(row(ui, visit, &clock, push, event).await?);
    }
    Ok(Failed {
        shows: vec![
            (format!("All {}", count(all)), path.to_owned(), ended.is_none()),
            (format!("Waiting {}", count(shown.waiting)), link("waiting"), ended == Some(false)),
            (format!("Given up {}", count(shown.dead)), link("dead"), ended == Some(true)),
        ],
        more: last.map(|beyond| Query::default().with("show", show).with("beyond", beyond).of(path)),
        is_first: beyond == 0,
        rows,
    })
}

async fn row(
    ui: &Parts,
    visit: &Visit,
    clock: &Clock,
    push: FailedPush,
    event: Option<EventId>,
) -> Outcome<Row> {
    // An event is found by its id without any index.
    let record = match event {
        Some(id) => ui.store.event(id).await?,
        None => None,
    };
    let (mark, next) = fate(push.fate, clock);
    Ok(Row {
        badge: badge(mark, ""),
        href: event.map(|id| format!("/events?open={id}")).unwrap_or_default(),
        event: record.map(|record| (badge(Mark::of(&record.event), "badge-plain"), who(&record, visit))),
        error: visit.eyes.text(&push.error).into_owned(),
        attempts: push.attempts,
        last: push.last_try.map(|at| clock.ago(at)).unwrap_or_default(),
        next,
    })
}

/// The mark of a fate, and when it is tried again.
fn fate(fate: Fate, clock: &Clock) -> (Mark, Html) {
    let ended = |word| (Mark { status: "failed", icon: "failed", word }, Html("not any more".to_owned()));
    match fate {
        Fate::Waits { next_try } => {
            (Mark { status: "deferred", icon: "deferred", word: "Waiting" }, clock.row(next_try))
        }
        Fate::Ended { why: PushEnd::GaveUp, .. } => ended("Given up"),
        Fate::Ended { why: PushEnd::Dropped, .. } => ended("Too old"),
        Fate::Ended { why: PushEnd::Forgotten, .. } => ended("Forgotten"),
    }
}
