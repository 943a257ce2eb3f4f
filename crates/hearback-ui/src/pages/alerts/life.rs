//! The life of an alert, step by step: what began it, who was told, who has seen it, what ended it.

use hearback_event::{EventId, Kind, Record, Timestamp};
use hearback_store::AlertItem;

use crate::pages::messages::{Step, step};
use crate::pieces::{Clock, Html, Mark, alert_mark, count, escape, icon, kind_mark};
use crate::url::{Query, segment};
use crate::visit::Visit;

/// The steps of a day.
pub(super) struct Day {
    pub(super) title: String,
    pub(super) steps: Vec<Step>,
}

/// What is known of an alert besides itself.
pub(super) struct Known<'a> {
    /// Its first event.
    pub(super) cause: Option<&'a Record>,
    /// What was told of it: events of our own.
    pub(super) told: &'a [Record],
}

impl Known<'_> {
    fn letter(&self, kind: Kind, is_fallback: bool) -> Option<&Record> {
        let is = |record: &&Record| {
            record.event.kind == kind
                && record.event.alert.as_ref().is_some_and(|alert| alert.fallback == is_fallback)
        };
        self.told.iter().find(is)
    }

    /// That it was raised.
    pub(super) fn raised(&self) -> Option<&Record> {
        self.letter(Kind::AlertRaised, false)
    }
}

/// All of it, by days.
pub(super) fn days(item: &AlertItem, known: &Known<'_>, visit: &Visit) -> Vec<Day> {
    let clock = Clock::of(visit);
    let mut steps = told_steps(item, known, &clock);
    if let Some(record) = known.cause {
        steps.insert(0, (record.occurred_at(), cause_step(item, record, visit, &clock)));
    }
    if item.count > 1 && item.last_at > item.first_at {
        let mark = kind_mark(item.kind);
        let (title, rest) = if item.sums_up {
            ("Last of them".to_owned(), format!("{} in all", count(item.count)))
        } else {
            ("Again".to_owned(), format!("{} times in all, told once", count(item.count)))
        };
        steps.push((item.last_at, plain(mark, &clock, item.last_at, &title, Html(rest))));
    }
    // Stable: what happened at one moment stays in the order of a life.
    steps.sort_by_key(|(at, _)| *at);
    let mut days: Vec<Day> = Vec::new();
    for (at, step) in steps {
        let title = clock.day(at);
        match days.last_mut().filter(|day| day.title == title) {
            Some(day) => day.steps.push(step),
            None => days.push(Day { title, steps: vec![step] }),
        }
    }
    days
}

/// What began it, in its own words.
fn cause_step(item: &AlertItem, record: &Record, visit: &Visit, clock: &Clock) -> Step {
    let mut step = step(record, visit, clock);
    // What Hearback said is said by the heading of the page already.
    step.is_note = false;
    if item.sums_up {
        step.rest = Html(format!("{} the first of {}", step.rest.0, count(item.count)));
    }
    let event = format!("<a href=\"/events?period=all&amp;open={}\">The event</a>", record.id());
    let message = record.message_id().map(|id| format!("<a href=\"/messages/{id}\">its message</a>"));
    step.lines.push(Html([Some(event), message].into_iter().flatten().collect::<Vec<_>>().join(" and ")));
    step
}

fn plain(mark: Mark, clock: &Clock, at: Timestamp, title: &str, rest: Html) -> Step {
    Step {
        icon: icon(mark.icon),
        time: clock.clock(at),
        gap: None,
        slow: false,
        is_note: false,
        title: title.to_owned(),
        rest,
        lines: Vec::new(),
        words: None,
        mark,
    }
}

/// What was told, seen and ended, in the order of a life.
fn told_steps(item: &AlertItem, known: &Known<'_>, clock: &Clock) -> Vec<(Timestamp, Step)> {
    use hearback_event::AlertState::{Acknowledged, Resolved};
    let mut steps = Vec::new();
    for (at, to) in &item.told {
        let rest = Html(told(to, known.raised().map(Record::id)));
        let mut step = plain(kind_mark(Kind::AlertRaised), clock, *at, "Raised", rest);
        if to.is_empty() {
            step.lines.push(Html(
                "No destination has <code>alerts = true</code>, and the rule names none.".to_owned(),
            ));
        }
        steps.push((*at, step));
    }
    if let Some(record) = known.letter(Kind::AlertRaised, true) {
        let to = record.event.alert.as_ref().map(|alert| alert.to.clone()).unwrap_or_default();
        let rest = Html(told(&to, Some(record.id())));
        let at = record.occurred_at();
        steps.push((
            at,
            plain(kind_mark(Kind::AlertRaised), clock, at, "A text in the place of the mail", rest),
        ));
    }
    if let Some((at, by)) = &item.acknowledged {
        let rest = Html(format!("by {}", escape(by)));
        steps.push((*at, plain(alert_mark(Acknowledged), clock, *at, "Acknowledged", rest)));
    }
    if let Some((at, by)) = &item.resolved {
        let mut step = plain(alert_mark(Resolved), clock, *at, "Resolved", Html(ended(by)));
        if let Some(record) = known.letter(Kind::AlertResolved, false) {
            let to = record.event.alert.as_ref().map(|alert| alert.to.clone()).unwrap_or_default();
            let told = told(&to, Some(record.id()));
            if !to.is_empty() {
                step.lines.push(Html(format!("{}{}", &told[..1].to_uppercase(), &told[1..])));
            }
        }
        steps.push((*at, step));
    }
    steps
}

/// To whom it was told, each with where it is said whether it arrived.
fn told(to: &[String], event: Option<EventId>) -> String {
    if to.is_empty() {
        return "told to nobody".to_owned();
    }
    let link = |name: &String| {
        let path = format!("/destinations/{}", segment(name));
        let href = event.map_or_else(|| path.clone(), |id| Query::default().with("event", id).of(&path));
        format!("<a href=\"{}\">{}</a>", escape(&href), escape(name))
    };
    format!("told to {}", to.iter().map(link).collect::<Vec<_>>().join(", "))
}

/// Who or what ended it.
fn ended(by: &str) -> String {
    let itself = match by {
        "it takes events again" => "it takes events again".to_owned(),
        "nothing happened since" => "nothing happened since".to_owned(),
        "over before it was told" => "it was over before it was told".to_owned(),
        _ => match by.parse::<Kind>() {
            Ok(kind) => kind_mark(kind).word.to_lowercase(),
            Err(_) => return format!("by {}", escape(by)),
        },
    };
    format!("by itself: {itself}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_or_what_ended_it_is_told_apart() {
        assert_eq!(ended("nora <x>"), "by nora &lt;x&gt;");
        assert_eq!(ended("delivered"), "by itself: delivered");
        assert_eq!(ended("source.recovered"), "by itself: source well");
        assert_eq!(ended("it takes events again"), "by itself: it takes events again");
    }

    #[test]
    fn whoever_was_told_is_a_link_that_says_whether_it_arrived() {
        assert_eq!(told(&[], None), "told to nobody");
        let to = ["ops".to_owned(), "a&b".to_owned()];
        assert_eq!(
            told(&to, None),
            "told to <a href=\"/destinations/ops\">ops</a>, <a href=\"/destinations/a%26b\">a&amp;b</a>"
        );
    }
}
