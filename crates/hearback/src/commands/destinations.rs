//! `hearback destinations`: those to whom events are pushed: how they stand, and what a person does about it.

use clap::{Args, Subcommand, ValueEnum};
use hearback_event::Timestamp;
use serde_json::Value;

use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// Arguments of `destinations`.
#[derive(Debug, Args)]
pub(crate) struct DestinationsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them: how each stands, and how far it is behind
    List(ListArgs),
    /// Show one, with the pushes that failed
    Show(ShowArgs),
    /// Hold one: events wait in the log
    Pause(OneArgs),
    /// Let one go on, also one that was disabled because its receiver is gone
    Resume(OneArgs),
    /// Push events once more: what was given up, if nothing else is said
    Redrive(RedriveArgs),
    /// Push a made-up event, and tell what the receiver answered
    Test(OneArgs),
    /// Tell why one got an event, or did not
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct OneArgs {
    /// Its name
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Its name
    name: String,
    /// So many of the pushes that failed
    #[arg(long, short = 'n', default_value_t = 20)]
    limit: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    /// What was given up
    Dead,
    /// What was given up, and what waits for another try
    Failed,
    /// Everything that the destination wants, also what it has already
    All,
}

impl Which {
    const fn name(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Failed => "failed",
            Self::All => "all",
        }
    }
}

#[derive(Debug, Args)]
struct RedriveArgs {
    /// Its name
    name: String,
    /// Of what
    #[arg(long, value_enum, default_value = "dead")]
    which: Which,
    /// Only events of these types, such as bounced,complained
    #[arg(long, value_name = "TYPES")]
    r#type: Option<String>,
    /// Only events that were received since then, such as 2026-11-20T10:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only tell how many
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct ExplainArgs {
    /// Its name
    name: String,
    /// The event's id, evt_...
    event: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Runs `destinations`.
pub(crate) fn run(args: &DestinationsArgs, global: &Global) -> Result<Exit, CliError> {
    match &args.action {
        Action::List(args) => with(&args.place, global, async |client| list(args, client).await),
        Action::Show(args) => with(&args.place, global, async |client| show_one(args, client).await),
        Action::Pause(args) => with(&args.place, global, async |client| control(args, "pause", client).await),
        Action::Resume(args) => {
            with(&args.place, global, async |client| control(args, "resume", client).await)
        }
        Action::Redrive(args) => with(&args.place, global, async |client| redrive(args, client).await),
        Action::Test(args) => with(&args.place, global, async |client| test(args, client).await),
        Action::Explain(args) => with(&args.place, global, async |client| explain(args, client).await),
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

fn missing(name: &str) -> CliError {
    CliError::no(format!("there is no destination `{name}`"))
        .hint("`hearback destinations list` shows those that are configured; a new one is set up when the server starts")
}

async fn list(args: &ListArgs, client: &Client) -> Result<Exit, CliError> {
    let page = client.list(&["v1", "destinations"], &[]).await?;
    let found = show::list(&page, "/data");
    if args.json {
        found.iter().all(output::line_is_read);
        return Ok(Exit::Ok);
    }
    if found.is_empty() {
        output::note("No destination is configured; docs/destinations.md shows how.");
        return Ok(Exit::Ok);
    }
    let rows = found.iter().map(|destination| {
        let text = |pointer: &str| show::text(destination, pointer);
        vec![
            text("/name"),
            text("/kind"),
            text("/state"),
            format!("{} ({} s)", text("/lag_events"), text("/lag_seconds")),
            text("/delivered"),
            text("/waiting"),
            text("/dead"),
            text("/last_failure"),
        ]
    });
    let head = ["NAME", "KIND", "STATE", "BEHIND", "DELIVERED", "WAITING", "DEAD", "LAST FAILURE"];
    output::line(show::table(Looks::of_stdout(false), &head, rows));
    Ok(Exit::Ok)
}

async fn show_one(args: &ShowArgs, client: &Client) -> Result<Exit, CliError> {
    let found = client.get(&["v1", "destinations", &args.name], &[]).await?;
    let destination = found.ok_or_else(|| missing(&args.name))?;
    let query = [("limit", args.limit.clamp(1, 1000).to_string())];
    let page = client.get(&["v1", "destinations", &args.name, "failed"], &query).await?.unwrap_or_default();
    if args.json {
        output::json(&serde_json::json!({"destination": destination, "failed": page.get("data")}))?;
        return Ok(Exit::Ok);
    }
    print_one(&destination);
    let looks = Looks::of_stdout(false);
    let now = Timestamp::now();
    let pushes = show::list(&page, "/data");
    if pushes.is_empty() {
        return Ok(Exit::Ok);
    }
    let rows = pushes.iter().map(|push| {
        vec![
            show::text(push, "/event"),
            show::text(push, "/fate"),
            show::text(push, "/attempts"),
            show::when(push, "/next_try_at", looks, now),
            show::text(push, "/error"),
        ]
    });
    output::line("");
    output::line(show::table(looks, &["EVENT", "FATE", "TRIES", "NEXT TRY (UTC)", "LAST ERROR"], rows));
    if page.get("next_cursor").is_some_and(Value::is_string) {
        output::note(format_args!("There may be more; --limit shows more than {}.", args.limit));
    }
    Ok(Exit::Ok)
}

fn print_one(destination: &Value) {
    let looks = Looks::of_stdout(false);
    let now = Timestamp::now();
    let text = |pointer: &str| show::text(destination, pointer);
    let when = |pointer: &str| show::when(destination, pointer, looks, now);
    output::line(format_args!("{} ({}): {}", text("/name"), text("/kind"), text("/state")));
    let events: Vec<String> =
        show::list(destination, "/events").iter().map(|pattern| show::text(pattern, "")).collect();
    let facts = [
        ("to", text("/target")),
        ("since", when("/state_since")),
        ("next probe", when("/next_probe_at")),
        ("events", events.join(", ")),
        ("when", text("/when")),
        ("behind", format!("{} events, {} s", text("/lag_events"), text("/lag_seconds"))),
        ("delivered", text("/delivered")),
        ("skipped", text("/skipped")),
        ("failed", format!("{} waiting, {} dead", text("/waiting"), text("/dead"))),
        ("last taken", when("/last_success_at")),
        ("last failed", when("/last_failure_at")),
        ("why", text("/last_failure")),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        output::line(format_args!("  {name:<12} {value}"));
    }
}

async fn control(args: &OneArgs, action: &str, client: &Client) -> Result<Exit, CliError> {
    let found = client.post(&["v1", "destinations", &args.name, action], &[]).await?;
    let destination = found.ok_or_else(|| missing(&args.name))?;
    if args.json {
        output::json(&destination)?;
    } else {
        print_one(&destination);
    }
    Ok(Exit::Ok)
}

async fn redrive(args: &RedriveArgs, client: &Client) -> Result<Exit, CliError> {
    let mut query = vec![("which", args.which.name().to_owned()), ("dry_run", args.dry_run.to_string())];
    query.extend(args.r#type.clone().map(|types| ("type", types)));
    query.extend(args.since.map(|since| ("since", since.to_string())));
    let found = client.post(&["v1", "destinations", &args.name, "redrive"], &query).await?;
    let done = found.ok_or_else(|| missing(&args.name))?;
    if args.json {
        output::json(&done)?;
        return Ok(Exit::Ok);
    }
    let what = if args.dry_run { "would be pushed once more" } else { "are pushed once more" };
    output::line(format_args!("{} events {what}", show::text(&done, "/count")));
    Ok(Exit::Ok)
}

async fn test(args: &OneArgs, client: &Client) -> Result<Exit, CliError> {
    let found = client.post(&["v1", "destinations", &args.name, "test"], &[]).await?;
    let tested = found.ok_or_else(|| missing(&args.name))?;
    let taken = tested.pointer("/taken").and_then(Value::as_bool) == Some(true);
    if args.json {
        output::json(&tested)?;
    } else if taken {
        output::line(format_args!("taken within {} ms", show::text(&tested, "/milliseconds")));
    } else {
        output::line(format_args!("not taken: {}", show::text(&tested, "/why")));
    }
    Ok(if taken { Exit::Ok } else { Exit::No })
}

async fn explain(args: &ExplainArgs, client: &Client) -> Result<Exit, CliError> {
    let query = [("event", args.event.clone())];
    let found = client.get(&["v1", "destinations", &args.name, "explain"], &query).await?;
    let explained = found.ok_or_else(|| {
        CliError::no(format!("there is no destination `{}`, or no event {}", args.name, args.event))
    })?;
    if args.json {
        output::json(&explained)?;
    } else {
        output::line(format_args!(
            "{}: {}",
            show::text(&explained, "/result"),
            show::text(&explained, "/why")
        ));
    }
    Ok(Exit::Ok)
}
