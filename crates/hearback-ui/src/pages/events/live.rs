//! How many events there are that a list does not show yet.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use hearback_store::{EventQuery, Order};
use serde_json::json;

use super::filter::Wanted;
use crate::answer;
use crate::refusal::Outcome;
use crate::ui::Ui;
use crate::url::Query;
use crate::visit::Visit;

/// More are said as "over".
const MOST: usize = 200;

/// `/events/live?...&after=POSITION`, with the filter of the list.
pub(crate) async fn live(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome<Response> {
    let query = Query::parse(&query.unwrap_or_default());
    let after: u64 = query.read("after").unwrap_or(u64::MAX);
    let store = &ui.0.store;
    // Nothing is asked of the database while nothing comes in.
    let count = if store.last_position() <= after {
        0
    } else {
        let filter = Wanted::read(&query, visit.now).filter;
        let asked = EventQuery { filter, order: Order::Oldest, beyond: Some(after), limit: MOST + 1 };
        store.events(asked).await?.rows.len()
    };
    let text = if count > MOST { format!("over {MOST} new") } else { format!("{count} new") };
    Ok(answer::with_headers(Json(json!({ "count": count, "text": text })).into_response()))
}
