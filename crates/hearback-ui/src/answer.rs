//! A page as it is sent: with the headers that every page has.

use askama::Template;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::assets::{gzip, takes_gzip};

/// Nothing is loaded but from here, nothing runs that stands in a page, nobody frames it, and forms are sent here only.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers of every page, whatever it says.
const FIXED: [(HeaderName, HeaderValue); 8] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // Pages have addresses of people in their own addresses.
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Shorter pages are not worth compressing.
const COMPRESS_FROM: usize = 1024;

/// A page.
pub(crate) fn page(status: StatusCode, asked: &HeaderMap, template: &impl Template) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "a page could not be made");
            return with_headers(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        }
    };
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let vary = (header::VARY, HeaderValue::from_static("accept-encoding, cookie"));
    let mut answer = if html.len() >= COMPRESS_FROM && takes_gzip(asked) {
        let coding = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let bytes = gzip(html.as_bytes(), Compression::new(5));
        (status, [kind, vary, coding], Body::from(bytes)).into_response()
    } else {
        (status, [kind, vary], html).into_response()
    };
    answer = with_headers(answer);
    answer
}

/// Puts the headers of every page to an answer.
pub(crate) fn with_headers(mut answer: Response) -> Response {
    for (name, value) in FIXED {
        answer.headers_mut().entry(name).or_insert(value);
    }
    answer
}

/// Sends the browser elsewhere, with `GET`, with cookies to be kept.
pub(crate) fn redirect(to: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let mut answer = StatusCode::SEE_OTHER.into_response();
    let to = HeaderValue::from_str(to).unwrap_or_else(|_| HeaderValue::from_static("/"));
    answer.headers_mut().insert(header::LOCATION, to);
    for cookie in cookies {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    with_headers(answer)
}

/// A file to keep.
pub(crate) fn download(name: &str, kind: &'static str, bytes: impl Into<Body>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    with_headers((headers, bytes.into()).into_response())
}
