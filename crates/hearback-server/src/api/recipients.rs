//! `/v1/recipients`: what is known of an address.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use hearback_event::{Address, Counts, EventType, RecipientStatus, SuppressionReason, Timestamp};
use hearback_store::{RecipientView, StoreError, SuppressionView};
use serde::Serialize;
use utoipa::ToSchema;

use super::given::ADDRESS;
use super::messages::ByWhom;
use super::params::{Params, parse};
use super::segment::Segment;
use super::store_failed;
use crate::auth::{Admin, Reader};
use crate::conditional::Asked;
use crate::openapi::{NotFound, Refusals, Unchanged};
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Other addresses of a person that are shown, at most.
const OTHERS_MAX: usize = 100;

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
    /// What the person is called.
    #[schema(required)]
    name: Option<String>,
}

/// A recipient, with what else is known of the same person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecipientProfile {
    #[serde(flatten)]
    recipient: Recipient,
    /// The other addresses with the same `user_id`, over all channels, in the order of the address; at most 100.
    addresses: Vec<OtherAddress>,
}

/// Another address of the same person.
#[derive(Debug, Serialize, ToSchema)]
struct OtherAddress {
    /// The address, as it is kept.
    address: Address,
    /// What is known of it, in one word.
    status: RecipientStatus,
    /// Its newest event.
    #[schema(required)]
    last_event: Option<LastEvent>,
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
    registered: u64,
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
            registered: counts.registered,
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
        Self {
            status: view.status,
            last_event: LastEvent::of(&view),
            last_sent_at: state.sent_at,
            first_event_at: state.first_at,
            counts: CountsView::of(view.counts()),
            address: view.address,
            suppression: view.suppression.map(Suppression::from),
            user_id: view.profile.user_id,
            name: view.profile.name,
        }
    }
}

impl LastEvent {
    fn of(view: &RecipientView) -> Option<Self> {
        let r#type = view.state.last_kind().map(hearback_event::Kind::dotted);
        view.state.last.map(|(occurred_at, ..)| Self { r#type, occurred_at })
    }
}

impl RecipientProfile {
    pub(super) fn of(view: RecipientView, same_person: Vec<RecipientView>) -> Self {
        let others = same_person.into_iter().filter(|other| other.address != view.address);
        let addresses = others.take(OTHERS_MAX).map(|other| OtherAddress {
            status: other.status,
            last_event: LastEvent::of(&other),
            address: other.address,
        });
        Self { addresses: addresses.collect(), recipient: Recipient::of(view) }
    }
}

/// The recipient with the other addresses of the same person.
pub(super) async fn profile_of(shared: &Shared, view: RecipientView) -> Outcome<RecipientProfile> {
    let same_person = match view.profile.user_id.clone() {
        Some(user_id) => {
            let page = shared.store.recipients_of_user(user_id, None, OTHERS_MAX + 1).await;
            page.map_err(|error| store_failed(&error))?.rows
        }
        None => Vec::new(),
    };
    Ok(RecipientProfile::of(view, same_person))
}

pub(super) fn read(address: &str) -> Outcome<Address> {
    parse("address", address, ADDRESS)
}

/// What was erased of a person, by where it was.
#[derive(Serialize, ToSchema)]
pub(super) struct Forgotten {
    /// Events to the address: each still counts, and says nothing any more.
    events: u64,
    /// Events to others that named the address: it was taken out of them.
    mentions: u64,
    /// Raw requests that held an event to the address, or named it.
    payloads: u64,
    /// Counters and suppression of the address.
    recipients: u64,
    /// The same, of events that were dropped before.
    recipients_dropped: u64,
    /// What the application or a person said about the address.
    profiles: u64,
    /// Refused requests that named it.
    quarantine: u64,
    /// Tags that named it; what was counted under them is counted among the others.
    tags: u64,
    /// Whether the whole file was written anew because unused parts of it still held the address.
    rewritten: bool,
    /// Whether nothing that is deleted stands anywhere in the files any more. If not, a reader was in the way: again, later.
    purged: bool,
}

impl From<hearback_store::Forgotten> for Forgotten {
    fn from(forgotten: hearback_store::Forgotten) -> Self {
        let hearback_store::Forgotten {
            events,
            mentions,
            payloads,
            recipients,
            recipients_dropped,
            profiles,
            quarantine,
            tags,
            rewritten,
            purged,
        } = forgotten;
        Self {
            events,
            mentions,
            payloads,
            recipients,
            recipients_dropped,
            profiles,
            quarantine,
            tags,
            rewritten,
            purged,
        }
    }
}

/// Forget a person
///
/// Erases everything that is known of an address up to now: of its events nothing is left but that they happened. It may take
/// its time: everything is looked through. An address of which nothing is known is no error.
#[utoipa::path(
    delete,
    path = "/recipients/{address}",
    operation_id = "forgetRecipient",
    tag = "recipients",
    params(("address" = Address, Path, description = "An e-mail address or a number such as +15551234567, in any spelling.")),
    responses((status = 200, description = "What was erased.", body = Forgotten), Refusals),
    security(("token" = ["admin"])),
)]
pub(super) async fn forget(
    _: Admin,
    State(shared): State<Arc<Shared>>,
    Segment(address): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Forgotten>> {
    Params::none(query)?;
    let address = read(&address)?;
    let masked = address.masked();
    // Goes on when the asker has gone: half of it is no answer to anybody.
    let store = Arc::clone(&shared.store);
    let forgetting = tokio::spawn(async move { store.forget(address).await });
    let forgotten =
        forgetting.await.unwrap_or(Err(StoreError::Stopped)).map_err(|error| store_failed(&error))?;
    tracing::info!(recipient = %masked, events = forgotten.events, payloads = forgotten.payloads, "a recipient was forgotten");
    Ok(Json(forgotten.into()))
}

/// What is known of a recipient
///
/// Counters, the newest event, whether the address must not be sent to, and why; and the same person's other addresses.
#[utoipa::path(
    get,
    path = "/recipients/{address}",
    operation_id = "getRecipient",
    tag = "recipients",
    params(("address" = Address, Path, description = "An e-mail address or a number such as +15551234567, in any spelling.")),
    responses((status = 200, description = "The recipient.", body = RecipientProfile, headers(("etag" = String, description = "For `If-None-Match`."))), Unchanged, NotFound, Refusals),
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
    let address = read(&address)?;
    let found = shared.store.recipient(address).await.map_err(|error| store_failed(&error))?;
    let view = found.ok_or_else(|| {
        Problem::not_found(
            "address",
            "an address of which an event is known",
            "nothing is known of this address",
        )
    })?;
    Ok(asked.json(&profile_of(&shared, view).await?))
}
