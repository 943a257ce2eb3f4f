//! What a provider answers to a message that is handed to it.

use hearback_event::{Failure, Reason, Severity};
use http::HeaderMap;
use serde_json::Value;

use crate::json;

/// An answer, read whole.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The provider has the message, under this id, as its webhooks will name it.
    Accepted(String),
    /// The provider does not have it. Where the severity is [`Severity::Temporary`], it may take it another time: after a while,
    /// or when the configuration is mended.
    Refused(Failure),
    /// Nobody can tell whether it has it.
    Unclear(String),
}

/// The body as JSON; null where it is none.
pub(crate) fn json_of(answer: &Answer<'_>) -> Value {
    serde_json::from_slice(answer.body).unwrap_or_default()
}

/// A refusal with the provider's own code and words.
pub(crate) fn refused(
    severity: Severity,
    reason: Reason,
    code: Option<String>,
    words: Option<String>,
) -> Meaning {
    Meaning::Refused(Failure {
        severity: Some(severity),
        reason: Some(reason),
        code,
        description: words,
        ..Failure::default()
    })
}

/// What the status says where the provider says nothing more exact; `words` are its own.
///
/// 429 and 503 say that the message was not taken. Any other 5xx may have been said by a machine that stands in front of the one that
/// took it, so that nobody can tell.
pub(crate) fn by_status(answer: &Answer<'_>, words: Option<String>) -> Meaning {
    use Reason::{Auth, Content, Other, Policy};
    use Severity::{Permanent, Temporary};
    let status = answer.status;
    let (severity, reason) = match status {
        401 | 403 => (Temporary, Auth),
        402 | 429 => (Temporary, Policy),
        // Redirects, and paths that are not there: the base URL or the domain in it is wrong, and can be mended.
        300..=399 | 404 | 405 | 408 | 503 => (Temporary, Other),
        413 => (Permanent, Content),
        400..=499 => (Permanent, Other),
        200..=299 => return Meaning::Unclear(format!("it answered {status} without the id of a message")),
        _ => return Meaning::Unclear(with_words(format!("it answered {status}"), words.as_deref())),
    };
    let described = words.or_else(|| match status {
        300..=399 => Some("it redirects, which is not followed; is `base_url` right?".to_owned()),
        404 | 405 => Some("nothing is there; is `base_url` right?".to_owned()),
        _ => None,
    });
    refused(severity, reason, Some(status.to_string()), described)
}

fn with_words(what: String, words: Option<&str>) -> String {
    words.map_or(what.clone(), |words| format!("{what}: {}", json::cut(words)))
}
