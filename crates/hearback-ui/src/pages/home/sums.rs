//! What happened in a stretch of time, counted over all sources.

use hearback_event::Kind;
use hearback_store::RollupRow;

/// Sums of a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(super) queued: u64,
    pub(super) sent: u64,
    pub(super) delivered: u64,
    pub(super) deferred: u64,
    pub(super) bounced: u64,
    pub(super) failed: u64,
    pub(super) complained: u64,
    pub(super) opened: u64,
    pub(super) opened_machine: u64,
    pub(super) clicked: u64,
}

impl Sums {
    pub(super) fn add(&mut self, row: &RollupRow) {
        let place = match (row.kind, row.machine) {
            (Kind::Queued, _) => &mut self.queued,
            (Kind::Sent, _) => &mut self.sent,
            (Kind::Delivered, _) => &mut self.delivered,
            (Kind::Deferred, _) => &mut self.deferred,
            (Kind::Bounced, _) => &mut self.bounced,
            (Kind::Rejected | Kind::Failed, _) => &mut self.failed,
            (Kind::Complained, _) => &mut self.complained,
            (Kind::Opened, false) => &mut self.opened,
            (Kind::Opened, true) => &mut self.opened_machine,
            (Kind::Clicked, false) => &mut self.clicked,
            _ => return,
        };
        *place += row.count;
    }

    /// How many were sent, as far as it is told: some providers tell only how it ended.
    pub(super) fn attempted(&self) -> u64 {
        self.queued.max(self.sent).max(self.delivered + self.bounced + self.failed)
    }

    pub(super) fn plus(mut self, other: &Self) -> Self {
        self.queued += other.attempted();
        self.sent += other.attempted();
        self.delivered += other.delivered;
        self.deferred += other.deferred;
        self.bounced += other.bounced;
        self.failed += other.failed;
        self.complained += other.complained;
        self.opened += other.opened;
        self.opened_machine += other.opened_machine;
        self.clicked += other.clicked;
        self
    }
}

/// The sums of all sources: what was sent is found out for each by itself, because each tells it in its own way.
pub(super) fn sum<'a>(rows: impl Iterator<Item = &'a RollupRow>) -> Sums {
    let mut by_source: Vec<(&str, Sums)> = Vec::new();
    for row in rows {
        let at = by_source.iter().position(|(name, _)| *name == row.of).unwrap_or_else(|| {
            by_source.push((&row.of, Sums::default()));
            by_source.len() - 1
        });
        if let Some((_, sums)) = by_source.get_mut(at) {
            sums.add(row);
        }
    }
    by_source.iter().fold(Sums::default(), |sum, (_, sums)| sum.plus(sums))
}

/// A share in points of a hundred.
pub(super) fn points(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use hearback_event::Timestamp;

    use super::*;

    fn row(of: &str, kind: Kind, count: u64) -> RollupRow {
        RollupRow { start: Timestamp::EPOCH, of: of.to_owned(), kind, machine: false, count }
    }

    #[test]
    fn each_source_tells_in_its_own_way_how_many_were_sent() {
        // One tells sends, one only how it ended; an acceptance and a send of one message are not two.
        let rows = [
            row("a", Kind::Queued, 10),
            row("a", Kind::Sent, 10),
            row("a", Kind::Delivered, 8),
            row("b", Kind::Delivered, 5),
            row("b", Kind::Bounced, 1),
        ];
        let sums = sum(rows.iter());
        assert_eq!((sums.attempted(), sums.delivered, sums.bounced), (16, 13, 1));
    }
}
