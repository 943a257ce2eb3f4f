//! Times as senders write them.

use std::fmt::Write as _;

use hearback_event::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};

/// How a time is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Numbers by their size: above 10^14 microseconds, above 10^11 milliseconds, else seconds. Anything else as ISO
    /// 8601, then as RFC 2822.
    Auto,
    /// Seconds since 1970, with or without a fraction.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// Microseconds since 1970.
    Micros,
    /// ISO 8601; without an offset it is UTC.
    Iso8601,
    /// RFC 2822, as in e-mail headers.
    Rfc2822,
    /// A strftime format, and the offset that is meant where the text has none.
    Strftime(String, Offset),
}

const MICROS_ABOVE: u128 = 100_000_000_000_000;
const MILLIS_ABOVE: u128 = 100_000_000_000;

impl Unit {
    /// Reads the name of a unit. A text with `%` is a strftime format, for which `zone` (`+02:00`) may be given.
    pub(super) fn parse(name: &str, zone: Option<&str>) -> Result<Self, String> {
        let unit = match name {
            "auto" => Self::Auto,
            "s" => Self::Seconds,
            "ms" => Self::Millis,
            "us" => Self::Micros,
            "iso8601" => Self::Iso8601,
            "rfc2822" => Self::Rfc2822,
            format if format.contains('%') => Self::strftime(format)?,
            _ => {
                let known =
                    "s, ms, us, iso8601, rfc2822, auto, or a strftime format such as `%d/%m/%Y %H:%M:%S`";
                return Err(format!("expected one of: {known}"));
            }
        };
        match (unit, zone) {
            (Self::Strftime(format, _), Some(zone)) => Ok(Self::Strftime(format, offset(zone)?)),
            (_, Some(_)) => Err("a zone is used with a strftime format only".to_owned()),
            (unit, None) => Ok(unit),
        }
    }

    /// A format that can be written and read back as a date and a time.
    fn strftime(format: &str) -> Result<Self, String> {
        let sample = DateTime::constant(2025, 10, 9, 8, 53, 20, 0).to_zoned(TimeZone::UTC);
        let sample = sample.map_err(|error| error.to_string())?;
        let mut text = String::new();
        write!(text, "{}", strtime::format(format, &sample).map_err(|error| error.to_string())?)
            .map_err(|error| error.to_string())?;
        let unit = Self::Strftime(format.to_owned(), Offset::UTC);
        let readable = unit.read(&text).is_some();
        readable.then_some(unit).ok_or_else(|| "the format does not hold a whole date and time".to_owned())
    }

    /// The moment that `text` names.
    pub(super) fn read(&self, text: &str) -> Option<Timestamp> {
        let text = text.trim();
        match self {
            Self::Auto => auto(text),
            Self::Seconds => Timestamp::from_decimal_seconds(text).ok(),
            Self::Millis => scaled(text, 3),
            Self::Micros => scaled(text, 6),
            Self::Iso8601 => Timestamp::parse_iso8601(text).ok(),
            Self::Rfc2822 => Timestamp::parse_rfc2822(text).ok(),
            Self::Strftime(format, offset) => {
                let parsed = strtime::parse(format, text).ok()?;
                let moment = match parsed.to_timestamp() {
                    Ok(moment) => moment,
                    Err(_) => offset.to_timestamp(parsed.to_datetime().ok()?).ok()?,
                };
                i64::try_from(moment.as_nanosecond()).ok().map(Timestamp::from_nanos)
            }
        }
    }

    /// The moment as this unit writes it.
    pub(super) fn write(&self, moment: Timestamp) -> String {
        match self {
            Self::Auto | Self::Seconds => moment.as_seconds().to_string(),
            Self::Millis => moment.as_millis().to_string(),
            Self::Micros => moment.as_nanos().div_euclid(1000).to_string(),
            Self::Iso8601 => moment.to_string(),
            Self::Rfc2822 => written("%a, %d %b %Y %H:%M:%S +0000", Offset::UTC, moment),
            Self::Strftime(format, offset) => written(format, *offset, moment),
        }
    }
}

fn written(format: &str, offset: Offset, moment: Timestamp) -> String {
    let zoned = jiff::Timestamp::from_nanosecond(i128::from(moment.as_nanos()))
        .map(|moment| moment.to_zoned(TimeZone::fixed(offset)));
    zoned.ok().and_then(|zoned| strtime::format(format, &zoned).ok()).unwrap_or_default()
}

fn offset(zone: &str) -> Result<Offset, String> {
    let wanted = "expected UTC or a fixed offset such as +02:00; names of zones are not known here";
    if matches!(zone, "UTC" | "Z") {
        return Ok(Offset::UTC);
    }
    let parsed = strtime::parse("%:z", zone).or_else(|_| strtime::parse("%z", zone));
    parsed.ok().and_then(|parsed| parsed.offset()).ok_or_else(|| wanted.to_owned())
}

fn auto(text: &str) -> Option<Timestamp> {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    match whole.parse::<u128>() {
        Ok(number) if number > MICROS_ABOVE => scaled(text, 6),
        Ok(number) if number > MILLIS_ABOVE => scaled(text, 3),
        Ok(_) => Timestamp::from_decimal_seconds(text).ok(),
        Err(_) => Timestamp::parse_iso8601(text).or_else(|_| Timestamp::parse_rfc2822(text)).ok(),
    }
}

/// A number whose last `digits` digits before the point are a fraction of a second.
fn scaled(text: &str, digits: usize) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |rest| ("-", rest));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded = format!("{whole:0>width$}", width = digits + 1);
    let (seconds, rest) = padded.split_at_checked(padded.len() - digits)?;
    Timestamp::from_decimal_seconds(&format!("{sign}{seconds}.{rest}{fraction}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        let moment = "2025-10-09T08:53:20.412Z";
        let cases = [
            ("auto", "1760000000.412", moment),
            ("auto", "1760000000412", moment),
            ("auto", "1760000000412000", moment),
            ("auto", "2025-10-09T10:53:20.412+02:00", moment),
            ("auto", "100000000000", "5138-11-16T09:46:40Z"),
            ("auto", "Thu, 09 Oct 2025 08:53:20 +0000", "2025-10-09T08:53:20Z"),
            ("s", "1760000000", "2025-10-09T08:53:20Z"),
            ("ms", "1760000000412", moment),
            ("ms", "5", "1970-01-01T00:00:00.005Z"),
            ("ms", "1760000000412.5", "2025-10-09T08:53:20.4125Z"),
            ("us", "1760000000412000", moment),
            ("rfc2822", "Thu, 09 Oct 2025 10:53:20 +0200", "2025-10-09T08:53:20Z"),
            ("%d/%m/%Y %H:%M:%S", "09/10/2025 08:53:20", "2025-10-09T08:53:20Z"),
            ("%Y%m%d%H%M%S%z", "20251009105320+0200", "2025-10-09T08:53:20Z"),
        ];
        for (unit, text, expected) in cases {
            let found = Unit::parse(unit, None).unwrap().read(text).map(|moment| moment.to_string());
            // The year 5138 cannot be represented: the border of `auto` is what matters.
            let expected = Some(expected.to_owned()).filter(|expected| !expected.starts_with("5138"));
            assert_eq!(found, expected, "{unit} {text}");
        }
        for (unit, text) in [("ms", ""), ("ms", "1e3"), ("s", "now"), ("iso8601", "1760000000"), ("auto", "")]
        {
            assert_eq!(Unit::parse(unit, None).unwrap().read(text), None, "{unit} {text}");
        }
    }

    #[test]
    fn zones_and_formats() {
        let unit = Unit::parse("%d/%m/%Y %H:%M", Some("+02:00")).unwrap();
        assert_eq!(unit.read("09/10/2025 10:53").unwrap().to_string(), "2025-10-09T08:53:00Z");
        assert_eq!(unit.write(Timestamp::from_seconds(1_760_000_000).unwrap()), "09/10/2025 10:53");
        for (name, zone) in
            [("%d/%m/%Y", Some("Berlin")), ("%Q", None), ("%H:%M", None), ("s", Some("UTC")), ("x", None)]
        {
            assert!(Unit::parse(name, zone).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let moment = Timestamp::from_seconds(1_760_000_000).unwrap();
        for unit in ["auto", "s", "ms", "us", "iso8601", "rfc2822", "%Y-%m-%d %H:%M:%S"] {
            let unit = Unit::parse(unit, None).unwrap();
            assert_eq!(unit.read(&unit.write(moment)), Some(moment), "{unit:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC{0,40}") {
            for unit in ["auto", "s", "ms", "us", "iso8601", "rfc2822", "%Y-%m-%d %H:%M:%S"] {
                let _ = Unit::parse(unit, None).unwrap().read(&text);
            }
        }
    }
}
