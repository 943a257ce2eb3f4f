//! `hearback recipients`: the list of recipients.

use clap::Args;
use hearback_event::Timestamp;
use serde_json::Value;

use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// Most rows of one page of the API.
const PAGE: usize = 1000;

/// Arguments of `recipients`.
#[derive(Debug, Args)]
pub(crate) struct RecipientsArgs {
    /// Whose last event is of one of these types, such as bounced,complained
    #[arg(long, value_delimiter = ',', value_name = "TYPE")]
    last_event: Vec<String>,
    /// Of one of these statuses: suppressed, failing, deliverable, pending
    #[arg(long, value_delimiter = ',')]
    status: Vec<String>,
    /// Of this e-mail domain
    #[arg(long)]
    domain: Option<String>,
    /// Of this person, by your application's id
    #[arg(long)]
    user_id: Option<String>,
    /// To whom something happened at least so often, such as bounced=3
    #[arg(long, value_name = "COUNT=NUMBER", value_parser = least)]
    min: Vec<(String, u32)>,
    /// At most so many
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
    /// Tell how long ago instead of when
    #[arg(long)]
    relative: bool,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Counters that have a minimum in the API.
const COUNTERS: &[&str] = &[
    "sent",
    "delivered",
    "deferred",
    "bounced",
    "rejected",
    "failed",
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
    "inbound",
];

fn least(text: &str) -> Result<(String, u32), String> {
    let expected =
        || format!("expected one of {}, `=`, and a number, such as bounced=3", COUNTERS.join(", "));
    let (name, number) = text.split_once('=').ok_or_else(expected)?;
    if !COUNTERS.contains(&name) {
        return Err(expected());
    }
    Ok((format!("{name}_min"), number.parse().map_err(|_| expected())?))
}

/// Runs `recipients`.
pub(crate) fn run(args: &RecipientsArgs, global: &Global) -> Result<Exit, CliError> {
    let client = args.place.open(global)?;
    let (found, more) = runtime::block_on(pages(&client, "recipients", &filter(args), args.limit))?;
    if args.json {
        found.iter().all(output::line_is_read);
        return Ok(Exit::Ok);
    }
    if found.is_empty() {
        output::note("No recipient is known that fits.");
        return Ok(Exit::Ok);
    }
    let (looks, now) = (Looks::of_stdout(args.relative), Timestamp::now());
    let rows = found.iter().map(|one| {
        let last = one.pointer("/last_event").cloned().unwrap_or_default();
        vec![
            show::text(one, "/address"),
            show::text(one, "/status"),
            show::kind(&last),
            show::when(&last, "/occurred_at", looks, now),
            show::text(one, "/suppression/reason"),
            show::text(one, "/user_id"),
            show::text(one, "/name"),
        ]
    });
    let head = ["ADDRESS", "STATUS", "LAST EVENT", "WHEN (UTC)", "SUPPRESSED FOR", "USER ID", "NAME"];
    output::line(show::table(looks, &head, rows));
    if more {
        output::note(format_args!("There are more; --limit shows more than {}.", args.limit));
    }
    Ok(Exit::Ok)
}

fn filter(args: &RecipientsArgs) -> Vec<(&str, String)> {
    let mut query = Vec::new();
    for (name, words) in [("last_event", &args.last_event), ("status", &args.status)] {
        if !words.is_empty() {
            query.push((name, words.join(",")));
        }
    }
    for (name, value) in [("domain", &args.domain), ("user_id", &args.user_id)] {
        query.extend(value.as_ref().map(|value| (name, value.clone())));
    }
    query.extend(args.min.iter().map(|(name, number)| (name.as_str(), number.to_string())));
    query
}

/// Rows of a list, page by page, up to so many. Whether there may be more.
pub(super) async fn pages(
    client: &Client,
    list: &str,
    filter: &[(&str, String)],
    limit: usize,
) -> Result<(Vec<Value>, bool), CliError> {
    let mut rows: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    while rows.len() < limit {
        let mut query = filter.to_vec();
        query.push(("limit", (limit - rows.len()).min(PAGE).to_string()));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = client.list(&["v1", list], &query).await?;
        rows.extend_from_slice(show::list(&page, "/data"));
        cursor = page.get("next_cursor").and_then(Value::as_str).map(ToOwned::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok((rows, cursor.is_some()))
}
