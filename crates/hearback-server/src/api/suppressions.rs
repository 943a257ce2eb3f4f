//! `/v1/suppressions`: addresses that must not be sent to, and saying so by hand.

pub(super) mod by_hand;
pub(super) mod check;
pub(super) mod standing;

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{Address, SuppressionReason};
use hearback_store::SuppressionQuery;

use super::cursor::{CURSOR, Scope};
use super::page::ListPage;
use super::params::Params;
use super::query::{Names, SuppressionsQuery};
use super::recipients::Suppression;
use super::{filter, store_failed};
use crate::auth::Reader;
use crate::openapi::Refusals;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// Named, because the description names what it names.
type SuppressionPage = ListPage<Suppression>;

static NAMES: Names = Names::of::<SuppressionsQuery>();

/// Addresses that must not be sent to
///
/// In the order of the address. All filters that are given must hold. With a filter a page may have fewer rows than asked for,
/// and even none, and not be the last: where there is a `next_cursor`, there may be more.
#[utoipa::path(
    get,
    path = "/suppressions",
    operation_id = "listSuppressions",
    tag = "suppressions",
    params(SuppressionsQuery),
    responses((status = 200, description = "One page.", body = SuppressionPage), Refusals),
    security(("token" = ["read"])),
)]
pub(super) async fn list(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<SuppressionPage>> {
    let params = Params::new(query, &NAMES)?;
    let (asked, scope) = read(&params)?;
    let page = shared.store.suppressions(asked).await.map_err(|error| store_failed(&error))?;
    let next_cursor = page.next.map(|address| scope.cursor(address.as_str().as_bytes()));
    Ok(Json(ListPage { data: page.rows.into_iter().map(Suppression::from).collect(), next_cursor }))
}

fn read(params: &Params) -> Outcome<(SuppressionQuery, Scope)> {
    let mut reasons: Vec<SuppressionReason> =
        filter::words(params, "reason", SuppressionReason::ALL.iter().map(|reason| reason.name()))?;
    reasons.sort_unstable();
    let (since, until) = filter::span(params)?;
    let source = params.one("source")?;
    let parts = [
        "suppressions".to_owned(),
        reasons.iter().map(|reason| reason.name()).collect::<Vec<_>>().join(","),
        source.unwrap_or_default().to_owned(),
        since.map(|since| since.to_string()).unwrap_or_default(),
        until.map(|until| until.to_string()).unwrap_or_default(),
    ];
    let scope = Scope::of(&parts.each_ref().map(String::as_str));
    let after = params.one("cursor")?.map(|cursor| address_of(scope, cursor)).transpose()?;
    let source = source.map(str::to_owned);
    Ok((SuppressionQuery { reasons, source, since, until, after, limit: params.limit()? }, scope))
}

/// The address that a cursor holds.
pub(super) fn address_of(scope: Scope, cursor: &str) -> Outcome<Address> {
    let place = scope.place("cursor", cursor)?;
    std::str::from_utf8(&place)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::bad_field("cursor", CURSOR, "`cursor` is not a cursor of this list"))
}
