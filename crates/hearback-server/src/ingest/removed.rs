//! What stands in a kept head in place of a credential.
//!
//! Of what was accepted nothing is needed any more. What was refused may have been genuine under a wrongly set password,
//! and is to be tried again once that is mended: so the quarantine keeps a digest, by which today's password is
//! recognised as the one that was sent.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::{pbkdf2, rand};
use hearback_providers::crypto::{hex_decode, hex_encode};

/// What stands in place of a credential of which nothing is kept.
pub(crate) const REMOVED: &str = "[removed]";

/// How everything begins that stands in place of a credential.
pub(super) const OPENING: &str = "[removed";

/// How a digest begins. Without a blank: in the query that would end the request line too early.
const DIGEST_OPENING: &str = "[removed;pbkdf2-sha256:";

/// Stretched, because people choose short passwords and the database may be read by others (backups): guessing takes as
/// many times longer. No more than that, because it is computed while a request is refused, about a millisecond for each
/// value: strangers can cause that, and only `quarantined_per_second` limits how often.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(2000).unwrap();

static ALGORITHM: pbkdf2::Algorithm = pbkdf2::PBKDF2_HMAC_SHA256;

/// A salted digest of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    iterations: NonZeroU32,
    salt: [u8; 16],
    hash: [u8; 32],
}

impl Digest {
    /// Of a value as it was received. `None` where there is no randomness to be had.
    pub(super) fn of(value: &[u8]) -> Option<Self> {
        let (mut salt, mut hash) = ([0; 16], [0; 32]);
        rand::fill(&mut salt).ok()?;
        pbkdf2::derive(ALGORITHM, ITERATIONS, &salt, value, &mut hash);
        Some(Self { iterations: ITERATIONS, salt, hash })
    }

    /// Reads what `Display` writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut fields = text.strip_prefix(DIGEST_OPENING)?.strip_suffix(']')?.split(':');
        let iterations = fields.next()?.parse().ok()?;
        let salt = hex_decode(fields.next()?)?.try_into().ok()?;
        let hash = hex_decode(fields.next()?)?.try_into().ok()?;
        // More than we ever wrote would let a forged text keep us busy for hours.
        (fields.next().is_none() && iterations <= ITERATIONS).then_some(Self { iterations, salt, hash })
    }

    /// Whether it was made of this value.
    pub(crate) fn is_of(&self, value: &[u8]) -> bool {
        pbkdf2::verify(ALGORITHM, self.iterations, &self.salt, value, &self.hash).is_ok()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { iterations, salt, hash } = self;
        write!(f, "{DIGEST_OPENING}{iterations}:{}:{}]", hex_encode(salt), hex_encode(hash))
    }
}

/// The head of a request that was refused and is now accepted: of its credentials, which are today's, nothing is kept.
pub(crate) fn without_digests(head: &str) -> String {
    let mut text = String::with_capacity(head.len());
    let mut rest = head;
    while let Some(start) = rest.find(DIGEST_OPENING) {
        let (before, from) = rest.split_at(start);
        text.push_str(before);
        let end = from.find(']').map_or(from.len(), |end| end + 1);
        let (digest, after) = from.split_at(end);
        text.push_str(if Digest::parse(digest).is_some() { REMOVED } else { digest });
        rest = after;
    }
    text.push_str(rest);
    text
}

/// What stands in place of this value, for tests of other modules.
#[cfg(test)]
pub(crate) fn digest_of(value: &str) -> String {
    Digest::of(value.as_bytes()).map_or_else(String::new, |digest| digest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_one_value_from_all_others() {
        for value in ["hush", "", "Basic dTpw", "gr\u{fc}n", &"x".repeat(5000)] {
            let digest = Digest::of(value.as_bytes()).unwrap();
            let text = digest.to_string();
            assert!(text.starts_with("[removed;pbkdf2-sha256:2000:") && text.len() == 126, "{text}");
            assert!(!text.contains(' '));
            let again = Digest::parse(&text).unwrap();
            assert_eq!(again, digest);
            assert!(again.is_of(value.as_bytes()));
            assert!(!again.is_of(format!("{value}.").as_bytes()) && !again.is_of(text.as_bytes()));
            assert_ne!(Digest::of(value.as_bytes()).unwrap(), digest, "the salt is another");
        }
    }

    #[test]
    fn the_digest_is_the_standard_one() {
        // Made with Python's `hashlib.pbkdf2_hmac("sha256", b"hush", bytes(16), 2000)`.
        let hash = "947dde05e4cbcabcda7bc0170e55a9df5f2c0eabed28c0b5cb5da99e3e012252";
        let text = format!("{DIGEST_OPENING}2000:{}:{hash}]", "00".repeat(16));
        assert!(Digest::parse(&text).unwrap().is_of(b"hush"));
    }

    #[test]
    fn what_we_did_not_write_is_no_digest() {
        let (salt, hash) = ("ab".repeat(16), "cd".repeat(32));
        assert!(Digest::parse(&format!("[removed;pbkdf2-sha256:1:{salt}:{hash}]")).is_some());
        for text in [
            "[removed]".to_owned(),
            format!("[removed;pbkdf2-sha256:2001:{salt}:{hash}]"),
            format!("[removed;pbkdf2-sha256:4294967295:{salt}:{hash}]"),
            format!("[removed;pbkdf2-sha256:0:{salt}:{hash}]"),
            format!("[removed;pbkdf2-sha256:1:{salt}:{hash}:]"),
            format!("[removed;pbkdf2-sha256:1:{salt}:{hash}"),
            format!("[removed;pbkdf2-sha256:1:{salt}:]"),
            format!("[removed;pbkdf2-sha256:1:{hash}:{salt}]"),
            format!("[removed;pbkdf2-sha512:1:{salt}:{hash}]"),
        ] {
            assert_eq!(Digest::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn digests_are_taken_out_of_a_head() {
        let digest = Digest::of(b"hush").unwrap();
        let head = format!(
            "POST /a?b={digest}&c=d HTTP/1.1\r\nx: {digest}\r\ny: {DIGEST_OPENING}z]\r\nz: [removed]\r\n"
        );
        let expected = format!(
            "POST /a?b=[removed]&c=d HTTP/1.1\r\nx: [removed]\r\ny: {DIGEST_OPENING}z]\r\nz: [removed]\r\n"
        );
        assert_eq!(without_digests(&head), expected);
        assert_eq!(without_digests(DIGEST_OPENING), DIGEST_OPENING);
    }
}
