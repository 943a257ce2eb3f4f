//! What a native type means: the `types` table, then the `refine` rules.

use hearback_event::{Channel, Kind, ListAction, Reason, Severity};
use serde_json::Value;

use super::source::{Scene, Source};
use super::table::{Problems, Table};
use crate::json;

/// What is known of an event by its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) kind: Option<Kind>,
    pub(super) severity: Option<Severity>,
    pub(super) reason: Option<Reason>,
    pub(super) machine: Option<bool>,
    pub(super) action: Option<ListAction>,
    pub(super) channel: Option<Channel>,
}

impl Meaning {
    /// Reads `type`, `severity`, `category`, `machine`, `action`, `channel`.
    fn read(table: &mut Table, problems: &mut Problems) -> Self {
        let kind = table.text("type", problems);
        let kind = kind.and_then(|name| {
            let kind = Kind::parse(&name).map_err(|error| error.to_string());
            let told = |kind: &Kind| Kind::TOLD_BY_PROVIDERS.contains(kind);
            let refused = || {
                format!("`{name}` is not told by a provider, but by the application or by Hearback itself")
            };
            let kind = kind.and_then(|kind| Some(kind).filter(told).ok_or_else(refused));
            problems.keep(&table.path("type"), kind)
        });
        let severity = word(table, "severity", problems);
        let reason = word(table, "category", problems);
        let machine = table.flag("machine", problems);
        let action = table.take("action").and_then(|value| {
            let action = serde_json::from_value::<ListAction>(value);
            let problem = |_| "expected one of: added, removed, changed".to_owned();
            problems.keep(&table.path("action"), action.map_err(problem))
        });
        let channel = word(table, "channel", problems);
        Self { kind, severity, reason, machine, action, channel }
    }

    /// This meaning, with what it leaves open taken from another.
    fn or(self, other: Self) -> Self {
        Self {
            kind: self.kind.or(other.kind),
            severity: self.severity.or(other.severity),
            reason: self.reason.or(other.reason),
            machine: self.machine.or(other.machine),
            action: self.action.or(other.action),
            channel: self.channel.or(other.channel),
        }
    }
}

fn word<T>(table: &mut Table, name: &'static str, problems: &mut Problems) -> Option<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    let text = table.text(name, problems)?;
    problems.keep(&table.path(name), text.parse().map_err(|error: T::Err| error.to_string()))
}

/// The compiled `types` table and `refine` rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Types {
    exact: Vec<(String, Meaning)>,
    /// What stands before the `*`, in lower case; longest first.
    prefixes: Vec<(String, Meaning)>,
    rules: Vec<Rule>,
}

/// A rule: what it sets where all its conditions hold.
#[derive(Clone, Debug)]
struct Rule {
    conditions: Vec<Condition>,
    set: Meaning,
}

impl Types {
    pub(super) fn read(types: Option<Table>, rules: Vec<Table>, problems: &mut Problems) -> Self {
        let mut this = Self::default();
        if let Some(mut types) = types {
            for (name, value) in types.take_all() {
                let path = types.path(&format!("\"{name}\""));
                let value = if value.is_string() { serde_json::json!({ "type": value }) } else { value };
                let Value::Object(fields) = value else {
                    problems.error(&path, "expected an event type, or a table with `type`");
                    continue;
                };
                let mut entry = Table::new(&path, fields);
                let meaning = Meaning::read(&mut entry, problems);
                entry.finish(problems);
                match name.strip_suffix('*') {
                    Some(prefix) => this.prefixes.push((prefix.to_lowercase(), meaning)),
                    None => this.exact.push((name, meaning)),
                }
            }
        }
        this.prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        this.rules = rules.into_iter().map(|rule| Rule::read(rule, problems)).collect();
        this
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty() && self.rules.is_empty()
    }

    /// What the native type and the event mean. Of several rules the first that sets a thing decides it, and rules
    /// decide before the table.
    pub(super) fn meaning(&self, native: &str, scene: Scene<'_>) -> Meaning {
        let rules = self.rules.iter().filter(|rule| rule.conditions.iter().all(|one| one.holds(scene)));
        let refined = rules.fold(Meaning::default(), |sum, rule| sum.or(rule.set));
        refined.or(self.of_name(native))
    }

    /// Exact, else without regard to case, else the longest pattern.
    fn of_name(&self, native: &str) -> Meaning {
        let exact = self.exact.iter().find(|(name, _)| name == native);
        let lower = native.to_lowercase();
        let found = exact
            .or_else(|| self.exact.iter().find(|(name, _)| name.to_lowercase() == lower))
            .or_else(|| self.prefixes.iter().find(|(prefix, _)| lower.starts_with(prefix)));
        found.map(|(_, meaning)| *meaning).unwrap_or_default()
    }

    /// A native type that the table gives this meaning, for the simulator.
    pub(super) fn native_for(&self, kind: Kind) -> Option<&str> {
        let mut all = self.exact.iter().chain(&self.prefixes);
        all.find(|(_, meaning)| meaning.kind == Some(kind)).map(|(name, _)| name.as_str())
    }
}

/// What a rule looks at, and what it wants to find there. In a list one element is enough.
#[derive(Clone, Debug)]
struct Condition {
    source: Source,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Equals(String),
    /// Without regard to case.
    Contains(String),
    /// Without regard to case.
    StartsWith(String),
    In(Vec<String>),
    /// Both ends included.
    Range(f64, f64),
}

impl Rule {
    fn read(mut table: Table, problems: &mut Problems) -> Self {
        let path = table.path("when");
        let conditions = table.tables("when", problems);
        if conditions.is_empty() {
            problems.error(&path, "is not set; such as `{pointer = \"/code\", equals = \"550\"}`");
        }
        let conditions = conditions.into_iter().filter_map(|one| Condition::read(one, problems)).collect();
        let set = Meaning::read(&mut table, problems);
        if set == Meaning::default() {
            problems
                .error(table.own_path(), "sets nothing: give `type`, `severity`, `category` or `machine`");
        }
        table.finish(problems);
        Self { conditions, set }
    }
}

impl Condition {
    fn read(mut table: Table, problems: &mut Problems) -> Option<Self> {
        let path = table.path("pointer");
        let source = table.take("pointer").ok_or_else(|| "is not set; where to look".to_owned());
        let source = problems.keep(&path, source.and_then(|value| Source::read(&value)));
        let tests: Vec<Test> = ["equals", "contains", "starts_with", "in", "range"]
            .into_iter()
            .filter_map(|name| {
                let value = table.take(name)?;
                problems.keep(&table.path(name), Test::read(name, &value))
            })
            .collect();
        if tests.len() != 1 {
            problems.error(table.own_path(), "needs one of: equals, contains, starts_with, in, range");
        }
        table.finish(problems);
        Some(Self { source: source?, test: tests.into_iter().next()? })
    }

    fn holds(&self, scene: Scene<'_>) -> bool {
        match self.source.value(scene).as_deref() {
            Some(Value::Array(items)) => items.iter().any(|item| self.test.holds(item)),
            Some(value) => self.test.holds(value),
            None => false,
        }
    }
}

impl Test {
    fn read(name: &str, value: &Value) -> Result<Self, String> {
        let scalar =
            || json::scalar(value).ok_or_else(|| "expected a text that is not empty, or a number".to_owned());
        match name {
            "equals" => scalar().map(Self::Equals),
            "contains" => scalar().map(|text| Self::Contains(text.to_lowercase())),
            "starts_with" => scalar().map(|text| Self::StartsWith(text.to_lowercase())),
            "in" => {
                let items = value.as_array().map(|items| items.iter().map(json::scalar).collect());
                items.flatten().map(Self::In).ok_or_else(|| "expected a list of texts or numbers".to_owned())
            }
            _ => match value.as_array().map(Vec::as_slice) {
                Some([low, high]) => low.as_f64().zip(high.as_f64()),
                _ => None,
            }
            .map(|(low, high)| Self::Range(low, high))
            .ok_or_else(|| "expected two numbers, `[lowest, highest]`".to_owned()),
        }
    }

    fn holds(&self, value: &Value) -> bool {
        let Some(text) = json::scalar(value) else { return false };
        match self {
            Self::Equals(wanted) => text == *wanted,
            Self::Contains(part) => text.to_lowercase().contains(part),
            Self::StartsWith(start) => text.to_lowercase().starts_with(start),
            Self::In(all) => all.contains(&text),
            Self::Range(low, high) => {
                text.trim().parse::<f64>().is_ok_and(|number| (*low..=*high).contains(&number))
            }
        }
    }
}
