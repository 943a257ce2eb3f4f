//! The list of messages.

use askama::Template;
use axum::extract::{RawQuery, State};
use hearback_event::{Address, Channel, Label, Record, Status, Timestamp};
use hearback_store::{MessageFilter, MessagePage, MessageQuery, MessageView};
use http::StatusCode;

use super::story::channel_icon;
use crate::answer;
use crate::frame::Frame;
use crate::pages::events::filter::{Choice, Control};
use crate::pieces::{Clock, Html, badge, duration, icon, label, status_mark};
use crate::refusal::Outcome;
use crate::search::{Sought, understand};
use crate::ui::Ui;
use crate::url::Query;
use crate::visit::Visit;

/// Rows of a page.
const ROWS: usize = 50;
/// The store is asked so often for one page of rows, each time to look at a hundred events: who finds nothing waits for all of them.
const ASKED_MAX: usize = 8;
/// Labels of a row.
const LABELS: usize = 1;
/// The statuses that have a chip.
const CHIPS: &[Status] = &[
    Status::Registered,
    Status::Queued,
    Status::Sent,
    Status::Deferred,
    Status::Delivered,
    Status::Bounced,
    Status::Rejected,
    Status::Failed,
    Status::Complained,
    Status::Inbound,
];

#[derive(Template)]
#[template(path = "messages.html")]
struct Page {
    frame: Frame,
    about: String,
    chips: Vec<Chip>,
    controls: Vec<Control>,
    overdue: bool,
    conditions: Vec<(String, String)>,
    hidden: Vec<(String, String)>,
    is_filtered: bool,
    rows: Vec<Row>,
    older: Option<String>,
    first: Option<String>,
    nothing_yet: bool,
    words: Option<String>,
}

pub(crate) struct Chip {
    pub(crate) name: &'static str,
    pub(crate) status: &'static str,
    pub(crate) icon: Html,
    pub(crate) word: &'static str,
    pub(crate) chosen: bool,
}

/// A message in a list.
pub(crate) struct Row {
    pub(crate) badge: Html,
    pub(crate) marks: Vec<Html>,
    pub(crate) icon: Html,
    pub(crate) who: String,
    pub(crate) href: String,
    pub(crate) subject: String,
    pub(crate) labels: Vec<Html>,
    pub(crate) source: String,
    pub(crate) after: String,
    pub(crate) time: Html,
}

/// `/messages`
pub(crate) async fn list(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    if let Some(text) = query.get("q") {
        let base = query.without(&["q", "beyond", "as_of"]);
        let all = |query: Query| query.with("period", "all").of("/messages");
        let to = match understand(ui, text).await? {
            Sought::Message(id) | Sought::Found(id) => Some(format!("/messages/{id}")),
            Sought::Event(id) => Some(format!("/events?open={id}")),
            Sought::Address(address) => Some(all(base.with("recipient", address.as_str()))),
            Sought::Domain(domain) => Some(all(base.with("domain", domain))),
            Sought::Label(key, value) => Some(all(base.with("label", format!("{key}={value}")))),
            Sought::Words(_) => None,
        };
        if let Some(to) = to {
            return Ok(answer::redirect(&to, []));
        }
    }
    let words = query.get("q").map(str::to_owned);
    let (filter, period) = read(&query, visit.now);
    let page = filled(ui, &query, &filter).await?;
    let rows = if words.is_some() { Vec::new() } else { page.rows };
    let base = query.without(&["beyond", "as_of"]);
    let next = page.next.filter(|_| words.is_none());
    let clock = Clock::of(&visit);
    let search = filter.recipient.as_ref().map(Address::to_string).or_else(|| {
        let label = filter.labels.first().map(|(key, value)| format!("{key}={value}"));
        label.or_else(|| filter.domain.clone()).or_else(|| words.clone())
    });
    let frame = Frame::new(ui, &visit, "/messages", "Messages").await?;
    let view = Page {
        about: match (filter.overdue_at.is_some(), period) {
            (true, _) => "Registered, due, and not delivered; the newest first".to_owned(),
            (false, Some(word)) => format!("In the {word}, those with the newest event first"),
            (false, None) => "Those with the newest event first".to_owned(),
        },
        chips: chips(&filter),
        controls: vec![
            ("period", "Time", periods(&query, &filter)),
            ("source", "Source", sources(ui, &filter).await?),
            ("channel", "Channel", channels(&filter)),
        ],
        overdue: filter.overdue_at.is_some(),
        conditions: conditions(&filter, &base, &visit),
        hidden: base.only(&["recipient", "domain", "label", "tag", "provider", "overdue"]).pairs().to_vec(),
        is_filtered: !base.without(&["period"]).pairs().is_empty(),
        rows: rows.iter().map(|view| row(view, &visit, &clock)).collect(),
        older: next.map(|beyond| base.with("as_of", page.as_of).with("beyond", beyond).of("/messages")),
        first: query.get("beyond").map(|_| base.of("/messages")),
        nothing_yet: ui.store.last_position() == 0,
        words,
        frame: frame.searching("/messages", "Messages", search.unwrap_or_default()),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}

/// A page of rows. The store looks at so many events and ends its page, full or not: where few are meant it is asked to go on.
async fn filled(ui: &crate::ui::Parts, query: &Query, filter: &MessageFilter) -> Outcome<MessagePage> {
    let mut asked = MessageQuery {
        filter: filter.clone(),
        as_of: query.read("as_of"),
        beyond: query.read("beyond"),
        limit: ROWS,
    };
    let mut page = ui.store.messages(asked.clone()).await?;
    for _ in 1..ASKED_MAX {
        if page.next.is_none() || page.rows.len() == ROWS {
            break;
        }
        asked.as_of = Some(page.as_of);
        asked.beyond = page.next;
        asked.limit = ROWS - page.rows.len();
        let further = ui.store.messages(asked.clone()).await?;
        page.rows.extend(further.rows);
        page.next = further.next;
    }
    Ok(page)
}

fn read(query: &Query, now: Timestamp) -> (MessageFilter, Option<&'static str>) {
    use crate::pages::events::filter::PERIODS;
    let text = |name: &str| query.get(name).map(str::to_owned);
    let labels: Vec<_> = query
        .all("label")
        .filter_map(|text| text.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let recipient = query.get("recipient").and_then(|text| Address::parse(text).ok());
    let overdue = query.get("overdue").is_some();
    let is_specific = recipient.is_some() || !labels.is_empty() || overdue;
    let word = query.get("period").unwrap_or(if is_specific { "all" } else { "7d" });
    let period = PERIODS.iter().find(|(known, ..)| *known == word);
    let filter = MessageFilter {
        statuses: query.all("status").filter_map(|name| name.parse().ok()).collect(),
        source: text("source"),
        provider: text("provider"),
        channel: query.read("channel"),
        recipient,
        domain: query.get("domain").map(str::to_lowercase),
        labels,
        tag: text("tag"),
        since: period.map(|(_, seconds, _)| now.plus_seconds(-seconds)),
        until: None,
        overdue_at: overdue.then_some(now),
    };
    (filter, period.map(|(_, _, word)| *word))
}

fn chips(filter: &MessageFilter) -> Vec<Chip> {
    let chip = |status: &Status| {
        let mark = status_mark(*status);
        Chip {
            name: status.name(),
            status: mark.status,
            icon: icon(mark.icon),
            word: mark.word,
            chosen: filter.statuses.contains(status),
        }
    };
    CHIPS.iter().map(chip).collect()
}

fn periods(query: &Query, filter: &MessageFilter) -> Vec<Choice> {
    use crate::pages::events::filter::PERIODS;
    let chosen = query.get("period").unwrap_or(if filter.since.is_some() { "7d" } else { "all" });
    let known = PERIODS.iter().map(|(value, _, word)| (*value, *word)).chain([("all", "all time")]);
    known
        .map(|(value, word)| Choice {
            value: value.to_owned(),
            word: format!("Time: {word}"),
            chosen: chosen == value,
        })
        .collect()
}

async fn sources(ui: &crate::ui::Parts, filter: &MessageFilter) -> Outcome<Vec<Choice>> {
    let mut names: Vec<String> = ui.store.sources().await?.into_iter().map(|source| source.name).collect();
    names.sort_unstable();
    let any = Choice { value: String::new(), word: "Any source".to_owned(), chosen: false };
    let chosen = |name: &str| filter.source.as_deref() == Some(name);
    let known =
        names.into_iter().map(|name| Choice { chosen: chosen(&name), word: name.clone(), value: name });
    Ok(std::iter::once(any).chain(known).collect())
}

fn channels(filter: &MessageFilter) -> Vec<Choice> {
    let any = Choice { value: String::new(), word: "Any channel".to_owned(), chosen: false };
    let known = [Channel::Email, Channel::Sms, Channel::Whatsapp].into_iter().map(|channel| Choice {
        value: channel.name().to_owned(),
        word: super::story::channel_word(channel).to_owned(),
        chosen: filter.channel == Some(channel),
    });
    std::iter::once(any).chain(known).collect()
}

fn conditions(filter: &MessageFilter, base: &Query, visit: &Visit) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut add = |words: String, query: Query| found.push((words, query.of("/messages")));
    if let Some(address) = &filter.recipient {
        add(format!("to {}", visit.eyes.address(address)), base.without(&["recipient"]));
    }
    for (key, value) in &filter.labels {
        let pair = format!("{key}={value}");
        add(visit.eyes.text(&pair).into_owned(), base.without_pair("label", &pair));
    }
    for (name, value) in [("domain", &filter.domain), ("tag", &filter.tag), ("provider", &filter.provider)] {
        if let Some(value) = value {
            add(format!("{name} {}", visit.eyes.text(value)), base.without(&[name]));
        }
    }
    if filter.overdue_at.is_some() {
        add("overdue".to_owned(), base.without(&["overdue"]));
    }
    found
}

/// What a message tells, the newest telling first; not what is told of it in alerts.
pub(crate) fn told<T>(view: &MessageView, of: impl Fn(&Record) -> Option<T>) -> Option<T> {
    view.events.iter().rev().filter(|record| !record.event.kind.is_alert()).find_map(of)
}

/// One row.
pub(crate) fn row(view: &MessageView, visit: &Visit, clock: &Clock) -> Row {
    let address = told(view, |record| record.event.recipient.clone());
    let channel = told(view, |record| Some(record.event.channel)).unwrap_or_default();
    let subject = told(view, |record| record.event.subject.clone());
    let mut labels: Vec<(String, String)> =
        view.events.iter().flat_map(|record| record.event.labels.clone()).collect();
    labels.sort();
    labels.dedup();
    let late = view.is_overdue(visit.now);
    let mut marks = Vec::new();
    if late {
        marks.push(badge(crate::pieces::kind_mark(hearback_event::Kind::Overdue), "badge-plain"));
    }
    Row {
        badge: badge(status_mark(view.state.status), ""),
        marks,
        icon: icon(channel_icon(channel)),
        who: address.map_or_else(|| "no recipient told".to_owned(), |address| visit.eyes.address(&address)),
        href: format!("/messages/{}", view.id),
        subject: subject.map(|text| visit.eyes.text(&text).into_owned()).unwrap_or_default(),
        labels: labels
            .iter()
            .filter(|(key, _)| ![Label::MESSAGE_ID, Label::ALERT].contains(&key.as_str()))
            .take(LABELS)
            .map(|(key, value)| label(key, value, visit.eyes))
            .collect(),
        source: told(view, |record| Some(record.source.to_string())).unwrap_or_default(),
        after: view.delivered_after().map(duration).unwrap_or_default(),
        time: view.state.last_at.map(|at| clock.row(at)).unwrap_or_default(),
    }
}
