//! `/v1/suppressions`: addresses that must not be sent to.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::Address;
use hearback_store::SuppressionView;

use super::cursor::Scope;
use super::page::ListPage;
use super::params::Params;
use super::store_failed;
use crate::auth::Reader;
use crate::problem::{Outcome, Problem};
use crate::shared::Shared;

/// `GET /v1/suppressions`, in the order of the address.
pub(super) async fn list(
    _: Reader,
    State(shared): State<Arc<Shared>>,
    query: RawQuery,
) -> Outcome<Json<ListPage<SuppressionView>>> {
    let params = Params::new(query, &["limit", "cursor"])?;
    let scope = Scope::of(&["suppressions"]);
    let limit = params.limit()?;
    let after = params.one("cursor")?.map(|cursor| address(scope, cursor)).transpose()?;
    let mut data = shared.store.suppressions(after, limit + 1).await.map_err(|error| store_failed(&error))?;
    let more = data.len() > limit;
    data.truncate(limit);
    let last = data.last().filter(|_| more);
    let next_cursor = last.map(|row| scope.cursor(row.address.as_str().as_bytes()));
    Ok(Json(ListPage { data, next_cursor }))
}

fn address(scope: Scope, cursor: &str) -> Outcome<Address> {
    let place = scope.place("cursor", cursor)?;
    std::str::from_utf8(&place)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::bad_field("cursor", "`cursor` is not a cursor of this list"))
}
