//! One destination: how it stands, what failed, and why an event came or did not.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use hearback_deliver::{Became, Redrive, Standing, View, Which};
use hearback_event::{EventId, Timestamp};
use hearback_store::Role;
use http::StatusCode;

use super::failed::{Failed, Shown, failed};
use super::{behind, events_word, mark};
use crate::answer;
use crate::frame::Frame;
use crate::pieces::{Clock, Html, Mark, badge, count};
use crate::refusal::{Outcome, Refusal};
use crate::ui::{Parts, Ui};
use crate::url::{Query, segment};
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "destination.html")]
struct Page {
    frame: Frame,
    name: String,
    path: String,
    kind: String,
    target: String,
    badge: Html,
    status: &'static str,
    icon: &'static str,
    verdict: String,
    /// What may be done, or is to be done, about it.
    words: String,
    /// Why pushes failed last, in words.
    problem: Option<String>,
    facts: Vec<(&'static str, Html)>,
    events: Vec<String>,
    when: Option<String>,
    ordered: bool,
    is_held: bool,
    is_set_up: bool,
    may_change: bool,
    tested: Option<Tested>,
    failed: Failed,
    which: Vec<Choice>,
    since: Vec<Choice>,
    asked: Option<Asked>,
    explain: String,
    explained: Option<(Html, String)>,
    unknown_event: bool,
}

/// What came of a test that was just sent.
pub(super) struct Tested {
    /// The hue.
    pub(super) status: &'static str,
    /// The icon.
    pub(super) icon: &'static str,
    /// Whether the receiver took it.
    pub(super) head: &'static str,
    /// In words.
    pub(super) words: String,
}

/// A choice of a form: value, word, whether it is chosen.
type Choice = (&'static str, &'static str, bool);

/// How many would be pushed again: the form that does it.
struct Asked {
    count: u64,
    events: String,
    which: &'static str,
    words: &'static str,
    since: Option<Timestamp>,
}

/// What can be pushed again: word of the form, its words, what it means, whether it needs a beginning.
pub(super) const WHICH: &[(&str, &str, Which)] = &[
    ("dead", "What was given up", Which::Dead),
    ("failed", "What was given up, and what waits for another try", Which::Failed),
    ("all", "Everything that it wants, also what it has", Which::All),
];

/// From when on: word, words, seconds.
const SINCE: &[(&str, &str, Option<i64>)] = &[
    ("1h", "of the last hour", Some(3600)),
    ("24h", "of the last 24 hours", Some(86_400)),
    ("7d", "of the last 7 days", Some(7 * 86_400)),
    ("all", "of all time", None),
];

pub(super) fn missing() -> Refusal {
    Refusal::not_found("There is no destination of this name in the configuration.")
}

/// `/destinations/{name}`
pub(crate) async fn one(
    State(ui): State<Ui>,
    visit: Visit,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Outcome {
    page(&ui.0, &visit, &name, &Query::parse(&query.unwrap_or_default()), None).await
}

/// The page, perhaps with what came of a test.
pub(super) async fn page(
    ui: &Parts,
    visit: &Visit,
    name: &str,
    query: &Query,
    tested: Option<Tested>,
) -> Outcome<Response> {
    let view = ui.destinations.one(name).await?.ok_or_else(missing)?;
    let clock = Clock::of(visit);
    let path = format!("/destinations/{}", segment(name));
    let (standing, since) = Standing::of(view.state.as_ref());
    let destination = &view.destination;
    let state = view.state.clone().unwrap_or_default();
    let mark = mark(standing);
    let (verdict, words) = verdict(standing, since, &view, &clock);
    let explained = explain(ui, &view, query, &clock).await?;
    let view_page =
        Page {
            frame: Frame::new(ui, visit, "/destinations", name).await?.saying(query.get("said")),
            kind: destination.carrier.kind().to_owned(),
            target: visit.eyes.text(&destination.carrier.target()).into_owned(),
            badge: badge(mark, "badge-lg"),
            status: mark.status,
            icon: mark.icon,
            verdict,
            words,
            problem: state.last_failure.as_ref().filter(|(at, _)| Some(*at) > state.last_success_at).map(
                |(at, why)| format!("{}: {}", clock.text(*at, "%-d %b, %H:%M:%S"), visit.eyes.text(why)),
            ),
            facts: facts(&view, &clock),
            events: destination.filter.types().to_vec(),
            when: destination.filter.when().map(str::to_owned),
            ordered: destination.pace.ordered,
            is_held: matches!(standing, Standing::Paused | Standing::Disabled | Standing::Failing),
            is_set_up: standing != Standing::NotSetUp,
            may_change: visit.role >= Role::Operator,
            tested,
            failed: failed(ui, visit, name, query, &path, Shown { waiting: state.waiting, dead: state.dead })
                .await?,
            which: chosen(WHICH.iter().map(|(word, words, _)| (*word, *words)), query.get("redrive"), "dead"),
            since: chosen(SINCE.iter().map(|(word, words, _)| (*word, *words)), query.get("since"), "24h"),
            asked: asked(ui, visit, name, query).await?,
            explain: query.get("event").unwrap_or_default().to_owned(),
            unknown_event: query.get("event").is_some() && explained.is_none(),
            explained,
            name: name.to_owned(),
            path,
        };
    Ok(answer::page(StatusCode::OK, &visit.caller.headers, &view_page))
}

fn chosen(
    all: impl Iterator<Item = (&'static str, &'static str)>,
    word: Option<&str>,
    default: &str,
) -> Vec<Choice> {
    let word = word.unwrap_or(default);
    all.map(|(value, words)| (value, words, value == word)).collect()
}

fn verdict(standing: Standing, since: Option<Timestamp>, view: &View, clock: &Clock) -> (String, String) {
    let since = since.map(|at| clock.text(at, "%-d %b, %H:%M")).unwrap_or_default();
    let lag = events_word(view.lag_events);
    match standing {
        Standing::Running if view.lag_events == 0 => (
            "It has everything that it wants.".to_owned(),
            "New events are pushed as they come in.".to_owned(),
        ),
        Standing::Running => (format!("{lag} behind."), "It is being caught up.".to_owned()),
        Standing::Paused => (
            format!("A person holds it since {since}."),
            format!("{lag} wait in the log; nothing is lost, and they follow when it is resumed."),
        ),
        Standing::Failing => (
            format!("It takes nothing since {since}."),
            format!(
                "Only probes are sent, until one is taken; then it goes on by itself. {lag} wait in the log."
            ),
        ),
        Standing::Disabled => (
            format!("Its receiver said that it is gone for good, {since}."),
            format!(
                "Mend the receiver, or its URL in the configuration, then resume it. {lag} wait in the log."
            ),
        ),
        Standing::NotSetUp => (
            "No server has run with it yet.".to_owned(),
            "It begins with what comes in after the next start of `hearback serve`.".to_owned(),
        ),
    }
}

fn facts(view: &View, clock: &Clock) -> Vec<(&'static str, Html)> {
    let Some(state) = &view.state else { return Vec::new() };
    let number = |number: u64| Html(count(number));
    let moment = |at: Option<Timestamp>| at.map_or_else(|| Html("never".to_owned()), |at| clock.ago(at));
    let mut facts = vec![
        ("Last delivered", moment(state.last_success_at)),
        ("Last failed", moment(state.last_failure.as_ref().map(|(at, _)| *at))),
        ("Behind", Html(behind(view))),
        ("Delivered", number(state.delivered)),
        ("Not wanted", number(state.skipped)),
        ("Wait for another try", number(state.waiting)),
        ("Given up", number(state.dead)),
    ];
    if let (Standing::Failing, Some(outage)) = (Standing::of(Some(state)).0, state.failing) {
        facts.push(("Next probe", clock.moment(outage.probe_at)));
    }
    facts
}

/// Counts what would be pushed again, where that is asked.
async fn asked(ui: &Parts, visit: &Visit, name: &str, query: &Query) -> Outcome<Option<Asked>> {
    let Some(word) = query.get("redrive") else { return Ok(None) };
    let Some((word, words, which)) = WHICH.iter().find(|(known, ..)| *known == word) else { return Ok(None) };
    let span = SINCE.iter().find(|(known, ..)| Some(*known) == query.get("since"));
    // Whoever says nothing means what is easily counted.
    let seconds = span.map_or(Some(86_400), |(.., seconds)| *seconds);
    let since = seconds.map(|seconds| visit.now.plus_seconds(-seconds));
    let redrive = Redrive { which: *which, kinds: Vec::new(), since, dry_run: true };
    let count = ui.destinations.redrive(name, &redrive).await?.unwrap_or_default();
    Ok(Some(Asked { count, events: events_word(count), which: word, words, since }))
}

/// Why an event came to it, or did not, where that is asked.
async fn explain(ui: &Parts, view: &View, query: &Query, clock: &Clock) -> Outcome<Option<(Html, String)>> {
    let Some(id) = query.read::<EventId>("event") else { return Ok(None) };
    let Some(why) = ui.destinations.explain(&view.destination.name, id).await? else { return Ok(None) };
    let (became, sentence) = why.told(&view.destination, &|at| clock.text(at, "%-d %b %Y, %H:%M:%S"));
    let mark = match became {
        Became::Delivered => Mark { status: "delivered", icon: "delivered", word: "Delivered" },
        Became::Waiting => Mark { status: "deferred", icon: "deferred", word: "Waiting" },
        Became::Dead => Mark { status: "failed", icon: "failed", word: "Given up" },
        Became::Skipped => Mark { status: "queued", icon: "filter", word: "Not wanted" },
        Became::NotYet => Mark { status: "queued", icon: "queued", word: "Not yet" },
    };
    Ok(Some((badge(mark, ""), crate::pages::messages::sentence(&sentence))))
}
