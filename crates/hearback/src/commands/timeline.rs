//! `hearback timeline`: everything that happened under one label.

use clap::Args;
use hearback_event::Timestamp;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// More pages than this of one label are a mistake in the label, not a timeline.
const PAGES: usize = 20;
/// Rows of a page.
const PAGE: usize = 500;

/// Arguments of `timeline`.
#[derive(Debug, Args)]
pub(crate) struct TimelineArgs {
    /// The label, such as booking_id=42
    #[arg(value_name = "KEY=VALUE")]
    label: String,
    /// Tell how long ago instead of when
    #[arg(long)]
    relative: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Runs `timeline`.
pub(crate) fn run(args: &TimelineArgs, global: &Global) -> Result<Exit, CliError> {
    let (key, value) = args.label.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        CliError::usage(format!("`{}` is no label", show::clean(&args.label)))
            .hint("write key=value, such as booking_id=42")
    })?;
    if value.is_empty() {
        return Err(CliError::usage(format!("`{}` has no value to look for", show::clean(&args.label))));
    }
    let client = args.place.open(global)?;
    let timeline = runtime::block_on(whole(&client, key, value))?;
    if show::list(&timeline, "/data").is_empty() {
        return Err(CliError::no(format!("nothing has happened under {}", show::clean(&args.label))));
    }
    if args.json {
        output::json(&timeline)?;
    } else {
        output::line(show::timeline_page(&timeline, Looks::of_stdout(args.relative), Timestamp::now()));
    }
    if timeline.pointer("/next_cursor").is_some_and(Value::is_string) {
        output::note(format_args!("Only the first {} events are shown.", PAGE * PAGES));
    }
    Ok(Exit::Ok)
}

/// All pages of a timeline as one.
pub(crate) async fn whole(client: &Client, key: &str, value: &str) -> Result<Value, CliError> {
    let (mut messages, mut events): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    let mut cursor: Option<String> = None;
    for _ in 0..PAGES {
        let mut query = vec![("limit", PAGE.to_string())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = client.list(&["v1", "timelines", key, value], &query).await?;
        for message in show::list(&page, "/messages") {
            if !messages.iter().any(|known| known.get("id") == message.get("id")) {
                messages.push(message.clone());
            }
        }
        events.extend_from_slice(show::list(&page, "/data"));
        cursor = page.get("next_cursor").and_then(Value::as_str).map(ToOwned::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(json!({"key": key, "value": value, "messages": messages, "data": events, "next_cursor": cursor}))
}
