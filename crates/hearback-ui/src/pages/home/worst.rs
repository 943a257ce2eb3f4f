//! Whom little arrives at: domains and tags with the greatest shares of failures.

use hearback_store::RollupRow;

use super::sums::{Sums, points};
use crate::pieces::{Html, count, meter, percent};
use crate::url::Query;

/// Rows of a table.
const WORST: usize = 6;

pub(super) struct Worst {
    pub(super) name: String,
    pub(super) href: String,
    pub(super) sent: String,
    pub(super) meter: Html,
    pub(super) deferred: (String, &'static str),
    pub(super) bounced: (String, &'static str),
}

pub(super) fn worst(rows: &[RollupRow], enough: u64, link: impl Fn(&str) -> Query) -> Vec<Worst> {
    let mut by_name: std::collections::HashMap<&str, Sums> = std::collections::HashMap::new();
    for row in rows {
        by_name.entry(&row.of).or_default().add(row);
    }
    let bad = |sums: &Sums| sums.bounced + sums.failed;
    let mut found: Vec<(&str, Sums)> = by_name
        .into_iter()
        .filter(|(_, sums)| sums.attempted() >= enough && bad(sums) + sums.deferred > 0)
        .collect();
    let weight =
        |sums: &Sums| points(bad(sums), sums.attempted()) + points(sums.deferred, sums.attempted()) / 2.0;
    found.sort_by(|(one, a), (other, b)| weight(b).total_cmp(&weight(a)).then_with(|| one.cmp(other)));
    let rate = |part: u64, all: u64, limit: f64| {
        let class = match (part, points(part, all)) {
            (0, _) => "zero",
            (_, share) if share > limit => "hot",
            _ => "",
        };
        (format!("{}%", percent(part.min(all), all)), class)
    };
    let line = |(name, sums): &(&str, Sums)| {
        let all = sums.attempted();
        // A quarter of all fills the bar: what is not arrived is small, and must be seen.
        let share = |part: u64| points(part, all) * 4.0;
        Worst {
            name: (*name).to_owned(),
            href: link(name).of("/events"),
            sent: count(all),
            meter: meter(("deferred", share(sums.deferred)), ("bounced", share(bad(sums)))),
            deferred: rate(sums.deferred, all, 4.0),
            bounced: rate(bad(sums), all, 5.0),
        }
    };
    found.iter().take(WORST).map(line).collect()
}

#[cfg(test)]
mod tests {
    use hearback_event::{Kind, Timestamp};

    use super::*;

    fn row(of: &str, kind: Kind, count: u64) -> RollupRow {
        RollupRow { start: Timestamp::EPOCH, of: of.to_owned(), kind, machine: false, count }
    }

    #[test]
    fn the_worst_come_first_and_few_say_nothing() {
        let rows = [
            row("good.example", Kind::Delivered, 100),
            row("bad.example", Kind::Delivered, 50),
            row("bad.example", Kind::Bounced, 20),
            row("slow.example", Kind::Delivered, 90),
            row("slow.example", Kind::Deferred, 9),
            row("few.example", Kind::Bounced, 3),
        ];
        let names: Vec<_> =
            worst(&rows, 10, |_| Query::default()).into_iter().map(|worst| worst.name).collect();
        assert_eq!(names, ["bad.example", "slow.example"]);
    }
}
