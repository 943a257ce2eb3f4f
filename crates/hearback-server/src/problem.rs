//! Errors as RFC 9457 problem documents.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of the body.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request was not answered as wished.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    word: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    /// Boxed, because most results carry a problem that never happens.
    fault: Option<Box<Fault>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The part of a request that is at fault.
#[derive(Clone, Debug)]
struct Fault {
    field: String,
    expected: Cow<'static, str>,
}

/// What the API's handlers give.
pub(crate) type Outcome<T> = Result<T, Problem>;

/// Why a request was not answered as wished (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Rendered<'a> {
    /// What kind of problem it is: `urn:hearback:problem:` and a word that stays the same.
    #[schema(pattern = "^urn:hearback:problem:[a-z_]+$", example = "urn:hearback:problem:bad_request")]
    r#type: String,
    /// The kind in words.
    title: &'a str,
    /// The status code of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong with this request.
    detail: &'a str,
    /// The parameter, path segment or header that is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    field: Option<&'a str>,
    /// What would have been right there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String)]
    expected: Option<&'a str>,
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
        Self { status, word, title, detail: detail.into(), fault: None, headers: Vec::new() }
    }

    /// 404: nothing is served here.
    pub(crate) fn no_such_path(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(404, "not_found", "Not found", detail)
            .about("path", "a path that GET /openapi.json describes")
    }

    /// 404: what the path names is not there; `field` is the segment that names it.
    pub(crate) fn not_found(
        field: &str,
        expected: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(404, "not_found", "Not found", detail).about(field, expected)
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "method_not_allowed", "Method not allowed", "this path does not take this method")
            .about("method", "a method that the header `allow` names")
    }

    /// 400 about one field of the request: what was expected there, and the whole in a sentence.
    pub(crate) fn bad_field(
        field: &str,
        expected: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(400, "bad_request", "The request is not understood", detail).about(field, expected)
    }

    /// Names the part of the request that is at fault, and what would have been right there.
    #[must_use]
    pub(crate) fn about(mut self, field: &str, expected: impl Into<Cow<'static, str>>) -> Self {
        self.fault = Some(Box::new(Fault { field: field.to_owned(), expected: expected.into() }));
        self
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

    /// What is wrong, in a sentence.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The part of the request that is at fault, and what was expected there.
    pub(crate) fn fault(&self) -> Option<(String, String)> {
        self.fault.as_ref().map(|fault| (fault.field.clone(), fault.expected.to_string()))
    }

    fn rendered(&self) -> Rendered<'_> {
        Rendered {
            r#type: format!("urn:hearback:problem:{}", self.word),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            field: self.fault.as_ref().map(|fault| fault.field.as_str()),
            expected: self.fault.as_ref().map(|fault| &*fault.expected),
        }
    }

    /// The document, for examples.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::to_value(self.rendered()).ok()
    }

    /// The answer.
    pub(crate) fn into_answer(self) -> http::Response<Full<Bytes>> {
        // A struct of texts and a number always serialises.
        let body = serde_json::to_vec(&self.rendered()).unwrap_or_default();
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
