//! Times: relative or of a clock in the text, exact in both zones in the title.

use hearback_event::Timestamp;
use jiff::tz::TimeZone;

use super::Html;
use crate::visit::Visit;

/// By which times are shown.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    now: Timestamp,
    zone: TimeZone,
    local: Option<TimeZone>,
}

impl Clock {
    pub(crate) fn of(visit: &Visit) -> Self {
        let preferences = &visit.caller.preferences;
        Self { now: visit.now, zone: preferences.zone.clone(), local: preferences.local.clone() }
    }

    fn zoned(&self, at: Timestamp) -> jiff::Zoned {
        in_zone(at, self.zone.clone())
    }

    fn element(&self, at: Timestamp, text: &str) -> Html {
        let exact = |zone: TimeZone| in_zone(at, zone).strftime("%Y-%m-%d %H:%M:%S%.3f %Z").to_string();
        let utc = exact(TimeZone::UTC);
        let title = match &self.local {
            Some(local) => format!("{} · {utc}", exact(local.clone())),
            None => utc,
        };
        Html(format!("<time datetime=\"{at}\" title=\"{title}\">{text}</time>"))
    }

    /// `4 s ago`, `12 min ago`, and the date after a day.
    pub(crate) fn ago(&self, at: Timestamp) -> Html {
        let seconds = self.now.seconds_since(at);
        let text = match seconds {
            ..-5 => return self.moment(at),
            -5..1 => "just now".to_owned(),
            1..60 => format!("{seconds} s ago"),
            60..3600 => format!("{} min ago", seconds / 60),
            3600..86_400 => format!("{} h ago", seconds / 3600),
            _ => return self.moment(at),
        };
        self.element(at, &text)
    }

    /// `11:24:08`.
    pub(crate) fn clock(&self, at: Timestamp) -> Html {
        self.element(at, &self.zoned(at).strftime("%H:%M:%S").to_string())
    }

    /// The time of a row in a list: `11:24:08` today, else the [`moment`](Self::moment).
    pub(crate) fn row(&self, at: Timestamp) -> Html {
        let (then, today) = (self.zoned(at), self.zoned(self.now));
        if then.date() == today.date() {
            return self.clock(at);
        }
        self.moment(at)
    }

    /// `today 11:23`, `yesterday 16:42`, `12 Nov 09:14`, with the year where it is another.
    pub(crate) fn moment(&self, at: Timestamp) -> Html {
        let (then, today) = (self.zoned(at), self.zoned(self.now));
        let time = then.strftime("%H:%M").to_string();
        let text = if then.date() == today.date() {
            format!("today {time}")
        } else if today.date().yesterday().is_ok_and(|yesterday| yesterday == then.date()) {
            format!("yesterday {time}")
        } else {
            let date = if then.year() == today.year() { "%-d %b" } else { "%-d %b %Y" };
            format!("{} {time}", then.strftime(date))
        };
        self.element(at, &text)
    }

    /// `Thu 19 Nov, 16:42:44`.
    pub(crate) fn full(&self, at: Timestamp) -> Html {
        self.element(at, &self.zoned(at).strftime("%a %-d %b %Y, %H:%M:%S").to_string())
    }

    /// `3 Sep 2026`.
    pub(crate) fn date(&self, at: Timestamp) -> Html {
        self.element(at, &self.zoned(at).strftime("%-d %b %Y").to_string())
    }

    /// The heading of a day: `Today, Fri 20 Nov 2026`.
    pub(crate) fn day(&self, at: Timestamp) -> String {
        let (then, today) = (self.zoned(at), self.zoned(self.now));
        let text = then.strftime("%a %-d %b %Y").to_string();
        if then.date() == today.date() { format!("Today, {text}") } else { text }
    }

    /// A text of the moment, by a pattern of `strftime`.
    pub(crate) fn text(&self, at: Timestamp, pattern: &str) -> String {
        self.zoned(at).strftime(pattern).to_string()
    }

    /// What the zone that is shown is called now: `CET`.
    pub(crate) fn zone_name(&self) -> String {
        self.zoned(self.now).strftime("%Z").to_string()
    }
}

fn in_zone(at: Timestamp, zone: TimeZone) -> jiff::Zoned {
    let moment = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())).unwrap_or_default();
    moment.to_zoned(zone)
}
