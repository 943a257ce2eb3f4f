//! What the application says of a recipient: its own id for the person, and the person's name.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use hearback_event::{Address, RecipientState};
use hearback_store::{Profile, RecipientView};
use serde::Deserialize;
use utoipa::ToSchema;

use super::given::{self, Given};
use super::params::Params;
use super::recipients::{RecipientProfile, profile_of, read};
use super::segment::Segment;
use super::store_failed;
use crate::auth::Writer;
use crate::openapi::Refusals;
use crate::problem::Outcome;
use crate::shared::Shared;

/// What is expected as the body.
const EXPECTED: &str = "an object with perhaps `user_id` and `name`, both texts";

/// What the application says of a recipient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProfile)]
pub(super) struct NewProfile {
    /// The application's own id for this person; left out, it is taken away. The addresses of one person have the same.
    #[serde(default, deserialize_with = "given::present")]
    #[schema(nullable = false, min_length = 1, max_length = 500)]
    user_id: Option<String>,
    /// What the person is called; left out, it is taken away.
    #[serde(default, deserialize_with = "given::present")]
    #[schema(nullable = false, min_length = 1, max_length = 500)]
    name: Option<String>,
}

/// Say whose address it is
///
/// Replaces what was said before: what is left out is taken away. Repeating it changes nothing. Nothing need be known of the
/// address. `forgetRecipient` erases it.
#[utoipa::path(
    put,
    path = "/recipients/{address}",
    operation_id = "putRecipient",
    tag = "recipients",
    params(("address" = Address, Path, description = "An e-mail address or a number such as +15551234567, in any spelling.")),
    request_body(content = NewProfile, example = json!({"user_id": "42", "name": "Alice Example"})),
    responses((status = 200, description = "The recipient.", body = RecipientProfile), Refusals),
    security(("token" = ["write"])),
)]
pub(super) async fn put(
    _: Writer,
    State(shared): State<Arc<Shared>>,
    Segment(address): Segment<String>,
    query: RawQuery,
    body: Given,
) -> Outcome<Json<RecipientProfile>> {
    Params::none(query)?;
    let address = read(&address)?;
    let NewProfile { user_id, name } = given::json(body, EXPECTED)?;
    let profile = Profile { user_id: given::text("user_id", user_id)?, name: given::text("name", name)? };
    let failed = |error| store_failed(&error);
    shared.store.put_profile(address.clone(), profile.clone()).await.map_err(failed)?;
    let found = shared.store.recipient(address.clone()).await.map_err(failed)?;
    let view = found.unwrap_or_else(|| unknown(address));
    profile_of(&shared, view).await.map(Json)
}

/// A recipient of which no event is known.
fn unknown(address: Address) -> RecipientView {
    let state = RecipientState::default();
    RecipientView { address, status: state.status(), state, suppression: None, profile: Profile::default() }
}
