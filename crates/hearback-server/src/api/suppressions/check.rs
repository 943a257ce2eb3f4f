//! Before sending: which of many addresses may be sent to.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::Address;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::given::{self, Given};
use crate::api::params::Params;
use crate::api::recipients::Suppression;
use crate::api::store_failed;
use crate::auth::Reader;
use crate::openapi::Refusals;
use crate::problem::Outcome;
use crate::shared::Shared;

/// What is expected as the body.
const EXPECTED: &str = "an object with `addresses`, a list of texts";

/// Addresses to be looked up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AddressesToCheck)]
pub(in crate::api) struct ToCheck {
    /// Which: e-mail addresses and numbers in any spelling.
    #[schema(min_items = 1, max_items = 1000)]
    addresses: Vec<String>,
}

/// Which may be sent to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CheckedAddresses)]
pub(in crate::api) struct Checks {
    /// Each, in the order given.
    pub(in crate::api) data: Vec<Checked>,
}

/// Whether one address may be sent to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CheckedAddress)]
pub(in crate::api) struct Checked {
    /// The address, as it was given.
    pub(in crate::api) given: String,
    /// The address, as it is kept; null where it is none.
    #[schema(required)]
    pub(in crate::api) address: Option<Address>,
    /// False where it is suppressed, and where it is no address.
    pub(in crate::api) may_send: bool,
    /// Why it must not be sent to.
    #[schema(required)]
    pub(in crate::api) suppression: Option<Suppression>,
    /// Why it is no address.
    #[schema(required)]
    pub(in crate::api) error: Option<String>,
}

/// Check addresses before sending
///
/// 1 to 1,000 at once. An address of which nothing is known may be sent to; what is no address is told, and does not stop the
/// others.
#[utoipa::path(
    post,
    path = "/suppressions/check",
    operation_id = "checkSuppressions",
    tag = "suppressions",
    request_body(content = ToCheck, example = json!({"addresses": ["alice@example.com", "bob@example.com"]})),
    responses((status = 200, description = "Each, in the order given.", body = Checks), Refusals),
    security(("token" = ["read"])),
)]
pub(in crate::api) async fn check(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
    body: Given,
) -> Outcome<Json<Checks>> {
    Params::none(query)?;
    let ToCheck { addresses } = given::json(body, EXPECTED)?;
    given::addresses_fit(&addresses)?;
    let read: Vec<_> = addresses.iter().map(|text| Address::parse(text)).collect();
    let known: Vec<Address> = read.iter().flatten().cloned().collect();
    let found = shared.store.recipients(known).await.map_err(|error| store_failed(&error))?;
    let mut suppressions = found.into_iter().map(|view| view.and_then(|view| view.suppression));
    let data = addresses.into_iter().zip(read).map(|(given, read)| match read {
        Ok(address) => {
            let suppression = suppressions.next().flatten().map(Suppression::from);
            Checked {
                given,
                address: Some(address),
                may_send: suppression.is_none(),
                suppression,
                error: None,
            }
        }
        Err(error) => Checked {
            given,
            address: None,
            may_send: false,
            suppression: None,
            error: Some(error.to_string()),
        },
    });
    Ok(Json(Checks { data: data.collect() }))
}
