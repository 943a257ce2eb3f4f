//! An event with its place in the log: what the API, destinations and exports give.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Address, Channel, Event, EventId, Kind, MessageId, Origin, Timestamp};

/// One row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Position in the log, from 1, without order among events of the same moment.
    pub position: u64,
    /// When Hearback received it.
    pub received_at: Timestamp,
    /// The source that received it.
    pub source: Arc<str>,
    /// The source's provider.
    pub provider: Arc<str>,
    /// The account that the source belongs to.
    pub account: Arc<str>,
    /// How it came in.
    pub origin: Origin,
    /// Whether the request's signature was checked and right. False under shadow mode.
    pub verified: bool,
    /// The request whose raw bytes hold it, if still kept.
    pub payload: Option<u64>,
    /// What happened.
    pub event: Event,
}

impl Record {
    /// The event's name.
    pub fn id(&self) -> EventId {
        EventId::new(self.received_at, self.position)
    }

    /// When it happened: the provider's time, else the time of receipt.
    pub fn occurred_at(&self) -> Timestamp {
        self.event.occurred_at.unwrap_or(self.received_at)
    }

    /// The message it belongs to, if the provider named one.
    pub fn message_id(&self) -> Option<MessageId> {
        let provider_id = self.event.provider_message_id.as_deref()?;
        let recipient = self.event.recipient.as_ref().map(Address::as_str);
        Some(MessageId::new(&self.account, provider_id, recipient))
    }
}

/// The message of an event, as the API gives it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageRef {
    /// Hearback's name for it.
    pub id: MessageId,
    /// The provider's name for it.
    pub provider_id: String,
    /// The subject line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// Field order and names of the API.
#[derive(Serialize)]
struct Rendered<'a> {
    id: EventId,
    #[serde(rename = "type")]
    kind: String,
    source: &'a str,
    provider: &'a str,
    native_type: &'a str,
    channel: Channel,
    origin: Origin,
    occurred_at: Timestamp,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    occurred_at_approximate: bool,
    received_at: Timestamp,
    verified: bool,
    recipient: Option<&'a Address>,
    #[serde(skip_serializing_if = "<[Address]>::is_empty")]
    ambiguous_recipients: &'a [Address],
    message: Option<MessageRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a crate::Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    engagement: Option<&'a crate::Engagement>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppression: Option<&'a crate::SuppressionChange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inbound: Option<&'a crate::Inbound>,
    tags: &'a [String],
    labels: &'a std::collections::BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
}

impl Serialize for Record {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = &self.event;
        let message = self
            .message_id()
            .zip(event.provider_message_id.clone())
            .map(|(id, provider_id)| MessageRef { id, provider_id, subject: event.subject.clone() });
        Rendered {
            id: self.id(),
            kind: Kind::dotted(event.kind),
            source: &self.source,
            provider: &self.provider,
            native_type: &event.native_type,
            channel: event.channel,
            origin: self.origin,
            occurred_at: self.occurred_at(),
            occurred_at_approximate: event.occurred_at.is_none(),
            received_at: self.received_at,
            verified: self.verified,
            recipient: event.recipient.as_ref(),
            ambiguous_recipients: &event.ambiguous_recipients,
            message,
            failure: event.failure.as_ref(),
            engagement: event.engagement.as_ref(),
            suppression: event.suppression.as_ref(),
            inbound: event.inbound.as_ref(),
            tags: &event.tags,
            labels: &event.labels,
            provider_event_id: event.provider_event_id.as_deref(),
            test: event.test,
            error: event.error.as_deref(),
            raw: event.raw.as_deref(),
        }
        .serialize(serializer)
    }
}
