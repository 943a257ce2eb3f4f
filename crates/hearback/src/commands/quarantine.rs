//! `hearback quarantine`: refused requests, to look at, to try again, to throw away.

use clap::{Args, Subcommand};
use hearback_event::Timestamp;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// So much of a body is shown; `--json` has all of it.
const EXCERPT: usize = 2000;
/// Most rows of one page of the API.
const PAGE: usize = 1000;

/// Arguments of `quarantine`.
#[derive(Debug, Args)]
pub(crate) struct QuarantineArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List refused requests, the newest first
    List(ListArgs),
    /// Show a refused request: why, its head, and the beginning of its body
    Show(OneArgs),
    /// Check refused requests with today's keys, and take in those that are genuine
    Retry(RetryArgs),
    /// Throw refused requests away
    Drop(DropArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Of this source
    #[arg(long)]
    source: Option<String>,
    /// With this cause, such as bad_signature
    #[arg(long)]
    cause: Option<String>,
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

#[derive(Debug, Args)]
struct OneArgs {
    /// Its number, as `list` shows it
    id: u64,
    /// Print JSON, with the whole body
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct RetryArgs {
    /// Only the one of this number [default: all]
    #[arg(conflicts_with_all = ["source", "cause"])]
    id: Option<u64>,
    /// Only those of this source
    #[arg(long)]
    source: Option<String>,
    /// Only those with this cause
    #[arg(long)]
    cause: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct DropArgs {
    /// Their numbers, as `list` shows them
    #[arg(required = true)]
    ids: Vec<u64>,
    #[command(flatten)]
    place: Where,
}

/// Runs `quarantine`.
pub(crate) fn run(args: &QuarantineArgs, global: &Global) -> Result<Exit, CliError> {
    match &args.action {
        Action::List(args) => {
            let client = args.place.open(global)?;
            runtime::block_on(list(args, &client))
        }
        Action::Show(args) => {
            let client = args.place.open(global)?;
            runtime::block_on(show_one(args, &client))
        }
        Action::Retry(args) => {
            // What is taken in becomes events, which only the process that has the journal can store.
            let client = args.place.open_for_events(global)?;
            runtime::block_on(retry(args, &client))
        }
        Action::Drop(args) => {
            let client = args.place.open(global)?;
            runtime::block_on(throw_away(args, &client))
        }
    }
}

async fn list(args: &ListArgs, client: &Client) -> Result<Exit, CliError> {
    let mut entries: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    while entries.len() < args.limit {
        let wanted = (args.limit - entries.len()).min(PAGE);
        let mut query = which(args.source.as_ref(), args.cause.as_ref());
        query.push(("limit", wanted.to_string()));
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let page = client.list(&["v1", "quarantine"], &query).await?;
        entries.extend_from_slice(show::list(&page, "/data"));
        cursor = page.get("next_cursor").and_then(Value::as_str).map(ToOwned::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if args.json {
        entries.iter().all(output::line_is_read);
        return Ok(Exit::Ok);
    }
    if entries.is_empty() {
        output::note("The quarantine is empty.");
        return Ok(Exit::Ok);
    }
    let looks = Looks::of_stdout(args.relative);
    let now = Timestamp::now();
    let rows = entries.iter().map(|entry| {
        vec![
            show::text(entry, "/id"),
            show::when(entry, "/received_at", looks, now),
            show::text(entry, "/source"),
            show::text(entry, "/cause"),
            show::text(entry, "/remote"),
            show::text(entry, "/body_bytes"),
            show::text(entry, "/detail"),
        ]
    });
    let head = ["NUMBER", "RECEIVED (UTC)", "SOURCE", "CAUSE", "SENT BY", "BYTES", "DETAIL"];
    output::line(show::table(looks, &head, rows));
    if cursor.is_some() {
        output::note(format_args!("There are more; --limit shows more than {}.", args.limit));
    }
    Ok(Exit::Ok)
}

fn which(source: Option<&String>, cause: Option<&String>) -> Vec<(&'static str, String)> {
    [("source", source), ("cause", cause)]
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value.clone())))
        .collect()
}

fn missing(id: u64) -> CliError {
    CliError::no(format!("there is no refused request {id}"))
        .hint("`hearback quarantine list` shows those that are kept; the oldest go when there are too many")
}

async fn show_one(args: &OneArgs, client: &Client) -> Result<Exit, CliError> {
    let found = client.get(&["v1", "quarantine", &args.id.to_string()], &[]).await?;
    let entry = found.ok_or_else(|| missing(args.id))?;
    if args.json {
        output::json(&entry)?;
        return Ok(Exit::Ok);
    }
    let looks = Looks::of_stdout(false);
    let text = |pointer: &str| show::text(&entry, pointer);
    output::line(format_args!("Refused request {}: {}", args.id, text("/cause")));
    let facts = [
        ("why", text("/detail")),
        ("source", format!("{} ({})", text("/source"), text("/provider"))),
        ("received", format!("{} UTC", show::when(&entry, "/received_at", looks, Timestamp::now()))),
        ("sent by", text("/remote")),
        ("body", format!("{} bytes", text("/body_bytes"))),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        output::line(format_args!("  {name:<10} {value}"));
    }
    output::line("");
    for line in entry.pointer("/head").and_then(Value::as_str).unwrap_or_default().lines() {
        output::line(show::clean(line));
    }
    output::line("");
    print_body(&entry);
    Ok(Exit::Ok)
}

fn print_body(entry: &Value) {
    match entry.pointer("/body").and_then(Value::as_str) {
        Some("") if show::number(entry, "/body_bytes") > 0 => output::note("The body was not kept."),
        Some(body) => {
            let shown: String = body.chars().take(EXCERPT).collect();
            for line in shown.lines() {
                output::line(show::clean(line));
            }
            if shown.len() < body.len() {
                output::note(format_args!("… {} more bytes; --json shows all", body.len() - shown.len()));
            }
        }
        None => output::note("The body is not text; --json has it in base64."),
    }
}

async fn retry(args: &RetryArgs, client: &Client) -> Result<Exit, CliError> {
    let outcome = if let Some(id) = args.id {
        let found = client.post(&["v1", "quarantine", &id.to_string(), "retry"], &[]).await?;
        found.ok_or_else(|| missing(id))?
    } else {
        let query = which(args.source.as_ref(), args.cause.as_ref());
        client.post(&["v1", "quarantine", "retry"], &query).await?.unwrap_or_default()
    };
    client.close().await?;
    let refused = outcome.pointer("/still_refused").cloned().unwrap_or_else(|| json!({}));
    if args.json {
        output::json(&outcome)?;
    } else {
        output::line(format_args!(
            "{} taken in, {} known already and taken out",
            show::text(&outcome, "/admitted"),
            show::text(&outcome, "/duplicates")
        ));
        for (cause, count) in refused.as_object().into_iter().flatten() {
            output::line(format_args!("{} still refused: {}{}", count, show::clean(cause), meaning(cause)));
        }
    }
    let all_in = refused.as_object().is_none_or(serde_json::Map::is_empty);
    // Whoever asked for one request wants to know whether that one is in.
    Ok(if all_in || args.id.is_none() { Exit::Ok } else { Exit::No })
}

/// What a cause that only retrying has means.
fn meaning(cause: &str) -> &'static str {
    match cause {
        "credential_not_kept" => " (its password or token is not kept, so it cannot be checked again)",
        "source_not_configured" => " (its source is not in the configuration)",
        "body_not_kept" => " (it was too large to be kept)",
        _ => "",
    }
}

async fn throw_away(args: &DropArgs, client: &Client) -> Result<Exit, CliError> {
    let mut gone = 0;
    for id in &args.ids {
        match client.delete(&["v1", "quarantine", &id.to_string()]).await? {
            Some(_) => gone += 1,
            None => output::note(format_args!("There is no refused request {id}.")),
        }
    }
    client.close().await?;
    output::line(format_args!("{gone} thrown away"));
    Ok(if gone == args.ids.len() { Exit::Ok } else { Exit::No })
}
