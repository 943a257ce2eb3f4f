//! `/quarantine`: what was refused, was it genuine, and what mends it.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use hearback_server::{Readmit, Readmitted, readmit};
use hearback_store::{QuarantineCount, QuarantineEntry, QuarantineFilter, Role};
use http::StatusCode;

use crate::answer;
use crate::change::Change;
use crate::frame::Frame;
use crate::pages::events::{Raw, shown_request};
use crate::pieces::{Clock, Html, badge, bytes, cause_words, count};
use crate::refusal::{Outcome, Refusal};
use crate::ui::{Parts, Ui};
use crate::url::Query;
use crate::visit::Visit;

/// Requests that a group shows at first.
const SHOWN: usize = 6;
/// Requests of a page of one group.
const ROWS: usize = 100;
/// Requests that are discarded at a time.
const DISCARD_PAGE: usize = 500;

#[derive(Template)]
#[template(path = "quarantine.html")]
struct Page {
    frame: Frame,
    about: String,
    groups: Vec<Group>,
    may_change: bool,
    is_one_group: bool,
    clear: String,
}

struct Group {
    id: String,
    source: String,
    cause: String,
    status: &'static str,
    badge: Html,
    detail: String,
    shown: String,
    newest: Html,
    advice: &'static str,
    rows: Vec<Row>,
    open: bool,
    all: Option<String>,
    older: Option<String>,
}

struct Row {
    href: String,
    time: Html,
    remote: String,
    detail: String,
    size: String,
    id: u64,
}

/// What probably mends a cause.
fn advice(cause: &str) -> &'static str {
    match cause {
        "bad_signature" => {
            "Was the key changed at the provider, or is it another one than the one that signs webhooks? Mend it in the configuration, start anew, and verify these again."
        }
        "missing_signature" => {
            "The request carries no signature: somebody probes the URL, or the provider is not set to sign."
        }
        "stale" => "Signed longer ago than any retry takes. Held up on the way, or played again by somebody.",
        "future" => "Signed in the future: is a clock wrong, here or there?",
        "forged_replay" => {
            "A one-time token that is known came with another body. That is no mistake of the provider: somebody has seen one of its requests."
        }
        "network_not_allowed" => "The sender's address is not among the allowed networks of this source.",
        "unparsable" => {
            "The body is not of the shape that the provider sends. Cut off on the way, or not from the provider."
        }
        _ => "See one of them for what was wrong.",
    }
}

/// `/quarantine`, and with `source` and `cause` one group of it.
pub(crate) async fn list(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let (source, cause) = (query.get("source"), query.get("cause"));
    let mut counts = ui.store.quarantine_counts().await?;
    let all: u64 = counts.iter().map(|count| count.count).sum();
    counts.retain(|count| source.is_none_or(|source| count.source == source));
    counts.retain(|count| cause.is_none_or(|cause| count.cause == cause));
    counts.sort_by_key(|count| std::cmp::Reverse(count.newest));
    let is_one_group = source.is_some() && cause.is_some();
    let clock = Clock::of(&visit);
    let mut groups = Vec::with_capacity(counts.len());
    for (place, one) in counts.iter().enumerate() {
        groups.push(group(ui, &visit, &clock, &query, one, place, is_one_group).await?);
    }
    let causes = if groups.len() == 1 { "1 cause".to_owned() } else { format!("{} causes", groups.len()) };
    let requests =
        if all == 1 { "1 refused request".to_owned() } else { format!("{} refused requests", count(all)) };
    let view = Page {
        frame: Frame::new(ui, &visit, "/quarantine", "Quarantine").await?.saying(query.get("said")),
        about: if all == 0 {
            "Refused requests are kept here, with the cause".to_owned()
        } else {
            format!("{requests}, {causes}")
        },
        groups,
        may_change: visit.role >= Role::Operator,
        is_one_group: source.is_some() || cause.is_some(),
        clear: "/quarantine".to_owned(),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}

async fn group(
    ui: &Parts,
    visit: &Visit,
    clock: &Clock,
    query: &Query,
    one: &QuarantineCount,
    place: usize,
    whole: bool,
) -> Outcome<Group> {
    let filter = QuarantineFilter {
        source: Some(one.source.clone()),
        cause: Some(one.cause.clone()),
        before: query.read("before").filter(|_| whole),
        limit: if whole { ROWS } else { SHOWN },
    };
    let entries = ui.store.quarantined(filter).await?;
    let mark = cause_words(&one.cause);
    let here = Query::default().with("source", &one.source).with("cause", &one.cause);
    let last = entries.last().map(|entry| entry.id);
    Ok(Group {
        id: format!("g{place}"),
        status: mark.status,
        badge: badge(mark, ""),
        detail: entries.first().map(|entry| visit.eyes.text(&entry.detail).into_owned()).unwrap_or_default(),
        shown: count(one.count),
        newest: clock.ago(one.newest),
        advice: advice(&one.cause),
        open: place == 0 || whole,
        all: (!whole && one.count > SHOWN as u64).then(|| here.of("/quarantine")),
        older: last
            .filter(|_| whole && entries.len() == ROWS)
            .map(|before| here.with("before", before).of("/quarantine")),
        rows: entries
            .iter()
            .map(|entry| Row {
                href: format!("/quarantine/{}", entry.id),
                time: clock.row(entry.received_at),
                remote: entry.remote.clone().unwrap_or_else(|| "unknown".to_owned()),
                detail: visit.eyes.text(&entry.detail).into_owned(),
                size: bytes(entry.body_bytes),
                id: entry.id,
            })
            .collect(),
        source: one.source.clone(),
        cause: one.cause.clone(),
    })
}

#[derive(Template)]
#[template(path = "refused.html")]
struct OnePage {
    frame: Frame,
    id: u64,
    source: String,
    cause: String,
    badge: Html,
    status: &'static str,
    detail: String,
    advice: &'static str,
    time: Html,
    remote: String,
    size: String,
    raw: Raw,
    may_change: bool,
}

/// `/quarantine/{id}`
pub(crate) async fn one(State(ui): State<Ui>, visit: Visit, Path(id): Path<u64>) -> Outcome {
    let ui = &*ui.0;
    let gone = || {
        Refusal::not_found(
            "There is no such refused request, or not any more: it was let in, discarded, or made room.",
        )
    };
    let entry = ui.store.quarantine_entry(id).await?.ok_or_else(gone)?;
    let clock = Clock::of(&visit);
    let mark = cause_words(&entry.cause);
    let view = OnePage {
        frame: Frame::new(ui, &visit, "/quarantine", format!("Refused request {id}")).await?,
        id,
        badge: badge(mark, "badge-lg"),
        status: mark.status,
        detail: visit.eyes.text(&entry.detail).into_owned(),
        advice: advice(&entry.cause),
        time: clock.full(entry.received_at),
        remote: entry.remote.clone().unwrap_or_else(|| "unknown".to_owned()),
        size: bytes(entry.body_bytes),
        raw: raw(&entry, &visit),
        may_change: visit.role >= Role::Operator,
        source: entry.source,
        cause: entry.cause,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}

fn raw(entry: &QuarantineEntry, visit: &Visit) -> Raw {
    if !visit.eyes.clear {
        return Raw::NotForRole;
    }
    shown_request(&entry.payload, visit.eyes, String::new())
}

/// What a form means: one request, or those of a source and cause.
fn which(fields: &Query) -> Outcome<Readmit> {
    let text = |name: &str| fields.get(name).map(str::to_owned);
    let which = Readmit { id: fields.read("id"), source: text("source"), cause: text("cause") };
    // All of everything is never meant by a form that lost its fields.
    if which == Readmit::default() {
        return Err(Refusal::bad("The form names no request."));
    }
    Ok(which)
}

fn named(which: &Readmit) -> String {
    let parts = [which.id.map(|id| format!("request {id}")), which.source.clone(), which.cause.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `POST /quarantine/retry`: verifies again with today's keys, and lets in what is genuine.
pub(crate) async fn retry(State(ui): State<Ui>, change: Change) -> Outcome {
    let ui = &*ui.0;
    change.visit.require(Role::Operator)?;
    let which = which(&change.fields)?;
    let done = readmit(&*ui.store, &ui.sources, &which).await?;
    let said = words(&done);
    change.record(ui, "quarantine.retry", format!("{}: {said}", named(&which))).await?;
    Ok(answer::redirect(&Query::default().with("said", said).of("/quarantine"), []))
}

fn words(done: &Readmitted) -> String {
    let refused: u64 = done.still_refused.values().sum();
    let mut parts = Vec::new();
    if done.admitted > 0 {
        parts.push(format!("{} let in", count(done.admitted)));
    }
    if done.duplicates > 0 {
        parts.push(format!("{} known already", count(done.duplicates)));
    }
    if refused > 0 {
        parts.push(format!("{} still refused", count(refused)));
    }
    if parts.is_empty() { "Nothing was there to verify".to_owned() } else { parts.join(", ") }
}

/// `POST /quarantine/discard`
pub(crate) async fn discard(State(ui): State<Ui>, change: Change) -> Outcome {
    let ui = &*ui.0;
    change.visit.require(Role::Operator)?;
    let which = which(&change.fields)?;
    let mut gone = 0_u64;
    if let Some(id) = which.id {
        gone += u64::from(ui.store.quarantine_remove(id).await?);
    } else {
        loop {
            let filter = QuarantineFilter {
                source: which.source.clone(),
                cause: which.cause.clone(),
                before: None,
                limit: DISCARD_PAGE,
            };
            let page = ui.store.quarantined(filter).await?;
            let before = gone;
            for entry in &page {
                gone += u64::from(ui.store.quarantine_remove(entry.id).await?);
            }
            if gone == before {
                break;
            }
        }
    }
    let said = format!("{} discarded", count(gone));
    change.record(ui, "quarantine.discard", format!("{}: {said}", named(&which))).await?;
    Ok(answer::redirect(&Query::default().with("said", said).of("/quarantine"), []))
}
