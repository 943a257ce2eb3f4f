//! What raises an alert.

use std::time::Duration;

use hearback_deliver::{Filter, Template};
use hearback_event::Urgency;

use crate::QuietHours;

/// An alert is over when nothing happened for so long, if the rule says nothing else.
pub(crate) const RESOLVE_AFTER: Duration = Duration::from_hours(72);

/// A rule, checked.
#[derive(Debug)]
pub struct Rule {
    /// Its name in the configuration.
    pub name: String,
    /// Which events raise it.
    pub filter: Filter,
    /// How soon somebody should look.
    pub urgency: Urgency,
    /// The destinations that it is told to.
    pub to: Vec<String>,
    /// What is said of one event; `None` for our own words.
    pub text: Option<Template>,
    /// How often is told.
    pub pacing: Pacing,
    /// When nothing is told.
    pub quiet: Option<QuietHours>,
    /// An alert is over when nothing happened for so long.
    pub resolve_after: Duration,
    /// Whether it is told that an alert is over.
    pub tell_resolved: bool,
    /// A text to the recipient himself, in the place of a mail.
    pub fallback: Option<Fallback>,
}

/// How often is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// So many alerts within a window are told one by one; the others together, when the window ends.
    pub burst: u32,
    /// How long a window is.
    pub window: Duration,
    /// The shortest time between two that are told.
    pub interval: Duration,
}

impl Default for Pacing {
    fn default() -> Self {
        Self { burst: 5, window: Duration::from_mins(10), interval: Duration::ZERO }
    }
}

/// A text to the recipient himself: through a destination of kind `sms`, to the telephone number that texts of the same booking
/// (or whatever the label says) go to.
#[derive(Debug)]
pub struct Fallback {
    /// The destination.
    pub to: String,
    /// The label that the mail and the texts share.
    pub label: String,
    /// What is said.
    pub text: Template,
    /// More are not sent in an hour: a storm would be dear.
    pub per_hour: u32,
}

impl Rule {
    /// A rule for these types of events, which is told to nobody.
    ///
    /// # Errors
    ///
    /// Where a type or the expression means nothing.
    pub fn new(
        name: &str,
        types: &[&str],
        when: Option<&str>,
        urgency: Urgency,
    ) -> Result<Self, hearback_deliver::FilterError> {
        let mut filter = Filter::default();
        filter.set_types(&types.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
        when.map_or(Ok(()), |when| filter.set_when(when))?;
        Ok(Self {
            name: name.to_owned(),
            filter,
            urgency,
            to: Vec::new(),
            text: None,
            pacing: Pacing::default(),
            quiet: None,
            resolve_after: RESOLVE_AFTER,
            tell_resolved: true,
            fallback: None,
        })
    }
}

/// The types of a default rule, its condition, and how urgent it is.
type DefaultRule = (&'static str, &'static [&'static str], Option<&'static str>, Urgency);

/// What is worth an alert anywhere.
const DEFAULTS: &[DefaultRule] = &[
    ("bounces", &["message.bounced"], Some("event.failure.severity == \"permanent\""), Urgency::Warning),
    ("complaints", &["message.complained"], None, Urgency::Warning),
    ("overdue", &["message.overdue"], None, Urgency::Critical),
    ("sources", &["source.silent", "source.refusing"], None, Urgency::Critical),
    ("destinations", &["destination.failing"], None, Urgency::Warning),
    ("rates", &["rate.exceeded"], None, Urgency::Critical),
];

/// The rules that there are without any configuration, told to nobody.
pub fn default_rules() -> Vec<Rule> {
    DEFAULTS
        .iter()
        .filter_map(|(name, types, when, urgency)| Rule::new(name, types, *when, *urgency).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_rules_mean_something() {
        assert_eq!(default_rules().len(), DEFAULTS.len());
    }
}
