//! `/v1/suppressions`: addresses that must not be sent to.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::Address;

use super::cursor::{CURSOR, Scope};
use super::page::ListPage;
use super::params::Params;
use super::query::{Names, PageQuery};
use super::recipients::Suppression;
use super::store_failed;
use crate::auth::Reader;
use crate::openapi::Refusals;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Named, because the description names what it names.
type SuppressionPage = ListPage<Suppression>;

static NAMES: Names = Names::of::<PageQuery>();

/// Addresses that must not be sent to
///
/// In the order of the address.
#[utoipa::path(
    get,
    path = "/suppressions",
    operation_id = "listSuppressions",
    tag = "recipients",
    params(PageQuery),
    responses((status = 200, description = "One page.", body = SuppressionPage), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<SuppressionPage>> {
    let params = Params::new(query, &NAMES)?;
    let scope = Scope::of(&["suppressions"]);
    let limit = params.limit()?;
    let after = params.one("cursor")?.map(|cursor| address(scope, cursor)).transpose()?;
    let mut found =
        shared.store.suppressions(after, limit + 1).await.map_err(|error| store_failed(&error))?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next_cursor = last.map(|row| scope.cursor(row.address.as_str().as_bytes()));
    Ok(Json(ListPage { data: found.into_iter().map(Suppression::from).collect(), next_cursor }))
}

fn address(scope: Scope, cursor: &str) -> Outcome<Address> {
    let place = scope.place("cursor", cursor)?;
    std::str::from_utf8(&place)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::bad_field("cursor", CURSOR, "`cursor` is not a cursor of this list"))
}
