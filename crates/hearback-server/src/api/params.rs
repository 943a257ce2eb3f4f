//! Query parameters, read strictly: a misspelt filter that is silently ignored gives a wrong answer.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::RawQuery;

use super::query::{Names, NoQuery};
use crate::problem::{Outcome, Problem};

/// Rows of a page when nothing is said.
const LIMIT_DEFAULT: usize = 50;
/// Most rows of a page.
pub(super) const LIMIT_MAX: usize = 1000;
/// A longer value is quoted in errors only up to here.
const QUOTED_MAX: usize = 60;

/// The parameters of one request, taken one by one.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Decodes the query. Names that are not known are an error, and so are empty values: a filter whose value got lost on
    /// the caller's side would be answered with everything.
    pub(super) fn new(query: RawQuery, known: &Names) -> Outcome<Self> {
        let query = query.0.unwrap_or_default();
        if query.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let known = known.list();
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        match pairs.iter().find(|(name, _)| !known.contains(name)) {
            None => Self(pairs).filled(),
            Some((name, _)) => {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let name = quoted(name);
                let detail = format!("unknown parameter `{name}`; known are: {known}");
                Err(Problem::bad_field(&name, format!("parameters: {known}"), detail))
            }
        }
    }

    fn filled(self) -> Outcome<Self> {
        match self.0.iter().find(|(_, value)| value.is_empty()) {
            None => Ok(self),
            Some((name, _)) => {
                let detail = format!("`{name}` is empty; give it a value or leave it out");
                Err(Problem::bad_field(name, "a value, or no parameter of this name", detail))
            }
        }
    }

    /// Nothing may be asked for besides what the path says.
    pub(super) fn none(query: RawQuery) -> Outcome<()> {
        static NAMES: Names = Names::of::<NoQuery>();
        Self::new(query, &NAMES).map(drop)
    }

    /// The value of a parameter that may be given once.
    pub(super) fn one(&self, name: &str) -> Outcome<Option<&str>> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Problem::bad_field(name, "one value", format!("`{name}` is given more than once")));
        }
        Ok(first)
    }

    /// The values of a parameter that may be given several times.
    pub(super) fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// The value of a parameter, read by its type; `expected` says in words what it should be.
    pub(super) fn parsed<T>(&self, name: &str, expected: &str) -> Outcome<Option<T>>
    where
        T: FromStr<Err: Display>,
    {
        self.one(name)?.map(|value| parse(name, value, expected)).transpose()
    }

    /// No other parameter may be given beside this one.
    pub(super) fn alone(&self, name: &str) -> Outcome<()> {
        match self.0.iter().find(|(other, _)| other != name) {
            None => Ok(()),
            Some((other, _)) => {
                let detail = format!("`{other}` cannot be combined with `{name}`");
                Err(Problem::bad_field(other, format!("`{name}` alone, or a list without it"), detail))
            }
        }
    }

    /// The number of rows that is wanted.
    pub(super) fn limit(&self) -> Outcome<usize> {
        self.limit_up_to(LIMIT_MAX)
    }

    /// As [`Params::limit`], where a page has fewer rows.
    pub(super) fn limit_up_to(&self, most: usize) -> Outcome<usize> {
        let expected = format!("a number from 1 to {most}");
        let limit = self.parsed("limit", &expected)?.unwrap_or(LIMIT_DEFAULT);
        if (1..=most).contains(&limit) {
            return Ok(limit);
        }
        let detail = format!("`limit` is {limit}; expected {expected}");
        Err(Problem::bad_field("limit", expected, detail))
    }
}

/// Reads a value, or says which field is wrong, why, and what was expected.
pub(super) fn parse<T: FromStr<Err: Display>>(name: &str, value: &str, expected: &str) -> Outcome<T> {
    value.parse().map_err(|error| {
        let value = quoted(value);
        let detail = format!("`{name}` is `{value}`: {error}; expected {expected}");
        Problem::bad_field(name, expected.to_owned(), detail)
    })
}

fn quoted(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(QUOTED_MAX).collect()
}
