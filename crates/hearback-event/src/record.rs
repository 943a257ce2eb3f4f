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

    /// The message it belongs to, as far as the event alone tells; see [`Event::message_ids`].
    pub fn message_id(&self) -> Option<MessageId> {
        self.event.message_ids(&self.account).next()
    }
}

/// The message of an event, as the API gives it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessageRef {
    /// Hearback's name for it.
    pub id: MessageId,
    /// The provider's name for it; null in a registration that came before the provider gave one.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub provider_id: Option<String>,
    /// The subject line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

/// One thing that happened to one message for one recipient.
// Field order and names of the API.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub(crate) struct Rendered<'a> {
    /// Its name.
    id: EventId,
    /// What happened.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::EventType))]
    kind: String,
    /// The source that received it.
    source: &'a str,
    /// The source's provider.
    provider: &'a str,
    /// The provider's own word for what happened.
    native_type: &'a str,
    /// How the message travels.
    channel: Channel,
    /// How the event came to be in the log.
    origin: Origin,
    /// When it happened: the provider's time, else the time of receipt.
    occurred_at: Timestamp,
    /// Whether the provider told no time, so that the time of receipt stands in. Left out where false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    occurred_at_approximate: bool,
    /// When Hearback received it.
    received_at: Timestamp,
    /// Whether the request's signature was checked and right.
    verified: bool,
    /// To whom the message went, where one recipient is known.
    #[cfg_attr(feature = "openapi", schema(required, value_type = Option<Address>))]
    recipient: Option<&'a Address>,
    /// Where the provider names several recipients and not which of them is meant: all of them.
    #[serde(skip_serializing_if = "<[Address]>::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Address>))]
    ambiguous_recipients: &'a [Address],
    /// The message, where the provider names one.
    #[cfg_attr(feature = "openapi", schema(required))]
    message: Option<MessageRef>,
    /// Why it did not arrive.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::Failure))]
    failure: Option<&'a crate::Failure>,
    /// Who opened or clicked, and what.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::Engagement))]
    engagement: Option<&'a crate::Engagement>,
    /// A change of the provider's own list, or by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::SuppressionChange))]
    suppression: Option<&'a crate::SuppressionChange>,
    /// Envelope of a message that came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::Inbound))]
    inbound: Option<&'a crate::Inbound>,
    /// What the application said when it registered the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::Registration))]
    registration: Option<&'a crate::Registration>,
    /// What a notice says, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    notice: Option<&'a str>,
    /// The alert that this event tells of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::Alert))]
    alert: Option<&'a crate::Alert>,
    /// Tags, in the sender's order.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    tags: &'a [String],
    /// What the sender attached; nested values as JSON text.
    labels: &'a std::collections::BTreeMap<String, String>,
    /// The provider's name for this event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    provider_event_id: Option<&'a str>,
    /// Whether it is a provider's test or sample event. Left out where false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    /// Why this element of a batch could not be understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    error: Option<&'a str>,
    /// The raw element that could not be understood, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    raw: Option<&'a str>,
    /// The account of its source; only where asked for with `include=keys`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    account: Option<&'a str>,
    /// What it is known by when it comes again; only where asked for with `include=keys`.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    keys: &'a [String],
}

impl Serialize for Record {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = &self.event;
        let message = self.message_id().map(|id| MessageRef {
            id,
            provider_id: event.provider_message_id.clone(),
            subject: event.subject.clone(),
        });
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
            registration: event.registration.as_ref(),
            notice: event.notice.as_deref(),
            alert: event.alert.as_deref(),
            tags: &event.tags,
            labels: &event.labels,
            provider_event_id: event.provider_event_id.as_deref(),
            test: event.test,
            error: event.error.as_deref(),
            raw: event.raw.as_deref(),
            account: None,
            keys: &[],
        }
        .serialize(serializer)
    }
}
