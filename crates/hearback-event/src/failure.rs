//! Why a message did not arrive.

use serde::{Deserialize, Serialize};

use crate::kind::vocabulary;

vocabulary! {
    /// Whether trying again later can help.
    Severity, "severity" {
        /// It will fail again.
        Permanent = 1 "permanent",
        /// It may work later.
        Temporary = 2 "temporary",
    }
}

vocabulary! {
    /// The cause, in one word.
    Reason, "failure reason" {
        /// The address or number does not exist.
        InvalidRecipient = 1 "invalid_recipient",
        /// The mailbox is full.
        MailboxFull = 2 "mailbox_full",
        /// The recipient's side blocks this sender.
        Blocked = 3 "blocked",
        /// Taken for spam.
        Spam = 4 "spam",
        /// The domain has no usable DNS records.
        Dns = 5 "dns",
        /// The other side did not answer in time.
        Timeout = 6 "timeout",
        /// A rule of the provider or recipient (quota, rate, greylisting, region).
        Policy = 7 "policy",
        /// The content was refused (size, attachment, template).
        Content = 8 "content",
        /// The address is on the provider's suppression list.
        Suppressed = 9 "suppressed",
        /// The recipient had unsubscribed.
        Unsubscribed = 10 "unsubscribed",
        /// Sender not authenticated or not registered.
        Auth = 11 "auth",
        /// The phone carrier's network.
        Carrier = 12 "carrier",
        /// None of these, or not told.
        Other = 13 "other",
    }
}

/// What is known of a failure. Every text is as the provider gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failure {
    /// Whether trying again can help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// The cause in the common vocabulary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// SMTP reply code or the provider's own code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// RFC 3463 enhanced status code, `5.1.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enhanced_code: Option<String>,
    /// The answer of the remote server, verbatim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// The provider's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}
