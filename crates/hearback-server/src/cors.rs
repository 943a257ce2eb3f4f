//! Letting pages of other origins ask the API from a browser. Off, unless origins are configured.
//!
//! Tokens travel in a header that a page sets itself, never in cookies, so no credentials are allowed. Webhooks are not
//! concerned: they do not pass this way.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::request_id;

/// How long a browser may remember what it was allowed.
const REMEMBERED: Duration = Duration::from_hours(1);
/// What a page may send.
const SENT: [HeaderName; 3] = [header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_NONE_MATCH];
/// What a page may read.
const READ: [HeaderName; 4] =
    [header::ETAG, header::RETRY_AFTER, header::WWW_AUTHENTICATE, request_id::HEADER];

/// The layer for these origins; none where there are none.
pub(crate) fn layer(origins: &[HeaderValue]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.to_vec()))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(SENT)
        .expose_headers(READ)
        .max_age(REMEMBERED);
    Some(layer)
}
