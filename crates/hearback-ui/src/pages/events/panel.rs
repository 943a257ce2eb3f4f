//! One event beside the list: what happened, what became of its message, and the request that told it.

use hearback_event::{EventId, Record};
use hearback_store::Payload;
use serde_json::Value;

use crate::eyes::Eyes;
use crate::pages::messages::{Step, steps};
use crate::pieces::{Clock, Html, Mark, badge, duration, label, reason_words, tag, tree};
use crate::refusal::Outcome;
use crate::ui::Parts;
use crate::url::Query;
use crate::visit::Visit;

/// Longest body that is shown, in bytes; longer ones are for the API.
const SHOWN_MAX: usize = 256 * 1024;

pub(crate) struct Panel {
    pub(crate) id: EventId,
    pub(crate) badge: Html,
    pub(crate) status: &'static str,
    pub(crate) time: Html,
    pub(crate) ago: Html,
    pub(crate) who: String,
    pub(crate) who_link: Option<String>,
    pub(crate) subject: Option<String>,
    /// Tab: key, word, link, whether it is shown.
    pub(crate) tabs: Vec<(&'static str, &'static str, String, bool)>,
    pub(crate) close: String,
    pub(crate) newer: Option<String>,
    pub(crate) older: Option<String>,
    pub(crate) permalink: String,
    pub(crate) message: Option<String>,
    pub(crate) body: Body,
}

pub(crate) enum Body {
    Event(Facts),
    Message { steps: Vec<Step>, status: Html, known: bool },
    Raw(Raw),
}

/// Names and values of an event.
pub(crate) struct Facts {
    pub(crate) words: Option<String>,
    pub(crate) rows: Vec<(&'static str, Html)>,
    pub(crate) labels: Vec<Html>,
    pub(crate) tags: Vec<Html>,
    pub(crate) suppresses: Option<&'static str>,
}

/// The request that told it.
pub(crate) enum Raw {
    NotForRole,
    Gone,
    /// Nobody sent one.
    Ours,
    Shown {
        head: String,
        tree: Option<Html>,
        text: Option<String>,
        copy: String,
        curl: String,
    },
}

impl Panel {
    /// The panel of an event; `None` where there is none of this id.
    pub(crate) async fn find(
        ui: &Parts,
        visit: &Visit,
        query: &Query,
        id: EventId,
        rows: &[Record],
    ) -> Outcome<Option<Self>> {
        let Some(record) = ui.store.event(id).await? else { return Ok(None) };
        let event = &record.event;
        let clock = Clock::of(visit);
        let tab = query.get("tab").unwrap_or("event");
        let tab = ["event", "message", "raw"].into_iter().find(|known| *known == tab).unwrap_or("event");
        let link = |tab: &str| query.with("open", id).with("tab", tab).of("/events");
        let words = [("event", "Event"), ("message", "Message"), ("raw", "Raw request")];
        let place = rows.iter().position(|row| row.position == record.position);
        let neighbour = |at: Option<usize>| {
            let other = at.and_then(|at| rows.get(at))?;
            Some(query.with("open", other.id()).of("/events"))
        };
        let body = match tab {
            "message" => message(ui, visit, &record).await?,
            "raw" => Body::Raw(raw(ui, visit, &record).await?),
            _ => Body::Event(facts(visit, &clock, &record)),
        };
        Ok(Some(Self {
            id,
            badge: badge(Mark::of(event), "badge-lg"),
            status: Mark::of(event).status,
            time: clock.row(record.occurred_at()),
            ago: clock.ago(record.occurred_at()),
            who: super::who(&record, visit),
            who_link: event.recipient.as_ref().and_then(|address| super::recipient_link(address, visit)),
            subject: visit.eyes.maybe(event.subject.as_deref()),
            tabs: words.into_iter().map(|(key, word)| (key, word, link(key), key == tab)).collect(),
            close: query.without(&["open", "tab"]).of("/events"),
            newer: neighbour(place.and_then(|at| at.checked_sub(1))),
            older: neighbour(place.map(|at| at + 1)),
            permalink: format!("{}/events?open={id}", origin(visit)),
            message: record.message_id().map(|id| format!("/messages/{id}")),
            body,
        }))
    }
}

/// Scheme and host as the browser has them.
pub(crate) fn origin(visit: &Visit) -> String {
    let host = visit.caller.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let scheme = if visit.caller.secure { "https" } else { "http" };
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

async fn message(ui: &Parts, visit: &Visit, record: &Record) -> Outcome<Body> {
    let found = match record.message_id() {
        None => None,
        Some(id) => ui.store.message(id).await?,
    };
    Ok(match found {
        None => Body::Message { steps: Vec::new(), status: Html::default(), known: false },
        Some(view) => {
            let mark = crate::pieces::status_mark(view.state.status);
            Body::Message { steps: steps(&view, visit), status: badge(mark, ""), known: true }
        }
    })
}

fn facts(visit: &Visit, clock: &Clock, record: &Record) -> Facts {
    let (event, eyes) = (&record.event, visit.eyes);
    let text = |text: &str| Html(crate::pieces::escape(&eyes.text(text)));
    let code = |value: &str| Html(format!("<code>{}</code>", crate::pieces::escape(&eyes.text(value))));
    let mut rows: Vec<(&'static str, Html)> = Vec::new();
    let failure = event.failure.as_ref();
    if let Some(failure) = failure {
        let severity = failure.severity.map(hearback_event::Severity::name);
        let reason = failure.reason.map(reason_words);
        let said: Vec<&str> = reason.into_iter().chain(severity).collect();
        if !said.is_empty() {
            rows.push(("Reason", text(&said.join(", "))));
        }
        let codes: Vec<&str> =
            [failure.code.as_deref(), failure.enhanced_code.as_deref()].into_iter().flatten().collect();
        if !codes.is_empty() {
            rows.push(("Code", code(&codes.join(" "))));
        }
        if let (Some(description), Some(_)) = (&failure.description, &failure.response) {
            rows.push(("Provider says", text(description)));
        }
    }
    engagement(&mut rows, record, eyes);
    if let Some(change) = &event.suppression {
        let by = change.by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        let action = match change.action {
            hearback_event::ListAction::Added => "put on the list",
            hearback_event::ListAction::Removed => "taken off the list",
            hearback_event::ListAction::Changed => "changed on the list",
        };
        rows.push(("List", text(&format!("{action}{by}"))));
        rows.extend(change.reason.as_deref().map(|reason| ("Why", text(reason))));
    }
    if let Some(inbound) = &event.inbound {
        rows.extend(inbound.from.as_deref().map(|from| ("From", text(from))));
    }
    let native = if event.native_type.is_empty() || event.native_type == event.kind.name() {
        Html(format!("<code>{}</code>", event.kind.dotted()))
    } else {
        Html(format!("<code>{}</code> from {}", event.kind.dotted(), code(&event.native_type)))
    };
    rows.push(("Type", native));
    let trust = if record.verified { "" } else { ", signature not verified" };
    let source = Html(format!("{}{trust}", crate::pieces::escape(&record.source)));
    rows.push(("Source", source));
    if let Some(within) =
        event.registration.as_ref().and_then(|registration| registration.expect_delivered_within)
    {
        rows.push(("Expected", text(&format!("within {}", duration(i64::from(within) * 1_000_000_000)))));
    }
    rows.extend(
        event.notice.as_deref().map(|notice| ("Notice", text(&crate::pages::messages::sentence(notice)))),
    );
    rows.extend(event.alert.as_deref().map(|alert| ("Alert", crate::pages::messages::alert_line(alert))));
    rows.push(("Occurred", clock.full(record.occurred_at())));
    let late = record.received_at.as_nanos().saturating_sub(record.occurred_at().as_nanos());
    let received = match event.occurred_at {
        None => "the provider tells no time: this is when it was received".to_owned(),
        Some(_) if late < 0 => format!("{} earlier: the provider's clock is ahead", duration(-late)),
        Some(_) => format!("{} later", duration(late)),
    };
    rows.push(("Received", text(&received)));
    if let Some(id) = &event.provider_message_id {
        rows.push(("Provider's id", code(id)));
    }
    if let Some(error) = &event.error {
        rows.push(("Not understood", text(error)));
    }
    if event.test {
        rows.push(("Test", text("the provider marked it as a test")));
    }
    rows.push(("Event", code(&record.id().to_string())));
    let words = failure.and_then(|failure| failure.response.as_deref().or(failure.description.as_deref()));
    Facts {
        words: eyes.maybe(words),
        rows,
        labels: event.labels.iter().map(|(key, value)| label(key, value, eyes)).collect(),
        tags: event.tags.iter().map(|name| tag(name, eyes)).collect(),
        suppresses: crate::pages::messages::suppresses(event),
    }
}

fn engagement(rows: &mut Vec<(&'static str, Html)>, record: &Record, eyes: Eyes) {
    let Some(engagement) = &record.event.engagement else { return };
    let text = |text: &str| Html(crate::pieces::escape(&eyes.text(text)));
    let by = match engagement.by {
        Some(hearback_event::Actor::Human) => Some("a person"),
        Some(hearback_event::Actor::Machine) => Some("a machine, not counted as read"),
        None => None,
    };
    rows.extend(by.map(|by| ("By", text(by))));
    rows.extend(engagement.url.as_deref().map(|url| ("Link", text(url))));
    let place = crate::pages::messages::place(engagement);
    rows.extend((!place.is_empty()).then(|| ("Place", text(&place))));
    rows.extend(engagement.user_agent.as_deref().map(|agent| ("Program", text(agent))));
    // An IP address is a person's as much as an address is.
    if let Some(ip) = engagement.ip.as_deref().filter(|_| eyes.clear) {
        rows.push(("From", text(ip)));
    }
}

async fn raw(ui: &Parts, visit: &Visit, record: &Record) -> Outcome<Raw> {
    if !visit.eyes.clear {
        return Ok(Raw::NotForRole);
    }
    let Some(payload) = ui.store.payload(record.id()).await? else { return Ok(Raw::Gone) };
    if payload.head.is_empty() && payload.body.is_empty() {
        return Ok(Raw::Ours);
    }
    let curl = format!(
        "curl -H \"Authorization: Bearer $HEARBACK_TOKEN\" {}/v1/events/{}/payload",
        origin(visit),
        record.id()
    );
    Ok(shown(&payload, visit.eyes, curl))
}

/// A request, as a tree where it is one.
pub(crate) fn shown(payload: &Payload, eyes: Eyes, curl: String) -> Raw {
    let head = payload.head.trim_end().to_owned();
    if payload.body.len() > SHOWN_MAX {
        let text = format!(
            "The body has {}; it is too long to be shown here.",
            crate::pieces::bytes(payload.body.len() as u64)
        );
        return Raw::Shown { head, tree: None, text: Some(text), copy: String::new(), curl };
    }
    let value = serde_json::from_slice::<Value>(&payload.body).ok().or_else(|| form(payload));
    if let Some(value) = value {
        let copy = serde_json::to_string_pretty(&value).unwrap_or_default();
        return Raw::Shown { head, tree: Some(tree(&value, eyes)), text: None, copy, curl };
    }
    let text = String::from_utf8_lossy(&payload.body).into_owned();
    Raw::Shown { head, tree: None, copy: text.clone(), text: Some(text), curl }
}

/// A form as an object; JSON in its fields (Mandrill) is taken apart as well.
fn form(payload: &Payload) -> Option<Value> {
    let is_form = payload.head.to_ascii_lowercase().contains("application/x-www-form-urlencoded");
    if !is_form {
        return None;
    }
    let fields = form_urlencoded::parse(&payload.body).map(|(name, value)| {
        let inner = value.starts_with(['[', '{']).then(|| serde_json::from_str(&value).ok()).flatten();
        (name.into_owned(), inner.unwrap_or_else(|| Value::String(value.into_owned())))
    });
    Some(Value::Object(fields.collect()))
}
