//! How somebody wants to see pages: light or dark, local time or UTC. Kept in cookies that say nothing else.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue};
use jiff::tz::TimeZone;

use crate::answer;
use crate::auth::{cookie, set_cookie};
use crate::ui::Ui;
use crate::url::{Query, own_path};
use crate::visit::Caller;

/// `light` or `dark`; the system's where it is not there.
const THEME: &str = "hearback_theme";
/// The name of the browser's time zone, which the script writes.
const ZONE: &str = "hearback_zone";
/// `utc` for times in UTC.
const CLOCK: &str = "hearback_clock";
/// A year in seconds.
const KEEP: i64 = 365 * 86_400;

/// What somebody chose.
#[derive(Clone, Debug)]
pub(crate) struct Preferences {
    /// `light` or `dark`, if it was chosen.
    pub(crate) theme: Option<&'static str>,
    /// In which times are shown.
    pub(crate) zone: TimeZone,
    /// The browser's own, if it is known and not UTC.
    pub(crate) local: Option<TimeZone>,
    /// Whether UTC was chosen, or nothing else is known.
    pub(crate) utc: bool,
}

impl Preferences {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let local = cookie(headers, ZONE).and_then(zone).filter(|zone| *zone != TimeZone::UTC);
        let utc = local.is_none() || cookie(headers, CLOCK) == Some("utc");
        let zone = local.clone().filter(|_| !utc).unwrap_or(TimeZone::UTC);
        Self { theme: cookie(headers, THEME).and_then(theme), zone, local, utc }
    }
}

fn theme(word: &str) -> Option<&'static str> {
    ["light", "dark"].into_iter().find(|known| *known == word)
}

/// The zone of a cookie: `Europe/Oslo`, perhaps with `/` escaped.
fn zone(text: &str) -> Option<TimeZone> {
    let name = text.replace("%2F", "/");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
    if name.len() > 64 || !name.bytes().all(plain) {
        return None;
    }
    TimeZone::get(&name).ok()
}

/// `/preferences?theme=dark&back=/events`: changes what only the asker's own browser keeps, and goes back.
pub(crate) async fn choose(State(_): State<Ui>, caller: Caller, RawQuery(query): RawQuery) -> Response {
    let query = Query::parse(&query.unwrap_or_default());
    let keep = |name: &str, value: &str| set_cookie(name, value, KEEP, caller.secure, false);
    let mut cookies: Vec<HeaderValue> = Vec::new();
    if let Some(word) = query.get("theme").and_then(theme) {
        cookies.extend(keep(THEME, word));
    }
    match query.get("clock") {
        Some("utc") => cookies.extend(keep(CLOCK, "utc")),
        Some("local") => cookies.extend(keep(CLOCK, "local")),
        _ => {}
    }
    answer::redirect(own_path(query.get("back").unwrap_or("/")), cookies)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferences(cookies: &str) -> Preferences {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::COOKIE, cookies.parse().unwrap());
        Preferences::of(&headers)
    }

    #[test]
    fn what_is_not_understood_is_utc_and_the_systems_theme() {
        let chosen = preferences("hearback_theme=dark; hearback_zone=Europe%2FOslo");
        assert_eq!((chosen.theme, chosen.utc), (Some("dark"), false));
        assert_eq!(chosen.zone, TimeZone::get("Europe/Oslo").unwrap());
        let utc = preferences("hearback_zone=Europe/Oslo; hearback_clock=utc");
        assert!(utc.utc && utc.zone == TimeZone::UTC && utc.local.is_some());
        for odd in ["hearback_theme=x; hearback_zone=Nowhere/At_All", "hearback_zone=../../etc/passwd", "a"] {
            let odd = preferences(odd);
            assert!(odd.theme.is_none() && odd.utc && odd.local.is_none());
        }
    }
}
