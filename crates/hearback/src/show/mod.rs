//! Answers of the API as people read them: tables, pages, times. Pure: JSON in, text out.

mod event;
mod page;
mod stats;
mod table;
mod time;

pub(crate) use event::{detail, event_line, events_table, kind, when};
pub(crate) use page::{message_page, messages_table, recipient_page, timeline_page};
pub(crate) use stats::stats_page;
pub(crate) use table::{Looks, table};
pub(crate) use time::{ago, exact, gap, parse_moment};

use serde_json::Value;

/// The text at a pointer of a JSON answer, safe to print; empty where there is none.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => clean(text),
        Some(other) => clean(&other.to_string()),
    }
}

/// The number at a pointer; 0 where there is none.
pub(crate) fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// The list at a pointer; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A key as it stands in a JSON pointer (RFC 6901).
pub(crate) fn pointed(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Text that others wrote, without anything that a terminal would obey.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// The beginning of a text, marked where something was cut off.
pub(crate) fn short(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed() {
        let value = json!({"a": {"b": "x\u{1b}[31my\n"}, "n": 7});
        assert_eq!(text(&value, "/a/b"), "x [31my ");
        assert_eq!(
            (text(&value, "/n").as_str(), number(&value, "/n"), text(&value, "/none").as_str()),
            ("7", 7, "")
        );
        assert_eq!(short("abcdef", 4), "abc…");
        assert_eq!(short("äöü", 3), "äöü");
    }
}
