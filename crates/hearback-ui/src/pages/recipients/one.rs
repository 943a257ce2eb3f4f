//! One recipient: whether he may be sent to and why not, what happened to him on all channels, and who changed what.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use hearback_event::{Address, Kind, Label, Record, SuppressionReason};
use hearback_store::{EventFilter, EventQuery, Order, RecipientView, Role, SuppressionView};
use http::StatusCode;

use super::sent;
use crate::answer;
use crate::frame::Frame;
use crate::pages::messages::result;
use crate::pieces::{Clock, Html, Mark, badge, count, icon, kind_mark, percent};
use crate::refusal::{Outcome, Refusal};
use crate::ui::{Parts, Ui};
use crate::url::{Query, segment};
use crate::visit::Visit;

/// Events of a history's page.
const HISTORY: usize = 50;
/// Timelines beside a history.
const TIMELINES: usize = 6;
/// Other addresses that are shown, at most.
const OTHERS: usize = 50;

#[derive(Template)]
#[template(path = "recipient.html")]
struct OnePage {
    frame: Frame,
    who: String,
    copy: Option<String>,
    about: Vec<Html>,
    name: Option<String>,
    user: Option<String>,
    suppression: Option<Suppression>,
    may_lift: bool,
    action: String,
    tiles: Vec<Tile>,
    shows: Vec<(&'static str, String, bool)>,
    history: Vec<HistoryRow>,
    older: Option<String>,
    first: Option<String>,
    others: Vec<(String, String)>,
    timelines: Vec<(String, String)>,
    changes: Vec<(Html, String)>,
    known: bool,
}

struct Suppression {
    since: Html,
    words: String,
    note: &'static str,
}

struct Tile {
    status: &'static str,
    icon: Html,
    word: &'static str,
    number: String,
    note: String,
}

struct HistoryRow {
    badge: Html,
    message: String,
    href: String,
    words: String,
    /// Where it went to another address of the same person.
    to: Option<String>,
    source: String,
    time: Html,
}

/// Which part of a history is shown.
const SHOWS: &[(&str, &str, &[Kind])] = &[
    ("all", "All", &[]),
    (
        "messages",
        "Messages",
        &[
            Kind::Registered,
            Kind::Queued,
            Kind::Sent,
            Kind::Delivered,
            Kind::Deferred,
            Kind::Bounced,
            Kind::Rejected,
            Kind::Failed,
        ],
    ),
    ("engagement", "Opens, clicks", &[Kind::Opened, Kind::Clicked, Kind::Unsubscribed, Kind::Complained]),
];

/// `/recipients/{address}`
pub(crate) async fn one(
    State(ui): State<Ui>,
    visit: Visit,
    Path(text): Path<String>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    let address = Address::parse(&text).map_err(|_| Refusal::not_found("This is no address."))?;
    let view = ui.store.recipient(address.clone()).await?;
    let clock = Clock::of(&visit);
    let show = query.get("show").unwrap_or("all");
    let kinds = SHOWS.iter().find(|(word, ..)| *word == show).map_or(&[][..], |(_, _, kinds)| *kinds);
    let others = others(ui, view.as_ref()).await?;
    // The history of a person goes over all of his addresses.
    let recipients = std::iter::once(address.clone()).chain(others.iter().cloned()).collect();
    let filter = EventFilter { recipients, kinds: kinds.to_vec(), ..EventFilter::default() };
    let asked = EventQuery { filter, order: Order::Newest, beyond: query.read("before"), limit: HISTORY };
    let page = ui.store.events(asked).await?;
    let path = format!("/recipients/{}", segment(address.as_str()));
    let who = visit.eyes.address(&address);
    let suppression = view.as_ref().and_then(|view| view.suppression.as_ref());
    let frame = Frame::new(ui, &visit, "/recipients", who.clone()).await?;
    let one = OnePage {
        copy: visit.eyes.clear.then(|| address.as_str().to_owned()),
        about: view.as_ref().map(|view| about(view, &clock)).unwrap_or_default(),
        name: view.as_ref().and_then(|view| visit.eyes.clear.then(|| view.profile.name.clone()).flatten()),
        user: view.as_ref().and_then(|view| visit.eyes.maybe(view.profile.user_id.as_deref())),
        suppression: suppression.map(|suppression| said(suppression, &clock)),
        may_lift: visit.role >= Role::Operator,
        action: path.clone(),
        tiles: view.as_ref().map(tiles).unwrap_or_default(),
        shows: SHOWS
            .iter()
            .map(|(key, word, _)| {
                (*word, query.without(&["before"]).with("show", key).of(&path), *key == show)
            })
            .collect(),
        history: page.rows.iter().map(|record| history_row(record, &address, &visit, &clock)).collect(),
        others: others
            .iter()
            .map(|other| (visit.eyes.address(other), format!("/recipients/{}", segment(other.as_str()))))
            .collect(),
        older: page.next.map(|before| query.with("before", before).of(&path)),
        first: query.get("before").map(|_| query.without(&["before"]).of(&path)),
        timelines: timelines(&page.rows, &visit),
        changes: changes(ui, &address, &visit, &clock).await?,
        known: view.is_some(),
        who,
        frame: frame.saying(query.get("said")),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &one))
}

fn about(view: &RecipientView, clock: &Clock) -> Vec<Html> {
    let mut about = Vec::new();
    if let Some(at) = view.state.first_at {
        about.push(Html(format!("Known since {}", clock.date(at))));
    }
    if let Some(at) = view.state.sent_at {
        about.push(Html(format!("last sent {}", clock.ago(at))));
    }
    about
}

fn said(suppression: &SuppressionView, clock: &Clock) -> Suppression {
    let by = suppression.source.as_deref().map(|source| format!(", told by {source}")).unwrap_or_default();
    let (cause, note) = match suppression.reason {
        SuppressionReason::Manual => ("A person suppressed it by hand", "It stands until a person lifts it."),
        SuppressionReason::Complained => (
            "The recipient reported a message as spam",
            "No later delivery clears a complaint; only a person, or the provider taking it off its list.",
        ),
        SuppressionReason::Unsubscribed => {
            ("The recipient unsubscribed", "It ends when they subscribe again, or a person lifts it.")
        }
        SuppressionReason::Listed => {
            ("The provider put it on its own list", "Lifting it here does not take it off there.")
        }
        SuppressionReason::Bounced => {
            ("A permanent bounce: the address does not exist", "It ends by itself after a later delivery.")
        }
    };
    Suppression { since: clock.moment(suppression.since), words: format!("{cause}{by}."), note }
}

fn tiles(view: &RecipientView) -> Vec<Tile> {
    let counts = view.counts();
    let bounced = counts.bounced_permanent + counts.bounced_temporary;
    let tile = |kind: Kind, number: u64, note: String| {
        let mark = kind_mark(kind);
        Tile { status: mark.status, icon: icon(mark.icon), word: mark.word, number: count(number), note }
    };
    let machines = |number: u64| {
        if number == 0 { String::new() } else { format!("{} by machines left out", count(number)) }
    };
    let split = if bounced == 0 {
        String::new()
    } else {
        format!(
            "{} permanent, {} temporary",
            count(counts.bounced_permanent),
            count(counts.bounced_temporary)
        )
    };
    vec![
        tile(Kind::Sent, sent(view), String::new()),
        tile(
            Kind::Delivered,
            counts.delivered,
            match sent(view) {
                0 => String::new(),
                all => format!("{}% of sent", percent(counts.delivered.min(all), all)),
            },
        ),
        tile(Kind::Bounced, bounced, split),
        Tile {
            word: "Opened by people",
            ..tile(Kind::Opened, counts.opened_human, machines(counts.opened_machine))
        },
        tile(Kind::Clicked, counts.clicked_human, machines(counts.clicked_machine)),
        tile(Kind::Complained, counts.complained, String::new()),
    ]
}

/// The other addresses of the same person, over all channels.
async fn others(ui: &Parts, view: Option<&RecipientView>) -> Outcome<Vec<Address>> {
    let Some((view, user_id)) = view.and_then(|view| Some((view, view.profile.user_id.clone()?))) else {
        return Ok(Vec::new());
    };
    let found = ui.store.recipients_of_user(user_id, None, OTHERS).await?.rows;
    Ok(found.into_iter().map(|other| other.address).filter(|other| *other != view.address).collect())
}

fn history_row(record: &Record, own: &Address, visit: &Visit, clock: &Clock) -> HistoryRow {
    let event = &record.event;
    let to = event.recipient.as_ref().filter(|to| *to != own).map(|to| visit.eyes.address(to));
    let subject = visit.eyes.maybe(event.subject.as_deref()).unwrap_or_else(|| record.event.kind.dotted());
    let href = match record.message_id() {
        Some(id) => format!("/messages/{id}"),
        None => format!("/events?open={}", record.id()),
    };
    HistoryRow {
        badge: badge(Mark::of(event), ""),
        message: subject,
        href,
        words: visit.eyes.text(&result(event)).into_owned(),
        to,
        source: record.source.to_string(),
        time: clock.row(record.occurred_at()),
    }
}

/// The labels of a history that have timelines.
fn timelines(rows: &[Record], visit: &Visit) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (key, value) in rows.iter().flat_map(|record| &record.event.labels) {
        let pair = (format!("{key}={value}"), format!("/timelines/{}/{}", segment(key), segment(value)));
        let is_for_all =
            key != Label::MESSAGE_ID && Label::is_indexed(value) && visit.eyes.text(value) == *value;
        if is_for_all && !found.contains(&pair) && found.len() < TIMELINES {
            found.push(pair);
        }
    }
    found
}

/// What suppressed the address, and who lifted that.
async fn changes(
    ui: &Parts,
    address: &Address,
    visit: &Visit,
    clock: &Clock,
) -> Outcome<Vec<(Html, String)>> {
    let filter = EventFilter {
        recipient: Some(address.clone()),
        kinds: vec![Kind::SuppressionChanged, Kind::Complained, Kind::Unsubscribed, Kind::Subscribed],
        ..EventFilter::default()
    };
    let page = ui.store.events(EventQuery { filter, order: Order::Newest, beyond: None, limit: 10 }).await?;
    let words = |record: &Record| {
        let step = crate::pages::messages::step(record, visit, clock);
        let why = record.event.suppression.as_ref().and_then(|change| change.reason.as_deref());
        let why = why.map(|why| format!(": {}", visit.eyes.text(why))).unwrap_or_default();
        let by = record.event.suppression.as_ref().and_then(|change| change.by.as_deref());
        let by = by.map(|by| format!(" by {}", visit.eyes.text(by))).unwrap_or_default();
        (clock.moment(record.occurred_at()), format!("{}{by}{why}", step.title))
    };
    Ok(page.rows.iter().map(words).collect())
}
