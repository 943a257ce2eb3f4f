//! What is filtered, as a file.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use hearback_event::{Address, Record};
use hearback_store::{EventQuery, Order, Role};

use super::filter::Wanted;
use crate::answer;
use crate::change::record as write_down;
use crate::refusal::Outcome;
use crate::ui::{Parts, Ui};
use crate::url::Query;
use crate::visit::Visit;

/// Longest file, in rows. More is for the API and `hearback export`, which have no end.
const ROWS_MAX: usize = 10_000;
/// Rows that are read at a time.
const PAGE: usize = 1000;

async fn rows(ui: &Parts, visit: &Visit, query: &Query) -> Outcome<Vec<Record>> {
    let filter = Wanted::read(query, visit.now).filter;
    let (mut found, mut beyond) = (Vec::new(), None);
    while found.len() < ROWS_MAX {
        let limit = PAGE.min(ROWS_MAX - found.len());
        let asked = EventQuery { filter: filter.clone(), order: Order::Newest, beyond, limit };
        let page = ui.store.events(asked).await?;
        found.extend(page.rows);
        beyond = page.next;
        if beyond.is_none() {
            break;
        }
    }
    Ok(found)
}

async fn note(ui: &Parts, visit: &Visit, rows: usize) -> Outcome<()> {
    write_down(ui, &visit.caller, &visit.name, "events.export", format!("{rows} events")).await
}

/// `/events.ndjson`: one event a line, as the API gives it.
pub(crate) async fn ndjson(
    State(ui): State<Ui>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Outcome<Response> {
    if !visit.eyes.clear {
        visit.require(Role::Operator)?;
    }
    let rows = rows(&ui.0, &visit, &Query::parse(&query.unwrap_or_default())).await?;
    note(&ui.0, &visit, rows.len()).await?;
    let mut out = Vec::new();
    for row in &rows {
        // A record is always JSON, and a vector takes it.
        if serde_json::to_writer(&mut out, row).is_ok() {
            out.push(b'\n');
        }
    }
    Ok(answer::download("events.ndjson", "application/x-ndjson", out))
}

/// `/events.csv`: the columns of the list, addresses as the asker may see them.
pub(crate) async fn csv(State(ui): State<Ui>, visit: Visit, RawQuery(query): RawQuery) -> Outcome<Response> {
    let rows = rows(&ui.0, &visit, &Query::parse(&query.unwrap_or_default())).await?;
    note(&ui.0, &visit, rows.len()).await?;
    let mut out =
        String::from("id,type,occurred_at,received_at,source,recipient,subject,reason,words,message\r\n");
    for record in &rows {
        let event = &record.event;
        let failure = event.failure.as_ref();
        let seen = |address: &Address| visit.eyes.address(address);
        let cells = [
            record.id().to_string(),
            event.kind.dotted(),
            record.occurred_at().to_string(),
            record.received_at.to_string(),
            record.source.to_string(),
            event.recipient.as_ref().map(seen).unwrap_or_default(),
            visit.eyes.maybe(event.subject.as_deref()).unwrap_or_default(),
            event.reason().map(|reason| reason.name().to_owned()).unwrap_or_default(),
            visit.eyes.maybe(failure.and_then(|failure| failure.response.as_deref())).unwrap_or_default(),
            record.message_id().map(|id| id.to_string()).unwrap_or_default(),
        ];
        out.push_str(&cells.map(|text| cell(&text)).join(","));
        out.push_str("\r\n");
    }
    Ok(answer::download("events.csv", "text/csv; charset=utf-8", out))
}

/// A cell; what a spreadsheet would take for a formula is text.
pub(crate) fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '@', '-', '\t', '\r'])
        || text.strip_prefix('+').is_some_and(|rest| !rest.bytes().all(|byte| byte.is_ascii_digit()));
    let guard = if is_formula { "'" } else { "" };
    if guard.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn cells_are_text() {
        assert_eq!(cell("a"), "a");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(cell("=HYPERLINK(1)"), "\"'=HYPERLINK(1)\"");
        assert_eq!(cell("+447700900142"), "+447700900142");
        assert_eq!(cell("+1-cmd"), "\"'+1-cmd\"");
    }
}
