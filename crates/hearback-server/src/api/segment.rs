//! Path segments, decoded; what cannot be decoded is a problem document like every other error.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::problem::{Outcome, Problem};

/// The variable segments of a path.
pub(super) struct Segment<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Outcome<Self> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::bad_field(
                "path",
                "percent-encoded UTF-8",
                "the path is not percent-encoded UTF-8",
            )),
        }
    }
}
