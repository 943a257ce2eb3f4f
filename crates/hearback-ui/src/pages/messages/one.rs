//! One message.

use askama::Template;
use axum::extract::{Path, State};
use hearback_event::{Kind, Label, MessageId, Sending, SendingEnd, is_final};
use hearback_store::{EventFilter, EventQuery, MessageView, Order};
use http::StatusCode;

use super::list::told;
use super::story::{Step, channel_word, steps};
use crate::answer;
use crate::frame::Frame;
use crate::pages::events::recipient_link;
use crate::pieces::{Clock, Html, Mark, badge, duration, escape, icon, kind_mark, label, status_mark, tag};
use crate::refusal::{Outcome, Refusal};
use crate::ui::{Parts, Ui};
use crate::url::segment;
use crate::visit::Visit;

/// Events of a label that are looked through for other messages.
const RELATED_EVENTS: usize = 200;
/// Other messages that are shown.
const RELATED_MAX: usize = 6;

#[derive(Template)]
#[template(path = "message.html")]
struct Page {
    frame: Frame,
    id: String,
    title: String,
    channel: &'static str,
    who: Option<String>,
    who_link: Option<String>,
    timeline: Option<(String, String)>,
    badges: Vec<Html>,
    status: &'static str,
    status_word: &'static str,
    since: Option<Html>,
    after: Option<String>,
    late: bool,
    due: Option<Html>,
    /// How sending it from here ended.
    sending: Option<String>,
    /// Nobody knows how it ended.
    is_unknown: bool,
    source: String,
    source_link: Option<String>,
    labels: Vec<Html>,
    tags: Vec<Html>,
    steps: Vec<Step>,
    day: String,
    why: Why,
    related: Vec<super::Row>,
    related_of: String,
    events: Vec<EventRow>,
    provider_ids: Vec<String>,
}

/// Why it stands where it stands.
struct Why {
    verdict: Html,
    ticks: Vec<(&'static str, Html, &'static str, &'static str)>,
    end: &'static str,
}

struct EventRow {
    badge: Html,
    native: String,
    href: String,
    time: Html,
}

/// How sending ended, in few words.
fn sending_words(sending: &Sending) -> String {
    let how = match &sending.end {
        SendingEnd::Accepted(_) => "handed over",
        SendingEnd::Refused(failure) if is_final(failure) => "refused",
        SendingEnd::Refused(_) => "refused for now",
        SendingEnd::NotKnown => "outcome not known",
    };
    match sending.attempt {
        1 => how.to_owned(),
        attempt => format!("{how}, attempt {attempt}"),
    }
}

/// `/messages/{id}`
pub(crate) async fn one(State(ui): State<Ui>, visit: Visit, Path(id): Path<String>) -> Outcome {
    let ui = &*ui.0;
    let unknown = || Refusal::not_found("No event of this message is known, or not any more.");
    let id: MessageId = id.parse().map_err(|_| unknown())?;
    let view = ui.store.message(id).await?.ok_or_else(unknown)?;
    let clock = Clock::of(&visit);
    let address = told(&view, |record| record.event.recipient.clone());
    let channel = told(&view, |record| Some(record.event.channel)).unwrap_or_default();
    let subject = told(&view, |record| record.event.subject.clone()).filter(|subject| !subject.is_empty());
    let title =
        subject.map_or_else(|| channel_word(channel).to_owned(), |text| visit.eyes.text(&text).into_owned());
    let mut labels: Vec<(String, String)> =
        view.events.iter().flat_map(|record| record.event.labels.clone()).collect();
    labels.sort();
    labels.dedup();
    // It stands above the page already.
    labels.retain(|(key, _)| ![Label::MESSAGE_ID, Label::ALERT].contains(&key.as_str()));
    let mut tags: Vec<String> = view.events.iter().flat_map(|record| record.event.tags.clone()).collect();
    tags.sort();
    tags.dedup();
    let source = told(&view, |record| Some(record.source.to_string())).unwrap_or_default();
    let own = labels.iter().find(|(key, value)| {
        key != Label::MESSAGE_ID && Label::is_indexed(value) && visit.eyes.text(value) == *value
    });
    let related = related(ui, &visit, &view, own, &clock).await?;
    let mut provider_ids: Vec<String> =
        view.events.iter().filter_map(|record| record.event.provider_message_id.clone()).collect();
    provider_ids.dedup();
    let mark = status_mark(view.state.status);
    let sending = Sending::of(&view.events);
    let frame = Frame::new(ui, &visit, "/messages", title.clone()).await?;
    let page = Page {
        is_unknown: sending.as_ref().is_some_and(|sending| sending.end == SendingEnd::NotKnown),
        sending: sending.as_ref().map(sending_words),
        id: view.id.to_string(),
        channel: channel_word(channel),
        who: address.as_ref().map(|address| visit.eyes.address(address)),
        who_link: address.as_ref().and_then(|address| recipient_link(address, &visit)),
        timeline: own.map(|(key, value)| {
            (format!("{key}={value}"), format!("/timelines/{}/{}", segment(key), segment(value)))
        }),
        badges: badges(&view, &visit),
        status: mark.status,
        status_word: mark.word,
        since: view.state.since.map(|at| clock.full(at)),
        after: view.delivered_after().map(duration),
        late: is_late(&view),
        due: view.due_at.map(|at| clock.moment(at)),
        source_link: (!source.is_empty()).then(|| format!("/sources/{}", segment(&source))),
        source,
        labels: labels.iter().map(|(key, value)| label(key, value, visit.eyes)).collect(),
        tags: tags.iter().map(|name| tag(name, visit.eyes)).collect(),
        steps: steps(&view, &visit),
        day: days(&view, &clock),
        why: why(&view, &visit, &clock),
        related,
        related_of: own.map(|(key, value)| format!("{key}={value}")).unwrap_or_default(),
        events: view
            .events
            .iter()
            .rev()
            .map(|record| EventRow {
                badge: badge(Mark::of(&record.event), ""),
                native: visit.eyes.text(&record.event.native_type).into_owned(),
                href: format!("/events?message={}&open={}&tab=raw", view.id, record.id()),
                time: clock.row(record.occurred_at()),
            })
            .collect(),
        provider_ids: provider_ids.iter().map(|id| visit.eyes.text(id).into_owned()).collect(),
        title,
        frame,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &page))
}

/// Whether it was delivered after it should have been.
fn is_late(view: &MessageView) -> bool {
    let delivered = view.events.iter().filter(|record| record.event.kind == Kind::Delivered);
    let first = delivered.map(hearback_event::Record::occurred_at).min();
    view.due_at.is_some_and(|due| first.is_some_and(|first| first > due))
}

fn badges(view: &MessageView, visit: &Visit) -> Vec<Html> {
    let mut badges = vec![badge(status_mark(view.state.status), "badge-lg")];
    if view.is_overdue(visit.now) {
        badges.push(badge(kind_mark(Kind::Overdue), ""));
    }
    let mark = |kind: Kind, icon: &'static str, word: &'static str| {
        badge(Mark { icon, word, ..kind_mark(kind) }, "")
    };
    match view.state.opens {
        (0, 0) => {}
        (0, _) => badges.push(mark(Kind::Opened, "machine", "Opened by machines only")),
        _ => badges.push(mark(Kind::Opened, "opened", "Opened")),
    }
    if view.state.clicks.0 > 0 {
        badges.push(badge(kind_mark(Kind::Clicked), ""));
    }
    badges
}

fn days(view: &MessageView, clock: &Clock) -> String {
    let (Some(first), Some(last)) = (view.state.first_at, view.state.last_at) else { return String::new() };
    let (first, last) = (clock.text(first, "%a %-d %b %Y"), clock.text(last, "%a %-d %b %Y"));
    let zone = clock.zone_name();
    if first == last { format!("{first}, {zone}") } else { format!("{first} to {last}, {zone}") }
}

fn why(view: &MessageView, visit: &Visit, clock: &Clock) -> Why {
    let deciding = view.events.iter().find(|record| Some(record.position) == view.state.decided_by);
    let verdict = match deciding {
        None => "No event says anything about its way.".to_owned(),
        Some(record) => {
            let at = clock.moment(record.occurred_at());
            let word = kind_mark(record.event.kind).word;
            let said = record.event.failure.as_ref().and_then(|failure| failure.response.as_deref());
            match (view.state.implied, said) {
                (true, _) => {
                    format!("No delivery was told, but it was {} {at}: so it arrived.", word.to_lowercase())
                }
                (false, Some(said)) => {
                    format!(
                        "The last word decides: <strong>{}</strong>, {at}.",
                        escape(&visit.eyes.text(said))
                    )
                }
                (false, None) => format!("<strong>{word}</strong> decides, {at}."),
            }
        }
    };
    let mut ticks: Vec<(&'static str, Html, &'static str, &'static str)> = Vec::new();
    for (record, explanation) in view.events.iter().zip(&view.explanations).rev() {
        let mark = kind_mark(record.event.kind);
        let tick = (mark.status, icon(mark.icon), mark.word, explanation.why);
        // The same kind with the same reason is said once.
        if !ticks.iter().any(|(_, _, word, why)| (*word, *why) == (tick.2, tick.3)) {
            ticks.push(tick);
        }
    }
    let end = match view.state.status {
        hearback_event::Status::Delivered => "A later bounce would make it bounced; a complaint always wins.",
        hearback_event::Status::Complained => "Nothing takes a complaint back.",
        status if status.is_under_way() => {
            "Its way has not ended: the next word of the provider decides anew."
        }
        _ => "A later delivery would make it delivered; a complaint always wins.",
    };
    Why { verdict: Html(verdict), ticks, end }
}

/// Other messages with the same label.
async fn related(
    ui: &Parts,
    visit: &Visit,
    view: &MessageView,
    own: Option<&(String, String)>,
    clock: &Clock,
) -> Outcome<Vec<super::Row>> {
    let Some(label) = own else { return Ok(Vec::new()) };
    let filter = EventFilter { labels: vec![label.clone()], ..EventFilter::default() };
    let asked = EventQuery { filter, order: Order::Newest, beyond: None, limit: RELATED_EVENTS };
    let page = ui.store.events(asked).await?;
    let mut ids: Vec<MessageId> = Vec::new();
    for id in page.rows.iter().filter_map(hearback_event::Record::message_id) {
        if !view.ids.contains(&id) && !ids.contains(&id) && ids.len() < RELATED_MAX {
            ids.push(id);
        }
    }
    let mut others = ui.store.messages_of(ids).await?;
    others.sort_by_key(|other| std::cmp::Reverse(other.state.last_at));
    Ok(others.iter().map(|other| super::row(other, visit, clock)).collect())
}
