//! A provider's own options: from the rest of a source's table to an endpoint, and its complaints back to their lines.

use hearback_providers::{Endpoint, OptionError, Options, Provider};

use serde_json::{Map, Value};

use super::node::Table;
use super::section::{Report, Section, join, nearest};
use super::{Inputs, Place, mask, secrets};

/// What comes of a provider's options.
pub(crate) struct Made {
    /// The options, secrets resolved.
    pub(crate) options: Options,
    /// The endpoint.
    pub(crate) endpoint: Box<dyn Endpoint>,
    /// The options as they may be printed.
    pub(crate) printable: Map<String, Value>,
    /// How many keys are in them.
    pub(crate) keys: usize,
}

/// Makes the endpoint out of what is left in the section.
pub(crate) fn make(
    name: &str,
    provider: &dyn Provider,
    section: Section<'_>,
    inputs: &Inputs,
) -> Option<Made> {
    let place = section.place.clone();
    let (mut table, known, report) = section.rest();
    let printable = mask::options(&table);
    let surroundings =
        secrets::Surroundings { environment: &inputs.environment, folder: &inputs.base_folder() };
    let unresolved = secrets::resolve(&mut table, &surroundings, report);
    let scope = Scope { title: format!("[sources.{name}]"), place, known, unresolved };
    // A provider's reader stops at the first name it does not know; without that name it goes on to the next.
    let mut complete = scope.unresolved.is_empty();
    loop {
        let json = table.to_json();
        let keys = mask::count_keys(&json);
        let options = Options::new(json);
        let errors = match provider.endpoint(&options) {
            Ok(endpoint) => {
                for warning in endpoint.warnings() {
                    report.warning(&scope.place, format!("{name}: {warning}"));
                }
                return complete.then_some(Made { options, endpoint, printable, keys });
            }
            Err(errors) => errors,
        };
        let unknown: Vec<String> = errors
            .iter()
            .filter_map(|error| Scope::unknown_name(error))
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
    unresolved: Vec<String>,
}

impl Scope {
    /// The name that the provider does not know, where that is what the error says.
    fn unknown_name(error: &OptionError) -> Option<String> {
        let rest = error.problem.strip_prefix("unknown field `")?;
        rest.split_once('`').map(|(name, _)| name.to_owned())
    }

    fn complain(&self, error: &OptionError, table: &Table, report: &mut Report) {
        if let Some(unknown) = Self::unknown_name(error) {
            let place = table.get(&unknown).map_or(&self.place, |entry| &entry.name_at);
            report.problem(place, self.unknown_message(&unknown, &error.problem));
            return;
        }
        let named = error.option.clone().or_else(|| first_quoted(&error.problem, table));
        let top = named.as_deref().and_then(|path| path.split(['.', '[']).next());
        if top.is_some_and(|top| self.unresolved.iter().any(|name| name == top)) {
            return;
        }
        let place = named.as_deref().and_then(|path| table.place_of(path)).unwrap_or(&self.place);
        let message = match &error.option {
            Some(option) => format!("`{option}`: {}", error.problem),
            None => error.problem.clone(),
        };
        report.problem(place, message);
    }

    /// serde lists what the provider knows; what every source has is known, too.
    fn unknown_message(&self, unknown: &str, problem: &str) -> String {
        let own = problem.split_once("expected ").map_or("", |(_, list)| list);
        let mut known: Vec<&str> = own.split('`').skip(1).step_by(2).collect();
        known.extend(&self.known);
        match nearest(unknown, &known) {
            Some(nearest) => format!("unknown key `{unknown}` in {}; did you mean `{nearest}`?", self.title),
            None => format!("unknown key `{unknown}` in {}; known are {}", self.title, join(&known)),
        }
    }
}

/// The first name in backticks that is an option in the table: errors of serde name the field so.
fn first_quoted(problem: &str, table: &Table) -> Option<String> {
    problem.split('`').skip(1).step_by(2).find(|name| table.get(name).is_some()).map(str::to_owned)
}
