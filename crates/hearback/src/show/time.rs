//! Moments and distances in time as people write and read them.

use hearback_event::Timestamp;

use crate::exit::CliError;

const UNITS: &[(char, i64)] = &[('w', 604_800), ('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// Reads `2h` (two hours ago), `7d`, `2026-11-20`, or a whole RFC 3339 time; `now` is the moment that it is asked.
pub(crate) fn parse_moment(text: &str, now: Timestamp) -> Result<Timestamp, CliError> {
    let text = text.trim();
    if text == "now" {
        return Ok(now);
    }
    if let Some(seconds) = parse_span(text) {
        return Ok(now.plus_seconds(-seconds));
    }
    Timestamp::parse_iso8601(text).map_err(|_| {
        CliError::usage(format!("`{text}` is no moment"))
            .hint("write how long ago (`90s`, `30m`, `2h`, `7d`, `2w`), a date (`2026-11-20`) or a time in UTC (`2026-11-20T10:00:00Z`)")
    })
}

/// Seconds of `90s`, `2h`, `1h30m`; units in falling order.
fn parse_span(text: &str) -> Option<i64> {
    let (mut rest, mut total, mut units) = (text, 0_i64, UNITS);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (digits, tail) = rest.split_at(end);
        let letter = tail.chars().next()?;
        let place = units.iter().position(|(unit, _)| *unit == letter)?;
        let count: i64 = digits.parse().ok()?;
        total = total.checked_add(count.checked_mul(units.get(place)?.1)?)?;
        units = units.get(place + 1..)?;
        rest = tail.get(1..)?;
    }
    Some(total)
}

/// A moment in UTC to the second: `2026-11-20 10:02:11`.
pub(crate) fn exact(moment: Timestamp) -> String {
    let whole = Timestamp::from_seconds(moment.as_seconds()).unwrap_or(moment).to_string();
    whole.trim_end_matches('Z').replace('T', " ")
}

/// How long ago a moment was: `3m ago`; `in 5s` for the future.
pub(crate) fn ago(moment: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_seconds() - moment.as_seconds();
    if seconds < 0 { format!("in {}", span(-seconds)) } else { format!("{} ago", span(seconds)) }
}

/// The time between two events: `+4s`, `+1h 3m`; with fractions where it is less than ten seconds.
pub(crate) fn gap(from: Timestamp, to: Timestamp) -> String {
    let nanos = to.as_nanos().saturating_sub(from.as_nanos());
    let sign = if nanos < 0 { '-' } else { '+' };
    let (seconds, tenths) = (nanos.abs() / 1_000_000_000, nanos.abs() % 1_000_000_000 / 100_000_000);
    if seconds < 10 && tenths > 0 {
        return format!("{sign}{seconds}.{tenths}s");
    }
    format!("{sign}{}", span(seconds))
}

/// At most two units: `1h 3m`, `4d 2h`, `12s`.
fn span(seconds: i64) -> String {
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (unit, size) in UNITS.iter().filter(|(unit, _)| *unit != 'w') {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds).unwrap()
    }

    #[test]
    fn moments_as_people_write_them() {
        let now = at(1_760_000_000);
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1800),
            ("2h", 7200),
            ("1h30m", 5400),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("now", 0),
        ] {
            assert_eq!(parse_moment(text, now).unwrap(), now.plus_seconds(-seconds), "{text}");
        }
        assert_eq!(parse_moment("2025-10-09", now).unwrap().to_string(), "2025-10-09T00:00:00Z");
        assert_eq!(parse_moment("2025-10-09T08:53:20Z", now).unwrap(), now);
        for bad in ["", "h", "2", "30m2h", "2x", "-5m", "99999999999999999w", "é"] {
            assert!(parse_moment(bad, now).is_err(), "{bad}");
        }
    }

    #[test]
    fn distances() {
        let cases = [
            (0, "0s ago"),
            (59, "59s ago"),
            (61, "1m 1s ago"),
            (3600, "1h ago"),
            (90_061, "1d 1h ago"),
            (-5, "in 5s"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(ago(at(1000 - seconds), at(1000)), expected);
        }
        assert_eq!(gap(at(10), at(14)), "+4s");
        assert_eq!(gap(Timestamp::from_nanos(0), Timestamp::from_nanos(1_400_000_000)), "+1.4s");
        assert_eq!(gap(at(14), at(10)), "-4s");
        assert_eq!(exact(Timestamp::from_nanos(1_760_000_000_412_305_000)), "2025-10-09 08:53:20");
    }
}
