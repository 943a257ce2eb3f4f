//! Which events a destination gets: by type, and by an expression over the event (CEL, <https://cel.dev>).
//!
//! Both are checked when the configuration is read: a type that does not exist, a field that no event has, an expression that is no
//! question. What an event does not say is `null` in an expression, so that `event.failure.reason == "spam"` is simply not so
//! where nothing failed. A label that an event does not have is no value at all: an expression that asks for it is not so either.

mod expression;
mod fields;
mod template;
mod types;

use hearback_event::{Kind, Record};

use expression::Expression;
pub use template::Template;
use types::Types;

/// Which events a destination gets. The default: all.
#[derive(Debug, Default)]
pub struct Filter {
    types: Types,
    when: Option<Expression>,
}

/// Why a filter cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct FilterError {
    /// What is wrong, and what to write instead.
    pub problem: String,
}

impl FilterError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into() }
    }
}

/// Why an event is not wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// None of the types is its own.
    Type,
    /// It tells of an alert that is for others.
    AlertForOthers,
    /// The destination gets alerts only.
    AlertsOnly,
    /// The expression is not so.
    When {
        /// What could not be computed, where that is why.
        error: Option<String>,
    },
}

impl Filter {
    /// Events of one of these types (`message.bounced`, `bounced`, `message.*`, `*`), all where there is none.
    pub fn set_types(&mut self, patterns: &[String]) -> Result<(), FilterError> {
        self.types = Types::parse(patterns)?;
        Ok(())
    }

    /// Events for which this expression is so.
    pub fn set_when(&mut self, source: &str) -> Result<(), FilterError> {
        self.when = Some(Expression::parse(source)?);
        Ok(())
    }

    /// The patterns of types, as they were written.
    pub fn types(&self) -> &[String] {
        self.types.written()
    }

    /// The expression, as it was written.
    pub fn when(&self) -> Option<&str> {
        self.when.as_ref().map(Expression::source)
    }

    /// Whether one of the types was written to mean events of alerts, and holds this kind.
    pub(crate) fn names_alerts(&self, kind: Kind) -> bool {
        self.types().iter().any(|pattern| pattern.starts_with("alert.")) && self.types.holds(kind)
    }

    /// Whether any event of a kind can be wanted.
    pub fn wants_kind(&self, kind: Kind) -> bool {
        self.types.holds(kind)
    }

    /// Whether an event is wanted, or why not.
    pub fn wants(&self, record: &Record) -> Result<(), Unwanted> {
        if !self.types.holds(record.event.kind) {
            return Err(Unwanted::Type);
        }
        match &self.when {
            None => Ok(()),
            Some(when) => when.is_so(record).map_err(|error| Unwanted::When { error }),
        }
    }
}

/// The known name that was probably meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let measured = known.map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    let (distance, nearest) = measured.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + nearest.len() / 4).then_some(nearest)
}

/// `; did you mean ...?`, or all that are known.
fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => format!("; known are {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests;
