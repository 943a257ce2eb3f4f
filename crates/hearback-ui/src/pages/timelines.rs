//! `/timelines`: everything of one label in order, over all channels: what a booking got, and what not.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use hearback_event::{Channel, Kind, Label, Record, Status};
use hearback_store::{EventFilter, EventQuery, MessageView, Order};
use http::StatusCode;

use crate::answer;
use crate::frame::Frame;
use crate::pages::events::who;
use crate::pages::messages::{Row, Step, channel_icon, channel_word, row, step, told};
use crate::pieces::{Clock, Html, escape, icon};
use crate::refusal::{Outcome, Refusal};
use crate::ui::{Parts, Ui};
use crate::url::{Query, segment};
use crate::visit::Visit;

/// Events of a page; whoever has more pages on.
const EVENTS: usize = 500;
/// The newest events among which labels are looked for.
const RECENT: usize = 300;
/// Labels that are proposed.
const PROPOSED: usize = 24;

#[derive(Template)]
#[template(path = "timelines.html")]
struct Start {
    frame: Frame,
    recent: Vec<Html>,
    nothing_yet: bool,
}

/// `/timelines`, and `/timelines?q=key=value` for the box on it.
pub(crate) async fn start(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome {
    let ui = &*ui.0;
    let query = Query::parse(&query.unwrap_or_default());
    if let (Some(key), Some(value)) = (query.get("key"), query.get("value")) {
        return Ok(answer::redirect(&format!("/timelines/{}/{}", segment(key), segment(value)), []));
    }
    let asked = EventQuery { limit: RECENT, ..EventQuery::default() };
    let page = ui.store.events(asked).await?;
    let mut labels: Vec<(&String, &String)> = Vec::new();
    for (key, value) in page.rows.iter().flat_map(|record| &record.event.labels) {
        let shown = ![Label::MESSAGE_ID, Label::ALERT].contains(&key.as_str())
            && Label::is_indexed(value)
            && visit.eyes.text(value) == *value;
        if shown && !labels.contains(&(key, value)) && labels.len() < PROPOSED {
            labels.push((key, value));
        }
    }
    let view = Start {
        frame: Frame::new(ui, &visit, "/timelines", "Timelines").await?,
        recent: labels.into_iter().map(|(key, value)| crate::pieces::label(key, value, visit.eyes)).collect(),
        nothing_yet: page.rows.is_empty(),
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}

#[derive(Template)]
#[template(path = "timeline.html")]
struct Page {
    frame: Frame,
    key: String,
    value: String,
    about: String,
    verdict: Option<(&'static str, &'static str, String, String)>,
    shows: Vec<(&'static str, String, bool)>,
    days: Vec<Day>,
    messages: Vec<Row>,
    permalink: String,
    text: String,
    older: Option<String>,
    is_empty: bool,
}

struct Day {
    title: String,
    steps: Vec<Step>,
}

/// `/timelines/{key}/{value}`
pub(crate) async fn one(
    State(ui): State<Ui>,
    visit: Visit,
    Path((key, value)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Outcome {
    let ui = &*ui.0;
    if !Label::is_indexed(&value) || key.is_empty() {
        return Err(Refusal::not_found("Nested values and very long ones are kept but have no timeline."));
    }
    let query = Query::parse(&query.unwrap_or_default());
    let filter = EventFilter { labels: vec![(key.clone(), value.clone())], ..EventFilter::default() };
    let asked = EventQuery { filter, order: Order::Oldest, beyond: query.read("after"), limit: EVENTS };
    let page = ui.store.events(asked).await?;
    let messages = messages(ui, &page.rows).await?;
    // What belongs to these messages counts, whether each single event carries the label or not.
    let mut records: Vec<&Record> =
        page.rows.iter().chain(messages.iter().flat_map(|view| &view.events)).collect();
    records.sort_by_key(|record| (record.occurred_at(), record.position));
    records.dedup_by_key(|record| record.position);
    let show = query.get("show").unwrap_or("all");
    let clock = Clock::of(&visit);
    let path = format!("/timelines/{}/{}", segment(&key), segment(&value));
    let days = days(&records, &visit, &clock, show);
    let view = Page {
        about: about(&messages, &records, &clock),
        verdict: verdict(&messages, &visit),
        shows: [("all", "All"), ("email", "E-mail"), ("sms", "SMS")]
            .map(|(word, title)| (title, query.without(&["show"]).with("show", word).of(&path), word == show))
            .to_vec(),
        text: as_text(&key, &value, &days, &records, &visit, &clock),
        days,
        messages: messages.iter().map(|view| row(view, &visit, &clock)).collect(),
        permalink: format!("{}{path}", crate::pages::events::origin(&visit)),
        older: page.next.map(|after| query.with("after", after).of(&path)),
        is_empty: records.is_empty(),
        frame: Frame::new(ui, &visit, "/timelines", format!("{key}={}", visit.eyes.text(&value))).await?,
        value: visit.eyes.text(&value).into_owned(),
        key,
    };
    let status = if view.is_empty { StatusCode::NOT_FOUND } else { StatusCode::OK };
    Ok(answer::page(status, &visit.caller.headers, &view))
}

/// The messages of these events, the newest first.
async fn messages(ui: &Parts, records: &[Record]) -> Outcome<Vec<MessageView>> {
    let mut ids: Vec<_> = records.iter().filter_map(Record::message_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut found = ui.store.messages_of(ids).await?;
    found.sort_by_key(|view| std::cmp::Reverse(view.state.first_at));
    found.dedup_by_key(|view| view.id);
    Ok(found)
}

fn is_phone(channel: Channel) -> bool {
    matches!(channel, Channel::Sms | Channel::Whatsapp | Channel::Rcs)
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn about(messages: &[MessageView], records: &[&Record], clock: &Clock) -> String {
    let channel = |view: &MessageView| told(view, |record| Some(record.event.channel)).unwrap_or_default();
    let phones = messages.iter().filter(|view| is_phone(channel(view))).count();
    let mut to: Vec<_> =
        messages.iter().filter_map(|view| told(view, |record| record.event.recipient.clone())).collect();
    to.sort();
    to.dedup();
    let mut sent = Vec::new();
    if messages.len() > phones {
        sent.push(plural(messages.len() - phones, "e-mail"));
    }
    if phones > 0 {
        sent.push(format!("{phones} SMS"));
    }
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return String::new() };
    let time = |record: &Record| clock.text(record.occurred_at(), "%-d %b %Y, %H:%M");
    let to = plural(to.len(), "recipient");
    format!("{} to {to}, {} to {}", sent.join(" and "), time(first), time(last))
}

/// The answer first: how many did not arrive.
fn verdict(messages: &[MessageView], visit: &Visit) -> Option<(&'static str, &'static str, String, String)> {
    if messages.is_empty() {
        return None;
    }
    let failed: Vec<&MessageView> = messages
        .iter()
        .filter(|view| matches!(view.state.status, Status::Bounced | Status::Rejected | Status::Failed))
        .collect();
    let under_way = messages.iter().filter(|view| view.state.status.is_under_way()).count();
    let all = messages.len();
    let subject = |view: &MessageView| {
        let subject =
            told(view, |record| record.event.subject.clone()).unwrap_or_else(|| "One message".to_owned());
        let to = told(view, |record| record.event.recipient.clone());
        let to = to.map(|to| format!(" to {}", visit.eyes.address(&to))).unwrap_or_default();
        format!("{}{to} {}", visit.eyes.text(&subject), view.state.status)
    };
    if let Some(first) = failed.first() {
        let head = if all == 1 {
            "It did not arrive.".to_owned()
        } else {
            format!("{} of {all} messages did not arrive.", failed.len())
        };
        return Some(("bounced", "bounced", head, format!("{}.", subject(first))));
    }
    if under_way > 0 {
        let head = format!("{under_way} of {} still under way.", plural(all, "message"));
        let rest = if all > under_way { "The rest arrived." } else { "" };
        return Some(("deferred", "deferred", head, rest.to_owned()));
    }
    let opened = messages.iter().filter(|view| view.state.opens.0 + view.state.clicks.0 > 0).count();
    let head = if all == 1 { "It arrived.".to_owned() } else { format!("All {all} messages arrived.") };
    let rest = match opened {
        0 => "No open by a person is known.".to_owned(),
        n if n == all && all == 1 => "A person opened it.".to_owned(),
        n => format!("People opened {n}."),
    };
    Some(("delivered", "delivered", head, rest))
}

fn days(records: &[&Record], visit: &Visit, clock: &Clock, show: &str) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for record in records {
        let phone = is_phone(record.event.channel);
        if (show == "email" && phone) || (show == "sms" && !phone) {
            continue;
        }
        let title = clock.day(record.occurred_at());
        if days.last().is_none_or(|day| day.title != title) {
            days.push(Day { title, steps: Vec::new() });
        }
        if let Some(day) = days.last_mut() {
            day.steps.push(told_step(record, visit, clock));
        }
    }
    days
}

/// A step that also says of which message it is, to whom, and over what.
fn told_step(record: &Record, visit: &Visit, clock: &Clock) -> Step {
    let mut step = step(record, visit, clock);
    let event = &record.event;
    let verb = step.title.to_lowercase();
    let subject = visit.eyes.maybe(event.subject.as_deref());
    let via = format!(
        "<span class=\"via\">{}{}</span>",
        icon(channel_icon(event.channel)),
        channel_word(event.channel)
    );
    let to = match event.kind {
        Kind::Opened | Kind::Clicked | Kind::Inbound | Kind::AlertRaised | Kind::AlertResolved => {
            String::new()
        }
        _ => format!(" to {}", who(record, visit)),
    };
    let own = step.rest.0.clone();
    let own = if own.is_empty() { String::new() } else { format!(" {own}") };
    let text = format!("{}{own}{} {via}", escape(&verb), escape(&to));
    match subject {
        Some(subject) => {
            step.title = subject;
            step.rest = Html(text);
        }
        None => step.rest = Html(format!("{own}{} {via}", escape(&to))),
    }
    step
}

/// The story as text, for a ticket.
fn as_text(
    key: &str,
    value: &str,
    days: &[Day],
    records: &[&Record],
    visit: &Visit,
    clock: &Clock,
) -> String {
    let mut text = format!("{key}={} ({})\n", visit.eyes.text(value), clock.zone_name());
    if days.is_empty() {
        return text;
    }
    for record in records {
        let at = clock.text(record.occurred_at(), "%Y-%m-%d %H:%M:%S");
        let said = crate::pages::messages::result(&record.event);
        let said = if said.is_empty() { String::new() } else { format!(": {}", visit.eyes.text(&said)) };
        let subject = visit.eyes.maybe(record.event.subject.as_deref()).unwrap_or_default();
        text += &[
            &at,
            "  ",
            &format!("{:<12}", record.event.kind.name()),
            " ",
            &who(record, visit),
            "  ",
            &subject,
            &said,
            "\n",
        ]
        .concat();
    }
    text
}
