//! For admins: what was changed, and how the system does.

use askama::Template;
use axum::extract::{RawQuery, State};
use hearback_store::Role;
use http::StatusCode;

use super::{Tab, tabs};
use crate::answer;
use crate::frame::Frame;
use crate::pieces::{Clock, Html, bytes, count};
use crate::refusal::Outcome;
use crate::ui::Ui;
use crate::url::Query;
use crate::visit::Visit;

/// Entries of a page.
const ROWS: usize = 100;

#[derive(Template)]
#[template(path = "settings-audit.html")]
struct Audit {
    frame: Frame,
    tabs: Vec<Tab>,
    entries: Vec<Entry>,
    older: Option<String>,
}

struct Entry {
    time: Html,
    who: String,
    what: String,
    detail: String,
    remote: String,
}

/// `/settings/audit`
pub(crate) async fn audit(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    visit.require(Role::Admin)?;
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let entries = ui.accounts.audited(query.read("before"), ROWS).await?;
    let last = entries.last().map(|entry| entry.id).filter(|_| entries.len() == ROWS);
    let clock = Clock::of(&visit);
    let page = Audit {
        frame: Frame::new(ui, &visit, "/settings", "Audit log").await?,
        tabs: tabs(&visit, "/settings/audit"),
        older: last.map(|before| format!("/settings/audit?before={before}")),
        entries: entries
            .into_iter()
            .map(|entry| Entry {
                time: clock.moment(entry.at),
                who: entry.who,
                what: entry.what,
                detail: entry.detail,
                remote: entry.remote.unwrap_or_default(),
            })
            .collect(),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &page))
}

#[derive(Template)]
#[template(path = "settings-system.html")]
struct System {
    frame: Frame,
    tabs: Vec<Tab>,
    version: &'static str,
    rows: Vec<(&'static str, String, &'static str)>,
    sources: Vec<(String, String, Vec<String>)>,
}

/// `/settings/system`
pub(crate) async fn system(State(ui): State<Ui>, visit: Visit) -> Outcome {
    visit.require(Role::Admin)?;
    let ui = &*ui.0;
    let stats = ui.store.stats().await?;
    let kept = (stats.last_position + 1).saturating_sub(stats.first_position);
    let rows = vec![
        (
            "Events",
            format!("{} kept of {} ever", count(kept), count(stats.last_position)),
            if kept < stats.last_position {
                "what is older was dropped by retention"
            } else {
                "nothing was dropped"
            },
        ),
        ("Database", bytes(stats.database_bytes), ""),
        ("Write-ahead log", bytes(stats.wal_bytes), "written back as readers allow"),
        (
            "Queue",
            format!("{} of {} requests", count(stats.queue_depth), count(stats.queue_capacity)),
            "what waits for the journal",
        ),
        (
            "In memory",
            format!("{} events", count(stats.unsealed_events)),
            "their indexes are written when 65,536 are full",
        ),
        ("Quarantine", format!("{} requests", count(stats.quarantined)), ""),
    ];
    let page = System {
        frame: Frame::new(ui, &visit, "/settings", "System").await?,
        tabs: tabs(&visit, "/settings/system"),
        version: env!("CARGO_PKG_VERSION"),
        rows,
        sources: ui
            .sources
            .iter()
            .map(|source| {
                let name = source.reference.name.to_string();
                (name, source.provider.title().to_owned(), source.endpoint.warnings())
            })
            .collect(),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &page))
}
