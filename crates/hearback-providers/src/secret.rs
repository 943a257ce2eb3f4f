//! Text that must never be printed.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// A key, password or token. `Debug` shows nothing of it, it has no `Display`, and it cannot be compared except through
/// [`crate::crypto::equal`].
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a text; surrounding white space (a newline at the end of a file) is dropped.
    pub fn new(text: &str) -> Self {
        Self(text.trim().into())
    }

    /// The text itself: only for handing it to a cryptographic function.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}
