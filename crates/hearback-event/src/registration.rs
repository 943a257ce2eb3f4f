//! What the application says of a message that it sends: an event like any other, so that a message is known before its
//! provider speaks, and its silence is noticed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Address, Channel, DedupKey, Event, Kind, Timestamp};

/// What only the application can say of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Registration {
    /// The application's own name for the message, unique within the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The message is overdue when it is not delivered so many seconds after it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect_delivered_within: Option<u32>,
    /// The application's id for the recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Hearback itself hands the message to the provider: which attempt this is of, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub attempt: Option<u32>,
}

/// A message that the application sends or has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// The provider's name for it, where it is known already.
    pub provider_message_id: Option<String>,
    /// To whom it goes.
    pub recipient: Address,
    /// How it travels.
    pub channel: Channel,
    /// The subject line.
    pub subject: Option<String>,
    /// What is attached to it.
    pub labels: BTreeMap<String, String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// When it was or will be sent.
    pub sent_at: Timestamp,
    /// What else the application says. Without a provider's id, a key is needed.
    pub registration: Registration,
}

impl NewMessage {
    /// The event that registers it. Registering a message again, under the same key or the same provider's id, is the same
    /// event; telling the provider's id of a message that was registered without is another one.
    pub fn into_event(self) -> Event {
        let key = self.registration.key.as_deref().unwrap_or_default();
        let provider_id = self.provider_message_id.as_deref().unwrap_or_default();
        let to = self.recipient.as_str().as_bytes();
        let dedup = DedupKey::of(&[b"hearback", b"registered", key.as_bytes(), provider_id.as_bytes(), to]);
        Event {
            occurred_at: Some(self.sent_at),
            recipient: Some(self.recipient),
            provider_message_id: self.provider_message_id,
            subject: self.subject,
            registration: Some(self.registration),
            tags: self.tags,
            labels: self.labels,
            ..Event::new(Kind::Registered, Kind::Registered.name(), self.channel, dedup)
        }
    }
}
