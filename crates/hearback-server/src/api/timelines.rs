//! `/v1/timelines/{key}/{value}`: everything that happened under one label.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{MessageId, Record};
use serde::Serialize;

use super::messages::MessageHead;
use super::params::Params;
use super::segment::Segment;
use super::{events, filter, store_failed};
use crate::auth::Reader;
use crate::problem::Outcome;
use crate::shared::Shared;

/// One page of a timeline.
#[derive(Debug, Serialize)]
pub(super) struct Timeline {
    key: String,
    value: String,
    /// The messages of this page's events, in the order of their first event.
    messages: Vec<MessageHead>,
    /// Events, the first received first.
    data: Vec<Record>,
    next_cursor: Option<String>,
}

/// `GET /v1/timelines/{key}/{value}`.
pub(super) async fn one(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment((key, value)): Segment<(String, String)>,
    query: RawQuery,
) -> Outcome<Json<Timeline>> {
    let params = Params::new(query, &["limit", "cursor"])?;
    let label = filter::label(&key, &value)?;
    let (data, next_cursor) = events::of_label(&shared, label, &params).await?;
    let mut ids: Vec<MessageId> = Vec::new();
    for id in data.iter().filter_map(Record::message_id) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let mut messages = Vec::with_capacity(ids.len());
    for id in ids {
        let found = shared.store.message(id).await.map_err(|error| store_failed(&error))?;
        messages.extend(found.as_ref().map(MessageHead::of));
    }
    Ok(Json(Timeline { key, value, messages, data, next_cursor }))
}
