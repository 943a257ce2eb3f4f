//! `/v1/recipients`: what is known of an address.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{Address, Counts, RecipientStatus, Timestamp};
use hearback_store::{Forgotten, RecipientView, StoreError, SuppressionView};
use serde::Serialize;

use super::messages::ByWhom;
use super::params::{Params, parse};
use super::segment::Segment;
use super::store_failed;
use crate::auth::{Admin, Reader};
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// A recipient with everything known of it.
#[derive(Debug, Serialize)]
pub(super) struct Recipient {
    address: Address,
    status: RecipientStatus,
    suppression: Option<SuppressionView>,
    last_event: Option<LastEvent>,
    last_sent_at: Option<Timestamp>,
    first_event_at: Option<Timestamp>,
    counts: CountsView,
    user_id: Option<String>,
}

#[derive(Debug, Serialize)]
struct LastEvent {
    r#type: Option<String>,
    occurred_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct BySeverity {
    permanent: u64,
    temporary: u64,
}

#[derive(Debug, Serialize)]
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
    fn of(view: RecipientView) -> Self {
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
            suppression: view.suppression,
            user_id: view.user_id,
        }
    }
}

fn read(address: &str) -> Outcome<Address> {
    parse("address", address, "an e-mail address or a number such as +15551234567")
}

/// `DELETE /v1/recipients/{address}`: forgets a person. It may take its time: everything is looked through.
pub(super) async fn forget(
    _: Admin,
    State(shared): State<Arc<Shared>>,
    Segment(address): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Forgotten>> {
    Params::new(query, &[])?;
    let address = read(&address)?;
    let masked = address.masked();
    // Goes on when the asker has gone: half of it is no answer to anybody.
    let store = Arc::clone(&shared.store);
    let forgetting = tokio::spawn(async move { store.forget(address).await });
    let forgotten =
        forgetting.await.unwrap_or(Err(StoreError::Stopped)).map_err(|error| store_failed(&error))?;
    tracing::info!(recipient = %masked, events = forgotten.events, payloads = forgotten.payloads, "a recipient was forgotten");
    Ok(Json(forgotten))
}

/// `GET /v1/recipients/{address}`.
pub(super) async fn one(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    Segment(address): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Recipient>> {
    Params::new(query, &[])?;
    let address = read(&address)?;
    let found = shared.store.recipient(address).await.map_err(|error| store_failed(&error))?;
    found
        .map(|view| Json(Recipient::of(view)))
        .ok_or_else(|| Problem::not_found("nothing is known of this address"))
}
