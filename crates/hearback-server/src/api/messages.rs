//! `/v1/messages`: where a message stands, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{Address, Channel, EventId, Failure, MessageId, Record, Status, Timestamp};
use hearback_store::MessageView;
use serde::Serialize;

use super::page::ListPage;
use super::params::Params;
use super::segment::Segment;
use super::{filter, store_failed};
use crate::auth::Reader;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Opens or clicks, by people and by machines apart.
#[derive(Debug, Serialize)]
pub(super) struct ByWhom {
    pub(super) human: u64,
    pub(super) machine: u64,
}

/// What identifies a message, and where it stands.
#[derive(Debug, Serialize)]
pub(super) struct MessageHead {
    id: MessageId,
    provider_id: Option<String>,
    source: Option<Arc<str>>,
    provider: Option<Arc<str>>,
    channel: Option<Channel>,
    recipient: Option<Address>,
    subject: Option<String>,
    status: Status,
    implied: bool,
    since: Option<Timestamp>,
}

/// A message with everything known of it.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    #[serde(flatten)]
    head: MessageHead,
    first_event_at: Option<Timestamp>,
    last_event_at: Option<Timestamp>,
    opens: ByWhom,
    clicks: ByWhom,
    tags: BTreeSet<String>,
    labels: BTreeMap<String, String>,
    /// Of the deciding event.
    failure: Option<Failure>,
    explanation: Vec<Explained>,
    events: Vec<Record>,
}

/// How one event bears on the status.
#[derive(Debug, Serialize)]
struct Explained {
    event: EventId,
    r#type: String,
    occurred_at: Timestamp,
    decided: bool,
    why: &'static str,
}

impl MessageHead {
    pub(super) fn of(view: &MessageView) -> Self {
        // Any event may be the one that tells a thing; the newest telling counts.
        fn told<T>(view: &MessageView, of: impl Fn(&Record) -> Option<T>) -> Option<T> {
            view.events.iter().rev().find_map(of)
        }
        Self {
            id: view.id,
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
    fn of(view: MessageView) -> Self {
        let state = &view.state;
        let explained = |(record, explanation): (&Record, &hearback_store::Explanation)| Explained {
            event: record.id(),
            r#type: record.event.kind.dotted(),
            occurred_at: record.occurred_at(),
            decided: explanation.decided,
            why: explanation.why,
        };
        let labels = view.events.iter().flat_map(|record| record.event.labels.clone()).collect();
        let deciding = view.events.iter().find(|record| Some(record.position) == state.decided_by);
        Self {
            first_event_at: state.first_at,
            last_event_at: state.last_at,
            opens: ByWhom { human: state.opens.0, machine: state.opens.1 },
            clicks: ByWhom { human: state.clicks.0, machine: state.clicks.1 },
            tags: view.events.iter().flat_map(|record| record.event.tags.clone()).collect(),
            labels,
            failure: deciding.and_then(|record| record.event.failure.clone()),
            explanation: view.events.iter().zip(&view.explanations).map(explained).collect(),
            head: MessageHead::of(&view),
            events: view.events,
        }
    }
}

/// `GET /v1/messages/{id}`.
pub(super) async fn one(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment(id): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Message>> {
    Params::new(query, &[])?;
    let id = filter::id(&id, "the id of a message, msg_...")?;
    let found = shared.store.message(id).await.map_err(|error| store_failed(&error))?;
    found
        .map(|view| Json(Message::of(view)))
        .ok_or_else(|| Problem::not_found("there is no message of this id"))
}

/// `GET /v1/messages?provider_id=`: one per recipient and account.
pub(super) async fn by_provider_id(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<ListPage<Message>>> {
    let params = Params::new(query, &["provider_id"])?;
    let provider_id = params.one("provider_id")?.ok_or_else(|| {
        Problem::bad_field(
            "provider_id",
            "`provider_id` is missing: the id that the provider gave the message",
        )
    })?;
    let found = shared
        .store
        .messages_by_provider_id(provider_id.to_owned())
        .await
        .map_err(|error| store_failed(&error))?;
    Ok(Json(ListPage::whole(found.into_iter().map(Message::of).collect())))
}
