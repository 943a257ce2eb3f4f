//! `/openapi.json` and `/docs`: for everybody who can reach the API, token or not.

use std::sync::{Arc, LazyLock};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::Unchanged;
use super::{document, page};
use crate::conditional::Asked;
use crate::shared::Shared;

const OPENAPI: &str = "/openapi.json";
const DOCS: &str = "/docs";
const STYLE: &str = "/docs/style.css";
/// Every path here: no source can have it.
pub(crate) const PATHS: [&str; 3] = [OPENAPI, DOCS, STYLE];

/// Nothing is loaded but the style, from here; nothing runs; nobody frames the page.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const NOSNIFF: (HeaderName, HeaderValue) =
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

pub(crate) fn router() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(openapi))
        .routes(routes!(docs))
        .route(STYLE, axum::routing::get(style))
}

/// This description, as OpenAPI 3.1
#[utoipa::path(
    get,
    path = OPENAPI,
    operation_id = "openapi",
    tag = "machines",
    responses((status = 200, description = "The description.", body = serde_json::Value), Unchanged),
)]
async fn openapi(asked: Asked) -> Response {
    ([NOSNIFF], asked.bytes("application/json", document().json.clone())).into_response()
}

/// This description, to read
///
/// One page without scripts, made of the description; everything in it comes from this server.
#[utoipa::path(
    get,
    path = DOCS,
    operation_id = "docs",
    tag = "machines",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html"), Unchanged),
)]
async fn docs(asked: Asked) -> Response {
    static PAGE: LazyLock<Bytes> = LazyLock::new(page::html);
    let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    let referrer = (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    ([NOSNIFF, policy, referrer], asked.bytes("text/html; charset=utf-8", PAGE.clone())).into_response()
}

async fn style(asked: Asked) -> Response {
    ([NOSNIFF], asked.bytes("text/css; charset=utf-8", page::STYLE)).into_response()
}
