//! Hours of the day in which nobody is to be woken.

use hearback_event::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// From one time of the day to another, in a time zone; over midnight where the first is the later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietHours {
    from: Time,
    until: Time,
    zone: TimeZone,
}

/// Why hours mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuietError {
    /// They are not two different times such as `22:00-07:00`.
    Hours,
    /// There is no such time zone.
    Zone,
}

impl QuietHours {
    /// Reads `22:00-07:00`, and a time zone such as `Europe/Berlin`.
    ///
    /// # Errors
    ///
    /// Where either means nothing.
    pub fn parse(hours: &str, zone: &str) -> Result<Self, QuietError> {
        let time = |text: &str| Time::strptime("%H:%M", text.trim()).map_err(|_| QuietError::Hours);
        let (from, until) = hours.split_once('-').ok_or(QuietError::Hours)?;
        let (from, until) = (time(from)?, time(until)?);
        if from == until {
            return Err(QuietError::Hours);
        }
        let zone = TimeZone::get(zone).map_err(|_| QuietError::Zone)?;
        Ok(Self { from, until, zone })
    }

    /// As they are written: `22:00-07:00`.
    pub fn hours(&self) -> String {
        format!("{}-{}", self.from.strftime("%H:%M"), self.until.strftime("%H:%M"))
    }

    /// The name of the time zone.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// If a moment is in the quiet hours: when these end.
    pub(crate) fn end(&self, now: Timestamp) -> Option<Timestamp> {
        let at = jiff::Timestamp::from_nanosecond(i128::from(now.as_nanos())).ok()?;
        let local = at.to_zoned(self.zone.clone());
        let time = local.time();
        let over_midnight = self.from > self.until;
        let is_quiet = if over_midnight {
            time >= self.from || time < self.until
        } else {
            time >= self.from && time < self.until
        };
        if !is_quiet {
            return None;
        }
        let day =
            if over_midnight && time >= self.from { local.date().tomorrow().ok()? } else { local.date() };
        let end = day.to_datetime(self.until).to_zoned(self.zone.clone()).ok()?;
        let nanos = i64::try_from(end.timestamp().as_nanosecond()).ok()?;
        Some(Timestamp::from_nanos(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_end_in_the_morning_also_over_midnight_and_when_clocks_are_changed() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (hours, now, end) in [
            ("22:00-07:00", "2026-11-20T20:59:59Z", None),
            ("22:00-07:00", "2026-11-20T21:00:00Z", Some("2026-11-21T06:00:00Z")),
            ("22:00-07:00", "2026-11-21T05:59:59Z", Some("2026-11-21T06:00:00Z")),
            ("22:00-07:00", "2026-11-21T06:00:00Z", None),
            // In the night of 29 March 2026 an hour is left out.
            ("22:00-07:00", "2026-03-28T21:30:00Z", Some("2026-03-29T05:00:00Z")),
            ("12:30-13:00", "2026-11-20T11:45:00Z", Some("2026-11-20T12:00:00Z")),
            ("12:30-13:00", "2026-11-20T12:00:00Z", None),
        ] {
            let quiet = QuietHours::parse(hours, "Europe/Berlin").unwrap();
            assert_eq!(quiet.end(at(now)), end.map(at), "{hours} at {now}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for hours in ["", "22-7", "22:00", "22:00-25:00", "07:00-07:00", "22:00–07:00"] {
            assert_eq!(QuietHours::parse(hours, "UTC"), Err(QuietError::Hours), "{hours}");
        }
        assert_eq!(QuietHours::parse("22:00-07:00", "Europe/Atlantis"), Err(QuietError::Zone));
    }
}
