//! Tokens of the API, and the randomness that they are made of.

use std::fmt;

use hearback_event::Timestamp;
use hearback_providers::crypto;
use hearback_store::NewToken;

/// Fills the buffer with random bytes from the operating system's source.
pub(crate) fn fill_random(buffer: &mut [u8]) {
    // aws-lc aborts the process itself when its source fails at start; a failure after that cannot be survived either.
    assert!(aws_lc_rs::rand::fill(buffer).is_ok(), "the operating system gives no random bytes");
}

/// What a token may do; greater scopes hold the smaller ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scope {
    /// Read events and what follows from them
    Read,
    /// Read and write
    Write,
    /// Everything
    Admin,
}

impl Scope {
    /// The word for it in the store.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// A fresh token of the API: printed once, kept as its SHA-256 only.
pub(crate) struct FreshToken(String);

impl FreshToken {
    /// Makes one: `hb_` and 32 random bytes in base32, which a double click selects as a whole.
    pub(crate) fn new() -> Self {
        let mut bytes = [0; 32];
        fill_random(&mut bytes);
        Self(format!("hb_{}", data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()))
    }

    /// The token itself, to be printed once.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it.
    pub(crate) fn to_keep(&self, name: &str, scope: Scope) -> NewToken {
        NewToken {
            name: name.to_owned(),
            scope: scope.name().to_owned(),
            hash: crypto::sha256(&[self.0.as_bytes()]),
            created_at: Timestamp::now(),
        }
    }
}

impl fmt::Debug for FreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreshToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_distinct_and_never_printed_by_accident() {
        let (one, other) = (FreshToken::new(), FreshToken::new());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 3 + 52);
        assert!(one.expose().starts_with("hb_"));
        assert!(
            one.expose()
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        );
        assert!(!format!("{one:?} {:?}", one.to_keep("x", Scope::Read)).contains(one.expose()));
    }
}
