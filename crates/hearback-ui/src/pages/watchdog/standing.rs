//! Sources that are silent or refuse, and rates beyond their limits: as notices tell, until one says that it is well again.

use std::collections::BTreeSet;

use hearback_event::{Kind, Record};
use hearback_store::{EventFilter, EventQuery};

use crate::pages::messages::sentence;
use crate::pieces::{Clock, Html, badge, icon, kind_mark};
use crate::refusal::Outcome;
use crate::ui::Parts;
use crate::url::{Query, segment};
use crate::visit::Visit;

/// So many notices are read to know what still holds.
const NOTICES: usize = 500;

const KINDS: &[Kind] = &[
    Kind::SourceSilent,
    Kind::SourceRefusing,
    Kind::SourceRecovered,
    Kind::RateExceeded,
    Kind::RateRecovered,
];

/// A source or rate that is not as it should be.
pub(super) struct Wrong {
    pub(super) status: &'static str,
    pub(super) icon: Html,
    pub(super) badge: Html,
    pub(super) name: String,
    pub(super) words: String,
    pub(super) href: String,
    pub(super) time: Html,
}

/// Whatever was told and still holds, the newest first.
pub(super) async fn wrong(ui: &Parts, visit: &Visit, clock: &Clock) -> Outcome<Vec<Wrong>> {
    let filter = EventFilter { kinds: KINDS.to_vec(), ..EventFilter::default() };
    let page = ui.store.events(EventQuery { filter, limit: NOTICES, ..EventQuery::default() }).await?;
    // Who is not received any more cannot tell that he is well.
    let is_known = |name: &str| ui.sources.iter().any(|source| *source.reference.name == *name);
    Ok(still(&page.rows)
        .into_iter()
        .filter(|record| record.event.kind == Kind::RateExceeded || is_known(&record.source))
        .map(|record| one(record, visit, clock))
        .collect())
}

/// Of each source and rate the newest notice, where that is none of being well. The notices come the newest first.
fn still(notices: &[Record]) -> Vec<&Record> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for record in notices {
        let is_new = seen.insert(subject(record));
        let is_well = matches!(record.event.kind, Kind::SourceRecovered | Kind::RateRecovered);
        if is_new && !is_well {
            found.push(record);
        }
    }
    found
}

/// What a notice is about: a source, or the rate of something.
fn subject(record: &Record) -> (String, String) {
    let label = |name: &str| record.event.labels.get(name).cloned().unwrap_or_default();
    match record.event.kind {
        Kind::RateExceeded | Kind::RateRecovered => (label("rate"), label("rate_of")),
        _ => (String::new(), record.source.to_string()),
    }
}

fn one(record: &Record, visit: &Visit, clock: &Clock) -> Wrong {
    let mark = kind_mark(record.event.kind);
    let (rate, name) = subject(record);
    let href = match record.event.kind {
        Kind::RateExceeded => rate_link(&rate, &name),
        Kind::SourceRefusing => Query::default().with("source", &name).of("/quarantine"),
        _ => format!("/sources/{}", segment(&name)),
    };
    Wrong {
        status: mark.status,
        icon: icon(mark.icon),
        badge: badge(mark, ""),
        name: visit.eyes.text(&name).into_owned(),
        words: visit.eyes.text(&sentence(record.event.notice.as_deref().unwrap_or_default())).into_owned(),
        href,
        time: clock.ago(record.occurred_at()),
    }
}

/// The events that a rate counts: `rate` is `bounced` or `complained`, `of` such as `domain example.com`.
pub(crate) fn rate_link(rate: &str, of: &str) -> String {
    let query = Query::default().with("type", rate).with("period", "7d");
    match of.split_once(' ') {
        Some((what @ ("source" | "tag" | "domain"), name)) => query.with(what, name).of("/events"),
        _ => query.of("/events"),
    }
}
