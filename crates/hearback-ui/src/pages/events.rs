//! `/events`: what happens now, what failed, and in whose words. A list, and a panel with one event beside it.

mod export;
pub(crate) mod filter;
mod live;
mod panel;

use askama::Template;
use axum::extract::{RawQuery, State};
use hearback_event::{Address, EventId, Kind, Record};
use hearback_store::{EventQuery, Order};
use http::StatusCode;

use crate::answer;
use crate::frame::Frame;
use crate::pieces::{Clock, Html, Mark, badge, count, icon, kind_mark};
use crate::refusal::Outcome;
use crate::search::{Sought, understand};
use crate::ui::{Parts, Ui};
use crate::url::Query;
use crate::visit::Visit;
use filter::{Control, PERIODS, Wanted};
use panel::{Body, Panel};
pub(crate) use panel::{Raw, origin, shown as shown_request};

pub(crate) use export::{csv, ndjson};
pub(crate) use live::live;

/// Rows of a page.
const ROWS: usize = 50;

/// The kinds that have a chip.
const CHIPS: &[Kind] = &[
    Kind::Queued,
    Kind::Sent,
    Kind::Delivered,
    Kind::Deferred,
    Kind::Bounced,
    Kind::Rejected,
    Kind::Failed,
    Kind::Opened,
    Kind::Clicked,
    Kind::Complained,
    Kind::Unsubscribed,
];
/// Chips that are there only where something of it happened, or it is chosen.
const RARE_CHIPS: &[Kind] = &[
    Kind::Registered,
    Kind::Overdue,
    Kind::Recovered,
    Kind::AlertRaised,
    Kind::AlertResolved,
    Kind::Inbound,
    Kind::SuppressionChanged,
    Kind::Autoresponded,
    Kind::Subscribed,
    Kind::Unknown,
];

#[derive(Template)]
#[template(path = "events.html")]
struct Page {
    frame: Frame,
    about: String,
    chips: Vec<Chip>,
    controls: Vec<Control>,
    /// Conditions that no control shows: what, and the link without it.
    conditions: Vec<(String, String)>,
    hidden: Vec<(String, String)>,
    is_filtered: bool,
    rows: Vec<Row>,
    older: Option<String>,
    newest: String,
    is_first: bool,
    live: String,
    csv: String,
    ndjson: Option<String>,
    empty: Empty,
    panel: Option<Panel>,
}

struct Chip {
    name: &'static str,
    status: &'static str,
    icon: Html,
    word: &'static str,
    count: Option<String>,
    chosen: bool,
}

struct Row {
    badge: Html,
    who: String,
    href: String,
    message: String,
    result: String,
    source: String,
    time: Html,
    selected: bool,
}

/// Why there is no row.
enum Empty {
    /// Nothing was ever received.
    Nothing,
    /// Nothing passes the filter; where the search words were not understood, these.
    Filtered { words: Option<String>, longer: Option<String> },
}

/// `/events`
pub(crate) async fn show(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    if let Some(text) = query.get("q")
        && let Some(path) = canonical(ui, &query, text).await?
    {
        return Ok(answer::redirect(&path, []));
    }
    let wanted = Wanted::read(&query, visit.now);
    let words = query.get("q").map(str::to_owned);
    let page = ui
        .store
        .events(EventQuery {
            filter: wanted.filter.clone(),
            order: Order::Newest,
            beyond: query.read("before"),
            // Words that mean nothing find nothing.
            limit: if words.is_some() { 1 } else { ROWS },
        })
        .await?;
    let rows = if words.is_some() { Vec::new() } else { page.rows };
    let next = page.next.filter(|_| words.is_none());
    let open: Option<EventId> = query.read("open");
    let panel = match open {
        None => None,
        Some(id) => Panel::find(ui, &visit, &query, id, &rows).await?,
    };
    let last = ui.store.last_position();
    let counts = wanted.counts(ui, visit.now).await?;
    let clock = Clock::of(&visit);
    let search = wanted.search_text(&query);
    let mut frame = Frame::new(ui, &visit, "/events", "Events").await?.searching("/events", "Events", search);
    frame.wide = true;
    let base = query.without(&["open", "tab", "before"]);
    let view = Page {
        about: about(&wanted, counts.as_deref(), &query),
        chips: chips(&wanted, counts.as_deref()),
        controls: vec![
            ("period", "Time", filter::periods(&wanted)),
            ("source", "Source", filter::sources(ui, &wanted).await?),
            ("severity", "Severity", filter::severities(&wanted)),
            ("reason", "Reason", filter::reasons(&wanted)),
        ],
        conditions: wanted.conditions(&base, visit.eyes),
        hidden: base
            .only(&["recipient", "message", "label", "tag", "domain", "provider", "since", "until"])
            .pairs()
            .to_vec(),
        is_filtered: !base.without(&["period"]).pairs().is_empty(),
        rows: rows.iter().map(|record| row(record, &visit, &clock, &query, open)).collect(),
        older: next.map(|before| query.without(&["open", "tab"]).with("before", before).of("/events")),
        newest: base.of("/events"),
        is_first: query.get("before").is_none(),
        live: base.without(&["q"]).with("after", last).of("/events/live"),
        csv: base.of("/events.csv"),
        ndjson: visit.eyes.clear.then(|| base.of("/events.ndjson")),
        empty: if last == 0 {
            Empty::Nothing
        } else {
            let longer = wanted.period.as_ref().map(|_| base.with("period", "all").of("/events"));
            Empty::Filtered { words, longer }
        },
        panel,
        frame,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}

/// Where a text of the search box leads: the filter that it means. `None` where it means nothing.
async fn canonical(ui: &Parts, query: &Query, text: &str) -> Outcome<Option<String>> {
    let base = query.without(&["q", "before", "open", "tab"]);
    // Whoever looks for one thing wants all of it, not only today's.
    let all = |query: Query| query.with("period", "all").of("/events");
    Ok(match understand(ui, text).await? {
        Sought::Event(id) => Some(base.with("open", id).of("/events")),
        Sought::Message(id) | Sought::Found(id) => Some(all(base.with("message", id))),
        Sought::Address(address) => Some(all(base.with("recipient", address.as_str()))),
        Sought::Domain(domain) => Some(all(base.with("domain", domain))),
        Sought::Label(key, value) => Some(all(base.with("label", format!("{key}={value}")))),
        Sought::Words(_) => None,
    })
}

fn about(wanted: &Wanted, counts: Option<&[(Kind, u64)]>, query: &Query) -> String {
    let time = wanted.period.as_ref().map_or("", |(_, word)| *word);
    if query.get("q").is_some() {
        return "Nothing was understood to look for".to_owned();
    }
    let Some(counts) = counts else {
        return if time.is_empty() {
            "Newest first".to_owned()
        } else {
            format!("In the {time}, newest first")
        };
    };
    let kinds = &wanted.filter.kinds;
    let sum: u64 =
        counts.iter().filter(|(kind, _)| kinds.is_empty() || kinds.contains(kind)).map(|(_, n)| n).sum();
    let verb = if sum == 1 { "matches" } else { "match" };
    format!("{} {verb} in the {time}, newest first", count(sum))
}

fn chips(wanted: &Wanted, counts: Option<&[(Kind, u64)]>) -> Vec<Chip> {
    let of = |kind: Kind| counts.map(|counts| counts.iter().find(|(k, _)| *k == kind).map_or(0, |(_, n)| *n));
    let is_chosen = |kind: Kind| wanted.filter.kinds.contains(&kind);
    let rare = RARE_CHIPS.iter().filter(|kind| is_chosen(**kind) || of(**kind).is_some_and(|n| n > 0));
    let chip = |kind: &Kind| {
        let mark = kind_mark(*kind);
        Chip {
            name: kind.name(),
            status: mark.status,
            icon: icon(mark.icon),
            word: mark.word,
            count: of(*kind).map(count),
            chosen: is_chosen(*kind),
        }
    };
    CHIPS.iter().chain(rare).map(chip).collect()
}

fn row(record: &Record, visit: &Visit, clock: &Clock, query: &Query, open: Option<EventId>) -> Row {
    let event = &record.event;
    let id = record.id();
    Row {
        badge: badge(Mark::of(event), ""),
        who: who(record, visit),
        href: query.without(&["open"]).with("open", id).of("/events"),
        message: event
            .subject
            .as_deref()
            .map(|subject| visit.eyes.text(subject).into_owned())
            .unwrap_or_default(),
        result: visit.eyes.text(&crate::pages::messages::result(event)).into_owned(),
        source: record.source.to_string(),
        time: clock.row(record.occurred_at()),
        selected: open == Some(id),
    }
}

/// To whom it went, as far as that is known.
pub(crate) fn who(record: &Record, visit: &Visit) -> String {
    let event = &record.event;
    match (&event.recipient, event.ambiguous_recipients.len()) {
        (Some(address), _) => visit.eyes.address(address),
        // What Hearback itself says is of a destination, or of a source.
        (None, 0) if event.kind.is_notice() => {
            let name = event.labels.get("destination").map_or(&*record.source, String::as_str);
            visit.eyes.text(name).into_owned()
        }
        (None, 0) => "no recipient told".to_owned(),
        (None, many) => format!("one of {many} recipients"),
    }
}

/// Where an address leads, unless the address must not be seen.
pub(crate) fn recipient_link(address: &Address, visit: &Visit) -> Option<String> {
    visit.eyes.clear.then(|| format!("/recipients/{}", crate::url::segment(address.as_str())))
}

/// The period that is meant where none is said.
pub(crate) const DEFAULT_PERIOD: &str = PERIODS[1].0;
