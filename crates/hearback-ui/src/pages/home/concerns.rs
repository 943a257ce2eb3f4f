//! What needs somebody now, and what failed last.

use hearback_event::Kind;
use hearback_store::{EventFilter, EventQuery, Watched};

use super::ENOUGH;
use super::sums::{Sums, points};
use crate::pages::destinations;
use crate::pages::events::who;
use crate::pages::messages::result;
use crate::pages::sources::{Health, SourceLine};
use crate::pieces::{Clock, Html, Mark, badge, count, icon, kind_mark, percent};
use crate::refusal::Outcome;
use crate::ui::Parts;
use crate::url::Query;
use crate::visit::Visit;

/// Failures that are shown.
const FAILURES: usize = 6;

pub(super) struct Concern {
    pub(super) status: &'static str,
    pub(super) icon: Html,
    pub(super) title: String,
    pub(super) words: String,
    pub(super) href: String,
}

pub(super) struct Failure {
    pub(super) status: &'static str,
    pub(super) icon: Html,
    pub(super) badge: Html,
    pub(super) who: String,
    pub(super) words: String,
    pub(super) href: String,
    pub(super) time: Html,
    pub(super) source: String,
}

/// What needs somebody now, the worst first.
pub(super) fn concerns(
    lines: &[SourceLine],
    pushed: &[destinations::Line],
    watched: &Watched,
    is: &Sums,
) -> Vec<Concern> {
    let mut found = Vec::new();
    for line in pushed.iter().filter(|line| line.problem.is_some()) {
        found.push(Concern {
            status: "failed",
            icon: icon("destination"),
            title: format!("{} takes nothing", line.name),
            words: line.problem.clone().unwrap_or_default(),
            href: line.href.clone(),
        });
    }
    if watched.overdue > 0 {
        let (messages, are) = if watched.overdue == 1 { ("message", "is") } else { ("messages", "are") };
        found.push(Concern {
            status: "overdue",
            icon: icon("overdue"),
            title: format!("{} {messages} {are} overdue", count(watched.overdue)),
            words: "Registered, expected by now, and not delivered.".to_owned(),
            href: "/messages?overdue=true".to_owned(),
        });
    }
    for line in lines {
        let (status, name, title, words) = match line.health {
            Health::Refusing => (
                "refusing",
                "quarantine",
                format!("{} refuses what comes in", line.name),
                format!("{} requests wait in quarantine. Was the key changed?", line.refused),
            ),
            Health::Silent => (
                "silent",
                "silent",
                format!("{} is silent", line.name),
                "No event for more than a day.".to_owned(),
            ),
            Health::New | Health::Ok => continue,
        };
        let href = if line.health == Health::Refusing {
            Query::default().with("source", &line.name).of("/quarantine")
        } else {
            line.href.clone()
        };
        found.push(Concern { status, icon: icon(name), title, words, href });
    }
    let all = is.attempted();
    let limits = [
        (Kind::Bounced, is.bounced, 5.0, "5%", "Mailbox providers begin to block above that."),
        (Kind::Complained, is.complained, 0.1, "0.1%", "Mailbox providers ask for less than that."),
    ];
    for (kind, part, limit, shown, words) in limits {
        if all >= ENOUGH && points(part, all) > limit {
            let mark = kind_mark(kind);
            let title = format!("{}% {}, more than {shown}", percent(part, all), mark.word.to_lowercase());
            let href = format!("/events?type={}", kind.name());
            found.push(Concern {
                status: mark.status,
                icon: icon(mark.icon),
                title,
                words: words.to_owned(),
                href,
            });
        }
    }
    found
}

pub(super) async fn failures(ui: &Parts, visit: &Visit, clock: &Clock) -> Outcome<Vec<Failure>> {
    let filter = EventFilter {
        kinds: vec![Kind::Bounced, Kind::Rejected, Kind::Failed, Kind::Complained],
        since: Some(visit.now.plus_seconds(-30 * 86_400)),
        ..EventFilter::default()
    };
    let page = ui.store.events(EventQuery { filter, limit: FAILURES, ..EventQuery::default() }).await?;
    let failure = |record: &hearback_event::Record| {
        let mark = Mark::of(&record.event);
        Failure {
            status: mark.status,
            icon: icon(mark.icon),
            badge: badge(mark, "badge-plain"),
            who: who(record, visit),
            words: visit.eyes.text(&result(&record.event)).into_owned(),
            href: format!(
                "/events?type=bounced&type=rejected&type=failed&type=complained&period=30d&open={}",
                record.id()
            ),
            time: clock.ago(record.occurred_at()),
            source: record.source.to_string(),
        }
    };
    Ok(page.rows.iter().map(failure).collect())
}
