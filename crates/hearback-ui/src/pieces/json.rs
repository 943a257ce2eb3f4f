//! JSON as a tree that opens and closes without a script.

use serde_json::Value;

use super::{Html, escape, put};
use crate::eyes::Eyes;

/// Deeper levels are closed at first.
const OPEN_DEPTH: usize = 2;
/// More items of one list or object are not shown.
const ITEMS_MAX: usize = 500;

/// The tree of a value.
pub(crate) fn tree(value: &Value, eyes: Eyes) -> Html {
    let mut out = String::from("<div class=\"json\" tabindex=\"0\" role=\"group\" aria-label=\"JSON\"><ul>");
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter().take(ITEMS_MAX) {
                item(&mut out, name, value, eyes, 1);
            }
        }
        other => item(&mut out, "", other, eyes, 1),
    }
    out.push_str("</ul></div>");
    Html(out)
}

fn item(out: &mut String, name: &str, value: &Value, eyes: Eyes, depth: usize) {
    let name = if name.is_empty() { String::new() } else { format!("<b>{}</b>: ", escape(&eyes.text(name))) };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            open(out, &name, "{", "}", &plural(fields.len(), "key"), depth);
            for (name, value) in fields.iter().take(ITEMS_MAX) {
                item(out, name, value, eyes, depth + 1);
            }
            out.push_str("</ul></details></li>");
        }
        Value::Array(items) if !items.is_empty() => {
            open(out, &name, "[", "]", &plural(items.len(), "item"), depth);
            for (place, value) in items.iter().take(ITEMS_MAX).enumerate() {
                item(out, &place.to_string(), value, eyes, depth + 1);
            }
            out.push_str("</ul></details></li>");
        }
        Value::String(text) => {
            let shown = eyes.text(text);
            put(out, format_args!("<li>{name}<span class=\"s\">&#34;{}&#34;</span></li>", escape(&shown)));
        }
        Value::Number(number) => {
            let shown = number.to_string();
            put(out, format_args!("<li>{name}<span class=\"n\">{}</span></li>", eyes.text(&shown)));
        }
        other => put(out, format_args!("<li>{name}<span class=\"k\">{other}</span></li>")),
    }
}

fn open(out: &mut String, name: &str, left: &str, right: &str, size: &str, depth: usize) {
    let open = if depth <= OPEN_DEPTH { " open" } else { "" };
    put(
        out,
        format_args!("<li><details{open}><summary>{name}{left} <span>{size}</span> {right}</summary><ul>"),
    );
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
