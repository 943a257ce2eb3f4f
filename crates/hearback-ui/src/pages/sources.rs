//! `/sources`: which one is deaf, and what is the next step.

mod guide;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use hearback_event::{Record, Timestamp};
use hearback_server::{Mode, Source};
use hearback_store::{EventFilter, EventQuery, QuarantineCount, SourceActivity, SourceRef};
use http::StatusCode;

use crate::answer;
use crate::frame::Frame;
use crate::pages::events::{origin, who};
use crate::pieces::{Clock, Html, Mark, badge, cause_words, count, kind_mark, spark};
use crate::refusal::{Outcome, Refusal};
use crate::ui::{Parts, Ui};
use crate::url::{Query, segment};
use crate::visit::Visit;
use guide::{Guide, guide};

/// A source that told nothing for so long is silent.
const SILENT_AFTER_SECONDS: i64 = 24 * 3600;
/// Hours of the line beside a source.
const HOURS: i64 = 24;

/// How a source does, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Health {
    Refusing,
    Silent,
    New,
    Ok,
}

impl Health {
    fn of(now: Timestamp, last_event: Option<Timestamp>, last_refused: Option<Timestamp>) -> Self {
        let recent = |at: &Timestamp| now.seconds_since(*at) < SILENT_AFTER_SECONDS;
        if last_refused.filter(recent) > last_event {
            return Self::Refusing;
        }
        match last_event {
            None => Self::New,
            Some(at) if recent(&at) => Self::Ok,
            Some(_) => Self::Silent,
        }
    }

    const fn mark(self) -> Mark {
        match self {
            Self::Refusing => Mark { status: "refusing", icon: "quarantine", word: "Refusing" },
            Self::Silent => Mark { status: "silent", icon: "silent", word: "Silent" },
            Self::New => Mark { status: "queued", icon: "settings", word: "Set-up" },
            Self::Ok => Mark { status: "ok", icon: "events", word: "Receiving" },
        }
    }
}

/// A source in a list.
pub(crate) struct SourceLine {
    pub(crate) name: String,
    pub(crate) provider: String,
    pub(crate) health: Health,
    pub(crate) status: &'static str,
    pub(crate) badge: Html,
    pub(crate) plain_badge: Html,
    pub(crate) last: Html,
    pub(crate) day: u64,
    pub(crate) day_shown: String,
    pub(crate) refused: u64,
    pub(crate) spark: Html,
    pub(crate) href: String,
    pub(crate) configured: bool,
}

/// Every source, those first that need somebody.
pub(crate) async fn lines(ui: &Parts, visit: &Visit) -> Outcome<Vec<SourceLine>> {
    let activities = ui.store.sources().await?;
    let refused = ui.store.quarantine_counts().await?;
    let end = Timestamp::from_seconds((visit.now.hour() + 1) * 3600).unwrap_or(visit.now);
    let since = end.plus_seconds(-HOURS * 3600);
    let hourly = ui.store.hourly(since, end).await?;
    let clock = Clock::of(visit);
    let mut names: Vec<(String, String, bool)> = ui
        .sources
        .iter()
        .map(|source| (source.reference.name.to_string(), source.provider.title().to_owned(), true))
        .collect();
    for activity in activities.iter().filter(|activity| activity.name != SourceRef::HEARBACK) {
        if !names.iter().any(|(name, ..)| *name == activity.name) {
            names.push((activity.name.clone(), title(&activity.provider), false));
        }
    }
    let line = |(name, provider, configured): (String, String, bool)| {
        let (last_event, last_refused, refused) = told(&name, &activities, &refused);
        let mut hours = vec![0.0; HOURS as usize];
        let mut day = 0;
        for row in hourly.iter().filter(|row| row.of == name) {
            let place = row.start.seconds_since(since) / 3600;
            if let Some(hour) = usize::try_from(place).ok().and_then(|place| hours.get_mut(place)) {
                *hour += row.count as f64;
                day += row.count;
            }
        }
        let health = Health::of(visit.now, last_event, last_refused);
        SourceLine {
            href: format!("/sources/{}", segment(&name)),
            health,
            status: health.mark().status,
            badge: badge(health.mark(), ""),
            plain_badge: badge(health.mark(), "badge-plain"),
            last: last_event.map_or_else(|| Html("never".to_owned()), |at| clock.ago(at)),
            day,
            day_shown: count(day),
            refused,
            spark: spark(&hours, 80.0, 20.0),
            name,
            provider,
            configured,
        }
    };
    let mut lines: Vec<SourceLine> = names.into_iter().map(line).collect();
    lines.sort_by_key(|line| line.health);
    Ok(lines)
}

fn title(provider: &str) -> String {
    hearback_providers::provider(provider)
        .map_or_else(|| provider.to_owned(), |known| known.title().to_owned())
}

fn told(
    name: &str,
    activities: &[SourceActivity],
    refused: &[QuarantineCount],
) -> (Option<Timestamp>, Option<Timestamp>, u64) {
    let activity = activities.iter().find(|activity| activity.name == name);
    let counts = refused.iter().filter(|count| count.source == name);
    let (mut newest, mut sum) = (None, 0);
    for one in counts {
        newest = newest.max(Some(one.newest));
        sum += one.count;
    }
    (activity.and_then(|activity| activity.last_received_at), newest, sum)
}

#[derive(Template)]
#[template(path = "sources.html")]
struct Page {
    frame: Frame,
    about: String,
    lines: Vec<SourceLine>,
    one: Option<One>,
}

/// The source that is looked at.
struct One {
    name: String,
    provider: String,
    badge: Html,
    configured: bool,
    is_new: bool,
    is_refusing: bool,
    mode: Option<(&'static str, &'static str)>,
    url: String,
    guide: Guide,
    counts: Vec<(Html, String)>,
    first: Option<FirstEvent>,
    causes: Vec<(Html, u64, Html)>,
    quarantine: String,
    events: String,
    simulate: String,
    last: Html,
}

struct FirstEvent {
    words: String,
    href: String,
    verified: bool,
}

/// `/sources`: the list, and the first of it that needs somebody.
pub(crate) async fn list(State(ui): State<Ui>, visit: Visit) -> Outcome {
    page(&ui.0, &visit, None).await
}

/// `/sources/{name}`
pub(crate) async fn one(State(ui): State<Ui>, visit: Visit, Path(name): Path<String>) -> Outcome {
    page(&ui.0, &visit, Some(name)).await
}

async fn page(ui: &Parts, visit: &Visit, name: Option<String>) -> Outcome {
    let lines = lines(ui, visit).await?;
    let shown = match &name {
        Some(name) => Some(lines.iter().find(|line| line.name == *name).ok_or_else(|| {
            Refusal::not_found("No source of this name is configured, and none ever told anything.")
        })?),
        None => lines.first(),
    };
    let one = match shown {
        Some(line) => Some(details(ui, visit, line).await?),
        None => None,
    };
    let trouble =
        lines.iter().filter(|line| matches!(line.health, Health::Refusing | Health::Silent)).count();
    let endpoints =
        if lines.len() == 1 { "1 endpoint".to_owned() } else { format!("{} endpoints", lines.len()) };
    let need = match trouble {
        0 => "None needs attention.".to_owned(),
        1 => "1 needs attention.".to_owned(),
        n => format!("{n} need attention."),
    };
    let title = name.map_or_else(|| "Sources".to_owned(), |name| format!("{name}, source"));
    let view = Page {
        frame: Frame::new(ui, visit, "/sources", title).await?,
        about: format!("{endpoints}, each with its own URL and keys. {need}"),
        lines,
        one,
    };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view))
}

async fn details(ui: &Parts, visit: &Visit, line: &SourceLine) -> Outcome<One> {
    let name = &line.name;
    let source = ui.sources.iter().find(|source| *source.reference.name == **name);
    let clock = Clock::of(visit);
    let activity = ui.store.sources().await?.into_iter().find(|activity| activity.name == *name);
    let filter = EventFilter { source: Some(name.clone()), ..EventFilter::default() };
    let newest = ui.store.events(EventQuery { filter, limit: 1, ..EventQuery::default() }).await?.rows.pop();
    let counts = ui.store.quarantine_counts().await?;
    let causes = counts.iter().filter(|count| count.source == *name);
    let provider = source.map(|source| source.provider.name());
    let mut told: Vec<(hearback_event::Kind, u64)> =
        activity.map(|activity| activity.events).unwrap_or_default();
    told.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(One {
        url: source.map(|source| url(source, visit)).unwrap_or_default(),
        guide: guide(provider.unwrap_or_default()),
        simulate: format!("hearback simulate {name}"),
        mode: source.and_then(mode),
        configured: line.configured,
        is_new: line.health == Health::New,
        is_refusing: line.health == Health::Refusing,
        provider: line.provider.clone(),
        badge: line.badge.clone(),
        counts: told
            .iter()
            .map(|(kind, number)| (badge(kind_mark(*kind), "badge-plain"), count(*number)))
            .collect(),
        first: newest.map(|record| first_event(&record, visit)),
        causes: causes
            .map(|one| (badge(cause_words(&one.cause), ""), one.count, clock.ago(one.newest)))
            .collect(),
        quarantine: Query::default().with("source", name).of("/quarantine"),
        events: Query::default().with("source", name).of("/events"),
        last: line.last.clone(),
        name: name.clone(),
    })
}

fn first_event(record: &Record, visit: &Visit) -> FirstEvent {
    let word = kind_mark(record.event.kind).word.to_lowercase();
    let late = record.received_at.as_nanos().saturating_sub(record.occurred_at().as_nanos());
    let late = if record.event.occurred_at.is_some() && late >= 0 {
        format!(", {} after it happened", crate::pieces::duration(late))
    } else {
        String::new()
    };
    FirstEvent {
        words: format!("{word}, {}{late}", who(record, visit)),
        href: format!("/events?open={}", record.id()),
        verified: record.verified,
    }
}

fn mode(source: &Arc<Source>) -> Option<(&'static str, &'static str)> {
    match source.mode {
        Mode::Enforce => None,
        Mode::Shadow => Some((
            "Shadow mode: forged requests are accepted and marked",
            "Set mode = \"enforce\" once the signatures are right.",
        )),
        Mode::Off => Some((
            "No signature is checked",
            "Anybody who knows the URL can make events. Set mode = \"enforce\".",
        )),
    }
}

/// The complete URL to give to the provider.
fn url(source: &Source, visit: &Visit) -> String {
    if let Some(url) = &source.public_url {
        return url.clone();
    }
    let path =
        source.paths.first().cloned().unwrap_or_else(|| format!("/webhooks/{}", source.reference.name));
    let base = source.public_base.clone().unwrap_or_else(|| origin(visit));
    format!("{}{path}", base.trim_end_matches('/'))
}
