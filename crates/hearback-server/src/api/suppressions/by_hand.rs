//! Suppressing and lifting by hand: both are events in the log, like what providers tell.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::given::{self, Given};
use crate::api::params::{Params, parse};
use crate::api::query::{LiftQuery, Names};
use crate::api::recipients::Suppression;
use crate::api::segment::Segment;
use crate::api::store_failed;
use crate::auth::Writer;
use crate::by_hand::{lift_by_hand, suppress_by_hand};
use crate::openapi::{NotFound, Refusals};
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// What is expected as the body.
const EXPECTED: &str = "an object with `addresses`, a list of texts, and perhaps `reason`, a text";

/// Addresses to be suppressed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSuppressions)]
pub(in crate::api) struct NewSuppressions {
    /// Which: e-mail addresses and numbers in any spelling. One that is no address refuses the whole request.
    #[schema(value_type = Vec<Address>, min_items = 1, max_items = 1000)]
    addresses: Vec<String>,
    /// Why, for people who read the history.
    #[serde(default, deserialize_with = "given::present")]
    #[schema(nullable = false, min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AddedSuppressions)]
pub(in crate::api) struct Added {
    /// How many were not suppressed by hand before.
    pub(in crate::api) created: usize,
    /// Each, in the order given.
    pub(in crate::api) data: Vec<AddedOne>,
}

/// What came of one address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AddedSuppression)]
pub(in crate::api) struct AddedOne {
    /// The address, as it is kept.
    pub(in crate::api) address: Address,
    /// False where it was suppressed by hand already: then nothing was changed.
    pub(in crate::api) created: bool,
    /// Why it must not be sent to now.
    #[schema(required)]
    pub(in crate::api) suppression: Option<Suppression>,
}

/// Suppress addresses by hand
///
/// What is suppressed by hand stands until it is lifted by hand: no delivery and no provider clears it. It is in the log as an
/// event `message.suppression_changed`, with the name of the token that said so. The provider's own list is not changed.
/// Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/suppressions",
    operation_id = "addSuppressions",
    tag = "suppressions",
    request_body(content = NewSuppressions, example = json!({"addresses": ["alice@example.com"], "reason": "asked by phone not to be written to"})),
    responses((status = 200, description = "They must not be sent to.", body = Added), Refusals),
    security(("token" = ["write"])),
)]
pub(in crate::api) async fn add(
    Writer(by): Writer,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
    body: Given,
) -> Outcome<Json<Added>> {
    Params::none(query)?;
    let NewSuppressions { addresses, reason } = given::json(body, EXPECTED)?;
    let addresses = given::addresses(&addresses)?;
    let reason = given::text("reason", reason)?;
    let failed = |error| store_failed(&error);
    let store = &*shared.store;
    let created = suppress_by_hand(store, &addresses, &by, reason.as_deref()).await.map_err(failed)?;
    let after = shared.store.recipients(addresses.clone()).await.map_err(failed)?;
    let data: Vec<AddedOne> = addresses
        .into_iter()
        .zip(created)
        .zip(after)
        .map(|((address, created), view)| AddedOne {
            address,
            created,
            suppression: view.and_then(|view| view.suppression).map(Suppression::from),
        })
        .collect();
    Ok(Json(Added { created: data.iter().filter(|one| one.created).count(), data }))
}

/// An address may be sent to again, as far as Hearback has a say.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LiftedSuppression)]
pub(in crate::api) struct Lifted {
    /// The address, as it is kept.
    pub(in crate::api) address: Address,
    /// Why it must not have been sent to.
    pub(in crate::api) was: Suppression,
    /// What this does not do.
    pub(in crate::api) note: &'static str,
}

/// What lifting does not do.
pub(in crate::api) const NOTE: &str = "Only Hearback's own answer is changed. A provider that has the address on its own list \
     goes on refusing it until it is taken off there.";

/// What is expected of an address to be lifted.
const SUPPRESSED: &str = "an address that is suppressed, as GET /v1/suppressions lists it";

/// Lift a suppression by hand
///
/// Whatever the cause, until a newer one comes. It is in the log as an event `message.suppression_changed`, with the name of
/// the token that did it. **The provider's own list is not changed**: a provider that has the address on its list goes on
/// refusing it until it is taken off there.
#[utoipa::path(
    delete,
    path = "/suppressions/{address}",
    operation_id = "liftSuppression",
    tag = "suppressions",
    params(("address" = Address, Path, description = "An e-mail address or a number such as +15551234567, in any spelling."), LiftQuery),
    responses((status = 200, description = "It is lifted.", body = Lifted), NotFound, Refusals),
    security(("token" = ["write"])),
)]
pub(in crate::api) async fn lift(
    Writer(by): Writer,
    State(shared): State<Arc<Shared>>,
    Segment(address): Segment<String>,
    query: RawQuery,
) -> Outcome<Json<Lifted>> {
    static NAMES: Names = Names::of::<LiftQuery>();
    let params = Params::new(query, &NAMES)?;
    let reason = given::text("reason", params.one("reason")?.map(str::to_owned))?;
    let address: Address = parse("address", &address, given::ADDRESS)?;
    let was = lift_by_hand(&*shared.store, &address, &by, reason.as_deref()).await;
    let was = was.map_err(|error| store_failed(&error))?.ok_or_else(|| {
        Problem::not_found("address", SUPPRESSED, "this address is not suppressed: there is nothing to lift")
    })?;
    Ok(Json(Lifted { address, was: was.into(), note: NOTE }))
}
