//! `/v1/messages`: where a message stands, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use hearback_event::{
    Address, Channel, EventId, EventType, Failure, MessageId, Record, Sending, SendingEnd, Status, Timestamp,
};
use hearback_store::MessageView;
use serde::Serialize;
use utoipa::ToSchema;

use super::params::Params;
use super::segment::Segment;
use super::{filter, store_failed};
use crate::auth::Reader;
use crate::conditional::Asked;
use crate::openapi::{NotFound, Refusals, Unchanged};
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Opens or clicks, by people and by machines apart.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ByWhom {
    /// By people, as far as the provider can tell.
    pub(super) human: u64,
    /// By privacy proxies, link scanners and other programs.
    pub(super) machine: u64,
}

/// What identifies a message, and where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageHead {
    /// Its name: the one that was answered to the application, where it registered the message.
    id: MessageId,
    /// The application's own name for it.
    #[schema(required)]
    key: Option<String>,
    /// The provider's name for it.
    #[schema(required)]
    provider_id: Option<String>,
    /// The source that told of it last.
    #[schema(required, value_type = Option<String>)]
    source: Option<Arc<str>>,
    /// That source's provider.
    #[schema(required, value_type = Option<String>)]
    provider: Option<Arc<str>>,
    /// How it travels.
    #[schema(required)]
    channel: Option<Channel>,
    /// To whom it went.
    #[schema(required)]
    recipient: Option<Address>,
    /// The subject line.
    #[schema(required)]
    subject: Option<String>,
    /// Where it stands.
    status: Status,
    /// Whether the status follows from an open, a click or an unsubscribe, and no delivery was told.
    implied: bool,
    /// Since when it stands there.
    #[schema(required)]
    since: Option<Timestamp>,
}

/// What is counted and known of a message besides where it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageFacts {
    /// When its first event happened.
    #[schema(required)]
    first_event_at: Option<Timestamp>,
    /// When its last event happened; that somebody was alerted to it is none.
    #[schema(required)]
    last_event_at: Option<Timestamp>,
    /// Seconds from when it was sent (registered, queued or sent, whatever came first) to its delivery.
    #[schema(required)]
    delivered_after: Option<f64>,
    /// When it should have been delivered, where the application said so.
    #[schema(required)]
    due_at: Option<Timestamp>,
    /// Whether that time has passed, and it is still under way.
    overdue: bool,
    /// The application's id for the recipient, as it was registered.
    #[schema(required)]
    user_id: Option<String>,
    /// How often it was opened.
    opens: ByWhom,
    /// How often a link in it was followed.
    clicks: ByWhom,
    /// The tags of all events.
    tags: BTreeSet<String>,
    /// The labels of all events.
    labels: BTreeMap<String, String>,
    /// Of the deciding event.
    #[schema(required)]
    failure: Option<Failure>,
}

impl MessageFacts {
    pub(crate) fn of(view: &MessageView, now: Timestamp) -> Self {
        let state = &view.state;
        let deciding = view.events.iter().find(|record| Some(record.position) == state.decided_by);
        let registered = |record: &Record| record.event.registration.as_ref()?.user_id.clone();
        Self {
            first_event_at: state.first_at,
            last_event_at: state.last_at,
            delivered_after: view.delivered_after().map(seconds),
            due_at: view.due_at,
            overdue: view.is_overdue(now),
            user_id: view.events.iter().find_map(registered),
            opens: ByWhom { human: state.opens.0, machine: state.opens.1 },
            clicks: ByWhom { human: state.clicks.0, machine: state.clicks.1 },
            tags: view.events.iter().flat_map(|record| record.event.tags.clone()).collect(),
            labels: view.events.iter().flat_map(|record| record.event.labels.clone()).collect(),
            failure: deciding.and_then(|record| record.event.failure.clone()),
        }
    }
}

/// Nanoseconds as seconds, to the millisecond.
fn seconds(nanos: i64) -> f64 {
    (nanos / 1_000_000) as f64 / 1000.0
}

/// A message with everything known of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Message {
    #[serde(flatten)]
    head: MessageHead,
    #[serde(flatten)]
    facts: MessageFacts,
    /// Every id under which its events stand: the one by the provider's id, the one by the key of its registration.
    ids: Vec<MessageId>,
    /// How sending it went, where Hearback sent it.
    #[schema(required)]
    sending: Option<SendingView>,
    /// For each event, how it bears on the status.
    explanation: Vec<Explained>,
    /// Its events in the order in which they happened; at most 1000, the newest.
    events: Vec<Record>,
}

/// The newest attempt to hand a message to its provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sending)]
struct SendingView {
    /// Which attempt, from 1.
    attempt: u32,
    /// When it was begun.
    begun_at: Timestamp,
    /// How it ended: `accepted`, `refused`, or `not_known` where no answer is known.
    #[schema(value_type = String, pattern = "^(accepted|refused|not_known)$")]
    outcome: &'static str,
    /// The same in a sentence.
    note: String,
}

impl From<Sending> for SendingView {
    fn from(sending: Sending) -> Self {
        let outcome = match &sending.end {
            SendingEnd::Accepted(_) => "accepted",
            SendingEnd::Refused(_) => "refused",
            SendingEnd::NotKnown => "not_known",
        };
        let note = sending.to_string();
        Self { attempt: sending.attempt, begun_at: sending.begun_at, outcome, note }
    }
}

/// How one event bears on the status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Explanation)]
struct Explained {
    /// Which.
    event: EventId,
    /// What happened.
    #[schema(value_type = EventType)]
    r#type: String,
    /// When.
    occurred_at: Timestamp,
    /// Seconds since the event before; null for the first.
    #[schema(required)]
    after: Option<f64>,
    /// Whether this event decided the status.
    decided: bool,
    /// Why, or why not.
    why: &'static str,
}

impl MessageHead {
    pub(crate) fn of(view: &MessageView) -> Self {
        // Any event may be the one that tells a thing; the newest telling counts. Alerts tell of an event and not of the message.
        fn told<T>(view: &MessageView, of: impl Fn(&Record) -> Option<T>) -> Option<T> {
            view.events.iter().rev().filter(|record| !record.event.kind.is_alert()).find_map(of)
        }
        Self {
            id: view.id,
            key: told(view, |record| record.event.registration.as_ref()?.key.clone()),
            provider_id: told(view, |record| record.event.provider_message_id.clone()),
            source: told(view, |record| Some(Arc::clone(&record.source))),
            provider: told(view, |record| Some(Arc::clone(&record.provider))),
            channel: told(view, |record| Some(record.event.channel)),
            recipient: told(view, |record| record.event.recipient.clone()),
            subject: told(view, |record| record.event.subject.clone()),
            status: view.state.status,
            implied: view.state.implied,
            since: view.state.since,
        }
    }
}

impl Message {
    pub(crate) fn of(view: MessageView, now: Timestamp) -> Self {
        let mut before: Option<Timestamp> = None;
        let mut explained = |(record, explanation): (&Record, &hearback_store::Explanation)| {
            let at = record.occurred_at();
            let before = before.replace(at);
            Explained {
                event: record.id(),
                r#type: record.event.kind.dotted(),
                occurred_at: at,
                after: before.map(|before| seconds(at.as_nanos().saturating_sub(before.as_nanos()))),
                decided: explanation.decided,
                why: explanation.why,
            }
        };
        Self {
            explanation: view.events.iter().zip(&view.explanations).map(&mut explained).collect(),
            facts: MessageFacts::of(&view, now),
            head: MessageHead::of(&view),
            sending: Sending::of(&view.events).map(Into::into),
            ids: view.ids,
            events: view.events,
        }
    }
}

/// One message: where it stands, and why
///
/// With its events in the order in which they happened and, for each, whether it decided the status, and why not.
#[utoipa::path(
    get,
    path = "/messages/{id}",
    operation_id = "getMessage",
    tag = "messages",
    params(("id" = MessageId, Path, description = "Its id.")),
    responses((status = 200, description = "The message.", body = Message, headers(("etag" = String, description = "For `If-None-Match`."))), Unchanged, NotFound, Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn one(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    asked: Asked,
    query: RawQuery,
) -> Outcome<Response> {
    Params::none(query)?;
    let id = filter::id(&id, "the id of a message, msg_...")?;
    let found = shared.store.message(id).await.map_err(|error| store_failed(&error))?;
    found.map(|view| asked.json(&Message::of(view, Timestamp::now()))).ok_or_else(|| {
        Problem::not_found(
            "id",
            "the id of a message of which an event is known",
            "there is no message of this id",
        )
    })
}
