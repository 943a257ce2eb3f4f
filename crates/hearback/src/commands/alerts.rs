//! `hearback alerts`: what somebody should look at.

use clap::{Args, Subcommand};
use hearback_event::Timestamp;
use serde_json::Value;

use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// Arguments of `alerts`.
#[derive(Debug, Args)]
pub(crate) struct AlertsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them, the newest first: those that are not over, if nothing else is said
    List(ListArgs),
    /// Show one, and what it sums up
    Show(OneArgs),
    /// Say that one was seen
    Acknowledge(OneArgs),
    /// Say that one is over
    Resolve(OneArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// In these states: open, acknowledged, resolved; or all
    #[arg(long, default_value = "open,acknowledged", value_name = "STATES")]
    state: String,
    /// Raised by this rule
    #[arg(long)]
    rule: Option<String>,
    /// So many
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: u16,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct OneArgs {
    /// Its number
    id: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Runs `alerts`.
pub(crate) fn run(args: &AlertsArgs, global: &Global) -> Result<Exit, CliError> {
    match &args.action {
        Action::List(args) => with(&args.place, global, async |client| list(args, client).await),
        Action::Show(args) => with(&args.place, global, async |client| show_one(args, client).await),
        Action::Acknowledge(args) => {
            with(&args.place, global, async |client| change(args, "acknowledge", client).await)
        }
        Action::Resolve(args) => {
            with(&args.place, global, async |client| change(args, "resolve", client).await)
        }
    }
}

fn with(
    place: &Where,
    global: &Global,
    act: impl AsyncFnOnce(&Client) -> Result<Exit, CliError>,
) -> Result<Exit, CliError> {
    let client = place.open(global)?;
    runtime::block_on(async {
        let done = act(&client).await?;
        client.close().await?;
        Ok(done)
    })
}

fn missing(id: u64) -> CliError {
    CliError::no(format!("there is no alert {id}"))
        .hint("`hearback alerts list --state all` shows all that are kept")
}

async fn list(args: &ListArgs, client: &Client) -> Result<Exit, CliError> {
    let mut query = vec![("limit", args.limit.clamp(1, 200).to_string())];
    if args.state != "all" {
        query.push(("state", args.state.clone()));
    }
    query.extend(args.rule.clone().map(|rule| ("rule", rule)));
    let page = client.list(&["v1", "alerts"], &query).await?;
    let found = show::list(&page, "/data");
    if args.json {
        found.iter().all(output::line_is_read);
        return Ok(Exit::Ok);
    }
    if found.is_empty() {
        output::note("There is no such alert.");
        return Ok(Exit::Ok);
    }
    print_table(found);
    if page.get("next_cursor").is_some_and(Value::is_string) {
        output::note(format_args!("There are more; --limit shows more than {}, up to 200.", args.limit));
    }
    Ok(Exit::Ok)
}

fn print_table(alerts: &[Value]) {
    let looks = Looks::of_stdout(false);
    let now = Timestamp::now();
    let rows = alerts.iter().map(|alert| {
        let text = |pointer: &str| show::text(alert, pointer);
        vec![
            text("/id"),
            text("/state"),
            text("/urgency"),
            text("/rule"),
            text("/count"),
            show::when(alert, "/last_at", looks, now),
            text("/title"),
        ]
    });
    let head = ["ALERT", "STATE", "URGENCY", "RULE", "EVENTS", "LAST (UTC)", "WHAT"];
    output::line(show::table(looks, &head, rows));
}

async fn show_one(args: &OneArgs, client: &Client) -> Result<Exit, CliError> {
    let id = args.id.to_string();
    let alert = client.get(&["v1", "alerts", &id], &[]).await?.ok_or_else(|| missing(args.id))?;
    let query = [("part_of", id), ("limit", "50".to_owned())];
    let parts = client.list(&["v1", "alerts"], &query).await?;
    if args.json {
        output::json(&serde_json::json!({"alert": alert, "parts": parts.get("data")}))?;
        return Ok(Exit::Ok);
    }
    print_one(&alert);
    let parts = show::list(&parts, "/data");
    if !parts.is_empty() {
        output::line("");
        print_table(parts);
    }
    Ok(Exit::Ok)
}

fn print_one(alert: &Value) {
    let text = |pointer: &str| show::text(alert, pointer);
    let state = text("/state").to_uppercase();
    output::line(format_args!("Alert {} ({}, {})", text("/id"), text("/rule"), text("/urgency")));
    output::line(format_args!("  {state}: {}", text("/title")));
    let line = |name: &str, value: String| {
        if !value.is_empty() {
            output::line(format_args!("  {name:<14} {value}"));
        }
    };
    line("events", text("/count"));
    line("first", text("/first_at"));
    line("last", text("/last_at"));
    for (name, key) in [("acknowledged", "acknowledged"), ("resolved", "resolved")] {
        let (at, by) = (text(&format!("/{key}/at")), text(&format!("/{key}/by")));
        line(name, if at.is_empty() { at } else { format!("{at} by {by}") });
    }
    for told in show::list(alert, "/told") {
        let to: Vec<String> =
            show::list(told, "/to").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let to =
            if to.is_empty() { "nobody; no destination has alerts = true".to_owned() } else { to.join(", ") };
        line("told", format!("{} to {to}", show::text(told, "/at")));
    }
    line("event", text("/event"));
    line("message", text("/message"));
}

async fn change(args: &OneArgs, what: &str, client: &Client) -> Result<Exit, CliError> {
    let id = args.id.to_string();
    let changed = client.post(&["v1", "alerts", &id, what], &[]).await?.ok_or_else(|| missing(args.id))?;
    if args.json {
        output::json(&changed)?;
    } else {
        print_one(&changed);
    }
    Ok(Exit::Ok)
}
