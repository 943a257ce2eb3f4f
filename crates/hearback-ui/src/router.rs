//! Every path of the interface.

use axum::Router;
use axum::routing::{get, post};

use crate::pages::{
    alerts, destinations, entrance, events, home, messages, quarantine, recipients, settings, sources,
    suppressions, timelines, watchdog,
};
use crate::ui::Ui;
use crate::{assets, preferences, search};

/// The pages, to be served beside the API. Their paths are those that `hearback_server::is_reserved` keeps from sources.
pub fn router(ui: Ui) -> Router {
    Router::new()
        .route("/", get(home::show))
        .route("/events", get(events::show))
        .route("/events/live", get(events::live))
        .route("/events.csv", get(events::csv))
        .route("/events.ndjson", get(events::ndjson))
        .route("/messages", get(messages::list))
        .route("/messages/{id}", get(messages::one))
        .route("/recipients", get(recipients::list))
        .route("/recipients/{address}", get(recipients::one).post(recipients::change))
        .route("/timelines", get(timelines::start))
        .route("/timelines/{key}/{value}", get(timelines::one))
        .route("/alerts", get(alerts::list))
        .route("/alerts/{id}", get(alerts::one))
        .route("/alerts/{id}/acknowledge", post(alerts::acknowledge))
        .route("/alerts/{id}/resolve", post(alerts::resolve))
        .route("/watchdog", get(watchdog::show))
        .route("/suppressions", get(suppressions::list).post(suppressions::add))
        .route("/destinations", get(destinations::list))
        .route("/destinations/{name}", get(destinations::one))
        .route("/destinations/{name}/pause", post(destinations::pause))
        .route("/destinations/{name}/resume", post(destinations::resume))
        .route("/destinations/{name}/redrive", post(destinations::redrive))
        .route("/destinations/{name}/test", post(destinations::test))
        .route("/quarantine", get(quarantine::list))
        .route("/quarantine/{id}", get(quarantine::one))
        .route("/quarantine/retry", post(quarantine::retry))
        .route("/quarantine/discard", post(quarantine::discard))
        .route("/sources", get(sources::list))
        .route("/sources/{name}", get(sources::one))
        .merge(settings_router())
        .merge(single_router())
        .route("/search", get(search::go))
        .route("/preferences", get(preferences::choose))
        .route("/sign-in", get(entrance::show).post(entrance::sign_in))
        .route("/sign-out", post(entrance::sign_out))
        .route("/welcome", get(entrance::welcome).post(entrance::begin))
        .route("/assets/{name}", get(assets::serve))
        .with_state(ui)
}

/// Signing in by a provider of identities.
#[cfg(feature = "oidc")]
fn single_router() -> Router<Ui> {
    use crate::pages::single_sign_on;
    Router::new()
        .route("/sign-in/oidc", get(single_sign_on::begin))
        .route("/sign-in/oidc/callback", get(single_sign_on::come_back))
}

#[cfg(not(feature = "oidc"))]
fn single_router() -> Router<Ui> {
    Router::new()
}

fn settings_router() -> Router<Ui> {
    Router::new()
        .route("/settings", get(settings::account))
        .route("/settings/password", post(settings::change_password))
        .route("/settings/sessions", get(settings::sessions).post(settings::end_any_session))
        .route("/settings/sessions/end", post(settings::end_own_session))
        .route("/settings/users", get(settings::users).post(settings::add_user))
        .route("/settings/users/change", post(settings::change_user))
        .route("/settings/tokens", get(settings::tokens).post(settings::add_token))
        .route("/settings/tokens/remove", post(settings::remove_token))
        .route("/settings/audit", get(settings::audit))
        .route("/settings/system", get(settings::system))
}
