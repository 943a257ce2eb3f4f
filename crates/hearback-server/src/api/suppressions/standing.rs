//! Whether one address may be sent to, and how that came about.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use hearback_event::{Address, Fact, Kind, Record, SuppressionReason, Timestamp};
use hearback_store::{EventFilter, EventQuery, Order, RecipientView, Store};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::given::ADDRESS;
use crate::api::params::{Params, parse};
use crate::api::recipients::Suppression;
use crate::api::segment::Segment;
use crate::api::store_failed;
use crate::auth::Reader;
use crate::conditional::Asked;
use crate::openapi::{Refusals, Unchanged};
use crate::problem::Outcome;
use crate::shared::Shared;

/// Events of the history, at most: the newest.
const HISTORY_MAX: usize = 100;
/// What can suppress or clear, but for deliveries.
const KINDS: &[Kind] =
    &[Kind::Bounced, Kind::Complained, Kind::Unsubscribed, Kind::Subscribed, Kind::SuppressionChanged];

/// Whether an address may be sent to, and how that came about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SuppressionStanding)]
pub(in crate::api) struct Standing {
    /// The address, as it is kept.
    pub(in crate::api) address: Address,
    /// Whether it may be sent to.
    pub(in crate::api) may_send: bool,
    /// Why not.
    #[schema(required)]
    pub(in crate::api) suppression: Option<Suppression>,
    /// Who suppressed it by hand: the name of a token. Null where nobody did, and where that event is kept no more.
    #[schema(required)]
    pub(in crate::api) by: Option<String>,
    /// Why, in that person's words.
    #[schema(required)]
    pub(in crate::api) because: Option<String>,
    /// The events that suppressed or cleared it, the last received first; at most 100. A delivery is among them where it shows
    /// that an address exists after all.
    pub(in crate::api) history: Vec<Record>,
}

impl Standing {
    pub(in crate::api) fn of(address: Address, view: Option<RecipientView>, history: Vec<Record>) -> Self {
        let suppression = view.and_then(|view| view.suppression);
        let is_manual = suppression.as_ref().is_some_and(|one| one.reason == SuppressionReason::Manual);
        let said = history.iter().find(|record| {
            let since = suppression.as_ref().map(|suppression| suppression.since);
            is_manual && has(record, Fact::MANUAL | Fact::LISTED) && Some(record.occurred_at()) == since
        });
        let change = said.and_then(|record| record.event.suppression.clone());
        let (by, because) = change.map(|change| (change.by, change.reason)).unwrap_or_default();
        Self {
            address,
            may_send: suppression.is_none(),
            suppression: suppression.map(Suppression::from),
            by,
            because,
            history,
        }
    }
}

/// Whether an address may be sent to, and its history
///
/// An address of which nothing is known may be sent to, and has no history.
#[utoipa::path(
    get,
    path = "/suppressions/{address}",
    operation_id = "getSuppression",
    tag = "suppressions",
    params(("address" = Address, Path, description = "An e-mail address or a number such as +15551234567, in any spelling.")),
    responses((status = 200, description = "How it stands.", body = Standing, headers(("etag" = String, description = "For `If-None-Match`."))), Unchanged, Refusals),
    security(("token" = ["read"])),
)]
pub(in crate::api) async fn one(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment(address): Segment<String>,
    asked: Asked,
    query: RawQuery,
) -> Outcome<Response> {
    Params::none(query)?;
    let address: Address = parse("address", &address, ADDRESS)?;
    let view = shared.store.recipient(address.clone()).await.map_err(|error| store_failed(&error))?;
    let history = match &view {
        Some(view) => history(&*shared.store, view).await?,
        None => Vec::new(),
    };
    Ok(asked.json(&Standing::of(address, view, history)))
}

/// The newest events that bear on it.
async fn history(store: &dyn Store, view: &RecipientView) -> Outcome<Vec<Record>> {
    let ask = async |filter: EventFilter, order: Order, limit: usize| {
        let filter = EventFilter { recipient: Some(view.address.clone()), ..filter };
        let query = EventQuery { filter, order, beyond: None, limit };
        let page = store.events(query).await.map_err(|error| store_failed(&error))?;
        // Ambiguous events name the address too, and bear on nobody.
        let own = |record: &Record| record.event.recipient.as_ref() == Some(&view.address);
        Ok::<_, crate::problem::Problem>(page.rows.into_iter().filter(own).collect::<Vec<_>>())
    };
    let filter = EventFilter { kinds: KINDS.to_vec(), ..EventFilter::default() };
    let mut found = ask(filter, Order::Newest, HISTORY_MAX).await?;
    found.retain(bears);
    if let (Some((bounced, _)), Some((delivered, _))) = (view.state.bounced, view.state.delivered)
        && delivered > bounced
    {
        let since = Some(Timestamp::from_nanos(bounced.as_nanos().saturating_add(1)));
        let filter = EventFilter { kinds: vec![Kind::Delivered], since, ..EventFilter::default() };
        found.extend(ask(filter, Order::Oldest, 1).await?);
        found.sort_by_key(|record| std::cmp::Reverse(record.position));
    }
    Ok(found)
}

fn has(record: &Record, flags: u16) -> bool {
    Fact::of(record, 0).has(flags)
}

/// Whether an event suppresses or clears.
fn bears(record: &Record) -> bool {
    match record.event.kind {
        Kind::Complained => true,
        Kind::Unsubscribed => !has(record, Fact::SCOPED),
        _ => [Fact::BAD_ADDRESS, Fact::LISTED, Fact::UNLISTED].into_iter().any(|flag| has(record, flag)),
    }
}
