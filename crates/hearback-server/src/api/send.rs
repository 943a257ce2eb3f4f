//! `POST /v1/send`: register a message and hand it to its provider, in one call.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use bytes::Bytes;
use hearback_event::{Failure, MessageId, NewMessage, Reason, Record, Registration, Timestamp};
use hearback_providers::DraftError;
use hearback_send::{Content, Order, Outcome as Sending, Outlet, SendError, Sent};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::members::{
    KEY_MAX, Members, SUBJECT_MAX, USER_ID_MAX, expectation, labels, recipient, source, tags,
};
use super::params::Params;
use super::registrations::{LabelValue, name_users, too_large, user_of};
use super::{ROOT, store_failed};
use crate::Source;
use crate::auth::Writer;
use crate::expect::expect;
use crate::openapi::{NotSent, Refusals};
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Longest body in bytes.
pub(super) const BODY_BYTES_MAX: usize = 5 << 20;
/// Longest sender in bytes.
const FROM_MAX: usize = 600;
/// When to try again where the provider does not say.
const RETRY_AFTER_SECONDS: u64 = 60;

/// A message to be sent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub(crate) struct MessageToSend {
    /// The source through which it goes, and that will tell of it. May be left out where only one can send.
    #[schema(nullable = false, example = "mailgun-eu")]
    source: Option<String>,
    /// The provider through which it goes, where only one source of it can send.
    #[schema(nullable = false, example = "mailgun")]
    provider: Option<String>,
    /// Your own name for the message, unique for its recipient within the source's account: a repeat under it sends nothing.
    #[schema(min_length = 1, max_length = 256, example = "booking-42-pre-arrival")]
    key: String,
    /// To whom it goes: one e-mail address, or one number.
    #[schema(example = "alice@example.com")]
    to: String,
    /// From whom: the source's default, if nothing is said.
    #[schema(nullable = false, max_length = 600, example = "Shop <shop@example.com>")]
    from: Option<String>,
    /// To whom to answer.
    #[schema(nullable = false, max_length = 600)]
    reply_to: Option<String>,
    /// The subject line; e-mail has one.
    #[schema(nullable = false, max_length = 2000)]
    subject: Option<String>,
    /// The content as plain text. Content is handed on and not kept.
    #[schema(nullable = false)]
    text: Option<String>,
    /// The content as HTML, for e-mail.
    #[schema(nullable = false)]
    html: Option<String>,
    /// Its tags.
    #[schema(nullable = false, max_items = 32)]
    tags: Option<Vec<String>>,
    /// What is attached to it, here and at the provider.
    #[schema(nullable = false, example = json!({"booking_id": "42", "purpose": "pre_arrival"}))]
    labels: Option<BTreeMap<String, LabelValue>>,
    /// It is overdue when it is not delivered so many seconds after it was sent.
    #[schema(nullable = false, minimum = 1, maximum = 2_678_400, example = 900)]
    expect_delivered_within: Option<u32>,
    /// Your own id for the recipient.
    #[schema(nullable = false, max_length = 256)]
    user_id: Option<String>,
    /// Send it although the recipient is suppressed.
    #[schema(nullable = false, default = false)]
    send_to_suppressed: Option<bool>,
    /// Send it although it may have been sent before: where the outcome of an earlier call is not known, or it was registered as sent.
    #[schema(nullable = false, default = false)]
    retry_unknown: Option<bool>,
}

const MEMBERS: &[&str] = &[
    "source",
    "provider",
    "key",
    "to",
    "from",
    "reply_to",
    "subject",
    "text",
    "html",
    "tags",
    "labels",
    "expect_delivered_within",
    "user_id",
    "send_to_suppressed",
    "retry_unknown",
];

/// A message that the provider has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentMessage {
    /// Its name, to be asked for with `GET /v1/messages/{id}`.
    id: MessageId,
    /// The source through which it went.
    source: String,
    /// The provider's name for it.
    provider_message_id: String,
    /// How often the provider was asked before it took it, this time included.
    attempt: u32,
    /// Whether it was sent by an earlier call, and nothing was sent now.
    repeated: bool,
}

/// Send a message
///
/// In one call: it is registered, then handed to the provider with its labels and its name (`hearback_id`) in the provider's own way, and
/// the provider's id is stored. A repeat under the same `key` is told what came of the first call and sends nothing, also while that is under
/// way, and after a restart. Where the provider did not take it (503), a repeat is another attempt.
///
/// Where nobody knows whether the provider took it (504: no answer came, or the server was stopped), a repeat is answered 409
/// and sends nothing, unless it says `retry_unknown`, or the provider promises to send repeats once (Resend, for a day).
#[utoipa::path(
    post,
    path = "/send",
    operation_id = "sendMessage",
    tag = "messages",
    request_body(content = MessageToSend, example = json!({
        "key": "booking-42-pre-arrival", "to": "bob@example.com", "subject": "Your stay", "text": "We are looking forward to it.",
        "labels": {"booking_id": "42", "purpose": "pre_arrival"}, "expect_delivered_within": 900
    })),
    responses(
        (status = 202, description = "The provider has it.", body = SentMessage),
        (status = 200, description = "The provider had it before.", body = SentMessage),
        NotSent,
        Refusals,
    ),
    security(("token" = ["write"])),
)]
pub(super) async fn send(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
    body: Result<Bytes, BytesRejection>,
) -> Outcome<(StatusCode, Json<SentMessage>)> {
    Params::none(query)?;
    let body = body.map_err(|_| too_large("the body", BODY_BYTES_MAX))?;
    let (outlet, mut order) = read(&body, &shared.sources, Timestamp::now())?;
    expect(&shared.expect, &order.source.name, &mut order.message);
    let source = order.source.name.to_string();
    let to = order.message.recipient.to_string();
    let user = user_of(&order.message);
    name_users(&*shared.store, user.into_iter().collect()).await?;
    let sent = shared.dispatch.send(&outlet, order).await.map_err(failed)?;
    answer(source, &to, sent)
}

/// Reads a message, and through what it goes.
fn read(body: &[u8], sources: &[Arc<Source>], now: Timestamp) -> Outcome<(Arc<Outlet>, Order)> {
    let members = Members::read(body, MEMBERS)?;
    let (source, outlet) = able(&members, sources)?;
    let key = members.text("key", KEY_MAX)?.ok_or_else(|| {
        let expected = "your own name for the message, so that a repeat sends nothing";
        Problem::bad_field("key", expected, "`key` is missing")
    })?;
    let registration = Registration {
        key: Some(key),
        expect_delivered_within: expectation(&members)?,
        user_id: members.text("user_id", USER_ID_MAX)?,
        attempt: None,
    };
    let message = NewMessage {
        provider_message_id: None,
        recipient: recipient(&members, "to")?,
        channel: outlet.channel(),
        subject: members.text("subject", SUBJECT_MAX)?,
        labels: labels(&members)?,
        tags: tags(&members)?,
        sent_at: now,
        registration,
    };
    let order = Order {
        source: source.reference.clone(),
        message,
        from: members.text("from", FROM_MAX)?,
        reply_to: members.text("reply_to", FROM_MAX)?,
        content: Content { text: members.lines("text")?, html: members.lines("html")? },
        callback_url: source.callback_url(),
        send_to_suppressed: members.flag("send_to_suppressed")?,
        retry_unknown: members.flag("retry_unknown")?,
    };
    Ok((outlet, order))
}

/// The source that is meant, of those that can send.
fn able(members: &Members, sources: &[Arc<Source>]) -> Outcome<(Arc<Source>, Arc<Outlet>)> {
    let can_send: Vec<_> = sources.iter().filter(|source| source.outlet.is_some()).cloned().collect();
    let named = members.get("source").and_then(Value::as_str);
    let mute =
        sources.iter().find(|source| source.outlet.is_none() && named == Some(&*source.reference.name));
    if can_send.is_empty() || mute.is_some() {
        let name = mute.map_or("NAME", |source| &*source.reference.name);
        let detail =
            format!("nothing is configured to send through: write [sources.{name}.send] with its `key`");
        return Err(Problem::bad_field("source", "a source that is configured to send", detail));
    }
    let source = source(members, &can_send)?;
    let outlet = source.outlet.clone();
    // All of them have one.
    let outlet = outlet.ok_or_else(|| {
        Problem::bad_field("source", "a source that is configured to send", "it cannot send")
    })?;
    Ok((source, outlet))
}

fn failed(error: SendError) -> Problem {
    match error {
        SendError::Draft(DraftError { field, problem, expected }) => {
            Problem::bad_field(field, expected, format!("`{field}`: {problem}"))
        }
        SendError::Store(error) => store_failed(&error),
    }
}

fn answer(source: String, to: &str, sent: Sent) -> Outcome<(StatusCode, Json<SentMessage>)> {
    let Sent { id, attempt, repeated, outcome } = sent;
    let problem = match outcome {
        Sending::Accepted { provider_message_id } => {
            let status = if repeated { StatusCode::OK } else { StatusCode::ACCEPTED };
            return Ok((status, Json(SentMessage { id, source, provider_message_id, attempt, repeated })));
        }
        Sending::Suppressed(view) => {
            let by = view.source.map_or_else(|| "by hand".to_owned(), |source| format!("told by {source}"));
            let detail = format!("{to} is suppressed since {} ({}, {by})", view.since, view.reason.name());
            return Err(Problem::new(409, "suppressed", "The recipient must not be sent to", detail)
                .about("to", "an address that is not suppressed, or `send_to_suppressed`: true"));
        }
        Sending::Forgotten => {
            return Err(Problem::new(
                409,
                "key_used",
                "The key was used before",
                "the key was used for a message of which nothing is kept any more",
            )
            .about("key", "a key that was not used before"));
        }
        Sending::Refused(failure) => refused(&failure),
        Sending::Later { failure, retry_after } => {
            let seconds = retry_after.map_or(RETRY_AFTER_SECONDS, |wait| wait.as_secs().max(1));
            let detail =
                format!("the provider did not take it now: {}; a repeat is another attempt", words(&failure));
            Problem::try_again(503, seconds, detail)
        }
        Sending::NotKnown { begun_at, why } => unknown(begun_at, why, repeated),
        Sending::RegisteredOnly => {
            let detail = "it was registered as a message that you send yourself, and was not sent here";
            Problem::new(409, "registered_only", "It may have been sent already", detail)
                .about("key", "a key that was not used before, or `retry_unknown`: true")
        }
    };
    let location = format!("{ROOT}/messages/{id}");
    let location = HeaderValue::from_str(&location).unwrap_or(HeaderValue::from_static(ROOT));
    Err(problem.header(header::LOCATION, location))
}

fn refused(failure: &Failure) -> Problem {
    let detail = format!("the provider refuses it: {}", words(failure));
    let problem = Problem::new(422, "refused_by_provider", "The provider refuses the message", detail);
    match failure.reason {
        Some(Reason::InvalidRecipient | Reason::Suppressed | Reason::Unsubscribed) => {
            problem.about("to", "an address to which the provider sends")
        }
        _ => problem.about("body", "a message that the provider takes, under another `key`"),
    }
}

fn unknown(begun_at: Timestamp, why: Option<String>, repeated: bool) -> Problem {
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let detail = format!("sending was begun at {begun_at}, its outcome is not known{why}");
    let status = if repeated { 409 } else { 504 };
    Problem::new(status, "outcome_unknown", "Nobody knows whether it was sent", detail)
        .about("key", "the same key with `retry_unknown`: true, if it may arrive twice")
}

/// A failure in words, as far as the provider gave any.
fn words(failure: &Failure) -> String {
    let reason = failure.reason.map(|reason| reason.name().to_owned());
    let code = failure.code.as_ref().map(|code| format!("code {code}"));
    let parts: Vec<String> = [reason, code, failure.description.clone()].into_iter().flatten().collect();
    parts.join(", ")
}

impl SentMessage {
    /// For the description.
    pub(super) fn example(record: &Record) -> Self {
        Self {
            id: record.message_id().unwrap_or(MessageId::from_u128(0)),
            source: record.source.to_string(),
            provider_message_id: record.event.provider_message_id.clone().unwrap_or_default(),
            attempt: 1,
            repeated: true,
        }
    }
}
