//! `/v1/messages`: which messages stand where.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{Address, Status, Timestamp};
use hearback_store::{MessageFilter, MessageQuery};
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor::{CURSOR, Scope};
use super::messages::{MessageFacts, MessageHead};
use super::page::ListPage;
use super::params::Params;
use super::query::{MessagesQuery, Names};
use super::{filter, store_failed};
use crate::auth::Reader;
use crate::openapi::Refusals;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Most messages of a page.
const LIMIT_MAX: usize = 200;

/// A message in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageSummary)]
pub(crate) struct Summary {
    #[serde(flatten)]
    head: MessageHead,
    #[serde(flatten)]
    facts: MessageFacts,
}

impl Summary {
    pub(crate) fn of(view: &hearback_store::MessageView, now: Timestamp) -> Self {
        Self { head: MessageHead::of(view), facts: MessageFacts::of(view, now) }
    }
}

/// Named, because the description names what it names.
type SummaryPage = ListPage<Summary>;

static NAMES: Names = Names::of::<MessagesQuery>();

/// Messages, filtered and paged
///
/// Those of which something happened last come first; each message is in exactly one page, as it stood when the first page was
/// asked for, whatever happens meanwhile. A page may be short, or empty, and still have a `next_cursor`: where little of what
/// was looked at is meant, the answer does not wait for all of it.
///
/// With `provider_id`, and nothing else, the messages of one send: one per recipient, of every account that knows the id.
#[utoipa::path(
    get,
    path = "/messages",
    operation_id = "listMessages",
    tag = "messages",
    params(MessagesQuery),
    responses((status = 200, description = "One page.", body = SummaryPage), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<SummaryPage>> {
    let params = Params::new(query, &NAMES)?;
    let now = Timestamp::now();
    if let Some(provider_id) = params.one("provider_id")? {
        params.alone("provider_id")?;
        let found = shared.store.messages_by_provider_id(provider_id.to_owned()).await;
        let found = found.map_err(|error| store_failed(&error))?;
        return Ok(Json(ListPage::whole(found.iter().map(|view| Summary::of(view, now)).collect())));
    }
    let (mut filter, overdue) = read(&params)?;
    let scope = scope(&filter, overdue);
    filter.overdue_at = overdue.then_some(now);
    let place = params.one("cursor")?.map(|cursor| place(scope, cursor)).transpose()?;
    let (as_of, beyond) = place.unzip();
    let query = MessageQuery { filter, as_of, beyond, limit: params.limit_up_to(LIMIT_MAX)? };
    let page = shared.store.messages(query).await.map_err(|error| store_failed(&error))?;
    let next_cursor = page.next.map(|next| {
        let place = [page.as_of.to_be_bytes(), next.to_be_bytes()].concat();
        scope.cursor(&place)
    });
    let data = page.rows.iter().map(|view| Summary::of(view, now)).collect();
    Ok(Json(ListPage { data, next_cursor }))
}

/// The filter that the parameters name, and whether only overdue messages are meant.
fn read(params: &Params) -> Outcome<(MessageFilter, bool)> {
    let text = |name: &str| params.one(name).map(|value| value.map(str::to_owned));
    let (since, until) = filter::span(params)?;
    let overdue = match params.one("overdue")? {
        None => false,
        Some("true") => true,
        Some(_) => return Err(Problem::bad_field("overdue", "`true`", "`overdue` can only be `true`")),
    };
    let filter = MessageFilter {
        statuses: filter::words(params, "status", Status::ALL.iter().map(|status| status.name()))?,
        source: text("source")?,
        provider: text("provider")?,
        channel: filter::channel(params)?,
        recipient: filter::recipient(params)?,
        domain: params.one("domain")?.map(str::to_lowercase),
        labels: filter::labels(params)?,
        tag: text("tag")?,
        since,
        until,
        overdue_at: None,
    };
    Ok((filter, overdue))
}

/// What a cursor of this filter belongs to.
fn scope(filter: &MessageFilter, overdue: bool) -> Scope {
    let mut parts = vec!["messages".to_owned(), format!("overdue={overdue}")];
    let mut add =
        |name: &str, value: Option<String>| parts.extend(value.map(|value| format!("{name}={value}")));
    for status in Status::ALL.iter().filter(|status| filter.statuses.contains(status)) {
        add("status", Some(status.to_string()));
    }
    add("source", filter.source.clone());
    add("provider", filter.provider.clone());
    add("channel", filter.channel.map(|channel| channel.to_string()));
    add("recipient", filter.recipient.as_ref().map(Address::to_string));
    add("domain", filter.domain.clone());
    let mut labels: Vec<String> = filter.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    labels.sort();
    for label in labels {
        add("label", Some(label));
    }
    add("tag", filter.tag.clone());
    add("since", filter.since.map(|moment| moment.to_string()));
    add("until", filter.until.map(|moment| moment.to_string()));
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Scope::of(&parts)
}

/// As of which position a list is made, and where its page begins.
fn place(scope: Scope, cursor: &str) -> Outcome<(u64, u64)> {
    let place = scope.place("cursor", cursor)?;
    let numbers = place.split_at_checked(8).and_then(|(as_of, beyond)| {
        Some((u64::from_be_bytes(as_of.try_into().ok()?), u64::from_be_bytes(beyond.try_into().ok()?)))
    });
    numbers.ok_or_else(|| Problem::bad_field("cursor", CURSOR, "`cursor` is not a cursor of this list"))
}
