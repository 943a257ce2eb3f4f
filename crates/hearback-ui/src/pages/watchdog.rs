//! `/watchdog`: what is waited for, what is late, and what is wrong with sources and rates.

mod standing;

use askama::Template;
use axum::extract::State;
use hearback_event::{Kind, Record, Status};
use hearback_server::{ExpectRule, ExpectWhich};
use hearback_store::{EventFilter, EventQuery, MessageFilter, MessageQuery, MessageView};
use http::StatusCode;

use crate::answer;
use crate::frame::Frame;
use crate::pages::events::who;
use crate::pages::messages::{Row, row};
use crate::pieces::{Clock, Html, count, duration, escape, icon, kind_mark, label, percent};
use crate::refusal::Outcome;
use crate::ui::{Parts, Ui};
use crate::visit::Visit;
use standing::{Wrong, wrong};

pub(crate) use standing::rate_link;

/// Overdue messages that are shown; more are in the list of messages.
const OVERDUE: usize = 25;
/// Recovered ones that are shown.
const RECOVERED: usize = 8;
/// Of so many registrations is told how many were met.
const JUDGED: usize = 100;

#[derive(Template)]
#[template(path = "watchdog.html")]
struct Page {
    frame: Frame,
    about: String,
    tiles: Vec<Tile>,
    late: Vec<Late>,
    more_late: bool,
    wrong: Vec<Wrong>,
    recovered: Vec<Recovered>,
    /// Which messages, and within what.
    expected: Vec<(Html, String)>,
    nothing_expected: bool,
}

/// A figure.
struct Tile {
    status: &'static str,
    icon: Html,
    word: &'static str,
    number: String,
    unit: &'static str,
    note: String,
    href: Option<&'static str>,
}

/// An overdue message.
struct Late {
    row: Row,
    due: Html,
}

/// One that arrived after all.
struct Recovered {
    icon: Html,
    who: String,
    subject: String,
    words: String,
    href: Option<String>,
    time: Html,
}

/// `/watchdog`
pub(crate) async fn show(State(ui): State<Ui>, visit: Visit) -> Outcome {
    let ui = &*ui.0;
    let clock = Clock::of(&visit);
    let watched = ui.store.watched().await?;
    let filter = MessageFilter { overdue_at: Some(visit.now), ..MessageFilter::default() };
    let late = if watched.overdue == 0 {
        Vec::new()
    } else {
        let asked = MessageQuery { filter, limit: OVERDUE, ..MessageQuery::default() };
        ui.store.messages(asked).await?.rows
    };
    let judged = judged(ui, &visit).await?;
    let wrong = wrong(ui, &visit, &clock).await?;
    let page = Page {
        about: about(watched.overdue, wrong.len()),
        more_late: watched.overdue > late.len() as u64,
        late: late.iter().map(|view| self::late(view, &visit, &clock)).collect(),
        nothing_expected: watched.waiting == 0 && watched.overdue == 0 && judged.due == 0,
        tiles: tiles(watched.waiting, watched.overdue, judged),
        wrong,
        recovered: recovered(ui, &visit, &clock).await?,
        expected: ui.options.expect.iter().map(|rule| expected(rule, &visit)).collect(),
        frame: Frame::new(ui, &visit, "/watchdog", "Watchdog").await?,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &page))
}

fn about(overdue: u64, wrong: usize) -> String {
    let messages = match overdue {
        0 => None,
        1 => Some("1 message is overdue".to_owned()),
        many => Some(format!("{} messages are overdue", count(many))),
    };
    let things = match wrong {
        0 => None,
        1 => Some("1 source or rate is not as it should be".to_owned()),
        many => Some(format!("{many} sources or rates are not as they should be")),
    };
    match (messages, things) {
        (None, None) => "What should have come, and did not: nothing now".to_owned(),
        (one, other) => [one, other].into_iter().flatten().collect::<Vec<_>>().join(", "),
    }
}

/// What became of the newest messages that were expected and have come due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Judged {
    due: u64,
    met: u64,
    late: u64,
}

async fn judged(ui: &Parts, visit: &Visit) -> Outcome<Judged> {
    let filter = EventFilter { kinds: vec![Kind::Registered], ..EventFilter::default() };
    let page = ui.store.events(EventQuery { filter, limit: JUDGED, ..EventQuery::default() }).await?;
    let is_expected = |record: &&Record| {
        record.event.registration.as_ref().is_some_and(|one| one.expect_delivered_within.is_some())
    };
    let mut ids: Vec<_> = page.rows.iter().filter(is_expected).filter_map(Record::message_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut found = ui.store.messages_of(ids).await?;
    found.sort_by_key(|view| view.id);
    found.dedup_by_key(|view| view.id);
    let mut judged = Judged::default();
    for view in found {
        let Some(due) = view.due_at else { continue };
        let arrived = view.events.iter().filter(|record| record.event.kind == Kind::Delivered);
        let in_time = arrived.map(Record::occurred_at).min().map(|at| at <= due);
        let has_arrived = matches!(view.state.status, Status::Delivered | Status::Complained);
        match (in_time, has_arrived) {
            (Some(true), _) => judged.met += 1,
            (Some(false), _) | (None, true) => judged.late += 1,
            (None, false) if due > visit.now => continue,
            (None, false) => {}
        }
        judged.due += 1;
    }
    Ok(judged)
}

fn tiles(waiting: u64, overdue: u64, judged: Judged) -> Vec<Tile> {
    let late = kind_mark(Kind::Overdue);
    let met = kind_mark(Kind::Delivered);
    let well = match (judged.due, judged.late) {
        (0, _) => "none has come due".to_owned(),
        (due, 0) => format!("of the last {} that came due", count(due)),
        (due, late) => format!("of the last {} that came due; {} later", count(due), count(late)),
    };
    vec![
        Tile {
            status: "registered",
            icon: icon("registered"),
            word: "Waited for",
            number: count(waiting),
            unit: "",
            note: "not due yet, or not looked at".to_owned(),
            href: None,
        },
        Tile {
            status: if overdue == 0 { "queued" } else { late.status },
            icon: icon(late.icon),
            word: late.word,
            number: count(overdue),
            unit: "",
            note: "due, and still under way".to_owned(),
            href: Some("/messages?overdue=true"),
        },
        Tile {
            status: met.status,
            icon: icon(met.icon),
            word: "In time",
            number: percent(judged.met, judged.due),
            unit: if judged.due == 0 { "" } else { "%" },
            note: well,
            href: None,
        },
    ]
}

fn late(view: &MessageView, visit: &Visit, clock: &Clock) -> Late {
    let mut row = row(view, visit, clock);
    // All of them are.
    row.marks.clear();
    Late { row, due: view.due_at.map(|at| clock.ago(at)).unwrap_or_default() }
}

async fn recovered(ui: &Parts, visit: &Visit, clock: &Clock) -> Outcome<Vec<Recovered>> {
    let filter = EventFilter { kinds: vec![Kind::Recovered], ..EventFilter::default() };
    let page = ui.store.events(EventQuery { filter, limit: RECOVERED, ..EventQuery::default() }).await?;
    let one = |record: &Record| Recovered {
        icon: icon(kind_mark(Kind::Recovered).icon),
        who: who(record, visit),
        subject: visit.eyes.maybe(record.event.subject.as_deref()).unwrap_or_default(),
        words: visit.eyes.maybe(record.event.notice.as_deref()).unwrap_or_default(),
        href: record.message_id().map(|id| format!("/messages/{id}")),
        time: clock.ago(record.occurred_at()),
    };
    Ok(page.rows.iter().map(one).collect())
}

/// What a rule of the configuration expects, in words.
fn expected(rule: &ExpectRule, visit: &Visit) -> (Html, String) {
    let which = match &rule.which {
        ExpectWhich::Source(name) => Html(format!("source <b>{}</b>", escape(name))),
        ExpectWhich::Tag(name) => crate::pieces::tag(name, visit.eyes),
        ExpectWhich::Label(key, value) => label(key, value, visit.eyes),
    };
    (which, duration(i64::from(rule.within_seconds) * 1_000_000_000))
}
