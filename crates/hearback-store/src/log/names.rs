//! Counts by name (tags, recipient domains) as they are kept: of each period and day one row, in which all counts are packed.
//! Who asks for some months of them reads few rows, each of which is looked through faster than rows of single counts are found.

use std::collections::{BTreeMap, HashMap};

use hearback_event::Kind;

use super::rollup::{Cell, Rollup};
use crate::StoreError;
use crate::session::{Column, Param, Session, Table, WALKS, params};

/// More different tags or domains of one period and day are counted together, so that a sender who tags every
/// message with a number of its own does not fill the table.
const MOST_NAMES: usize = 10_000;
pub(super) const OTHERS: &str = "(others)";

/// Counts by name, of which there are so many at most.
///
/// A name that has a cell has all of its events there, and one that has none has them among the others. So counts of some
/// events, taken out and put in first, leave everybody else in his place.
#[derive(Clone, Default)]
pub(super) struct Names {
    cells: HashMap<Cell<Box<str>>, u64>,
    /// Cells that do not count against the bound.
    others: usize,
}

impl Names {
    /// The counts.
    pub(super) const fn cells(&self) -> &HashMap<Cell<Box<str>>, u64> {
        &self.cells
    }

    /// Puts counts in, whatever the bound.
    pub(super) fn add(&mut self, cell: Cell<Box<str>>, count: u64) {
        let is_others = *cell.1 == *OTHERS;
        *self.cells.entry(cell).or_insert_with(|| {
            self.others += usize::from(is_others);
            0
        }) += count;
    }

    /// Counts one event.
    pub(super) fn count(&mut self, day: i64, name: &str, kind: Kind, machine: bool) {
        let cell = (day, Box::<str>::from(name), kind, machine);
        if let Some(count) = self.cells.get_mut(&cell) {
            *count += 1;
        } else if self.cells.len() - self.others < MOST_NAMES {
            self.add(cell, 1);
        } else {
            self.add((day, OTHERS.into(), kind, machine), 1);
        }
    }

    /// Counts what was counted under a name among the others.
    pub(super) fn forget(&mut self, name: &str) {
        let of_name: Vec<_> = self.cells.extract_if(|(_, known, ..), _| **known == *name).collect();
        for ((day, _, kind, machine), count) in of_name {
            self.add((day, OTHERS.into(), kind, machine), count);
        }
    }

    /// The rows that are kept: the day, and its counts packed.
    pub(super) fn rows(&self) -> Vec<(i64, Vec<u8>)> {
        let mut days = BTreeMap::<i64, Counts<'_>>::new();
        for ((day, name, kind, machine), count) in &self.cells {
            days.entry(*day).or_default().entry(name).or_default().insert((*kind, *machine), *count);
        }
        days.into_iter().map(|(day, counts)| (day, pack(&counts))).collect()
    }
}

/// The counts of one day.
type Counts<'a> = BTreeMap<&'a str, BTreeMap<(Kind, bool), u64>>;

/// Of each name: the length of its text, its text, how many counts it has, and of each count a byte for what is counted and the
/// count. Numbers have seven bits in each byte, the lowest first; the highest bit says that another byte follows.
fn pack(counts: &Counts<'_>) -> Vec<u8> {
    let mut packed = Vec::new();
    for (name, counts) in counts {
        put(&mut packed, name.len() as u64);
        packed.extend(name.as_bytes());
        put(&mut packed, counts.len() as u64);
        for ((kind, machine), count) in counts {
            packed.push(kind.number() << 1 | u8::from(*machine));
            put(&mut packed, *count);
        }
    }
    packed
}

fn put(packed: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        packed.push(number as u8 | 0x80);
        number >>= 7;
    }
    packed.push(number as u8);
}

/// Packed counts that are still to be read.
struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    /// Calls `each` with every name and its counts; `None` where the bytes are not counts.
    fn read(mut self, each: &mut dyn FnMut(&str, &[Count])) -> Option<()> {
        let mut counts = Vec::new();
        while !self.0.is_empty() {
            let name = self.text()?;
            counts.clear();
            for _ in 0..self.number()? {
                let what = self.byte()?;
                counts.push((Kind::from_number(what >> 1)?, what & 1 == 1, self.number()?));
            }
            each(name, &counts);
        }
        Some(())
    }
}

/// A kind, whether a machine did it, and how often.
type Count = (Kind, bool, u64);

/// Reads one row.
fn unpack(packed: &[u8], each: &mut dyn FnMut(&str, &[Count])) -> Result<(), StoreError> {
    Packed(packed).read(each).ok_or_else(|| StoreError::Damaged("packed counts cannot be read".to_owned()))
}

const TAGS: Table = Table {
    name: "daily_tags",
    columns: &[("day", Column::Int), ("period", Column::Int), ("counts", Column::Blob)],
    key: &["day", "period"],
};
const DOMAINS: Table = Table { name: "daily_domains", ..TAGS };

const fn table(rollup: Rollup) -> &'static Table {
    match rollup {
        Rollup::Domains => &DOMAINS,
        Rollup::Tags | Rollup::Hourly | Rollup::Delays => &TAGS,
    }
}

/// Writes rows of a period ([`Names::rows`]).
pub(super) fn write(
    session: &dyn Session,
    rollup: Rollup,
    period: u64,
    rows: &[(i64, Vec<u8>)],
) -> Result<(), StoreError> {
    let values: Vec<Param<'_>> =
        rows.iter().flat_map(|(day, counts)| [(*day).into(), period.into(), Param::Blob(counts)]).collect();
    session.write(table(rollup), &values)
}

/// What is counted: step, name, kind, and whether a machine did it; and how often.
pub(super) type Counted<N> = (i64, N, Kind, bool, u64);

/// Sums by step and name. Counts come in the order of names, and mostly of the same names, so that summing is walking two lists side
/// by side: several times faster than looking each name up.
#[derive(Default)]
pub(super) struct Sums(BTreeMap<i64, Vec<(String, Vec<Count>)>>);

impl Sums {
    /// Adds counts in any order.
    pub(super) fn add<N: AsRef<str> + Ord>(&mut self, mut counts: Vec<Counted<N>>) {
        counts.sort_unstable();
        for of_step in counts.chunk_by(|(a, ..), (b, ..)| a == b) {
            let Some(step) = of_step.first().map(|(step, ..)| *step) else { continue };
            let mut sum = Summing::of(self.0.entry(step).or_default());
            for of_name in of_step.chunk_by(|(_, a, ..), (_, b, ..)| a == b) {
                let Some((_, name, ..)) = of_name.first() else { continue };
                let counts: Vec<Count> =
                    of_name.iter().map(|(.., kind, machine, count)| (*kind, *machine, *count)).collect();
                sum.add(name.as_ref(), &counts);
            }
            sum.end();
        }
    }

    /// Adds the counts of one row.
    fn add_packed(&mut self, day: i64, packed: &[u8]) -> Result<(), StoreError> {
        let mut sum = Summing::of(self.0.entry(day).or_default());
        unpack(packed, &mut |name, counts| sum.add(name, counts))?;
        sum.end();
        Ok(())
    }

    /// Step by step, in the order of names.
    pub(super) fn into_steps(self) -> impl Iterator<Item = (i64, Vec<(String, Vec<Count>)>)> {
        self.0.into_iter()
    }
}

/// Counts that are added to sums, in the order of names.
struct Summing<'a> {
    sums: &'a mut Vec<(String, Vec<Count>)>,
    at: usize,
    new: Vec<(String, Vec<Count>)>,
}

impl<'a> Summing<'a> {
    const fn of(sums: &'a mut Vec<(String, Vec<Count>)>) -> Self {
        Self { sums, at: 0, new: Vec::new() }
    }

    fn add(&mut self, name: &str, counts: &[Count]) {
        while self.sums.get(self.at).is_some_and(|(known, _)| known.as_str() < name) {
            self.at += 1;
        }
        if let Some((_, sums)) = self.sums.get_mut(self.at).filter(|(known, _)| known == name) {
            add_up(sums, counts);
        } else {
            let mut sums = Vec::with_capacity(counts.len());
            // Two sources may have one name.
            add_up(&mut sums, counts);
            self.new.push((name.to_owned(), sums));
        }
    }

    fn end(self) {
        if !self.new.is_empty() {
            self.sums.extend(self.new);
            // Two lists in order, which is what this sort is quick with.
            self.sums.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
    }
}

fn add_up(sums: &mut Vec<Count>, counts: &[Count]) {
    for (at, (kind, machine, count)) in counts.iter().enumerate() {
        // Mostly the same is counted, in the same order.
        let likely = sums.get(at).is_some_and(|(of, by, _)| of == kind && by == machine);
        let at = Some(at)
            .filter(|_| likely)
            .or_else(|| sums.iter().position(|(of, by, _)| of == kind && by == machine));
        match at.and_then(|at| sums.get_mut(at)) {
            Some((_, _, sum)) => *sum += count,
            None => sums.push((*kind, *machine, *count)),
        }
    }
}

/// Adds the counts of sealed periods before `before`, of the days of a range.
pub(super) fn sum(
    session: &dyn Session,
    rollup: Rollup,
    range: (i64, i64),
    before: u64,
    sums: &mut Sums,
) -> Result<(), StoreError> {
    let sql = match rollup {
        Rollup::Domains => {
            "SELECT day, counts FROM daily_domains WHERE day BETWEEN $1 AND $2 AND period < $3"
        }
        Rollup::Tags | Rollup::Hourly | Rollup::Delays => {
            "SELECT day, counts FROM daily_tags WHERE day BETWEEN $1 AND $2 AND period < $3"
        }
    };
    session
        .query(sql, params![range.0, range.1, before], &mut |row| sums.add_packed(row.int(0)?, row.blob(1)?))
}

/// Whether the rows of a period differ from what the log gives, told in words.
pub(super) fn difference(
    session: &dyn Session,
    rollup: Rollup,
    period: u64,
    expected: &[(i64, Vec<u8>)],
) -> Result<Option<String>, StoreError> {
    let table = table(rollup).name;
    let sql = format!("SELECT {WALKS} day, counts FROM {table} WHERE period = $1 ORDER BY day");
    let found = session.all(&sql, params![period], |row| Ok((row.int(0)?, row.blob(1)?.to_vec())))?;
    Ok((found != expected).then(|| format!("{table}, period {period}: counts differ")))
}

/// Whether a name has counts of its own in a sealed period.
pub(super) fn has_cell(
    session: &dyn Session,
    rollup: Rollup,
    period: u64,
    (day, name, kind, machine): (i64, &str, Kind, bool),
) -> Result<bool, StoreError> {
    let sql = format!("SELECT counts FROM {} WHERE day = $1 AND period = $2", table(rollup).name);
    let mut found = false;
    session.query(&sql, params![day, period], &mut |row| {
        unpack(row.blob(0)?, &mut |known, counts| {
            found |= known == name && counts.iter().any(|(of, by, _)| (*of, *by) == (kind, machine));
        })
    })?;
    Ok(found)
}

/// Every tag that is counted, in counts of every age.
pub(super) fn tags(session: &dyn Session) -> Result<Vec<String>, StoreError> {
    let mut tags = std::collections::BTreeSet::new();
    session.query("SELECT /* walks */ counts FROM daily_tags", params![], &mut |row| {
        unpack(row.blob(0)?, &mut |name, _| {
            if !tags.contains(name) {
                tags.insert(name.to_owned());
            }
        })
    })?;
    Ok(tags.into_iter().collect())
}

/// Counts among the others what is counted under a tag, in counts of every age.
pub(super) fn forget_tag(session: &dyn Session, tag: &str) -> Result<(), StoreError> {
    let rows = session.all("SELECT /* walks */ day, period, counts FROM daily_tags", params![], |row| {
        let (day, period) = (row.int(0)?, row.int(1)?);
        let (mut names, mut is_named) = (Names::default(), false);
        unpack(row.blob(2)?, &mut |name, counts| {
            is_named |= name == tag;
            for (kind, machine, count) in counts {
                names.add((day, name.into(), *kind, *machine), *count);
            }
        })?;
        Ok(is_named.then_some((period as u64, names)))
    })?;
    for (period, mut names) in rows.into_iter().flatten() {
        names.forget(tag);
        write(session, Rollup::Tags, period, &names.rows())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(rows: &[(i64, Vec<u8>)]) -> HashMap<Cell<Box<str>>, u64> {
        let mut cells = HashMap::new();
        for (day, packed) in rows {
            unpack(packed, &mut |name, counts| {
                cells.extend(
                    counts.iter().map(|(kind, machine, n)| ((*day, name.into(), *kind, *machine), *n)),
                );
            })
            .unwrap();
        }
        cells
    }

    #[test]
    fn packing_round_trips() {
        let mut names = Names::default();
        for (n, name) in ["", "receipt", "größe", &"x".repeat(300), OTHERS].into_iter().enumerate() {
            for (kind, count) in [(Kind::Delivered, 1), (Kind::Opened, 127), (Kind::Bounced, u64::MAX - 7)] {
                names.add((n as i64 % 2, name.into(), kind, kind == Kind::Opened), count + n as u64);
            }
        }
        let rows = names.rows();
        assert_eq!(rows.len(), 2, "one row for each day");
        assert_eq!(&cells(&rows), names.cells());
        assert_eq!(rows, names.rows(), "the same counts are packed the same");
    }

    #[test]
    fn sums_are_the_same_in_whatever_pieces_counts_come() {
        let kinds = [Kind::Delivered, Kind::Opened, Kind::Bounced];
        let counts: Vec<Counted<String>> = (0..400_u64)
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
                    sums.add(some.to_vec());
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

    #[test]
    fn what_is_cut_off_or_wrong_is_refused() {
        let mut names = Names::default();
        names.add((1, "receipt".into(), Kind::Delivered, false), 1000);
        let packed = names.rows().remove(0).1;
        for end in 1..packed.len() {
            assert!(unpack(&packed[..end], &mut |_, _| ()).is_err(), "{end}");
        }
        for wrong in [&[0xff; 12][..], &[1, 0xff, 0], &[0, 1, 0xff, 1], &[0x80; 20]] {
            assert!(unpack(wrong, &mut |_, _| ()).is_err(), "{wrong:?}");
        }
    }
}
