//! What a provider expects to be answered, and what it does with each answer.

use serde::Serialize;

/// The answers of one provider: a contract, because a wrong code loses events for good.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Contract {
    /// Stored, or stored before.
    pub accepted: u16,
    /// Signature missing, wrong, too old, or a forged replay.
    pub refused: u16,
    /// The body is not what this provider sends, so nothing in it can be verified.
    pub unparsable: u16,
    /// Our own fault or overload: the code on which this provider tries again.
    pub try_again: u16,
    /// More requests per second than the source allows: a code on which this provider tries again.
    pub rate_limited: u16,
    /// How long the provider goes on trying, in seconds; 0 where it does not try again by itself.
    pub retries_for_seconds: u64,
    /// How often it tries again.
    pub retries: u32,
    /// One sentence for people: how it retries and which codes are final, from the provider's documents.
    pub notes: &'static str,
}

/// The contract of a provider that tries again on every error: 401 on a bad signature.
pub const SIGNATURE_401: Contract = Contract {
    accepted: 200,
    refused: 401,
    unparsable: 400,
    try_again: 503,
    rate_limited: 503,
    retries_for_seconds: 0,
    retries: 0,
    notes: "",
};

/// As [`SIGNATURE_401`], with 403 on a bad signature.
pub const SIGNATURE_403: Contract = Contract { refused: 403, ..SIGNATURE_401 };

/// An answer to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Content type of the body; none for an empty body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// `{"success":true}` with 200.
    pub fn success() -> Self {
        Self { status: 200, content_type: Some("application/json"), body: b"{\"success\":true}".to_vec() }
    }

    /// 200 without a body.
    pub fn empty() -> Self {
        Self { status: 200, content_type: None, body: Vec::new() }
    }
}
