//! `/v1/timelines/{key}/{value}`: everything that happened under one label.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{MessageId, Record};
use serde::Serialize;
use utoipa::ToSchema;

use super::messages::MessageHead;
use super::page::next_cursor;
use super::params::Params;
use super::query::{Names, PageQuery};
use super::segment::Segment;
use super::{events, filter, store_failed};
use crate::auth::Reader;
use crate::openapi::Refusals;
use crate::problem::Outcome;
use crate::shared::Shared;

/// One page of a timeline.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Timeline {
    /// The label's key.
    pub(super) key: String,
    /// The label's value.
    pub(super) value: String,
    /// The messages of this page's events, in the order of their first event.
    pub(super) messages: Vec<MessageHead>,
    /// Events, the first received first.
    pub(super) data: Vec<Record>,
    #[schema(required, schema_with = next_cursor)]
    pub(super) next_cursor: Option<String>,
}

static NAMES: Names = Names::of::<PageQuery>();

/// Everything with one label
///
/// The events that carry the label `key=value`, over all providers and channels, the first received first, and where the
/// messages of this page stand. An empty list where no event carries it.
#[utoipa::path(
    get,
    path = "/timelines/{key}/{value}",
    operation_id = "getTimeline",
    tag = "timelines",
    params(("key" = String, Path, description = "The label's key.", example = "booking_id"), ("value" = String, Path, description = "The label's value: at most 256 bytes, and no nested JSON.", example = "42", max_length = 256, pattern = "^[^{\\[]"), PageQuery),
    responses((status = 200, description = "One page of the timeline.", body = Timeline), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn one(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment((key, value)): Segment<(String, String)>,
    query: RawQuery,
) -> Outcome<Json<Timeline>> {
    let params = Params::new(query, &NAMES)?;
    let label = filter::label(&key, &value)?;
    let (data, next_cursor) = events::of_label(&shared, label, &params).await?;
    let ids: Vec<MessageId> = data.iter().filter_map(Record::message_id).collect();
    let mut found = shared.store.messages_of(ids).await.map_err(|error| store_failed(&error))?;
    found.sort_by_key(|message| (message.state.first_at, message.id));
    let messages = found.iter().map(MessageHead::of).collect();
    Ok(Json(Timeline { key, value, messages, data, next_cursor }))
}
