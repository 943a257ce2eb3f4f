//! `POST /v1/messages/batch`: many messages, read and registered as they come in.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use hearback_event::{MessageId, NewMessage, Timestamp};
use hearback_store::{SourceRef, Store, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use super::{MESSAGE_BYTES_MAX, Registered, name_users, read, register, too_large, user_of};
use crate::api::params::Params;
use crate::api::store_failed;
use crate::auth::Writer;
use crate::expect::expect;
use crate::openapi::Refusals;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Most messages of one batch.
const MESSAGES_MAX: usize = 10_000;
/// Longest body in bytes.
pub(in crate::api) const BODY_BYTES_MAX: usize = 64 << 20;
/// Messages that wait for the journal at a time: they share commits, and leave room for what comes in.
const AT_A_TIME: usize = 256;
/// How long to wait where too much waits for the journal.
const PAUSE: Duration = Duration::from_millis(50);

/// What came of a batch.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = RegisteredBatch)]
pub(crate) struct Outcomes {
    /// Messages that are known now and were not before.
    created: u64,
    /// Messages that were registered before.
    known: u64,
    /// The messages, in the order of their lines.
    messages: Vec<RegisteredLine>,
    /// Lines that are not understood; the others are registered all the same.
    bad: Vec<BadLine>,
}

/// A registered message of a batch.
#[derive(Debug, Serialize, ToSchema)]
struct RegisteredLine {
    /// Its line in the body, from 1.
    line: usize,
    /// Its name.
    id: MessageId,
    /// Whether it is new.
    created: bool,
}

/// A line that is not understood.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BadRegistration)]
struct BadLine {
    /// Its number in the body, from 1.
    line: usize,
    /// The member that is at fault.
    #[schema(required)]
    field: Option<String>,
    /// What is wrong with it.
    problem: String,
    /// What was expected there.
    #[schema(required)]
    expected: Option<String>,
}

/// Register many messages
///
/// One message per line, each a JSON object as `POST /v1/messages` takes it; at most 10000. They are registered while they come in.
/// A batch that broke off can be sent again: what is registered stays as it is.
#[utoipa::path(
    post,
    path = "/messages/batch",
    operation_id = "registerMessages",
    tag = "messages",
    request_body(content = Option<String>, content_type = "application/x-ndjson", description = "Up to 10000 lines and 64 MiB.", example = r#"{"key": "booking-43", "recipient": "bob@example.com"}"#),
    responses((status = 200, description = "What came of it.", body = Outcomes), Refusals),
    security(("token" = ["write"])),
)]
pub(in crate::api) async fn several(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
    body: Body,
) -> Outcome<Json<Outcomes>> {
    Params::none(query)?;
    let (store, sources, now) = (&*shared.store, &shared.sources, Timestamp::now());
    let mut outcomes = Outcomes::default();
    let registered = lines(body).map(|line| async {
        let (number, line) = line?;
        Ok((
            number,
            match read(&line, sources, now) {
                Ok((source, mut message)) => {
                    expect(&shared.expect, &source.name, &mut message);
                    let user = user_of(&message);
                    let registered = patiently(store, source, message).await;
                    Ok((registered.map_err(|error| store_failed(&error))?, user))
                }
                Err(problem) => Err(problem),
            },
        ))
    });
    let mut registered = std::pin::pin!(registered.buffered(AT_A_TIME));
    let mut users = Vec::new();
    while let Some(outcome) = registered.next().await {
        let (line, outcome) = outcome?;
        outcomes.add(
            line,
            outcome.map(|(registered, user)| {
                users.extend(user);
                registered
            }),
        );
    }
    name_users(store, users).await?;
    Ok(Json(outcomes))
}

impl Outcomes {
    fn add(&mut self, line: usize, outcome: Outcome<Registered>) {
        match outcome {
            Ok(Registered { id, created, .. }) => {
                *(if created { &mut self.created } else { &mut self.known }) += 1;
                self.messages.push(RegisteredLine { line, id, created });
            }
            Err(problem) => {
                let (field, expected) = problem.fault().unzip();
                self.bad.push(BadLine { line, field, problem: problem.detail().to_owned(), expected });
            }
        }
    }

    /// For the description.
    pub(in crate::api) fn example(record: &hearback_event::Record) -> Self {
        let mut outcomes = Self::default();
        outcomes.add(1, Ok(Registered::example(record)));
        let problem = Problem::bad_field(
            "recipient",
            "an e-mail address, a number such as +15551234567, or a messenger's id",
            "`recipient`: the address is empty",
        );
        outcomes.add(2, Err(problem));
        outcomes
    }
}

/// Registers a message; where too much waits, later.
async fn patiently(
    store: &dyn Store,
    source: SourceRef,
    message: NewMessage,
) -> Result<Registered, StoreError> {
    loop {
        match register(store, source.clone(), message.clone()).await {
            Err(StoreError::Overloaded) => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
}

/// What is read of a body that comes in.
struct Reading {
    rest: axum::body::BodyDataStream,
    buffer: BytesMut,
    /// Bytes so far.
    bytes: usize,
    /// Lines so far, empty ones included, and those that are not empty.
    lines: usize,
    messages: usize,
    ended: bool,
}

/// The lines of a body with their numbers, those that are empty left out. Ends with the first problem.
fn lines(body: Body) -> impl Stream<Item = Outcome<(usize, Bytes)>> {
    let reading = Reading {
        rest: body.into_data_stream(),
        buffer: BytesMut::new(),
        bytes: 0,
        lines: 0,
        messages: 0,
        ended: false,
    };
    futures_util::stream::unfold(Some(reading), async |reading| {
        let mut reading = reading?;
        match reading.next().await {
            Ok(Some(line)) => Some((Ok(line), Some(reading))),
            Ok(None) => None,
            Err(problem) => Some((Err(problem), None)),
        }
    })
}

impl Reading {
    async fn next(&mut self) -> Outcome<Option<(usize, Bytes)>> {
        loop {
            let line = match self.buffer.iter().position(|byte| *byte == b'\n') {
                Some(end) => self.buffer.split_to(end + 1).freeze(),
                None if self.ended && self.buffer.is_empty() => return Ok(None),
                None if self.ended => self.buffer.split().freeze(),
                None => {
                    self.read_on().await?;
                    continue;
                }
            };
            self.lines += 1;
            if !line.trim_ascii().is_empty() {
                self.messages += 1;
                if self.messages > MESSAGES_MAX {
                    let detail = format!(
                        "the body has more than {MESSAGES_MAX} lines; the first {MESSAGES_MAX} are registered"
                    );
                    return Err(Problem::new(413, "too_large", "Too large", detail));
                }
                return Ok(Some((self.lines, line)));
            }
        }
    }

    async fn read_on(&mut self) -> Outcome<()> {
        if self.buffer.len() > MESSAGE_BYTES_MAX {
            return Err(too_large(&format!("line {}", self.lines + 1), MESSAGE_BYTES_MAX));
        }
        match self.rest.next().await {
            None => self.ended = true,
            Some(Ok(bytes)) => {
                self.bytes += bytes.len();
                if self.bytes > BODY_BYTES_MAX {
                    return Err(too_large("the body", BODY_BYTES_MAX));
                }
                self.buffer.extend_from_slice(&bytes);
            }
            Some(Err(_)) => {
                let detail = "the body broke off; send the batch again, what is registered stays as it is";
                return Err(Problem::bad_field("body", "lines of JSON", detail));
            }
        }
        Ok(())
    }
}
