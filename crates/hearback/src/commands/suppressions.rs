//! `hearback suppressions`: addresses that must not be sent to, and saying so by hand.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use hearback_event::{Address, Timestamp};
use serde_json::{Value, json};

use super::recipients::pages;
use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// Most addresses of one request to the API.
const AT_ONCE: usize = 1000;

/// Arguments of `suppressions`.
#[derive(Debug, Args)]
pub(crate) struct SuppressionsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List addresses that must not be sent to
    List(ListArgs),
    /// Tell of addresses whether they may be sent to; the exit code is 1 if one must not
    Check(CheckArgs),
    /// Suppress addresses by hand, until somebody lifts that
    Add(AddArgs),
    /// Lift a suppression, whatever its cause. The provider's own list is not changed
    Lift(LiftArgs),
    /// Tell how an address came to be suppressed, or no longer is
    History(HistoryArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// For one of these reasons: manual, complained, unsubscribed, listed, bounced
    #[arg(long, value_delimiter = ',')]
    reason: Vec<String>,
    /// Told by this source
    #[arg(long)]
    source: Option<String>,
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

/// Which addresses: named, or in a file.
#[derive(Debug, Args)]
struct Which {
    /// E-mail addresses, or phone numbers with their country's code
    #[arg(required_unless_present = "file")]
    addresses: Vec<String>,
    /// A file with one address per line; `-` for standard input
    #[arg(long, short)]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    which: Which,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct AddArgs {
    #[command(flatten)]
    which: Which,
    /// Why, for people who read the history
    #[arg(long)]
    reason: Option<String>,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct LiftArgs {
    /// The e-mail address, or the phone number with its country's code
    #[arg(value_parser = Address::parse)]
    address: Address,
    /// Why, for people who read the history
    #[arg(long)]
    reason: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Args)]
struct HistoryArgs {
    /// The e-mail address, or the phone number with its country's code
    #[arg(value_parser = Address::parse)]
    address: Address,
    /// Tell how long ago instead of when
    #[arg(long)]
    relative: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Runs `suppressions`.
pub(crate) fn run(args: &SuppressionsArgs, global: &Global) -> Result<Exit, CliError> {
    match &args.action {
        Action::List(args) => {
            let client = args.place.open(global)?;
            runtime::block_on(list(args, &client))
        }
        Action::Check(args) => {
            let addresses = args.which.read()?;
            let client = args.place.open(global)?;
            runtime::block_on(check(args, &addresses, &client))
        }
        Action::Add(args) => {
            let addresses = args.which.read()?;
            // It becomes an event, which only the process that has the journal can store.
            let client = args.place.open_for_events(global)?;
            runtime::block_on(add(args, &addresses, &client))
        }
        Action::Lift(args) => {
            let client = args.place.open_for_events(global)?;
            runtime::block_on(lift(args, &client))
        }
        Action::History(args) => {
            let client = args.place.open(global)?;
            runtime::block_on(history(args, &client))
        }
    }
}

impl Which {
    fn read(&self) -> Result<Vec<String>, CliError> {
        let mut addresses = self.addresses.clone();
        if let Some(path) = &self.file {
            let text = text_of(path)
                .map_err(|error| CliError::failed(format!("cannot read {}: {error}", path.display())))?;
            addresses.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
        }
        if addresses.is_empty() {
            return Err(CliError::usage("there is no address in the file"));
        }
        Ok(addresses)
    }
}

fn text_of(path: &Path) -> io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(path)
}

async fn list(args: &ListArgs, client: &Client) -> Result<Exit, CliError> {
    let mut filter = Vec::new();
    if !args.reason.is_empty() {
        filter.push(("reason", args.reason.join(",")));
    }
    filter.extend(args.source.as_ref().map(|source| ("source", source.clone())));
    let (found, more) = pages(client, "suppressions", &filter, args.limit).await?;
    if args.json {
        found.iter().all(output::line_is_read);
        return Ok(Exit::Ok);
    }
    if found.is_empty() {
        output::note("No address is suppressed that fits.");
        return Ok(Exit::Ok);
    }
    let (looks, now) = (Looks::of_stdout(args.relative), Timestamp::now());
    let rows = found.iter().map(|one| {
        vec![
            show::text(one, "/address"),
            show::text(one, "/reason"),
            show::when(one, "/since", looks, now),
            show::text(one, "/source"),
        ]
    });
    output::line(show::table(looks, &["ADDRESS", "REASON", "SINCE (UTC)", "TOLD BY"], rows));
    if more {
        output::note(format_args!("There are more; --limit shows more than {}.", args.limit));
    }
    Ok(Exit::Ok)
}

/// Asks for some addresses after the other, and gathers what is answered of each.
async fn of_each(
    client: &Client,
    path: &[&str],
    addresses: &[String],
    more: &Value,
) -> Result<Vec<Value>, CliError> {
    let mut answers = Vec::with_capacity(addresses.len());
    for some in addresses.chunks(AT_ONCE) {
        let mut body = json!({"addresses": some});
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        let answer = client.hand_over(path, body.to_string().into_bytes()).await?;
        let answer = answer.ok_or_else(|| {
            CliError::failed("the server does not know suppressions").hint("is it of this version?")
        })?;
        answers.extend_from_slice(show::list(&answer, "/data"));
    }
    Ok(answers)
}

async fn check(args: &CheckArgs, addresses: &[String], client: &Client) -> Result<Exit, CliError> {
    let checked = of_each(client, &["v1", "suppressions", "check"], addresses, &Value::Null).await?;
    let may_send = |one: &Value| one.pointer("/may_send") == Some(&Value::Bool(true));
    if args.json {
        checked.iter().all(output::line_is_read);
    } else {
        let rows = checked.iter().map(|one| {
            let error = show::text(one, "/error");
            let why = if error.is_empty() { show::text(one, "/suppression/reason") } else { error };
            vec![show::text(one, "/given"), if may_send(one) { "yes" } else { "no" }.to_owned(), why]
        });
        output::line(show::table(Looks::of_stdout(false), &["ADDRESS", "MAY SEND", "WHY NOT"], rows));
    }
    Ok(if checked.iter().all(may_send) { Exit::Ok } else { Exit::No })
}

async fn add(args: &AddArgs, addresses: &[String], client: &Client) -> Result<Exit, CliError> {
    let more = args.reason.as_ref().map_or(Value::Null, |reason| json!({"reason": reason}));
    let added = of_each(client, &["v1", "suppressions"], addresses, &more).await;
    client.close().await?;
    let added = added?;
    if args.json {
        added.iter().all(output::line_is_read);
        return Ok(Exit::Ok);
    }
    let created = added.iter().filter(|one| one.pointer("/created") == Some(&Value::Bool(true))).count();
    output::line(format_args!("{created} suppressed, {} were already", added.len() - created));
    Ok(Exit::Ok)
}

async fn lift(args: &LiftArgs, client: &Client) -> Result<Exit, CliError> {
    let query: Vec<_> = args.reason.iter().map(|reason| ("reason", reason.clone())).collect();
    let lifted = client.delete_with(&["v1", "suppressions", args.address.as_str()], &query).await;
    client.close().await?;
    let Some(lifted) = lifted? else {
        return Err(CliError::no(format!("{} is not suppressed: there is nothing to lift", args.address)));
    };
    if args.json {
        output::json(&lifted)?;
    } else {
        let was = show::text(&lifted, "/was/reason");
        output::line(format_args!("{} may be sent to again; it was suppressed: {was}", args.address));
        output::note(show::text(&lifted, "/note"));
    }
    Ok(Exit::Ok)
}

async fn history(args: &HistoryArgs, client: &Client) -> Result<Exit, CliError> {
    let found = client.list(&["v1", "suppressions", args.address.as_str()], &[]).await?;
    if args.json {
        output::json(&found)?;
        return Ok(Exit::Ok);
    }
    let (looks, now) = (Looks::of_stdout(args.relative), Timestamp::now());
    let reason = show::text(&found, "/suppression/reason");
    if reason.is_empty() {
        output::line(format_args!("{} may be sent to", args.address));
    } else {
        let since = found.pointer("/suppression").map(|one| show::when(one, "/since", looks, now));
        output::line(format_args!(
            "{} must not be sent to: {reason}, since {}",
            args.address,
            since.unwrap_or_default()
        ));
    }
    let events = show::list(&found, "/history");
    if events.is_empty() {
        return Ok(Exit::Ok);
    }
    let rows = events.iter().map(|event| {
        let action = show::text(event, "/suppression/action");
        let by = show::text(event, "/suppression/by");
        let why = [show::text(event, "/suppression/reason"), show::detail(event)];
        vec![
            show::when(event, "/occurred_at", looks, now),
            show::kind(event),
            action,
            if by.is_empty() { show::text(event, "/source") } else { by },
            why.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
        ]
    });
    output::line("");
    output::line(show::table(looks, &["TIME (UTC)", "EVENT", "ACTION", "BY", "WHY"], rows));
    Ok(Exit::Ok)
}
