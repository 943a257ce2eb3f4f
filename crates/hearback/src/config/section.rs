//! Reading one table key by key, complaining about everything that is wrong.

use std::ops::RangeInclusive;

use super::node::{Entry, Node, Table, Value};
use super::{Place, Problem};

/// Everything that is wrong, and everything that should be known.
#[derive(Default)]
pub(crate) struct Report {
    /// What is wrong.
    pub(crate) problems: Vec<Problem>,
    /// What works but should be known.
    pub(crate) warnings: Vec<Problem>,
}

impl Report {
    /// Adds a problem.
    pub(crate) fn problem(&mut self, place: &Place, message: impl Into<String>) {
        self.problems.push(Problem { place: place.clone(), message: message.into() });
    }

    /// Adds a warning.
    pub(crate) fn warning(&mut self, place: &Place, message: impl Into<String>) {
        self.warnings.push(Problem { place: place.clone(), message: message.into() });
    }
}

/// A table that is being read.
pub(crate) struct Section<'a> {
    title: String,
    table: Table,
    /// Where the table begins.
    pub(crate) place: Place,
    report: &'a mut Report,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// Begins with a table that is called `title` in messages: `[server]`.
    pub(crate) fn new(title: String, place: Place, table: Table, report: &'a mut Report) -> Self {
        Self { title, table, place, report, asked: Vec::new() }
    }

    /// Takes the table `name` out of `root`; an empty one if it is not there.
    pub(crate) fn of(root: &mut Table, name: &str, report: &'a mut Report) -> Self {
        let (place, table) = match root.take(name) {
            None => (Place::Default, Table::default()),
            Some(Entry { name_at, node: Node { value: Value::Table(table), .. } }) => (name_at, table),
            Some(Entry { name_at, .. }) => {
                report.problem(&name_at, format!("`{name}` is a table: write `[{name}]` and its keys below"));
                (name_at, Table::default())
            }
        };
        Self::new(format!("[{name}]"), place, table, report)
    }

    /// Complaints go here.
    pub(crate) fn report(&mut self) -> &mut Report {
        self.report
    }

    /// Where a value stands.
    pub(crate) fn place_of(&self, name: &str) -> Place {
        self.table.get(name).map_or(Place::Default, |entry| entry.node.place.clone())
    }

    /// Whether there is a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.table.get(name).is_some()
    }

    /// A value as it was written.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Node> {
        self.asked.push(name);
        self.table.take(name).map(|entry| entry.node)
    }

    /// A text, parsed; the error of `parse` says what is expected.
    pub(crate) fn text<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<(T, Place)> {
        let Node { place, value } = self.take(name)?;
        let parsed = match &value {
            Value::Text(text) => parse(text),
            other => Err(format!("expected text in quotes, found {}", other.kind())),
        };
        self.keep(name, parsed, &place).map(|value| (value, place))
    }

    /// A text that is a number as well where it is one: sizes.
    pub(crate) fn size<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Node { place, value } = self.take(name)?;
        let parsed = match &value {
            Value::Text(text) => parse(text),
            Value::Integer(number) => parse(&number.to_string()),
            other => Err(format!("expected a size such as \"5 MiB\", found {}", other.kind())),
        };
        self.keep(name, parsed, &place)
    }

    /// A whole number within bounds.
    pub(crate) fn number(&mut self, name: &'static str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let Node { place, value } = self.take(name)?;
        let found = match value {
            Value::Integer(number) => u64::try_from(number).ok().filter(|number| bounds.contains(number)),
            _ => None,
        };
        let expected = format!("expected a whole number from {} to {}", bounds.start(), bounds.end());
        self.keep(name, found.ok_or(expected), &place)
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<(bool, Place)> {
        let Node { place, value } = self.take(name)?;
        let found = match value {
            Value::Bool(yes) => Ok(yes),
            other => Err(format!("expected true or false, found {}", other.kind())),
        };
        self.keep(name, found, &place).map(|yes| (yes, place))
    }

    /// A list of texts (or a single one), each parsed.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<(T, Place)> {
        let Some(node) = self.take(name) else { return Vec::new() };
        let items = match node {
            Node { value: Value::List(items), .. } => items,
            single => vec![single],
        };
        let mut list = Vec::new();
        for Node { place, value } in items {
            let parsed = match &value {
                Value::Text(text) => parse(text),
                other => Err(format!("expected a list of texts, found {} in it", other.kind())),
            };
            list.extend(self.keep(name, parsed, &place).map(|value| (value, place)));
        }
        list
    }

    /// What nobody asked for, the names that were asked for, and where complaints go.
    pub(crate) fn rest(self) -> (Table, Vec<&'static str>, &'a mut Report) {
        (self.table, self.asked, self.report)
    }

    /// Complains about everything that nobody asked for.
    pub(crate) fn finish(self) {
        for (name, entry) in self.table.iter() {
            let message = unknown_key(name, &self.title, &self.asked);
            self.report.problem(&entry.name_at, message);
        }
    }

    fn keep<T>(&mut self, name: &str, parsed: Result<T, String>, place: &Place) -> Option<T> {
        parsed.map_err(|message| self.report.problem(place, format!("`{name}`: {message}"))).ok()
    }
}

/// The message about a key that does not exist.
pub(crate) fn unknown_key(name: &str, title: &str, known: &[&str]) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    match nearest(last, known) {
        Some(nearest) => format!("unknown key `{name}` in {title}; did you mean `{nearest}`?"),
        None => format!("unknown key `{name}` in {title}; known are {}", join(known)),
    }
}

/// The known name that was probably meant.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, nearest) = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), *candidate))
        .min_by_key(|(distance, _)| *distance)?;
    let holds = |inner: &str, outer: &str| inner.len() >= 3 && outer.contains(inner);
    (distance <= 1 + nearest.len() / 4 || holds(name, nearest) || holds(nearest, name)).then_some(nearest)
}

/// Names in a sentence.
pub(crate) fn join(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
