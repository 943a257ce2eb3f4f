//! A provider's own options: from the rest of a table to what the provider makes of them, and its complaints back to their lines.

use hearback_providers::{OptionError, Options};

use serde_json::{Map, Value};

use super::node::Table;
use super::section::{Report, Section, nearest, unknown_key};
use super::{Inputs, Place, mask, secrets};

/// What comes of a provider's options.
pub(crate) struct Made<T> {
    /// The options, secrets resolved.
    pub(crate) options: Options,
    /// What the provider makes of them.
    pub(crate) built: T,
    /// The options as they may be printed.
    pub(crate) printable: Map<String, Value>,
    /// How many keys are in them.
    pub(crate) keys: usize,
}

/// Has the provider make something out of what is left in the section, which is called `title` in messages. Besides it the provider
/// gives what should be known of it.
pub(crate) fn make<T>(
    title: String,
    section: Section<'_>,
    inputs: &Inputs,
    build: impl Fn(&Options) -> Result<(T, Vec<String>), Vec<OptionError>>,
) -> Option<Made<T>> {
    let place = section.place.clone();
    let (mut table, known, report) = section.rest();
    let printable = mask::options(&table);
    let surroundings =
        secrets::Surroundings { environment: &inputs.environment, folder: &inputs.base_folder() };
    let unresolved = secrets::resolve(&mut table, &surroundings, report);
    let mut scope = Scope { title, place, known, settled: unresolved };
    // A provider's reader stops at the first name it does not know; without that name it goes on to the next.
    let mut complete = scope.settled.is_empty();
    loop {
        let json = table.to_json();
        let keys = mask::count_keys(&json);
        let options = Options::new(json);
        let errors = match build(&options) {
            Ok((built, warnings)) => {
                let name = scope.title.trim_matches(['[', ']']).trim_start_matches("sources.");
                for warning in warnings {
                    report.warning(&scope.place, format!("{name}: {warning}"));
                }
                return complete.then_some(Made { options, built, printable, keys });
            }
            Err(errors) => errors,
        };
        let unknown: Vec<String> = errors
            .iter()
            .filter_map(Scope::unknown_name)
            .map(|(unknown, _)| unknown)
            .filter(|unknown| table.get(unknown).is_some())
            .collect();
        for error in &errors {
            scope.complain(error, &table, report);
        }
        if unknown.is_empty() {
            return None;
        }
        complete = false;
        for name in unknown {
            drop(table.take(&name));
        }
    }
}

struct Scope {
    title: String,
    place: Place,
    known: Vec<&'static str>,
    /// Options about which enough is said already.
    settled: Vec<String>,
}

impl Scope {
    /// The name that the provider does not know and the names that it does, where that is what the error says.
    fn unknown_name(error: &OptionError) -> Option<(String, Vec<&str>)> {
        match &error.option {
            // As serde says it.
            None => {
                let (name, rest) = error.problem.strip_prefix("unknown field `")?.split_once('`')?;
                Some((name.to_owned(), rest.split('`').skip(1).step_by(2).collect()))
            }
            // As the generic provider says it, which reads without serde.
            Some(name) => {
                let known = error.problem.strip_prefix("unknown option; known here are: ")?;
                Some((name.clone(), known.split(", ").collect()))
            }
        }
    }

    fn complain(&mut self, error: &OptionError, table: &Table, report: &mut Report) {
        if let Some((unknown, mut known)) = Self::unknown_name(error) {
            let entry = table.get(&unknown);
            if entry.is_some() {
                // On this level there are the keys that every source has, too.
                known.extend(&self.known);
            }
            let place = entry.map(|entry| &entry.name_at).or_else(|| table.place_of(&unknown));
            let message = unknown_key(&unknown, &self.title, &known);
            report.problem(place.unwrap_or(&self.place), message);
            // That the key that was meant is missing need not be said as well.
            self.settled.extend(nearest(&unknown, &known).map(str::to_owned));
            return;
        }
        let named = error.option.clone().or_else(|| first_quoted(&error.problem, table));
        if named.as_deref().is_some_and(|path| self.settled.iter().any(|settled| path.starts_with(settled))) {
            return;
        }
        let place = named.as_deref().and_then(|path| table.place_of(path)).unwrap_or(&self.place);
        let message = match &error.option {
            Some(option) => format!("`{option}`: {}", error.problem),
            None => error.problem.clone(),
        };
        report.problem(place, message);
    }
}

/// The first name in backticks that is an option in the table: errors of serde name the field so.
fn first_quoted(problem: &str, table: &Table) -> Option<String> {
    problem.split('`').skip(1).step_by(2).find(|name| table.get(name).is_some()).map(str::to_owned)
}
