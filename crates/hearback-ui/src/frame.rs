//! What stands around every page: navigation, search, switches.

use hearback_store::Role;

use crate::assets::ASSETS;
use crate::pieces::{Html, count, icon};
use crate::refusal::Refusal;
use crate::ui::Parts;
use crate::url::Query;
use crate::visit::Visit;

/// A place of the navigation.
pub(crate) struct Place {
    pub(crate) path: &'static str,
    pub(crate) icon: Html,
    pub(crate) word: &'static str,
    pub(crate) is_here: bool,
    /// How much waits there.
    pub(crate) count: Option<String>,
    /// Whether somebody should look at it.
    pub(crate) is_hot: bool,
}

/// A group of the navigation.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) places: Vec<Place>,
}

/// Path, icon and word of a place.
type Entry = (&'static str, &'static str, &'static str);

/// The navigation: title of the group, and path, icon, word of each place. The letter after `g` that goes there stands in the
/// script and in the help.
const GROUPS: &[(&str, &[Entry])] = &[
    (
        "",
        &[
            ("/", "overview", "Overview"),
            ("/events", "events", "Events"),
            ("/messages", "message", "Messages"),
            ("/recipients", "recipients", "Recipients"),
            ("/timelines", "timeline", "Timelines"),
        ],
    ),
    (
        "Watch",
        &[
            ("/alerts", "alert", "Alerts"),
            ("/watchdog", "watchdog", "Watchdog"),
            ("/suppressions", "shield", "Suppressions"),
        ],
    ),
    (
        "Connect",
        &[
            ("/destinations", "destination", "Destinations"),
            ("/quarantine", "quarantine", "Quarantine"),
            ("/sources", "source", "Sources"),
        ],
    ),
    ("", &[("/settings", "settings", "Settings")]),
];

/// The frame of a page.
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) groups: Vec<Group>,
    pub(crate) theme: Option<&'static str>,
    pub(crate) theme_link: String,
    /// Local and UTC: word, link, whether it is chosen. Empty where no other zone is known.
    pub(crate) zones: Vec<(String, String, bool)>,
    pub(crate) style: &'static str,
    pub(crate) script: &'static str,
    pub(crate) icon: &'static str,
    /// Who is signed in.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Whether there is a session to end.
    pub(crate) can_sign_out: bool,
    /// The secret of the page's forms.
    pub(crate) form: String,
    /// Where the search box leads, which place it filters, and what is in it.
    pub(crate) search_action: &'static str,
    pub(crate) search_in: Option<&'static str>,
    pub(crate) search: String,
    /// Whether lists of this page are wide.
    pub(crate) wide: bool,
    /// What the last change came to.
    pub(crate) toast: Option<String>,
    pub(crate) events: String,
    pub(crate) demo: bool,
}

impl Frame {
    /// For a page at `place` of the navigation.
    pub(crate) async fn new(
        ui: &Parts,
        visit: &Visit,
        place: &str,
        title: impl Into<String>,
    ) -> Result<Self, Refusal> {
        let stats = ui.store.stats().await?;
        let alerts = ui.store.alert_counts().await?;
        let waits = |path: &str| match path {
            "/alerts" if alerts.open > 0 => Some(count(alerts.open)),
            "/quarantine" if stats.quarantined > 0 => Some(count(stats.quarantined)),
            _ => None,
        };
        let groups = GROUPS.iter().map(|(title, places)| Group {
            title,
            places: places
                .iter()
                .map(|(path, name, word)| Place {
                    path,
                    icon: icon(name),
                    word,
                    is_here: *path == place,
                    count: waits(path),
                    is_hot: *path == "/alerts",
                })
                .collect(),
        });
        let preferences = &visit.caller.preferences;
        let back = |name: &str, value: &str| {
            Query::default().with(name, value).with("back", &visit.caller.here).of("/preferences")
        };
        let zones = preferences.local.as_ref().map_or_else(Vec::new, |local| {
            let name = jiff::Timestamp::from_nanosecond(i128::from(visit.now.as_nanos()))
                .unwrap_or_default()
                .to_zoned(local.clone())
                .strftime("%Z")
                .to_string();
            vec![
                (name, back("clock", "local"), !preferences.utc),
                ("UTC".to_owned(), back("clock", "utc"), preferences.utc),
            ]
        });
        Ok(Self {
            title: title.into(),
            groups: groups.collect(),
            theme: preferences.theme,
            theme_link: back("theme", if preferences.theme == Some("dark") { "light" } else { "dark" }),
            zones,
            style: &ASSETS.style.path,
            script: &ASSETS.script.path,
            icon: &ASSETS.icon.path,
            name: visit.name.clone(),
            role: visit.role,
            can_sign_out: visit.session.is_some(),
            form: visit.form.masked(),
            search_action: "/search",
            search_in: None,
            search: String::new(),
            wide: false,
            toast: None,
            events: count(stats.last_position),
            demo: ui.options.demo,
        })
    }

    /// The search box filters this page.
    #[must_use]
    pub(crate) fn searching(mut self, action: &'static str, place: &'static str, text: String) -> Self {
        self.search_action = action;
        self.search_in = Some(place);
        self.search = text;
        self
    }

    /// Says what the last change came to.
    #[must_use]
    pub(crate) fn saying(mut self, toast: Option<&str>) -> Self {
        self.toast = toast.map(|words| words.chars().take(200).collect());
        self
    }
}
