//! One figure each, with its change.

use hearback_event::Kind;
use hearback_store::Watched;

use super::period::Period;
use super::sums::{Sums, points};
use crate::pieces::{Html, count, icon, kind_mark, percent, spark};

pub(super) struct Tile {
    pub(super) status: &'static str,
    pub(super) icon: Html,
    pub(super) word: &'static str,
    pub(super) number: String,
    pub(super) unit: &'static str,
    /// How it changed: hue class, icon, words, title.
    pub(super) delta: Option<(&'static str, Html, String, String)>,
    pub(super) note: String,
    pub(super) href: String,
    pub(super) spark: Html,
}

/// Whether more of it is good, bad, or neither.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    Good,
    Bad,
    Neither,
}

pub(super) fn delta(
    change: f64,
    unit: &str,
    digits: usize,
    more: More,
    before: &str,
) -> Option<(&'static str, Html, String, String)> {
    let shown = format!("{:.digits$}", change.abs());
    if shown.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return None;
    }
    let up = change > 0.0;
    let hue = match (more, up) {
        (More::Neither, _) => "",
        (More::Good, true) | (More::Bad, false) => "good",
        _ => "bad",
    };
    let direction = if up { "more" } else { "less" };
    Some((
        hue,
        icon(if up { "up" } else { "dn" }),
        format!("{shown}{unit}"),
        format!("{shown}{unit} {direction} than in {before}"),
    ))
}

/// With fewer before or now, a change says nothing.
const FEW: u64 = 20;

/// A rate and its change.
pub(super) struct Rated {
    pub(super) kind: Kind,
    pub(super) word: &'static str,
    /// Now and before.
    pub(super) part: (u64, u64),
    pub(super) of: (u64, u64),
    pub(super) more: More,
}

impl Rated {
    fn tile(&self, note: String, spark: Html, period: &Period) -> Tile {
        let mark = kind_mark(self.kind);
        let (part, of) = (self.part, self.of);
        let change = if of.1 < FEW || of.0 < FEW { 0.0 } else { points(part.0, of.0) - points(part.1, of.1) };
        Tile {
            status: mark.status,
            icon: icon(mark.icon),
            word: self.word,
            number: percent(part.0.min(of.0), of.0),
            unit: if of.0 == 0 { "" } else { "%" },
            delta: delta(change, " pt", 2, self.more, period.before),
            note,
            href: period.events(self.kind.name()),
            spark,
        }
    }
}

pub(super) fn tiles(is: &Sums, was: &Sums, series: &[Sums], period: &Period) -> Vec<Tile> {
    let line = |of: &dyn Fn(&Sums) -> f64| spark(&series.iter().map(of).collect::<Vec<_>>(), 120.0, 32.0);
    let all = (is.attempted(), was.attempted());
    let rate = |kind, word, part, of, more, note, spark| {
        Rated { kind, word, part, of, more }.tile(note, spark, period)
    };
    // Of next to nothing, anything is a thousand times more.
    let growth = if all.1 < FEW { 0.0 } else { points(all.0, all.1) - 100.0 };
    let sent = kind_mark(Kind::Sent);
    let messages = |n: u64| if n == 1 { "1 message".to_owned() } else { format!("{} messages", count(n)) };
    let machine = match is.opened_machine {
        0 => messages(is.opened),
        n => format!("{} by machines left out", count(n)),
    };
    vec![
        Tile {
            status: sent.status,
            icon: icon(sent.icon),
            word: "Sent",
            number: count(all.0),
            unit: "",
            delta: delta(growth, "%", 1, More::Neither, period.before),
            note: "as far as providers tell".to_owned(),
            href: format!("/messages?period={}", period.word),
            spark: line(&|sums| sums.attempted() as f64),
        },
        rate(
            Kind::Delivered,
            "Delivered",
            (is.delivered, was.delivered),
            all,
            More::Good,
            messages(is.delivered),
            line(&|s| s.delivered as f64),
        ),
        rate(
            Kind::Bounced,
            "Bounced",
            (is.bounced, was.bounced),
            all,
            More::Bad,
            format!("{}, limit 5%", messages(is.bounced)),
            line(&|s| s.bounced as f64),
        ),
        rate(
            Kind::Complained,
            "Complained",
            (is.complained, was.complained),
            all,
            More::Bad,
            format!("{}, limit 0.1%", messages(is.complained)),
            line(&|s| s.complained as f64),
        ),
        rate(
            Kind::Opened,
            "Opens by people",
            (is.opened, was.opened),
            (is.delivered, was.delivered),
            More::Good,
            machine,
            line(&|s| s.opened as f64),
        ),
        rate(
            Kind::Clicked,
            "Clicks by people",
            (is.clicked, was.clicked),
            (is.delivered, was.delivered),
            More::Good,
            format!("{} clicks", count(is.clicked)),
            line(&|s| s.clicked as f64),
        ),
    ]
}

/// How many messages are overdue at this moment, whatever the period.
pub(super) fn overdue(watched: &Watched) -> Tile {
    let mark = kind_mark(Kind::Overdue);
    let note = match (watched.waiting, watched.overdue) {
        (0, 0) => "none is waited for".to_owned(),
        (0, _) => "at this moment".to_owned(),
        (waiting, _) => format!("now; {} not due yet", count(waiting)),
    };
    Tile {
        status: if watched.overdue == 0 { "queued" } else { mark.status },
        icon: icon(mark.icon),
        word: mark.word,
        number: count(watched.overdue),
        unit: "",
        delta: None,
        note,
        href: "/messages?overdue=true".to_owned(),
        spark: Html::default(),
    }
}
