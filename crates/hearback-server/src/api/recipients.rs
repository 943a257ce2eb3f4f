//! `/v1/recipients`: what is known of an address.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use hearback_event::{Address, Counts, EventType, RecipientStatus, SuppressionReason, Timestamp};
use hearback_store::{RecipientView, SuppressionView};
use serde::Serialize;
use utoipa::ToSchema;

use super::messages::ByWhom;
use super::params::{Params, parse};
use super::segment::Segment;
use super::store_failed;
use crate::auth::Reader;
use crate::conditional::Asked;
use crate::openapi::{NotFound, Refusals, Unchanged};
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// A recipient with everything known of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Recipient {
    /// The address, as it is kept.
    address: Address,
    /// What is known of it, in one word.
    status: RecipientStatus,
    /// Whether it must not be sent to, and why.
    #[schema(required)]
    suppression: Option<Suppression>,
    /// Its newest event.
    #[schema(required)]
    last_event: Option<LastEvent>,
    /// When a message to it was last handed on.
    #[schema(required)]
    last_sent_at: Option<Timestamp>,
    /// When its first event happened.
    #[schema(required)]
    first_event_at: Option<Timestamp>,
    /// How often what happened.
    counts: CountsView,
    /// The application's own id for this person.
    #[schema(required)]
    user_id: Option<String>,
}

/// An address that must not be sent to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Suppression {
    /// Which.
    address: Address,
    /// Why.
    reason: SuppressionReason,
    /// Since when.
    since: Timestamp,
    /// The source that told it; null where a person said so.
    #[schema(required)]
    source: Option<String>,
}

impl From<SuppressionView> for Suppression {
    fn from(view: SuppressionView) -> Self {
        let SuppressionView { address, reason, since, source } = view;
        Self { address, reason, since, source }
    }
}

/// The newest event of a recipient.
#[derive(Debug, Serialize, ToSchema)]
struct LastEvent {
    /// What happened.
    #[schema(required, value_type = Option<EventType>)]
    r#type: Option<String>,
    /// When.
    occurred_at: Timestamp,
}

/// Failures that are final, and others.
#[derive(Debug, Serialize, ToSchema)]
struct BySeverity {
    /// It will fail again.
    permanent: u64,
    /// It may work later.
    temporary: u64,
}

/// How often what happened to one recipient.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecipientCounts)]
struct CountsView {
    queued: u64,
    sent: u64,
    delivered: u64,
    deferred: u64,
    bounced: BySeverity,
    rejected: u64,
    failed: u64,
    opened: ByWhom,
    clicked: ByWhom,
    complained: u64,
    unsubscribed: u64,
    inbound: u64,
    other: u64,
}

impl CountsView {
    const fn of(counts: &Counts) -> Self {
        Self {
            queued: counts.queued,
            sent: counts.sent,
            delivered: counts.delivered,
            deferred: counts.deferred,
            bounced: BySeverity { permanent: counts.bounced_permanent, temporary: counts.bounced_temporary },
            rejected: counts.rejected,
            failed: counts.failed,
            opened: ByWhom { human: counts.opened_human, machine: counts.opened_machine },
            clicked: ByWhom { human: counts.clicked_human, machine: counts.clicked_machine },
            complained: counts.complained,
            unsubscribed: counts.unsubscribed,
            inbound: counts.inbound,
            other: counts.other,
        }
    }
}

impl Recipient {
    pub(crate) fn of(view: RecipientView) -> Self {
        let state = &view.state;
        let last_event = state.last.map(|(occurred_at, _)| LastEvent {
            r#type: state.last_kind().map(hearback_event::Kind::dotted),
            occurred_at,
        });
        Self {
            status: view.status,
            last_event,
            last_sent_at: state.sent_at,
            first_event_at: state.first_at,
            counts: CountsView::of(view.counts()),
            address: view.address,
            suppression: view.suppression.map(Suppression::from),
            user_id: view.user_id,
        }
    }
}

/// What is known of a recipient
///
/// Counters, the newest event, and whether the address must not be sent to, and why.
#[utoipa::path(
    get,
    path = "/recipients/{address}",
    operation_id = "getRecipient",
    tag = "recipients",
    params(("address" = Address, Path, description = "An e-mail address or a number such as +15551234567, in any spelling.")),
    responses((status = 200, description = "The recipient.", body = Recipient, headers(("etag" = String, description = "For `If-None-Match`."))), Unchanged, NotFound, Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn one(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment(address): Segment<String>,
    asked: Asked,
    query: RawQuery,
) -> Outcome<Response> {
    Params::none(query)?;
    let address: Address = parse("address", &address, "an e-mail address or a number such as +15551234567")?;
    let found = shared.store.recipient(address).await.map_err(|error| store_failed(&error))?;
    found.map(|view| asked.json(&Recipient::of(view))).ok_or_else(|| {
        Problem::not_found(
            "address",
            "an address of which an event is known",
            "nothing is known of this address",
        )
    })
}
