//! Whom a message goes to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A recipient: an e-mail address in lower case, a phone number in E.164, or another provider's name for a
/// person (a messenger id) as given.
///
/// Two addresses are the same recipient exactly when they are equal as values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Box<str>);

/// The text cannot be a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing is left after trimming.
    #[error("the address is empty")]
    Empty,
    /// Longer than any real address.
    #[error("the address is longer than {} bytes", Address::LONGEST)]
    TooLong,
    /// Holds a control character or a line break.
    #[error("the address holds a control character")]
    ControlCharacter,
}

impl Address {
    /// The longest address that is kept, in bytes: RFC 5321 allows 254 octets of path; some room is left for odd ones.
    pub const LONGEST: usize = 320;

    /// Reads an address as providers write it: `bob@example.com`, `Bob <bob@example.com>`, `+15558675310`,
    /// `whatsapp:+15558675310`. E-mail is lower-cased whole, because no provider that matters treats the local
    /// part as case-sensitive while people type it either way. Separators inside a `+` number are dropped.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = bare(text);
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > Self::LONGEST {
            return Err(AddressError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(AddressError::ControlCharacter);
        }
        if let Some(digits) = phone_digits(text) {
            return Ok(Self(format!("+{digits}").into()));
        }
        // Lower-casing every address, not only those with an `@`, lets a mistyped look-up find it too.
        let lower = text.to_lowercase();
        // Some letters grow when they are lower-cased.
        if lower.len() > Self::LONGEST { Err(AddressError::TooLong) } else { Ok(Self(lower.into())) }
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain of an e-mail address.
    pub fn domain(&self) -> Option<&str> {
        self.0.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
    }

    /// Whether this is a phone number in E.164.
    pub fn is_phone(&self) -> bool {
        self.0.starts_with('+')
    }

    /// The address as logs may show it: `a…@example.com`, `+1555…10`.
    pub fn masked(&self) -> String {
        mask(&self.0)
    }
}

/// Hides who an address belongs to but keeps enough to talk about it: the first letter and the domain of an
/// e-mail address, the first four and last two digits of a number.
pub fn mask(address: &str) -> String {
    if let Some((local, domain)) = address.rsplit_once('@') {
        return format!("{}…@{domain}", local.chars().next().map(String::from).unwrap_or_default());
    }
    let letters: Vec<char> = address.chars().collect();
    if letters.len() < 8 {
        return "…".to_owned();
    }
    let (head, tail) = (&letters[..5], &letters[letters.len() - 2..]);
    format!("{}…{}", head.iter().collect::<String>(), tail.iter().collect::<String>())
}

/// `Bob <bob@example.com>` → `bob@example.com`; channel prefixes such as `whatsapp:` are dropped. Until nothing is left to
/// take off: an address that is stored and read again must be the same address.
fn bare(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(inner) = bracketed(text).or_else(|| unprefixed(text)) {
        text = inner.trim();
    }
    text
}

fn bracketed(text: &str) -> Option<&str> {
    let open = text.rfind('<')?;
    text.strip_suffix('>')?.get(open + 1..)
}

fn unprefixed(text: &str) -> Option<&str> {
    ["whatsapp:", "rcs:", "sms:", "tel:", "mailto:"].iter().find_map(|prefix| {
        let (head, rest) = (text.get(..prefix.len())?, text.get(prefix.len()..)?);
        head.eq_ignore_ascii_case(prefix).then_some(rest)
    })
}

/// The digits of a number written with `+`: 7 to 15 of them (E.164), separators allowed between.
fn phone_digits(text: &str) -> Option<String> {
    let rest = text.strip_prefix('+')?;
    if !rest.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.')) {
        return None;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    (7..=15).contains(&digits.len()).then_some(digits)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_providers_write_them() {
        let cases = [
            ("Bob@Example.COM", "bob@example.com"),
            (" Amy Smith <Amy@Example.com> ", "amy@example.com"),
            ("+1 (555) 867-5310", "+15558675310"),
            ("whatsapp:+15558675310", "+15558675310"),
            ("mailto:x@y.example", "x@y.example"),
            ("Bob <whatsapp:SMS:+15558675310>", "+15558675310"),
            ("+12", "+12"),
            ("SHOP", "shop"),
            ("Jörg@EXÄMPLE.de", "jörg@exämple.de"),
        ];
        for (text, expected) in cases {
            assert_eq!(Address::parse(text).unwrap().as_str(), expected, "{text}");
        }
        assert_eq!(Address::parse("  "), Err(AddressError::Empty));
        assert_eq!(Address::parse("a\nb@c"), Err(AddressError::ControlCharacter));
        assert_eq!(Address::parse(&"a".repeat(400)), Err(AddressError::TooLong));
    }

    #[test]
    fn masks() {
        assert_eq!(Address::parse("alice@example.com").unwrap().masked(), "a…@example.com");
        assert_eq!(Address::parse("+15558675310").unwrap().masked(), "+1555…10");
        assert_eq!(mask("shop"), "…");
    }

    proptest::proptest! {
        #[test]
        fn parsing_is_total_and_idempotent(text in "\\PC{0,60}") {
            if let Ok(address) = Address::parse(&text) {
                proptest::prop_assert_eq!(Address::parse(address.as_str()), Ok(address));
            }
        }
    }
}
