//! What is answered about destinations.

use hearback_deliver::{Destination, Unwanted, Why};
use hearback_event::{EventId, Timestamp};
use hearback_store::{DestinationState, Fate, PushEnd};
use serde::Serialize;
use utoipa::ToSchema;

/// How a destination stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// Events are pushed as they come in.
    Running,
    /// A person holds it.
    Paused,
    /// Its receiver said that it is gone for good; a person must resume it.
    Disabled,
    /// It takes nothing; it is probed now and then, and goes on by itself.
    Failing,
    /// No server has run with it yet.
    NotSetUp,
}

/// A consumer that is pushed to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Destination)]
pub(crate) struct View {
    /// Its name in the configuration.
    name: String,
    /// What kind it is.
    #[schema(example = "webhook")]
    kind: String,
    /// Where it pushes to, without secrets.
    target: String,
    /// How it stands.
    state: Standing,
    /// Since when it is paused, disabled or failing.
    #[schema(required)]
    state_since: Option<Timestamp>,
    /// When it is probed next, where it is failing.
    #[schema(required)]
    next_probe_at: Option<Timestamp>,
    /// The types of events that it wants; empty for all.
    events: Vec<String>,
    /// The condition on events that it wants (CEL).
    #[schema(required)]
    when: Option<String>,
    /// Whether later events of a message wait for one that failed.
    ordered: bool,
    /// Events in the log that it has not come to, wanted or not.
    lag_events: u64,
    /// For how many seconds the oldest of them has waited.
    lag_seconds: u64,
    /// Events that it took.
    delivered: u64,
    /// Events that it did not want.
    skipped: u64,
    /// Pushes that failed and are tried again.
    waiting: u64,
    /// Pushes that failed and are not.
    dead: u64,
    /// When it last took an event.
    #[schema(required)]
    last_success_at: Option<Timestamp>,
    /// When a push last failed.
    #[schema(required)]
    last_failure_at: Option<Timestamp>,
    /// Why it failed, in words.
    #[schema(required)]
    last_failure: Option<String>,
}

impl View {
    fn of(
        destination: &Destination,
        state: Option<DestinationState>,
        lag_events: u64,
        lag_seconds: u64,
    ) -> Self {
        let (standing, state_since) = standing(state.as_ref());
        let state = state.unwrap_or_default();
        let (last_failure_at, last_failure) = state.last_failure.unzip();
        Self {
            name: destination.name.clone(),
            kind: destination.carrier.kind().to_owned(),
            target: destination.carrier.target(),
            state: standing,
            state_since,
            next_probe_at: state
                .failing
                .filter(|_| standing == Standing::Failing)
                .map(|outage| outage.probe_at),
            events: destination.filter.types().to_vec(),
            when: destination.filter.when().map(str::to_owned),
            ordered: destination.pace.ordered,
            lag_events,
            lag_seconds,
            delivered: state.delivered,
            skipped: state.skipped,
            waiting: state.waiting,
            dead: state.dead,
            last_success_at: state.last_success_at,
            last_failure_at,
            last_failure,
        }
    }

    /// For the description of the API.
    pub(crate) fn example(at: Timestamp) -> Self {
        Self {
            name: "crm".to_owned(),
            kind: "webhook".to_owned(),
            target: "https://hooks.example.com/hearback".to_owned(),
            state: Standing::Running,
            state_since: None,
            next_probe_at: None,
            events: vec!["message.*".to_owned()],
            when: Some("event.failure.severity == 'permanent'".to_owned()),
            ordered: false,
            lag_events: 0,
            lag_seconds: 0,
            delivered: 40,
            skipped: 2,
            waiting: 1,
            dead: 0,
            last_success_at: Some(at),
            last_failure_at: Some(at),
            last_failure: Some("it answered 503 Service Unavailable".to_owned()),
        }
    }
}

impl From<hearback_deliver::View> for View {
    fn from(view: hearback_deliver::View) -> Self {
        Self::of(&view.destination, view.state, view.lag_events, view.lag.as_secs())
    }
}

/// How it stands, and since when where that matters. What a person says comes first.
fn standing(state: Option<&DestinationState>) -> (Standing, Option<Timestamp>) {
    let Some(state) = state else { return (Standing::NotSetUp, None) };
    if let Some(at) = state.paused_at {
        (Standing::Paused, Some(at))
    } else if let Some((at, _)) = &state.disabled {
        (Standing::Disabled, Some(*at))
    } else if let Some(outage) = state.failing {
        (Standing::Failing, Some(outage.since))
    } else {
        (Standing::Running, None)
    }
}

/// What becomes of a push that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PushFate {
    /// It is tried again.
    Waiting,
    /// It was tried often enough.
    GaveUp,
    /// Its event was dropped by age.
    Dropped,
    /// The person whom its event is about was forgotten.
    Forgotten,
}

/// A push that failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailedPush {
    /// The event; null where it was dropped by age.
    #[schema(required)]
    event: Option<EventId>,
    /// What becomes of it.
    fate: PushFate,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried again.
    #[schema(required)]
    next_try_at: Option<Timestamp>,
    /// Since when it is not tried any more.
    #[schema(required)]
    ended_at: Option<Timestamp>,
    /// When it first failed.
    first_failed_at: Timestamp,
    /// When it was last tried.
    #[schema(required)]
    last_try_at: Option<Timestamp>,
    /// The status of the last answer, where there was one.
    #[schema(required)]
    status: Option<u16>,
    /// What went wrong, in words.
    error: String,
}

impl FailedPush {
    pub(super) fn of(push: &hearback_store::FailedPush, event: Option<EventId>) -> Self {
        let (fate, next_try_at, ended_at) = match push.fate {
            Fate::Waits { next_try } => (PushFate::Waiting, Some(next_try), None),
            Fate::Ended { at, why } => (ended(why), None, Some(at)),
        };
        Self {
            event,
            fate,
            attempts: push.attempts,
            next_try_at,
            ended_at,
            first_failed_at: push.first_failed,
            last_try_at: push.last_try,
            status: push.status,
            error: push.error.clone(),
        }
    }

    /// For the description of the API.
    pub(crate) fn example(event: EventId, at: Timestamp) -> Self {
        Self {
            event: Some(event),
            fate: PushFate::Waiting,
            attempts: 2,
            next_try_at: Some(at.plus_seconds(300)),
            ended_at: None,
            first_failed_at: at,
            last_try_at: Some(at.plus_seconds(5)),
            status: Some(503),
            error: "it answered 503 Service Unavailable".to_owned(),
        }
    }
}

const fn ended(why: PushEnd) -> PushFate {
    match why {
        PushEnd::GaveUp => PushFate::GaveUp,
        PushEnd::Dropped => PushFate::Dropped,
        PushEnd::Forgotten => PushFate::Forgotten,
    }
}

/// What became of an event at a destination, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Became {
    /// It has it.
    Delivered,
    /// It failed and is tried again.
    Waiting,
    /// It failed and is not tried any more.
    Dead,
    /// The destination does not want it.
    Skipped,
    /// The destination has not come to it.
    NotYet,
}

/// What became of an event at a destination.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Explained {
    /// In one word.
    result: Became,
    /// In a sentence.
    why: String,
    /// When it was delivered, where that is remembered: of the newest events, as long as the server runs.
    #[schema(required)]
    delivered_at: Option<Timestamp>,
    /// The push that failed, if it did.
    #[schema(required)]
    push: Option<FailedPush>,
}

impl Explained {
    pub(super) fn of(why: Why, destination: &Destination) -> Self {
        let (result, sentence) = told(&why, destination);
        let delivered_at = if let Why::Delivered { at } = &why { *at } else { None };
        let push = if let Why::Failed(push) = &why { Some(FailedPush::of(push, None)) } else { None };
        Self { result, why: sentence, delivered_at, push }
    }

    /// For the description of the API.
    pub(crate) fn example() -> Self {
        Self {
            result: Became::Skipped,
            why: "its type is none of message.opened".to_owned(),
            delivered_at: None,
            push: None,
        }
    }
}

fn told(why: &Why, destination: &Destination) -> (Became, String) {
    let filter = &destination.filter;
    let when = || filter.when().unwrap_or_default();
    match why {
        Why::Delivered { at: Some(at) } => (Became::Delivered, format!("it was delivered at {at}")),
        Why::Delivered { at: None } => (Became::Delivered, "it was delivered".to_owned()),
        Why::Failed(push) => failed(push),
        Why::Unwanted(Unwanted::Type) => {
            (Became::Skipped, format!("its type is none of {}", filter.types().join(", ")))
        }
        Why::Unwanted(Unwanted::AlertForOthers) => {
            (Became::Skipped, "it tells of an alert that is for other destinations".to_owned())
        }
        Why::Unwanted(Unwanted::AlertsOnly) => (
            Became::Skipped,
            "the destination gets alerts only (`alerts = true` without `events`)".to_owned(),
        ),
        Why::Unwanted(Unwanted::When { error: None }) => {
            (Became::Skipped, format!("`{}` is not so of it", when()))
        }
        Why::Unwanted(Unwanted::When { error: Some(error) }) => {
            (Became::Skipped, format!("`{}` cannot be told of it: {error}", when()))
        }
        Why::TooOld => (Became::Skipped, "it was received before the destination was set up".to_owned()),
        Why::NotSetUp => (Became::NotYet, "no server has run with this destination yet".to_owned()),
        Why::NotYet { ahead, state } => (Became::NotYet, not_yet(*ahead, state)),
    }
}

fn failed(push: &hearback_store::FailedPush) -> (Became, String) {
    let tried = if push.attempts == 1 { "once".to_owned() } else { format!("{} times", push.attempts) };
    match push.fate {
        Fate::Waits { next_try } => (
            Became::Waiting,
            format!("it was tried {tried} ({}) and is tried again at {next_try}", push.error),
        ),
        Fate::Ended { at, why: PushEnd::GaveUp } => (
            Became::Dead,
            format!(
                "it was given up at {at} after it was tried {tried} ({}); a redrive tries it again",
                push.error
            ),
        ),
        Fate::Ended { at, why: PushEnd::Dropped } => {
            (Became::Dead, format!("the event was dropped by age at {at} before it could be delivered"))
        }
        Fate::Ended { at, why: PushEnd::Forgotten } => {
            (Became::Dead, format!("the recipient was forgotten at {at} before it could be delivered"))
        }
    }
}

fn not_yet(ahead: u64, state: &DestinationState) -> String {
    let before = match ahead {
        0 => "it is the next one".to_owned(),
        1 => "one event is before it".to_owned(),
        ahead => format!("{ahead} events are before it"),
    };
    match standing(Some(state)) {
        (Standing::Paused, Some(at)) => format!("the destination is paused since {at}; {before}"),
        (Standing::Disabled, Some(at)) => {
            format!("the destination is disabled since {at}, because it is gone for good; {before}")
        }
        (Standing::Failing, Some(at)) => {
            format!("the destination takes nothing since {at} and is probed now and then; {before}")
        }
        _ => format!("it comes in a moment; {before}"),
    }
}
