//! Conditional requests: whoever has an answer already and shows its `ETag` is told that it still holds.
//!
//! The tag is a digest of the answer, so it changes exactly when the answer does. It saves the way, not the work: an
//! answer is made before it is compared.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use hearback_providers::crypto;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::problem::Problem;

/// Bytes of the digest that stand in a tag.
const TAG_BYTES: usize = 15;
/// A browser or library may keep the answer for its own user, and has to ask whether it still holds.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("private, no-cache");

/// What the caller has already (`If-None-Match`), as a handler's argument.
pub(crate) struct Asked(Vec<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::of(&parts.headers))
    }
}

impl Asked {
    fn of(headers: &HeaderMap) -> Self {
        Self(headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect())
    }

    /// The answer as JSON, or 304.
    pub(crate) fn json(&self, answer: &impl Serialize) -> Response {
        match serde_json::to_vec(answer) {
            Ok(body) => self.bytes("application/json", body),
            // Our own types are texts, numbers, lists and maps with texts as keys.
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Problem::new(500, "internal", "Internal error", "the answer could not be written")
                    .into_response()
            }
        }
    }

    /// The answer of a media type, or 304.
    pub(crate) fn bytes(&self, media_type: &'static str, body: impl Into<Bytes>) -> Response {
        let body = body.into();
        let tag = tag(&body);
        let mut answer = if self.has(&tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, media_type)], body).into_response()
        };
        // A tag is letters, digits and quotes.
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            answer.headers_mut().insert(header::ETAG, tag);
        }
        answer.headers_mut().insert(header::CACHE_CONTROL, ASK_AGAIN);
        answer
    }

    /// Whether `tag` is among what the caller has. Weak comparison, as RFC 9110 wants it here.
    fn has(&self, tag: &str) -> bool {
        let values = self.0.iter().filter_map(|value| value.to_str().ok());
        let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
        tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    }
}

fn tag(body: &[u8]) -> String {
    let digest = crypto::sha256(&[body]);
    format!("\"{}\"", BASE64URL_NOPAD.encode(&digest[..TAG_BYTES]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(asked: &[&str], body: &'static str) -> u16 {
        let asked = Asked(asked.iter().map(|value| HeaderValue::from_str(value).unwrap()).collect());
        asked.bytes("text/plain", body).status().as_u16()
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        let tag = tag(b"one");
        let weak = format!("W/{tag}");
        let among = format!("\"x\", {weak} ,\"y\"");
        for asked in [tag.as_str(), &weak, &among, "*"] {
            assert_eq!(status(&[asked], "one"), 304, "{asked}");
        }
        assert_eq!(status(&["\"x\"", &tag], "one"), 304, "in a second header");
        let bare = tag.trim_matches('"');
        for asked in ["", "\"\"", bare, "\"x\"", "W/", ","] {
            assert_eq!(status(&[asked], "one"), 200, "{asked}");
        }
        assert_eq!(status(&[&tag], "two"), 200, "another answer has another tag");
        assert_eq!(status(&[], "one"), 200);
    }
}
