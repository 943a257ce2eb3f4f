//! What kinds of events there are, over which channel, and how they came in.

/// A name that is not in the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`; known are: {known}")]
pub struct UnknownName {
    what: &'static str,
    name: String,
    known: String,
}

impl UnknownName {
    pub(crate) fn new(what: &'static str, name: &str, known: impl Iterator<Item = &'static str>) -> Self {
        Self {
            what,
            name: name.chars().filter(|c| !c.is_control()).take(60).collect(),
            known: known.collect::<Vec<_>>().join(", "),
        }
    }
}

macro_rules! vocabulary {
    (#[doc = $title:literal] $(#[$meta:meta])* $type:ident, $what:literal { $($(#[$doc:meta])* $variant:ident = $number:literal $name:literal,)+ }) => {
        #[doc = $title]
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $type { $($(#[$doc])* $variant = $number,)+ }

        impl $type {
            /// Every value, in the order of the vocabulary.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it in the API, the command line and the interface.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The number under which stores keep it. Numbers are never reused.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The value that a store keeps under `number`.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::UnknownName;
            fn from_str(name: &str) -> Result<Self, crate::UnknownName> {
                Self::ALL.iter().copied().find(|value| value.name() == name).ok_or_else(|| {
                    crate::UnknownName::new($what, name, Self::ALL.iter().map(|value| value.name()))
                })
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                crate::schema::words($title, Self::ALL.iter().map(|value| value.name()))
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $type {}

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use vocabulary;

vocabulary! {
    /// What happened. The event type in the API is `message.` followed by this name, unless the name has a dot itself.
    #[derive(Default)]
    Kind, "event type" {
        /// The provider took the message and holds it.
        Queued = 1 "queued",
        /// The provider handed the message on; no proof of delivery.
        Sent = 2 "sent",
        /// The recipient's server or carrier took the message.
        Delivered = 3 "delivered",
        /// Delivery failed for now; the provider goes on trying.
        Deferred = 4 "deferred",
        /// The recipient's server or carrier refused the message for good, or the provider gave up.
        Bounced = 5 "bounced",
        /// The provider refused to send the message (suppressed, invalid, policy).
        Rejected = 6 "rejected",
        /// The provider could not send the message.
        Failed = 7 "failed",
        /// The message was opened; by whom says [`crate::Actor`].
        Opened = 8 "opened",
        /// A link in the message was followed.
        Clicked = 9 "clicked",
        /// The recipient reported the message as spam.
        Complained = 10 "complained",
        /// The recipient does not want further messages.
        Unsubscribed = 11 "unsubscribed",
        /// The recipient wants messages (again).
        Subscribed = 12 "subscribed",
        /// An automatic answer came back (out of office).
        Autoresponded = 13 "autoresponded",
        /// Authentic but not understood; kept with its raw request.
        #[default]
        Unknown = 14 "unknown",
        /// A message came in.
        Inbound = 15 "inbound",
        /// A message came in and could not be processed by the provider.
        InboundFailed = 16 "inbound_failed",
        /// An address was put on, or taken off, the provider's list.
        SuppressionChanged = 17 "suppression_changed",
        /// The application told us of a message that it sends or has sent.
        Registered = 18 "registered",
        /// A notice: the message was not delivered within the time that was expected.
        Overdue = 19 "overdue",
        /// A notice: an overdue message was delivered after all.
        Recovered = 20 "recovered",
        /// A notice: a source tells nothing, though something was expected of it.
        SourceSilent = 21 "source.silent",
        /// A notice: a source refuses request after request.
        SourceRefusing = 22 "source.refusing",
        /// A notice: a silent or refusing source is well again.
        SourceRecovered = 23 "source.recovered",
        /// A notice: a destination takes nothing any more.
        DestinationFailing = 24 "destination.failing",
        /// A notice: too many bounces or complaints.
        RateExceeded = 25 "rate.exceeded",
        /// An alert: somebody should look.
        AlertRaised = 26 "alert.raised",
        /// What an alert was raised about is over.
        AlertResolved = 27 "alert.resolved",
        /// A notice: a rate of bounces or complaints is within its limit again.
        RateRecovered = 28 "rate.recovered",
    }
}

impl Kind {
    /// What a provider can tell: all but registrations and notices.
    pub const TOLD_BY_PROVIDERS: &[Self] = Self::ALL.split_at(17).0;

    /// The dotted type, `message.bounced`: usable as a Standard Webhooks event type.
    pub fn dotted(self) -> String {
        let name = self.name();
        if name.contains('.') { name.to_owned() } else { format!("message.{name}") }
    }

    /// Whether Hearback itself says so: a notice.
    pub const fn is_notice(self) -> bool {
        matches!(
            self,
            Self::Overdue
                | Self::Recovered
                | Self::SourceSilent
                | Self::SourceRefusing
                | Self::SourceRecovered
                | Self::DestinationFailing
                | Self::RateExceeded
                | Self::AlertRaised
                | Self::AlertResolved
                | Self::RateRecovered
        )
    }

    /// Whether it tells of an alert: not what happened to a message, but that somebody is told of it.
    pub const fn is_alert(self) -> bool {
        matches!(self, Self::AlertRaised | Self::AlertResolved)
    }

    /// From `bounced` or `message.bounced`.
    pub fn parse(name: &str) -> Result<Self, UnknownName> {
        name.strip_prefix("message.").unwrap_or(name).parse()
    }
}

vocabulary! {
    /// How the message travels.
    #[derive(Default)]
    Channel, "channel" {
        /// E-mail.
        Email = 1 "email",
        /// SMS and MMS.
        Sms = 2 "sms",
        /// WhatsApp.
        Whatsapp = 3 "whatsapp",
        /// RCS.
        Rcs = 4 "rcs",
        /// Anything else, or not known.
        #[default]
        Other = 5 "other",
    }
}

vocabulary! {
    /// How the event came to be in the log.
    Origin, "origin" {
        /// The provider posted it.
        Webhook = 1 "webhook",
        /// Fetched from the provider's API.
        Backfill = 2 "backfill",
        /// Imported from a file.
        Import = 3 "import",
        /// Written by Hearback itself.
        Hearback = 4 "hearback",
        /// The application, or a person, told it over the API.
        Application = 5 "application",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_round_trip() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()), Ok(*kind));
            assert_eq!(Kind::parse(&kind.dotted()), Ok(*kind));
            assert_eq!(Kind::from_number(kind.number()), Some(*kind));
        }
        assert_eq!(Kind::TOLD_BY_PROVIDERS.last(), Some(&Kind::SuppressionChanged));
        let error = Kind::parse("message.bouncd").unwrap_err().to_string();
        assert!(error.starts_with("unknown event type `bouncd`; known are: queued, sent"), "{error}");
    }
}
