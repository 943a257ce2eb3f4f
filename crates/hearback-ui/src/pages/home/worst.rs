//! Whom little arrives at: domains and tags with the greatest shares of failures.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use hearback_event::Timestamp;
use hearback_store::{RollupRow, StoreError};

use super::sums::{Sums, points};
use crate::pieces::{Html, count, meter, percent};
use crate::recent::Found;
use crate::refusal::Outcome;
use crate::ui::Ui;
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

/// What is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    /// The recipients' domains.
    Domain,
    /// Tags.
    Tag,
}

/// A name, and what became of what was sent to or under it.
pub(crate) type Ranked = (String, Sums);

/// The ranking of a stretch of days; where that takes long, as it was a moment ago.
pub(super) async fn ranking(ui: &Ui, by: By, from: Timestamp, until: Timestamp) -> Outcome<Arc<Vec<Ranked>>> {
    match ui.0.rankings.find(&(by, from), Instant::now()) {
        Found::Fresh(ranking) => Ok(ranking),
        Found::Stale(ranking) => {
            let ui = ui.clone();
            tokio::spawn(async move {
                if let Err(error) = count_anew(&ui, by, from, until).await {
                    tracing::debug!(%error, "cannot rank anew");
                    ui.0.rankings.not_renewed(&(by, from));
                }
            });
            Ok(ranking)
        }
        Found::Nothing => Ok(count_anew(ui, by, from, until).await?),
    }
}

async fn count_anew(
    ui: &Ui,
    by: By,
    from: Timestamp,
    until: Timestamp,
) -> Result<Arc<Vec<Ranked>>, StoreError> {
    let began = Instant::now();
    let rows = match by {
        By::Domain => ui.0.store.daily_by_domain(from, until).await?,
        By::Tag => ui.0.store.daily_by_tag(from, until).await?,
    };
    let ranking = Arc::new(ranked(&rows));
    ui.0.rankings.put((by, from), &ranking, began, Instant::now());
    Ok(ranking)
}

/// Whatever fails or is late, the worst first.
fn ranked(rows: &[RollupRow]) -> Vec<Ranked> {
    let mut by_name: HashMap<&str, Sums> = HashMap::new();
    for row in rows {
        by_name.entry(&row.of).or_default().add(row);
    }
    let mut found: Vec<Ranked> = by_name
        .into_iter()
        .filter(|(_, sums)| bad(sums) + sums.deferred > 0)
        .map(|(name, sums)| (name.to_owned(), sums))
        .collect();
    let weight =
        |sums: &Sums| points(bad(sums), sums.attempted()) + points(sums.deferred, sums.attempted()) / 2.0;
    found.sort_by(|(one, a), (other, b)| weight(b).total_cmp(&weight(a)).then_with(|| one.cmp(other)));
    found
}

const fn bad(sums: &Sums) -> u64 {
    sums.bounced + sums.failed
}

/// The worst of those to which enough was sent.
pub(super) fn worst(ranking: &[Ranked], enough: u64, link: impl Fn(&str) -> Query) -> Vec<Worst> {
    let rate = |part: u64, all: u64, limit: f64| {
        let class = match (part, points(part, all)) {
            (0, _) => "zero",
            (_, share) if share > limit => "hot",
            _ => "",
        };
        (format!("{}%", percent(part.min(all), all)), class)
    };
    let line = |(name, sums): &Ranked| {
        let all = sums.attempted();
        // A quarter of all fills the bar: what is not arrived is small, and must be seen.
        let share = |part: u64| points(part, all) * 4.0;
        Worst {
            name: name.clone(),
            href: link(name).of("/events"),
            sent: count(all),
            meter: meter(("deferred", share(sums.deferred)), ("bounced", share(bad(sums)))),
            deferred: rate(sums.deferred, all, 4.0),
            bounced: rate(bad(sums), all, 5.0),
        }
    };
    ranking.iter().filter(|(_, sums)| sums.attempted() >= enough).take(WORST).map(line).collect()
}

#[cfg(test)]
mod tests {
    use hearback_event::Kind;

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
            worst(&ranked(&rows), 10, |_| Query::default()).into_iter().map(|worst| worst.name).collect();
        assert_eq!(names, ["bad.example", "slow.example"]);
    }
}
