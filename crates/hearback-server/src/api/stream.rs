//! `/v1/events/stream`: the log as it grows, as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use hearback_event::{EventId, Record};
use hearback_store::{EventFilter, EventQuery, Order};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;

use super::events::place_in_log;
use super::filter;
use super::params::Params;
use super::query::{Names, StreamQuery};
use crate::auth::Reader;
use crate::follower::News;
use crate::openapi::Refusals;
use crate::problem::Outcome;
use crate::shared::Shared;

/// A line that says nothing is sent so often, so that proxies and clients see that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events that are read at a time by a listener that is behind.
const PAGE: usize = 200;
/// What a client that lost its connection does at first.
const BEGIN: &str = "retry: 2000\n\n";
const LAST_EVENT_ID: &str = "last-event-id";

static NAMES: Names = Names::of::<StreamQuery>();

/// The log as it grows
///
/// Server-sent events: `id` is the event's id, `data` the event as `GET /v1/events` gives it, on one line. What comes from now on, or
/// after the place that `after` or the header `Last-Event-ID` names: a browser's `EventSource` sends that header by itself when it
/// connects again, and so misses nothing. A comment every 15 seconds shows that the connection lives.
#[utoipa::path(
    get,
    path = "/events/stream",
    operation_id = "streamEvents",
    tag = "events",
    params(
        StreamQuery,
        ("Last-Event-ID" = Option<EventId>, Header, description = "The id of the last event that was received; goes before `after`."),
    ),
    responses((status = 200, description = "Events, without end.", body = String, content_type = "text/event-stream"), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn events(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    query: RawQuery,
) -> Outcome<Response> {
    let params = Params::new(query, &NAMES)?;
    let filter = filter::read(&params)?;
    // An id that is none is left by some other server under this address: begin as if there were none.
    let known = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()?.parse::<EventId>().ok());
    let after = match (known, params.one("after")?) {
        (Some(id), _) => Some(id.position()),
        (None, Some(after)) => {
            Some(place_in_log(&shared, filter::scope(&filter, None, Order::Oldest), after)?)
        }
        (None, None) => None,
    };
    // First listen, then look how long the log is: so nothing falls between.
    let news = shared.follower.listen().await;
    let last = shared.store.last_position();
    let listener = Listener {
        position: after.unwrap_or(last).min(last),
        is_behind: true,
        closed: shared.closed.clone(),
        ready: VecDeque::from([Bytes::from_static(BEGIN.as_bytes())]),
        shared,
        filter,
        news,
    };
    let body = Body::from_stream(stream::unfold(listener, Listener::next));
    let head = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        // A proxy that gathers answers would hold events back.
        (http::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((head, body).into_response())
}

/// One connection.
struct Listener {
    shared: Arc<Shared>,
    filter: EventFilter,
    /// Everything up to here was sent, or is not wanted.
    position: u64,
    /// Whether it has to read from the store what it did not hear.
    is_behind: bool,
    news: broadcast::Receiver<News>,
    closed: watch::Receiver<bool>,
    ready: VecDeque<Bytes>,
}

impl Listener {
    /// What is sent next. Asked for only when what was given before is on its way: a slow client waits for nobody's memory.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some((Ok(ready), self));
            }
            if *self.closed.borrow() {
                return None;
            }
            if self.is_behind {
                self.catch_up().await?;
                continue;
            }
            tokio::select! {
                news = self.news.recv() => match news {
                    Ok(news) => self.hear(&news),
                    Err(RecvError::Lagged(_)) => self.is_behind = true,
                    Err(RecvError::Closed) => return None,
                },
                _ = self.closed.changed() => return None,
                () = tokio::time::sleep(HEARTBEAT) => self.ready.push_back(Bytes::from_static(b":\n\n")),
            }
        }
    }

    fn hear(&mut self, news: &[Arc<Record>]) {
        // What was read from the store comes here once more.
        let beyond = self.position;
        let wanted = news.iter().filter(|record| record.position > beyond && self.filter.matches(record));
        let text = wanted.fold(Vec::new(), |text, record| written(text, record));
        self.position = news.last().map_or(beyond, |record| record.position.max(beyond));
        if !text.is_empty() {
            self.ready.push_back(text.into());
        }
    }

    /// Reads a page from the store. `None` where that is not possible: the client connects again.
    async fn catch_up(&mut self) -> Option<()> {
        let seen = self.shared.store.last_position();
        let query = EventQuery {
            filter: self.filter.clone(),
            order: Order::Oldest,
            beyond: Some(self.position),
            limit: PAGE,
        };
        let page = self.shared.store.events(query).await.ok()?;
        let text = page.rows.iter().fold(Vec::new(), written);
        let last = page.rows.last().map_or(0, |record| record.position);
        self.position = self.position.max(last);
        if page.next.is_none() {
            self.position = self.position.max(seen);
            self.is_behind = false;
        }
        if !text.is_empty() {
            self.ready.push_back(text.into());
        }
        Some(())
    }
}

/// Adds one event. JSON has no line breaks of its own.
fn written(mut text: Vec<u8>, record: &Record) -> Vec<u8> {
    text.extend_from_slice(format!("id: {}\ndata: ", record.id()).as_bytes());
    // Texts, numbers, lists and maps with texts as keys always serialise.
    text.extend(serde_json::to_vec(record).unwrap_or_default());
    text.extend_from_slice(b"\n\n");
    text
}
