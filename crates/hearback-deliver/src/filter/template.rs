//! Texts with expressions in braces: `{event.recipient} bounced`.

use hearback_event::Record;
use serde_json::Value;

use super::FilterError;
use super::expression::Expression;

/// A checked text about an event.
#[derive(Debug)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Value(Expression),
}

impl Template {
    /// Reads a text: what stands in braces is an expression (CEL) over the event; `{{` and `}}` are braces themselves.
    ///
    /// # Errors
    ///
    /// A brace without its other half, or an expression that means nothing.
    pub fn parse(source: &str) -> Result<Self, FilterError> {
        let (mut parts, mut text) = (Vec::new(), String::new());
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            text.push_str(before);
            let (this, after) = brace.split_at(1);
            if let Some(after) = after.strip_prefix(this) {
                text.push_str(this);
                rest = after;
                continue;
            }
            let end = if this == "{" { after.find('}') } else { None };
            let Some((expression, after)) = end.and_then(|end| after.split_at_checked(end)) else {
                return Err(FilterError::new(format!(
                    "`{this}` stands alone; write `{this}{this}` for the brace itself"
                )));
            };
            parts.push(Part::Text(std::mem::take(&mut text)));
            parts.push(Part::Value(Expression::parse_value(expression.trim())?));
            rest = &after[1..];
        }
        text.push_str(rest);
        parts.push(Part::Text(text));
        Ok(Self { source: source.to_owned(), parts })
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text about an event. What the event does not say is left out.
    pub fn render(&self, record: &Record) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(words) => text.push_str(words),
                Part::Value(expression) => match expression.value(record) {
                    Value::Null => {}
                    Value::String(words) => text.push_str(&words),
                    other => text.push_str(&other.to_string()),
                },
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::bounced;
    use super::*;

    #[test]
    fn what_stands_in_braces_is_computed() {
        for (source, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{event.recipient} bounced", "alice@example.com bounced"),
            ("{event.failure.reason}/{ event.labels.purpose }", "invalid_recipient/pre_arrival"),
            ("{{{event.channel}}}", "{email}"),
            ("nothing: {event.labels.absent}{event.message.subject}.", "nothing: ."),
            ("{size(event.tags)} tags, {event.labels.purpose.startsWith('pre')}", "0 tags, true"),
        ] {
            assert_eq!(Template::parse(source).unwrap().render(&bounced()), expected, "{source}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (source, expected) in [
            ("{event.recipent}", "did you mean `recipient`?"),
            ("{recipient}", "write `event.recipient`"),
            ("{event.recipient", "`{` stands alone"),
            ("50 } more", "`}` stands alone"),
            ("{}", "no CEL expression"),
        ] {
            let problem = Template::parse(source).unwrap_err().problem;
            assert!(problem.contains(expected), "{source}: {problem}");
        }
    }
}
