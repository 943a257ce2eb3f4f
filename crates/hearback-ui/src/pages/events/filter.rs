//! The filter of a list of events, as it stands in the URL.

use hearback_event::{Address, Kind, MessageId, Reason, Severity, Timestamp};
use hearback_store::{EventFilter, StoreError};

use crate::eyes::Eyes;
use crate::pieces::reason_words;
use crate::ui::Parts;
use crate::url::Query;

/// Words of the periods, their seconds and how a sentence calls them.
pub(crate) const PERIODS: &[(&str, i64, &str)] = &[
    ("1h", 3600, "last hour"),
    ("24h", 86_400, "last 24 hours"),
    ("7d", 7 * 86_400, "last 7 days"),
    ("30d", 30 * 86_400, "last 30 days"),
];

/// One choice of a control.
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) word: String,
    pub(crate) chosen: bool,
}

/// A control with its choices: name, label, choices.
pub(crate) type Control = (&'static str, &'static str, Vec<Choice>);

/// What is wanted.
pub(crate) struct Wanted {
    pub(crate) filter: EventFilter,
    /// The period's word in the URL and in a sentence; `None` for all times or times of one's own.
    pub(crate) period: Option<(&'static str, &'static str)>,
    /// Whether nothing but type, source and period is asked for, so that the hourly counts say how many there are.
    is_counted: bool,
}

impl Wanted {
    /// Reads the URL. What cannot be read is as if it were not there; the page shows what is.
    pub(crate) fn read(query: &Query, now: Timestamp) -> Self {
        let mut kinds: Vec<Kind> = query.all("type").filter_map(|name| Kind::parse(name).ok()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let text = |name: &str| query.get(name).map(str::to_owned);
        let labels: Vec<_> = query
            .all("label")
            .filter_map(|text| text.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let recipient = query.get("recipient").and_then(|text| Address::parse(text).ok());
        let messages: Vec<MessageId> = query.read("message").into_iter().collect();
        let own_times = query.get("since").is_some() || query.get("until").is_some();
        let is_specific = recipient.is_some() || !messages.is_empty() || !labels.is_empty() || own_times;
        let word = query.get("period").unwrap_or(if is_specific { "all" } else { super::DEFAULT_PERIOD });
        let period = PERIODS.iter().find(|(known, ..)| *known == word).filter(|_| !own_times);
        let severity: Option<Severity> = query.read("severity");
        let reasons: Vec<Reason> = query.all("reason").filter_map(|name| name.parse().ok()).collect();
        let filter = EventFilter {
            kinds,
            source: text("source"),
            provider: text("provider"),
            recipient,
            recipients: Vec::new(),
            domain: query.get("domain").map(str::to_lowercase),
            messages,
            labels,
            tag: text("tag"),
            severity,
            reasons,
            since: period.map(|(_, seconds, _)| now.plus_seconds(-seconds)).or_else(|| query.read("since")),
            until: query.read("until"),
        };
        let rest = EventFilter { kinds: Vec::new(), source: None, since: None, ..filter.clone() };
        let is_counted = period.is_some_and(|(known, ..)| *known != "1h") && rest == EventFilter::default();
        Self { filter, period: period.map(|(known, _, word)| (*known, *word)), is_counted }
    }

    /// How many of each kind there are, where the hourly counts say it.
    pub(crate) async fn counts(
        &self,
        ui: &Parts,
        now: Timestamp,
    ) -> Result<Option<Vec<(Kind, u64)>>, StoreError> {
        let Some(since) = self.filter.since.filter(|_| self.is_counted) else { return Ok(None) };
        let mut counts: Vec<(Kind, u64)> = Vec::new();
        for row in ui.store.hourly(since, now.plus_seconds(3600)).await? {
            if self.filter.source.as_ref().is_some_and(|source| *source != row.of) {
                continue;
            }
            match counts.iter_mut().find(|(kind, _)| *kind == row.kind) {
                Some((_, sum)) => *sum += row.count,
                None => counts.push((row.kind, row.count)),
            }
        }
        Ok(Some(counts))
    }

    /// What stands in the search box: what the box can be asked for.
    pub(crate) fn search_text(&self, query: &Query) -> String {
        let label = self.filter.labels.first().map(|(key, value)| format!("{key}={value}"));
        let parts = [
            query.get("q").map(str::to_owned),
            self.filter.recipient.as_ref().map(Address::to_string),
            label,
            self.filter.messages.first().map(MessageId::to_string),
            self.filter.domain.clone(),
        ];
        parts.into_iter().flatten().next().unwrap_or_default()
    }

    /// What is asked for besides the controls, each with the link that takes it away.
    pub(crate) fn conditions(&self, base: &Query, eyes: Eyes) -> Vec<(String, String)> {
        let mut conditions = Vec::new();
        let mut add = |words: String, query: Query| conditions.push((words, query.of("/events")));
        if let Some(address) = &self.filter.recipient {
            add(format!("to {}", eyes.address(address)), base.without(&["recipient"]));
        }
        for id in &self.filter.messages {
            add(format!("message {id}"), base.without(&["message"]));
        }
        for (key, value) in &self.filter.labels {
            let pair = format!("{key}={value}");
            add(eyes.text(&pair).into_owned(), base.without_pair("label", &pair));
        }
        for (name, value) in
            [("domain", &self.filter.domain), ("tag", &self.filter.tag), ("provider", &self.filter.provider)]
        {
            if let Some(value) = value {
                add(format!("{name} {}", eyes.text(value)), base.without(&[name]));
            }
        }
        for (name, word) in [("since", "from"), ("until", "until")] {
            if let Some(at) = base.read::<Timestamp>(name) {
                add(format!("{word} {at}"), base.without(&[name]));
            }
        }
        conditions
    }
}

fn choices<'a>(
    any: &str,
    known: impl Iterator<Item = (&'a str, String)>,
    chosen: impl Fn(&str) -> bool,
) -> Vec<Choice> {
    let any = Choice { value: String::new(), word: any.to_owned(), chosen: false };
    let known = known.map(|(value, word)| Choice { chosen: chosen(value), value: value.to_owned(), word });
    std::iter::once(any).chain(known).collect()
}

/// The control of the time.
pub(crate) fn periods(wanted: &Wanted) -> Vec<Choice> {
    let is = |word: &str| wanted.period.map_or("all", |(known, _)| known) == word;
    let known = PERIODS.iter().map(|(value, _, word)| (*value, *word)).chain([("all", "all time")]);
    known
        .map(|(value, word)| Choice {
            value: value.to_owned(),
            word: format!("Time: {word}"),
            chosen: is(value),
        })
        .collect()
}

/// The control of the source: the configured ones, and those that told something once.
pub(crate) async fn sources(ui: &Parts, wanted: &Wanted) -> Result<Vec<Choice>, StoreError> {
    let mut names: Vec<String> = ui.sources.iter().map(|source| source.reference.name.to_string()).collect();
    names.extend(ui.store.sources().await?.into_iter().map(|source| source.name));
    names.sort_unstable();
    names.dedup();
    let known = names.iter().map(|name| (name.as_str(), name.clone()));
    Ok(choices("Any source", known, |value| wanted.filter.source.as_deref() == Some(value)))
}

/// The control of the severity.
pub(crate) fn severities(wanted: &Wanted) -> Vec<Choice> {
    let known = Severity::ALL.iter().map(|severity| {
        let word = match severity {
            Severity::Permanent => "Permanent failures",
            Severity::Temporary => "Temporary failures",
        };
        (severity.name(), word.to_owned())
    });
    choices("Any severity", known, |value| {
        wanted.filter.severity.is_some_and(|severity| severity.name() == value)
    })
}

/// The control of the reason.
pub(crate) fn reasons(wanted: &Wanted) -> Vec<Choice> {
    let known = Reason::ALL.iter().map(|reason| (reason.name(), reason_words(*reason).to_owned()));
    choices("Any reason", known, |value| wanted.filter.reasons.iter().any(|reason| reason.name() == value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Wanted {
        Wanted::read(&Query::parse(query), Timestamp::from_seconds(1_800_000_000).unwrap())
    }

    #[test]
    fn urls_are_filters() {
        let found =
            wanted("type=bounced&type=message.failed&type=x&source=mailgun&severity=permanent&reason=dns");
        assert_eq!(found.filter.kinds, [Kind::Bounced, Kind::Failed]);
        assert_eq!(found.filter.since, Timestamp::from_seconds(1_800_000_000 - 86_400));
        assert_eq!(
            (found.filter.severity, found.filter.reasons.as_slice()),
            (Some(Severity::Permanent), &[Reason::Dns][..])
        );
        assert!(!found.is_counted);
        assert!(wanted("type=bounced&source=mailgun&period=7d").is_counted);
        assert!(!wanted("period=all").is_counted && wanted("period=all").filter.since.is_none());
    }

    #[test]
    fn one_thing_is_looked_for_in_all_time() {
        assert!(wanted("recipient=alice@example.com").filter.since.is_none());
        assert!(wanted("label=booking_id%3D42").filter.since.is_none());
        assert!(wanted("recipient=alice@example.com&period=24h").filter.since.is_some());
        assert_eq!(wanted("since=2026-01-01T00:00:00Z").filter.since, "2026-01-01T00:00:00Z".parse().ok());
    }
}
