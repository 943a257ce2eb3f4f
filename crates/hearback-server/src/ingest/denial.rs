//! Why a request was not accepted, and what its sender is told.

use hearback_providers::{Contract, Refusal, ShapeError};

use super::outcome::Outcome;
use crate::problem::Problem;

/// Longest detail that the quarantine keeps, in bytes.
const DETAIL_BYTES_MAX: usize = 500;

/// Why a request goes to the quarantine.
#[derive(Clone, Debug)]
pub(crate) enum Denial {
    /// Its provider's rules do not believe it.
    Refusal(Refusal),
    /// Its one-time token came before with another body.
    ForgedReplay,
    /// It tells of a message that nobody knows, at a source that takes known ones only.
    UnknownMessage,
    /// Its body is longer than allowed.
    TooLarge,
    /// Its body is nested too deep or has too many fields.
    TooComplex(ShapeError),
    /// Its body is compressed.
    UnsupportedEncoding,
    /// The provider's code failed over it.
    InternalError,
}

impl Denial {
    /// The cause in one word.
    pub(crate) const fn cause(&self) -> &'static str {
        match self {
            Self::Refusal(refusal) => refusal.cause(),
            Self::ForgedReplay => "forged_replay",
            Self::UnknownMessage => "unknown_message",
            Self::TooLarge => "too_large",
            Self::TooComplex(_) => "too_complex",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::InternalError => "internal_error",
        }
    }

    /// The cause in a sentence, for the quarantine only: it may quote the request.
    pub(super) fn detail(&self) -> String {
        let mut text = match self {
            Self::Refusal(refusal) => refusal.to_string(),
            Self::ForgedReplay => "the one-time token came before with another body".to_owned(),
            Self::UnknownMessage => "it tells of a message of which nothing is known".to_owned(),
            Self::TooLarge => "the body is longer than body_bytes_max; it was not read".to_owned(),
            Self::TooComplex(error) => error.to_string(),
            Self::UnsupportedEncoding => "the body is compressed".to_owned(),
            Self::InternalError => {
                "the code of this provider failed over it; please report this as a bug".to_owned()
            }
        };
        text.truncate(text.floor_char_boundary(DETAIL_BYTES_MAX));
        text
    }

    pub(super) const fn outcome(&self) -> Outcome {
        match self {
            Self::Refusal(Refusal::Unparsable(_)) => Outcome::Unparsable,
            Self::Refusal(_) | Self::ForgedReplay => Outcome::Refused,
            Self::UnknownMessage => Outcome::UnknownMessage,
            Self::TooLarge => Outcome::TooLarge,
            Self::TooComplex(_) => Outcome::TooComplex,
            Self::UnsupportedEncoding => Outcome::UnsupportedEncoding,
            Self::InternalError => Outcome::Failed,
        }
    }

    /// What the sender is told: never which part of a signature was wrong.
    pub(super) fn problem(&self, contract: &Contract) -> Problem {
        match self {
            Self::Refusal(refusal @ Refusal::Unparsable(_)) => Problem::new(
                refusal.status(contract),
                "unparsable",
                "Not understood",
                "the body is not of a shape that this source can verify",
            ),
            Self::Refusal(_) | Self::ForgedReplay => {
                Problem::new(contract.refused, "refused", "Refused", "the request could not be authenticated")
            }
            Self::UnknownMessage => Problem::new(
                404,
                "unknown_message",
                "Unknown message",
                "nothing is known of the message that this request tells of",
            ),
            Self::TooLarge => Problem::new(413, "too_large", "Too large", "the body is longer than allowed"),
            Self::TooComplex(_) => Problem::new(
                413,
                "too_complex",
                "Too complex",
                "the body is nested deeper, or has more fields, than allowed",
            ),
            Self::UnsupportedEncoding => Problem::new(
                415,
                "unsupported_encoding",
                "Unsupported encoding",
                "send the body without a content encoding",
            ),
            Self::InternalError => {
                Problem::try_again(contract.try_again, super::answer::FAULT_SECONDS, "an internal error")
            }
        }
    }
}
