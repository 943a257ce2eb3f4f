//! What is answered about destinations.

use hearback_deliver::{Destination, Why};
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

impl From<hearback_deliver::Standing> for Standing {
    fn from(standing: hearback_deliver::Standing) -> Self {
        match standing {
            hearback_deliver::Standing::Running => Self::Running,
            hearback_deliver::Standing::Paused => Self::Paused,
            hearback_deliver::Standing::Disabled => Self::Disabled,
            hearback_deliver::Standing::Failing => Self::Failing,
            hearback_deliver::Standing::NotSetUp => Self::NotSetUp,
        }
    }
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
        let (standing, state_since) = hearback_deliver::Standing::of(state.as_ref());
        let standing = Standing::from(standing);
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

impl From<hearback_deliver::Became> for Became {
    fn from(became: hearback_deliver::Became) -> Self {
        match became {
            hearback_deliver::Became::Delivered => Self::Delivered,
            hearback_deliver::Became::Waiting => Self::Waiting,
            hearback_deliver::Became::Dead => Self::Dead,
            hearback_deliver::Became::Skipped => Self::Skipped,
            hearback_deliver::Became::NotYet => Self::NotYet,
        }
    }
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
        let (result, sentence) = why.told(destination, &|at| at.to_string());
        let result = Became::from(result);
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
