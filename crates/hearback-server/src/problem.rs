//! Errors as RFC 9457 problem documents.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

/// The media type of the body.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request was not answered as wished.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    word: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    field: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What the API's handlers give.
pub(crate) type Outcome<T> = Result<T, Problem>;

#[derive(Serialize)]
struct Rendered<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl Problem {
    /// A problem of the type `urn:hearback:problem:<word>`. A status that is none becomes 500.
    pub(crate) fn new(
        status: u16,
        word: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, word, title, detail: detail.into(), field: None, headers: Vec::new() }
    }

    /// 404.
    pub(crate) fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(404, "not_found", "Not found", detail)
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "method_not_allowed", "Method not allowed", "this path does not take this method")
    }

    /// 400 about one field of the request.
    pub(crate) fn bad_field(field: &str, detail: impl Into<Cow<'static, str>>) -> Self {
        let mut problem = Self::new(400, "bad_request", "The request is not understood", detail);
        problem.field = Some(field.to_owned());
        problem
    }

    /// 503: our own fault or overload.
    pub(crate) fn try_again(status: u16, seconds: u64, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(status, "try_again", "Try again later", detail).retry_after(seconds)
    }

    /// Says when to try again.
    #[must_use]
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer.
    pub(crate) fn into_answer(self) -> http::Response<Full<Bytes>> {
        let rendered = Rendered {
            r#type: format!("urn:hearback:problem:{}", self.word),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            field: self.field.as_deref(),
        };
        // A struct of texts and a number always serialises.
        let body = serde_json::to_vec(&rendered).unwrap_or_default();
        let mut answer = http::Response::new(Full::from(body));
        *answer.status_mut() = self.status;
        answer.headers_mut().insert(header::CONTENT_TYPE, MEDIA_TYPE);
        answer.headers_mut().extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        answer
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.into_answer().map(axum::body::Body::new)
    }
}
