//! Identifiers that leave the house: prefixed, printable, never bare numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Timestamp;

/// The text is not an identifier of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the form `{prefix}` followed by 26 letters and digits")]
pub struct IdError {
    prefix: &'static str,
}

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 26 letters of Crockford base 32, as ULID writes 128 bits: sorts like the number.
fn encode(value: u128) -> [u8; 26] {
    std::array::from_fn(|place| CROCKFORD[((value >> (5 * (25 - place))) & 31) as usize])
}

fn decode(text: &str) -> Option<u128> {
    if text.len() != 26 {
        return None;
    }
    let mut value: u128 = 0;
    for (place, letter) in text.bytes().enumerate() {
        let digit = CROCKFORD.iter().position(|c| *c == letter.to_ascii_uppercase())? as u128;
        if place == 0 && digit > 7 {
            return None;
        }
        value = value << 5 | digit;
    }
    Some(value)
}

macro_rules! printable_id {
    ($type:ident, $prefix:literal) => {
        impl $type {
            /// What every identifier of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// The 128 bits.
            pub const fn as_u128(self) -> u128 {
                self.0
            }

            /// From its 128 bits.
            pub const fn from_u128(bits: u128) -> Self {
                Self(bits)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let letters = encode(self.0);
                write!(f, "{}{}", $prefix, std::str::from_utf8(&letters).unwrap_or_default())
            }
        }

        impl FromStr for $type {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix($prefix).and_then(decode).map(Self).ok_or(IdError { prefix: $prefix })
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// Names one event of one store: a UUIDv7 whose time is the moment of receipt and whose random part carries the
/// event's position in the log, so that finding an event by its id needs no index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u128);
printable_id!(EventId, "evt_");

impl EventId {
    /// The id of the event at `position` (1 to 2^62 - 1), received at `received_at`.
    pub fn new(received_at: Timestamp, position: u64) -> Self {
        let millis = (received_at.as_millis().max(0) as u128) & 0xffff_ffff_ffff;
        // Twelve bits that differ between stores' clocks stand where UUIDv7 has rand_a: the sub-millisecond part.
        let fraction = (received_at.as_nanos().rem_euclid(1_000_000) as u128) * 4096 / 1_000_000;
        Self(millis << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | u128::from(position & (u64::MAX >> 2)))
    }

    /// The event's position in the log.
    pub const fn position(self) -> u64 {
        (self.0 as u64) & (u64::MAX >> 2)
    }
}

/// Names a message: the same for every event of one provider message to one recipient, in every store and after
/// every rebuild, because it is computed from those names.
///
/// The upper half stands for the send (account and provider message id), the lower for the recipient, so that all
/// recipients of one send share the upper half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u128);
printable_id!(MessageId, "msg_");

impl MessageId {
    /// The id of the message that `account` sent under `provider_id` to `recipient` (`None` where the provider
    /// does not say to whom).
    pub fn new(account: &str, provider_id: &str, recipient: Option<&str>) -> Self {
        let send = Self::send_half(account, provider_id);
        Self(u128::from(send) << 64 | u128::from(Self::recipient_half(recipient)))
    }

    /// The id of the message that the application registered under a `key` of its own, before its provider named it.
    pub fn of_key(account: &str, key: &str, recipient: Option<&str>) -> Self {
        // No provider's id is empty, so that no key is taken for one.
        let send = half(&[account.as_bytes(), b"", key.as_bytes()]);
        Self(u128::from(send) << 64 | u128::from(Self::recipient_half(recipient)))
    }

    /// The lower half for a recipient.
    fn recipient_half(recipient: Option<&str>) -> u64 {
        half(&[recipient.unwrap_or_default().as_bytes()])
    }

    /// Whether it can be a message to that recipient.
    pub fn is_to(self, recipient: Option<&str>) -> bool {
        self.0 as u64 == Self::recipient_half(recipient)
    }

    /// The upper half for a send: shared by the messages of all its recipients.
    pub fn send_half(account: &str, provider_id: &str) -> u64 {
        half(&[account.as_bytes(), provider_id.as_bytes()])
    }

    /// The upper half of this id.
    pub const fn send(self) -> u64 {
        (self.0 >> 64) as u64
    }
}

/// The first 64 bits of SHA-256 over the parts, each ended by a zero byte.
fn half(parts: &[&[u8]]) -> u64 {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        context.update(part);
        context.update(&[0]);
    }
    let digest = context.finish();
    digest.as_ref().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_carries_its_position_and_sorts_by_time() {
        let earlier = EventId::new(Timestamp::from_seconds(1_760_000_000).unwrap(), 900);
        let later = EventId::new(Timestamp::from_seconds(1_760_000_001).unwrap(), 3);
        assert!(earlier < later && earlier.to_string() < later.to_string());
        assert_eq!(earlier.position(), 900);
        assert_eq!(earlier.to_string().parse(), Ok(earlier));
        assert_eq!((earlier.as_u128() >> 76) & 0xf, 7, "UUID version");
    }

    #[test]
    fn ids_of_another_kind_are_refused() {
        let message = MessageId::new("mailgun", "a@b", Some("x@y"));
        assert!(message.to_string().parse::<EventId>().is_err());
        assert_eq!(message.to_string().parse(), Ok(message));
        assert_ne!(message, MessageId::new("mailgun", "a@b", None));
        assert_eq!(message.send(), MessageId::new("mailgun", "a@b", None).send());
        let registered = MessageId::of_key("mailgun", "a@b", Some("x@y"));
        assert_ne!(registered, message);
        assert!(registered.is_to(Some("x@y")) && !registered.is_to(None) && !registered.is_to(Some("z@y")));
        for bad in ["", "msg_", "msg_ZZZZZZZZZZZZZZZZZZZZZZZZZZ", "msg_é1234567890123456789012345"] {
            assert!(bad.parse::<MessageId>().is_err(), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn text_round_trips(bits: u128) {
            let id = MessageId::from_u128(bits);
            proptest::prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
