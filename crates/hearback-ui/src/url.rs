//! Paths and queries of our own pages.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is escaped in a segment of a path: all but what RFC 3986 lets stand, `@` and `=` among it.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'+')
    .remove(b'=')
    .remove(b',')
    .remove(b':');

/// A text as a segment of a path.
pub(crate) fn segment(text: &str) -> impl fmt::Display {
    utf8_percent_encode(text, SEGMENT)
}

/// Names and values of a query, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads one; empty values say nothing and are left out.
    pub(crate) fn parse(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes());
        Self(pairs.into_owned().filter(|(_, value)| !value.trim().is_empty()).collect())
    }

    /// The first value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.trim())
    }

    /// Every value of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.trim())
    }

    /// The first value of a name, if it can be read.
    pub(crate) fn read<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// This query with one value for a name.
    #[must_use]
    pub(crate) fn with(&self, name: &str, value: impl fmt::Display) -> Self {
        let mut query = self.without(&[name]);
        query.0.push((name.to_owned(), value.to_string()));
        query
    }

    /// This query without some names.
    #[must_use]
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect())
    }

    /// This query without one pair.
    #[must_use]
    pub(crate) fn without_pair(&self, name: &str, value: &str) -> Self {
        Self(self.0.iter().filter(|(found, held)| !(found == name && held == value)).cloned().collect())
    }

    /// Only these names.
    #[must_use]
    pub(crate) fn only(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| names.contains(&name.as_str())).cloned().collect())
    }

    /// The pairs, for the hidden fields of a form.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// A path with this query.
    pub(crate) fn of(&self, path: &str) -> String {
        if self.0.is_empty() {
            return path.to_owned();
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish();
        format!("{path}?{query}")
    }
}

/// A path of ours to go back to: never another origin.
pub(crate) fn own_path(text: &str) -> &str {
    let is_own = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains('\\')
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_own { text } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_changed_and_written() {
        let query = Query::parse("type=bounced&type=failed&label=a%3Db&q=&period=7d");
        assert_eq!(query.all("type").collect::<Vec<_>>(), ["bounced", "failed"]);
        assert_eq!(
            query.with("period", "24h").of("/events"),
            "/events?type=bounced&type=failed&label=a%3Db&period=24h"
        );
        assert_eq!(query.without_pair("type", "failed").only(&["type"]).of("/e"), "/e?type=bounced");
        assert_eq!(query.without(&["type", "label", "period"]).of("/e"), "/e");
        assert_eq!(segment("a b/c?@x=1").to_string(), "a%20b%2Fc%3F@x=1");
    }

    #[test]
    fn nobody_is_sent_elsewhere() {
        assert_eq!(own_path("/events?type=a"), "/events?type=a");
        for bad in ["https://x.example", "//x.example", "/\\x.example", "events", "", "/a\r\nb"] {
            assert_eq!(own_path(bad), "/", "{bad}");
        }
    }
}
