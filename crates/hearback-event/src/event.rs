//! One thing that happened to one message for one recipient, as its provider told it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Address, Alert, Channel, Failure, Kind, Label, MessageId, Reason, Registration, Severity, Timestamp, mask,
};

/// An event before it has a place in the log: what a provider adapter makes of a request.
///
/// As JSON (the stored form and part of the API's) empty fields are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    #[serde(skip)]
    pub kind: Kind,
    /// The provider's own word for it.
    #[serde(default)]
    pub native_type: String,
    /// How the message travels.
    #[serde(skip)]
    pub channel: Channel,
    /// When it happened; `None` where the provider does not tell (then the time of receipt stands in, marked
    /// approximate).
    #[serde(skip)]
    pub occurred_at: Option<Timestamp>,
    /// To whom the message went.
    #[serde(skip)]
    pub recipient: Option<Address>,
    /// Where the provider names several recipients and not which of them is meant: all of them, while
    /// `recipient` is `None`. Such an event moves no recipient's counters and suppresses nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ambiguous_recipients: Vec<Address>,
    /// The provider's name for the message, without angle brackets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_message_id: Option<String>,
    /// The provider's name for this event, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_event_id: Option<String>,
    /// The subject line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Why it did not arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Who opened or clicked, and what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engagement: Option<Engagement>,
    /// A change of the provider's own list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression: Option<SuppressionChange>,
    /// Envelope of a message that came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Inbound>,
    /// What the application said when it registered the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<Registration>,
    /// What a notice says, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// The alert that this event tells of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Box<Alert>>,
    /// Tags, in the sender's order, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What the sender attached.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// A provider's test or sample event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
    /// Why this element of a batch could not be understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The raw element that could not be understood, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// Keys that make the event count once: known under any of them means known. Never empty.
    #[serde(skip)]
    pub dedup: Vec<DedupKey>,
}

impl Event {
    /// An event of `kind` with nothing else known but its key.
    pub fn new(kind: Kind, native_type: impl Into<String>, channel: Channel, key: DedupKey) -> Self {
        Self {
            kind,
            native_type: native_type.into(),
            channel,
            occurred_at: None,
            recipient: None,
            ambiguous_recipients: Vec::new(),
            provider_message_id: None,
            provider_event_id: None,
            subject: None,
            failure: None,
            engagement: None,
            suppression: None,
            inbound: None,
            registration: None,
            notice: None,
            alert: None,
            tags: Vec::new(),
            labels: BTreeMap::new(),
            test: false,
            error: None,
            raw: None,
            dedup: vec![key],
        }
    }

    /// Whether a machine opened or clicked.
    pub fn by_machine(&self) -> bool {
        self.engagement.as_ref().is_some_and(|engagement| engagement.by == Some(Actor::Machine))
    }

    /// The severity of the failure, if any.
    pub fn severity(&self) -> Option<Severity> {
        self.failure.as_ref().and_then(|failure| failure.severity)
    }

    /// The reason of the failure, if any.
    pub fn reason(&self) -> Option<Reason> {
        self.failure.as_ref().and_then(|failure| failure.reason)
    }

    /// The ids of the message that it belongs to, within an account, the one to show first: the id or key that the application
    /// embedded and the provider echoed ([`Label::MESSAGE_ID`]), then the one by the provider's id, then the one by the key
    /// of a registration. Of a registration, the provider's id comes first.
    pub fn message_ids(&self, account: &str) -> impl Iterator<Item = MessageId> + use<> {
        let recipient = self.recipient.as_ref().map(Address::as_str);
        let echoed = self.labels.get(Label::MESSAGE_ID).filter(|_| self.kind != Kind::Registered);
        let echoed = echoed.and_then(|text| match text.parse::<MessageId>() {
            // One mail to many may carry one id: it is the message of one of them.
            Ok(id) => id.is_to(recipient).then_some(id),
            Err(_) => Some(MessageId::of_key(account, text, recipient)),
        });
        let provider_id = self.provider_message_id.as_deref();
        let by_provider = provider_id.map(|provider_id| MessageId::new(account, provider_id, recipient));
        let key = self.registration.as_ref().and_then(|registration| registration.key.as_deref());
        let by_key = key.map(|key| MessageId::of_key(account, key, recipient));
        echoed.into_iter().chain(by_provider).chain(by_key)
    }

    /// A line for logs: no address whole, no payload.
    pub fn summary(&self) -> String {
        let recipient = self.recipient.as_ref().map(|address| mask(address.as_str())).unwrap_or_default();
        format!("{} {recipient}", self.kind)
    }
}

/// Who opened or clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Actor {
    /// A person, as far as the provider can tell.
    Human,
    /// A privacy proxy, a link scanner or another program.
    Machine,
}

/// An open or a click.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Engagement {
    /// The link that was followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The user agent, verbatim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The client's IP address as the provider gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// ISO 3166 country code, or the provider's word for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Region, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// City, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Person or machine; `None` where the provider cannot tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// What `by` rests on, such as `apple_mpp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What was done to a list entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ListAction {
    /// The address was put on the list: it must not be sent to.
    Added,
    /// The address was taken off.
    Removed,
    /// The entry was changed; whether it stands is not told.
    Changed,
}

/// A change of a provider's suppression list, or of a part of it; or what a person or the application said of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SuppressionChange {
    /// What was done.
    pub action: ListAction,
    /// The provider's reason (`hard-bounce`, `manual`), or why in the words of who did it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The list or group, where it is not the provider's global one: then the address is not suppressed as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Who did it by hand, over Hearback's own API: the name of a token. No provider says this, and it makes the change one
    /// that only people undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// The envelope of a message that came in. No bodies: they stay in the raw request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Inbound {
    /// Envelope sender, or the `From` header where there is no envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Envelope recipients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// The RFC 5322 Message-ID, without angle brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// How many attachments or media files came with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments: Option<u32>,
}

/// A key under which an event counts once: a digest of what makes it the same event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DedupKey([u8; 16]);

impl DedupKey {
    /// The first half of SHA-256 over the parts, each preceded by its length, so that no two lists of parts give
    /// the same bytes. Start with the provider's name.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let digest = context.finish();
        let mut key = [0; 16];
        key.copy_from_slice(&digest.as_ref()[..16]);
        Self(key)
    }

    /// This key within one account: two accounts may use the same provider ids.
    #[must_use]
    pub fn within(self, account: &str) -> Self {
        Self::of(&[account.as_bytes(), &self.0])
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for DedupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl Default for Event {
    /// An `unknown` event under the key of nothing; providers set what they know.
    fn default() -> Self {
        Self::new(Kind::Unknown, "", Channel::Other, DedupKey::of(&[]))
    }
}
