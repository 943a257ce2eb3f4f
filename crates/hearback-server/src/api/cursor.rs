//! Cursors: where the next page begins, in a form that nobody takes apart.
//!
//! A cursor holds what it belongs to (the list, its order and its filter, as a digest), so that one used elsewhere is
//! an error and not a wrong answer.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hearback_event::DedupKey;

use crate::problem::{Outcome, Problem};

/// Raised when the form changes.
const VERSION: u8 = 1;
const SCOPE_BYTES: usize = 8;
const HEAD: usize = 1 + SCOPE_BYTES;

/// What is expected as a cursor.
pub(super) const CURSOR: &str = "a `next_cursor` of this list, with the same filter and order";

/// What a cursor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope([u8; SCOPE_BYTES]);

impl Scope {
    /// A list with the filters that are set: `["quarantine", "source=a"]`.
    pub(super) fn of(parts: &[&str]) -> Self {
        let bytes: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        let mut scope = [0; SCOPE_BYTES];
        scope.copy_from_slice(&DedupKey::of(&bytes).as_bytes()[..SCOPE_BYTES]);
        Self(scope)
    }

    /// The cursor of a place in this list.
    pub(super) fn cursor(self, place: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(HEAD + place.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.0);
        bytes.extend_from_slice(place);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a cursor of this list holds; `name` is the parameter it came in.
    pub(super) fn place(self, name: &str, cursor: &str) -> Outcome<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
        let (Some(version), Some(scope), Some(place)) =
            (bytes.first(), bytes.get(1..HEAD), bytes.get(HEAD..))
        else {
            let detail = format!("`{name}` is not a cursor; give a `next_cursor` as it came");
            return Err(Problem::bad_field(name, CURSOR, detail));
        };
        if *version != VERSION {
            let detail =
                format!("`{name}` is a cursor of another version of Hearback; begin anew without it");
            return Err(Problem::bad_field(name, CURSOR, detail));
        }
        if scope != self.0 {
            let detail = format!(
                "`{name}` belongs to another list, filter or order; begin anew without it, or repeat the filter"
            );
            return Err(Problem::bad_field(name, CURSOR, detail));
        }
        Ok(place.to_vec())
    }

    /// As [`Scope::cursor`], for a number.
    pub(super) fn number_cursor(self, number: u64) -> String {
        self.cursor(&number.to_be_bytes())
    }

    /// As [`Scope::place`], for a number.
    pub(super) fn number(self, name: &str, cursor: &str) -> Outcome<u64> {
        let place = self.place(name, cursor)?;
        place
            .try_into()
            .map(u64::from_be_bytes)
            .map_err(|_| Problem::bad_field(name, CURSOR, format!("`{name}` is not a cursor of this list")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_serves_its_own_list_only() {
        let (one, other) = (Scope::of(&["events", "source=a"]), Scope::of(&["events", "source=b"]));
        let cursor = one.number_cursor(42);
        assert_eq!(one.number("cursor", &cursor).unwrap(), 42);
        assert!(other.number("cursor", &cursor).is_err());
        for bad in ["", "x", "AAAA", "!!!", &one.cursor(b"abc")] {
            assert!(one.number("cursor", bad).is_err(), "{bad}");
        }
    }
}
