//! A moment in UTC with nanosecond precision.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment in UTC, as nanoseconds since the Unix epoch (years 1678 to 2262).
///
/// Providers give up to seven fractional digits (Postmark); all of them are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text or number is not a moment that can be represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time between the years 1678 and 2262")]
pub struct TimestampError;

impl Timestamp {
    /// The beginning of the span of so many seconds, counted from the epoch, that it is in.
    #[must_use]
    pub fn begin_of(self, seconds: i64) -> Self {
        let into = self.as_seconds().rem_euclid(seconds.max(1));
        Self::from_seconds(self.as_seconds() - into).unwrap_or(self)
    }

    /// The epoch, 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The latest moment that can be represented.
    pub const MAX: Self = Self(i64::MAX);

    /// The wall clock. The only place in the project that reads it.
    pub fn now() -> Self {
        Self::from_jiff(jiff::Timestamp::now()).unwrap_or(Self::EPOCH)
    }

    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// From whole seconds since the epoch; `None` when out of range.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        seconds.checked_mul(1_000_000_000).map(Self)
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Whole milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// From a decimal text of seconds such as `1759999998.412305`, without going through floating point,
    /// so that no digit is lost. Digits past nanoseconds are cut.
    pub fn from_decimal_seconds(text: &str) -> Result<Self, TimestampError> {
        let text = text.trim();
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return Err(TimestampError);
        }
        let seconds: i64 = whole.parse().map_err(|_| TimestampError)?;
        let nanos = fraction
            .bytes()
            .chain(std::iter::repeat(b'0'))
            .take(9)
            .fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        let total = seconds
            .checked_mul(1_000_000_000)
            .and_then(|whole| whole.checked_add(nanos))
            .ok_or(TimestampError)?;
        Ok(Self(if negative { -total } else { total }))
    }

    /// From ISO 8601 / RFC 3339 text as providers write it: `T` or a blank between date and time, any number
    /// of fractional digits, `Z`, `+hh:mm`, `+hhmm` or `+hh`; a text without offset is taken as UTC.
    pub fn parse_iso8601(text: &str) -> Result<Self, TimestampError> {
        let text = text.trim();
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Self::from_jiff(moment).ok_or(TimestampError);
        }
        let civil: jiff::civil::DateTime = text.parse().map_err(|_| TimestampError)?;
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| TimestampError)?;
        Self::from_jiff(zoned.timestamp()).ok_or(TimestampError)
    }

    /// From an RFC 2822 date (`Thu, 11 Dec 2025 01:49:40 +0000`).
    pub fn parse_rfc2822(text: &str) -> Result<Self, TimestampError> {
        let zoned = jiff::fmt::rfc2822::parse(text.trim()).map_err(|_| TimestampError)?;
        Self::from_jiff(zoned.timestamp()).ok_or(TimestampError)
    }

    /// This moment moved by whole seconds, held at the ends of the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000_000)))
    }

    /// Seconds from `earlier` to this moment; negative when this one is earlier.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1_000_000_000
    }

    /// The start of the hour (UTC) that holds this moment, as hours since the epoch.
    pub const fn hour(self) -> i64 {
        self.as_seconds().div_euclid(3600)
    }

    /// The day (UTC) that holds this moment, as days since the epoch.
    pub const fn day(self) -> i64 {
        self.as_seconds().div_euclid(86_400)
    }

    fn from_jiff(moment: jiff::Timestamp) -> Option<Self> {
        i64::try_from(moment.as_nanosecond()).ok().map(Self)
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every i64 of nanoseconds lies within jiff's range, so the fall-back is never shown.
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(moment) => fmt::Display::fmt(&moment, f),
            Err(_) => f.write_str("1970-01-01T00:00:00Z"),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_iso8601(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso8601_variants_of_the_providers() {
        let cases = [
            ("2025-10-09T08:53:20.412Z", "2025-10-09T08:53:20.412Z"),
            ("2025-10-09T08:53:20.3963933Z", "2025-10-09T08:53:20.3963933Z"),
            ("2025-10-09T09:01:41.2493688-04:00", "2025-10-09T13:01:41.2493688Z"),
            ("2025-10-09T08:53:11.894719+00:00", "2025-10-09T08:53:11.894719Z"),
            ("2023-04-03 22:13:42.674981+00", "2023-04-03T22:13:42.674981Z"),
            ("2025-10-09 08:53:21", "2025-10-09T08:53:21Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(Timestamp::parse_iso8601(text).unwrap().to_string(), expected, "{text}");
        }
        for bad in ["", "yesterday", "2025-13-01T00:00:00Z", "1600-01-01T00:00:00Z"] {
            assert_eq!(Timestamp::parse_iso8601(bad), Err(TimestampError), "{bad}");
        }
    }

    #[test]
    fn decimal_seconds_keep_every_digit() {
        assert_eq!(
            Timestamp::from_decimal_seconds("1759999998.412305").unwrap().as_nanos(),
            1_759_999_998_412_305_000
        );
        assert_eq!(Timestamp::from_decimal_seconds("1760000000").unwrap().as_seconds(), 1_760_000_000);
        for bad in ["", ".", "1e9", "+5", "99999999999999999999", "1.2.3", "--1"] {
            assert_eq!(Timestamp::from_decimal_seconds(bad), Err(TimestampError), "{bad}");
        }
    }

    #[test]
    fn rfc2822() {
        assert_eq!(
            Timestamp::parse_rfc2822("Thu, 11 Dec 2025 01:49:40 UTC").unwrap().to_string(),
            "2025-12-11T01:49:40Z"
        );
    }

    proptest::proptest! {
        #[test]
        fn text_round_trips(nanos in proptest::prelude::any::<i64>()) {
            let moment = Timestamp::from_nanos(nanos);
            proptest::prop_assert_eq!(moment.to_string().parse::<Timestamp>(), Ok(moment));
        }
    }
}
