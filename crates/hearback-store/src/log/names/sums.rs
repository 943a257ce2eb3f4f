//! Sums of counts by step and name.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use hearback_event::Kind;

use super::packed::{Count, unpack};
use crate::StoreError;

/// Sums by step (hour or day) and name.
#[derive(Default)]
pub(in crate::log) struct Sums(BTreeMap<i64, OfStep>);

type OfStep = HashMap<String, Vec<Count>>;

impl Sums {
    /// Adds one count.
    pub(in crate::log) fn add(&mut self, (step, name, kind, machine): (i64, &str, Kind, bool), count: u64) {
        add_up(self.0.entry(step).or_default(), name, &[(kind, machine, count)]);
    }

    /// Adds the packed counts of a day.
    pub(super) fn add_packed(&mut self, day: i64, packed: &[u8]) -> Result<(), StoreError> {
        let of_day = self.0.entry(day).or_default();
        unpack(packed, &mut |name, counts| add_up(of_day, name, counts))
    }

    /// Step by step, the names of each in order.
    pub(in crate::log) fn into_steps(self) -> impl Iterator<Item = (i64, Vec<(String, Vec<Count>)>)> {
        self.0.into_iter().map(|(step, names)| {
            let mut names: Vec<_> = names.into_iter().collect();
            names.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            (step, names)
        })
    }
}

fn add_up(sums: &mut OfStep, name: &str, counts: &[Count]) {
    let sums = sums.entry_ref(name).or_default();
    for (kind, machine, count) in counts {
        match sums.iter_mut().find(|(of, by, _)| of == kind && by == machine) {
            Some((_, _, sum)) => *sum += count,
            None => sums.push((*kind, *machine, *count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Names;
    use super::*;

    #[test]
    fn sums_are_the_same_in_whatever_pieces_counts_come() {
        let kinds = [Kind::Delivered, Kind::Opened, Kind::Bounced];
        let counts: Vec<(i64, String, Kind, bool, u64)> = (0..400_u64)
            .map(|n| {
                let kind = kinds[(n % 3) as usize];
                ((n % 2) as i64, format!("name {}", n * 7 % 23), kind, n % 5 == 0, n)
            })
            .collect();
        let mut expected: BTreeMap<(i64, String, Kind, bool), u64> = BTreeMap::new();
        for (step, name, kind, machine, count) in counts.clone() {
            *expected.entry((step, name, kind, machine)).or_default() += count;
        }
        for size in [1, 7, 50, 400] {
            let mut sums = Sums::default();
            for (number, some) in counts.chunks(size).enumerate() {
                if number % 2 == 0 {
                    for (step, name, kind, machine, count) in some {
                        sums.add((*step, name, *kind, *machine), *count);
                    }
                    continue;
                }
                let mut names = Names::default();
                for (step, name, kind, machine, count) in some {
                    names.add((*step, name.as_str().into(), *kind, *machine), *count);
                }
                for (day, packed) in names.rows() {
                    sums.add_packed(day, &packed).unwrap();
                }
            }
            let mut found = BTreeMap::new();
            for (step, names) in sums.into_steps() {
                assert!(names.is_sorted_by(|(a, _), (b, _)| a < b), "each name once, in order");
                for (name, counts) in names {
                    for (kind, machine, count) in counts {
                        assert!(found.insert((step, name.clone(), kind, machine), count).is_none());
                    }
                }
            }
            assert_eq!(found, expected, "{size} at a time");
        }
    }
}
