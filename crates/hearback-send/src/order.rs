//! What is to be sent, and what came of it.

use std::time::Duration;

use hearback_event::{Failure, MessageId, NewMessage, Timestamp};
use hearback_providers::{Draft, DraftError};
use hearback_store::{SourceRef, StoreError, SuppressionView};

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Order {
    /// The source through which it goes, and that will tell of it.
    pub source: SourceRef,
    /// As it is registered. It has a key.
    pub message: NewMessage,
    /// From whom; the source's default, if nothing is said.
    pub from: Option<String>,
    /// To whom to answer.
    pub reply_to: Option<String>,
    /// The content, which is not kept.
    pub content: Content,
    /// The URL under which the source is reached.
    pub callback_url: Option<String>,
    /// Send it although the recipient is suppressed.
    pub send_to_suppressed: bool,
    /// Send it although it may have been sent already.
    pub retry_unknown: bool,
}

/// The content of a message. `Debug` shows nothing of it.
#[derive(Clone, Default)]
pub struct Content {
    /// As plain text.
    pub text: Option<String>,
    /// As HTML.
    pub html: Option<String>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Content(…)")
    }
}

impl Order {
    /// The message's name.
    pub fn id(&self) -> MessageId {
        let key = self.message.registration.key.as_deref().unwrap_or_default();
        MessageId::of_key(&self.source.account, key, Some(self.message.recipient.as_str()))
    }

    /// What the provider is to be asked for, after so many refusals.
    pub(crate) fn draft(&self, refusals: u32) -> Draft {
        let id = self.id();
        Draft {
            id,
            // What was refused may be mended: that is another request. What is only repeated is not.
            idempotency_key: format!("{id}-{refusals}"),
            to: self.message.recipient.clone(),
            from: self.from.clone(),
            reply_to: self.reply_to.clone(),
            subject: self.message.subject.clone(),
            text: self.content.text.clone(),
            html: self.content.html.clone(),
            tags: self.message.tags.clone(),
            labels: self.message.labels.clone(),
            callback_url: self.callback_url.clone(),
        }
    }
}

/// What came of an order.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The message's name.
    pub id: MessageId,
    /// Which attempt this is of, from 1; 0 where none was begun.
    pub attempt: u32,
    /// Whether this was known before, and nothing was sent now.
    pub repeated: bool,
    /// What came of it.
    pub outcome: Outcome,
}

/// How an order ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The provider has the message.
    Accepted {
        /// Its name there.
        provider_message_id: String,
    },
    /// The provider will not send it.
    Refused(Failure),
    /// The provider did not take it now; it may later, or when the configuration is mended.
    Later {
        /// Why.
        failure: Failure,
        /// How long to wait, where the provider says so.
        retry_after: Option<Duration>,
    },
    /// The provider was asked, and nobody knows what it did.
    NotKnown {
        /// When it was asked.
        begun_at: Timestamp,
        /// Why nobody knows; `None` where the process ended or another one asked.
        why: Option<String>,
    },
    /// The recipient must not be sent to; nothing was registered.
    Suppressed(SuppressionView),
    /// The application registered it as sent by itself; nothing was sent.
    RegisteredOnly,
    /// The key was used, and what it was used for was forgotten or dropped; nothing was sent.
    Forgotten,
}

impl Outcome {
    /// The word for it in metrics and logs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Refused(_) => "refused",
            Self::Later { .. } => "later",
            Self::NotKnown { .. } => "not_known",
            Self::Suppressed(_) => "suppressed",
            Self::RegisteredOnly | Self::Forgotten => "not_begun",
        }
    }
}

/// An order cannot be worked on; nothing was begun.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The provider cannot send it so.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The log cannot answer or keep it now.
    #[error(transparent)]
    Store(#[from] StoreError),
}
