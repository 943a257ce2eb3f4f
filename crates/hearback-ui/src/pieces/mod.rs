//! The small parts that many pages are made of, as HTML that is escaped already.

mod badge;
mod chart;
mod json;
mod label;
mod number;
mod when;

use std::fmt;

use askama::filters::HtmlSafe;

pub(crate) use badge::{
    Mark, alert_mark, badge, cause_words, kind_mark, reason_words, status_mark, urgency_mark,
};
pub(crate) use chart::{Columns, Stack, meter, spark};
pub(crate) use json::tree;
pub(crate) use label::{label, tag};
pub(crate) use number::{brief, bytes, count, duration, percent};
pub(crate) use when::Clock;

/// HTML. Whoever makes one has escaped what is not his own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Html(pub(crate) String);

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

impl Html {
    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Adds to a text; to one in memory this cannot fail.
pub(crate) fn put(out: &mut String, words: fmt::Arguments<'_>) {
    fmt::Write::write_fmt(out, words).unwrap_or_default();
}

/// A text between tags or in an attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

/// An icon of the sprite.
pub(crate) fn icon(name: &str) -> Html {
    Html(format!("<svg class=\"i\" aria-hidden=\"true\"><use href=\"#{name}\"/></svg>"))
}
