//! Bodies of requests, read strictly: what is misspelt or too long is told, with the member at fault.

use axum::extract::rejection::BytesRejection;
use bytes::Bytes;
use hearback_event::Address;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::params::parse;
use crate::problem::{Outcome, Problem};

/// A body as axum gives it, within the limit of its route.
pub(super) type Given = Result<Bytes, BytesRejection>;

/// Most addresses of one request.
pub(super) const ADDRESSES_MAX: usize = 1000;
/// Longest body: so many addresses, each of its letters escaped.
pub(super) const BODY_BYTES_MAX: usize = 2 << 20;
/// Longest text that a person or the application says about somebody, in characters.
pub(super) const TEXT_MAX: usize = 500;
/// An error is quoted only up to here.
const QUOTED_MAX: usize = 200;

/// Reads a JSON object.
pub(super) fn json<T: DeserializeOwned>(body: Given, expected: &'static str) -> Outcome<T> {
    let body = body.map_err(|_| {
        let detail = format!("the body cannot be read whole; it may have up to {} MiB", BODY_BYTES_MAX >> 20);
        Problem::new(413, "too_large", "Too large", detail).about("body", "a smaller body")
    })?;
    let begins = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if begins.is_some_and(|byte| *byte != b'{') {
        // A list of the members' values would be understood as well, and is nothing that was described.
        let detail = format!("the body is no JSON object; expected {expected}");
        return Err(Problem::bad_field("body", expected, detail));
    }
    serde_json::from_slice(&body).map_err(|error| {
        let error: String = error.to_string().chars().filter(|c| !c.is_control()).take(QUOTED_MAX).collect();
        Problem::bad_field(
            "body",
            expected,
            format!("the body is not understood: {error}; expected {expected}"),
        )
    })
}

/// A member that may be left out, but is not null where it is there.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// That a list has a member and not too many.
pub(super) fn addresses_fit(addresses: &[String]) -> Outcome<()> {
    if (1..=ADDRESSES_MAX).contains(&addresses.len()) {
        return Ok(());
    }
    let expected = format!("1 to {ADDRESSES_MAX} addresses");
    let detail = format!("`addresses` has {} members; expected {expected}", addresses.len());
    Err(Problem::bad_field("addresses", expected, detail))
}

/// Reads addresses, of which none may be wrong.
pub(super) fn addresses(given: &[String]) -> Outcome<Vec<Address>> {
    addresses_fit(given)?;
    let read = |(place, text): (usize, &String)| parse(&format!("addresses[{place}]"), text, ADDRESS);
    given.iter().enumerate().map(read).collect()
}

/// What is expected as an address.
pub(super) const ADDRESS: &str = "an e-mail address or a number such as +15551234567";

/// A text that may be left out: without control characters, and neither empty nor too long.
pub(super) fn text(field: &str, text: Option<String>) -> Outcome<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let trimmed = text.trim();
    if !trimmed.is_empty() && trimmed.chars().count() <= TEXT_MAX && !trimmed.chars().any(char::is_control) {
        return Ok(Some(trimmed.to_owned()));
    }
    let expected = format!("1 to {TEXT_MAX} characters without control characters, or nothing");
    let detail = format!("`{field}` is empty, too long, or holds a control character; expected {expected}");
    Err(Problem::bad_field(field, expected, detail))
}
