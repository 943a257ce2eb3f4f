//! `/watchdog`: what should have come and did not: messages, and what sources tell.

use askama::Template;
use axum::extract::State;
use hearback_event::{Kind, Record};
use hearback_store::{EventFilter, EventQuery, MessageFilter, MessageQuery};
use http::StatusCode;

use crate::answer;
use crate::frame::Frame;
use crate::pages::messages;
use crate::pieces::{Clock, Html, Mark, badge, count, icon, kind_mark};
use crate::refusal::Outcome;
use crate::ui::Ui;
use crate::url::segment;
use crate::visit::Visit;

/// Overdue messages that are shown.
const OVERDUE: usize = 25;
/// Notices that are shown.
const NOTICES: usize = 25;

/// What the watchdog itself says.
const SAID: &[Kind] = &[
    Kind::Overdue,
    Kind::Recovered,
    Kind::SourceSilent,
    Kind::SourceRefusing,
    Kind::SourceRecovered,
    Kind::RateExceeded,
    Kind::RateRecovered,
];

#[derive(Template)]
#[template(path = "watchdog.html")]
struct Page {
    frame: Frame,
    tiles: Vec<(&'static str, Html, &'static str, String, &'static str)>,
    overdue: Vec<messages::Row>,
    more: bool,
    notices: Vec<Notice>,
    nothing_registered: bool,
}

struct Notice {
    badge: Html,
    about: String,
    href: String,
    words: String,
    time: Html,
}

/// `/watchdog`
pub(crate) async fn show(State(ui): State<Ui>, visit: Visit) -> Outcome {
    let ui = &*ui.0;
    let clock = Clock::of(&visit);
    let watched = ui.store.watched().await?;
    let filter = MessageFilter { overdue_at: Some(visit.now), ..MessageFilter::default() };
    let asked = MessageQuery { filter, limit: OVERDUE, ..MessageQuery::default() };
    let overdue = if watched.overdue > 0 { Some(ui.store.messages(asked).await?) } else { None };
    let filter = EventFilter { kinds: SAID.to_vec(), ..EventFilter::default() };
    let said = ui.store.events(EventQuery { filter, limit: NOTICES, ..EventQuery::default() }).await?;
    let day = visit.now.plus_seconds(-86_400);
    let recent = |kind: Kind| {
        said.rows.iter().filter(|record| record.event.kind == kind && record.received_at >= day).count()
            as u64
    };
    let tile = |kind: Kind, word, number: u64, note| {
        let mark = kind_mark(kind);
        (if number == 0 { "queued" } else { mark.status }, icon(mark.icon), word, count(number), note)
    };
    let view = Page {
        frame: Frame::new(ui, &visit, "/watchdog", "Watchdog").await?,
        tiles: vec![
            tile(Kind::Queued, "Not due yet", watched.waiting, "registered, and expected later"),
            tile(Kind::Overdue, "Overdue", watched.overdue, "at this moment"),
            tile(Kind::Recovered, "Delivered late", recent(Kind::Recovered), "in 24 hours"),
            tile(
                Kind::SourceRefusing,
                "Sources",
                recent(Kind::SourceSilent) + recent(Kind::SourceRefusing),
                "silent or refusing, in 24 hours",
            ),
        ],
        more: watched.overdue as usize > overdue.as_ref().map_or(0, |page| page.rows.len()),
        overdue: overdue
            .iter()
            .flat_map(|page| &page.rows)
            .map(|one| messages::row(one, &visit, &clock))
            .collect(),
        nothing_registered: watched.waiting == 0 && watched.overdue == 0,
        notices: said.rows.iter().map(|record| notice(record, &visit, &clock)).collect(),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}

fn notice(record: &Record, visit: &Visit, clock: &Clock) -> Notice {
    let event = &record.event;
    let (about, href) = match event.kind {
        Kind::Overdue | Kind::Recovered => (
            event.recipient.as_ref().map(|to| visit.eyes.address(to)).unwrap_or_default(),
            record.message_id().map(|id| format!("/messages/{id}")),
        ),
        Kind::RateExceeded | Kind::RateRecovered => {
            (event.labels.get("rate_of").cloned().unwrap_or_default(), None)
        }
        _ => (record.source.to_string(), Some(format!("/sources/{}", segment(&record.source)))),
    };
    Notice {
        badge: badge(Mark::of(event), ""),
        about,
        href: href.unwrap_or_else(|| format!("/events?open={}", record.id())),
        words: visit.eyes.text(event.notice.as_deref().unwrap_or_default()).into_owned(),
        time: clock.ago(record.occurred_at()),
    }
}
