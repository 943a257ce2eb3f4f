//! `POST /v1/messages`: the application tells what it sends.

pub(super) mod batch;
mod read;

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use bytes::Bytes;
use hearback_event::{Address, DedupKey, MessageId, NewMessage, Origin, Timestamp};
use hearback_store::{Payload, Receipt, SourceRef, Store, StoreError, Submission};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

pub(super) use batch::{BODY_BYTES_MAX, Outcomes};
pub(super) use read::{LabelValue, MessageToRegister, read};

use super::params::Params;
use super::store_failed;
use crate::auth::Writer;
use crate::expect::expect;
use crate::openapi::Refusals;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Longest description of one message, in bytes.
pub(super) const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// A message that is known now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Registered {
    /// Its name, to be asked for with `GET /v1/messages/{id}`. Embedded in what is sent, as a label `hearback_id` that the provider
    /// echoes, it joins the provider's events to the message.
    pub(super) id: MessageId,
    /// Whether it is new; false where it was registered before, which stays as it was.
    pub(super) created: bool,
    /// The source that will tell of it.
    pub(super) source: String,
}

/// Register a message
///
/// Tell what you send, before or after you hand it to the provider: then Hearback knows of it though nothing comes back, and can
/// say that it is overdue. Registering again under the same `key`, or the same `provider_message_id`, changes nothing; telling the
/// provider's id of a message that was registered without it completes it.
///
/// What the provider tells is joined by its id; else by the id or your key embedded as the label `hearback_id` and echoed; else by
/// equal labels and recipient within a day; else by the recipient alone within an hour, if only one registered message can be
/// meant. Events that came before are joined as well.
#[utoipa::path(
    post,
    path = "/messages",
    operation_id = "registerMessage",
    tag = "messages",
    request_body(content = MessageToRegister, example = json!({
        "key": "booking-42-pre-arrival", "recipient": "alice@example.com", "subject": "Your stay",
        "labels": {"booking_id": "42", "purpose": "pre_arrival"}, "expect_delivered_within": 900
    })),
    responses(
        (status = 201, description = "It is registered.", body = Registered),
        (status = 200, description = "It was registered before.", body = Registered),
        Refusals,
    ),
    security(("token" = ["write"])),
)]
pub(super) async fn one(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Outcome<(StatusCode, Json<Registered>)> {
    Params::none(query)?;
    let body = body.map_err(|_| too_large("the body", MESSAGE_BYTES_MAX))?;
    let (source, mut message) = read(&body, &shared.sources, Timestamp::now())?;
    expect(&shared.expect, &source.name, &mut message);
    let user = user_of(&message);
    let registered = register(&*shared.store, source, message).await.map_err(|error| store_failed(&error))?;
    name_users(&*shared.store, user.into_iter().collect()).await?;
    let status = if registered.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(registered)))
}

/// The recipient, and the application's id for him.
pub(super) fn user_of(message: &NewMessage) -> Option<(Address, String)> {
    Some((message.recipient.clone(), message.registration.user_id.clone()?))
}

/// Keeps whose the addresses are, where that was not known.
pub(super) async fn name_users(store: &dyn Store, users: Vec<(Address, String)>) -> Outcome<()> {
    if users.is_empty() {
        return Ok(());
    }
    store.name_users(users).await.map(|_| ()).map_err(|error| store_failed(&error))
}

/// Writes the registration into the log.
pub(super) async fn register(
    store: &dyn Store,
    source: SourceRef,
    message: NewMessage,
) -> Result<Registered, StoreError> {
    let event = message.into_event();
    let name = source.name.to_string();
    // The reader sees to it that there is a key or a provider's id.
    let id = event.message_ids(&source.account).next().unwrap_or(MessageId::from_u128(0));
    let submission = Submission {
        source,
        origin: Origin::Application,
        received_at: Timestamp::now(),
        verified: true,
        events: vec![event],
        payload: Payload::default(),
        replay_token: None,
        digest: DedupKey::of(&[]),
        known_messages_only: false,
    };
    let receipt = store.submit(submission).await?;
    Ok(Registered { id, created: matches!(receipt, Receipt::Stored { new: 1.., .. }), source: name })
}

pub(super) fn too_large(what: &str, most: usize) -> Problem {
    let detail = format!("{what} cannot be read whole; it may have up to {} KiB", most >> 10);
    Problem::new(413, "too_large", "Too large", detail)
}

impl Registered {
    /// For the description.
    pub(super) fn example(record: &hearback_event::Record) -> Self {
        let id = record.message_id().unwrap_or(MessageId::from_u128(0));
        Self { id, created: true, source: record.source.to_string() }
    }
}
