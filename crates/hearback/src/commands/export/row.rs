//! Events and messages as CSV (RFC 4180): a head, one row each, CRLF at the end of each.
//!
//! A cell that a spreadsheet would take for a formula has a `'` in front of it: whoever can put a text into an event must not be
//! able to run something in the spreadsheet of those who export it. That goes for numbers with a plus as well.

use serde_json::Value;

/// Names of the columns, and where their values stand in the JSON.
pub(super) type Columns = &'static [(&'static str, &'static str)];

/// Of messages.
pub(super) const OF_MESSAGES: Columns = &[
    ("id", "/id"),
    ("key", "/key"),
    ("provider_message_id", "/provider_id"),
    ("source", "/source"),
    ("provider", "/provider"),
    ("channel", "/channel"),
    ("recipient", "/recipient"),
    ("user_id", "/user_id"),
    ("subject", "/subject"),
    ("status", "/status"),
    ("implied", "/implied"),
    ("since", "/since"),
    ("first_event_at", "/first_event_at"),
    ("last_event_at", "/last_event_at"),
    ("delivered_after", "/delivered_after"),
    ("due_at", "/due_at"),
    ("overdue", "/overdue"),
    ("opens_human", "/opens/human"),
    ("opens_machine", "/opens/machine"),
    ("clicks_human", "/clicks/human"),
    ("clicks_machine", "/clicks/machine"),
    ("severity", "/failure/severity"),
    ("reason", "/failure/reason"),
    ("code", "/failure/code"),
    ("response", "/failure/response"),
    ("tags", "/tags"),
    ("labels", "/labels"),
];

/// Of events.
pub(super) const OF_EVENTS: Columns = &[
    ("id", "/id"),
    ("type", "/type"),
    ("source", "/source"),
    ("provider", "/provider"),
    ("native_type", "/native_type"),
    ("channel", "/channel"),
    ("origin", "/origin"),
    ("occurred_at", "/occurred_at"),
    ("occurred_at_approximate", "/occurred_at_approximate"),
    ("received_at", "/received_at"),
    ("verified", "/verified"),
    ("recipient", "/recipient"),
    ("ambiguous_recipients", "/ambiguous_recipients"),
    ("message_id", "/message/id"),
    ("provider_message_id", "/message/provider_id"),
    ("subject", "/message/subject"),
    ("severity", "/failure/severity"),
    ("reason", "/failure/reason"),
    ("code", "/failure/code"),
    ("enhanced_code", "/failure/enhanced_code"),
    ("response", "/failure/response"),
    ("description", "/failure/description"),
    ("by", "/engagement/by"),
    ("why", "/engagement/why"),
    ("url", "/engagement/url"),
    ("user_agent", "/engagement/user_agent"),
    ("ip", "/engagement/ip"),
    ("country", "/engagement/country"),
    ("suppression", "/suppression/action"),
    ("inbound_from", "/inbound/from"),
    ("tags", "/tags"),
    ("labels", "/labels"),
    ("provider_event_id", "/provider_event_id"),
    ("test", "/test"),
    ("error", "/error"),
];

/// A row of usual length.
const ROW_BYTES: usize = 1024;

/// The names of the columns.
pub(super) fn head(columns: Columns) -> String {
    line(columns.iter().map(|(name, _)| (*name).to_owned()))
}

/// An event or a message.
pub(super) fn row(columns: Columns, one: &Value) -> String {
    line(columns.iter().map(|(_, pointer)| text(one.pointer(pointer))))
}

/// A value as it stands in a cell; what is not there is nothing.
pub(super) fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        // Lists and labels as JSON; empty ones are nothing.
        Some(Value::Array(items)) if items.is_empty() => String::new(),
        Some(Value::Object(fields)) if fields.is_empty() => String::new(),
        Some(other) => other.to_string(),
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .buffer_capacity(ROW_BYTES)
        .from_writer(Vec::with_capacity(ROW_BYTES));
    // Writing to memory cannot fail, and all rows have the same number of cells: there is one.
    let written = writer.write_record(cells.map(harmless)).ok().and_then(|()| writer.into_inner().ok());
    String::from_utf8(written.unwrap_or_default()).unwrap_or_default()
}

/// Nothing that a spreadsheet would run.
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_quoted_and_harmless() {
        for (text, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "'=1+1"),
            ("+15551234567", "'+15551234567"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1,2", "\"'\r=1,2\""),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("a=1", "a=1"),
        ] {
            assert_eq!(line([text.to_owned(), String::new()].into_iter()), format!("{expected},\r\n"));
        }
    }

    #[test]
    fn every_row_has_as_many_cells_as_the_head() {
        let event = json!({"id": "evt_1", "type": "message.sent", "tags": [], "labels": {"a": "b,c"}, "verified": true});
        assert_eq!(head(OF_EVENTS).matches(',').count(), OF_EVENTS.len() - 1);
        let row = row(OF_EVENTS, &event);
        assert!(row.starts_with("evt_1,message.sent,") && row.ends_with("\r\n"), "{row}");
        assert!(row.contains(",\"{\"\"a\"\":\"\"b,c\"\"}\","), "{row}");
    }
}
