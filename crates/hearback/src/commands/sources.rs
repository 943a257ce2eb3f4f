//! `hearback sources`: what each source told and refused.

use clap::Args;
use hearback_event::Timestamp;
use serde_json::Value;

use crate::cli::Global;
use crate::client::Where;
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// Arguments of `sources`.
#[derive(Debug, Args)]
pub(crate) struct SourcesArgs {
    /// Tell times exactly instead of how long ago
    #[arg(long)]
    exact: bool,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Runs `sources`.
pub(crate) fn run(args: &SourcesArgs, global: &Global) -> Result<Exit, CliError> {
    let client = args.place.open(global)?;
    let found = runtime::block_on(client.list(&["v1", "sources"], &[]))?;
    let sources = show::list(&found, "/data");
    if args.json {
        sources.iter().all(output::line_is_read);
        return Ok(Exit::Ok);
    }
    if sources.is_empty() {
        output::note("No source is configured, and none ever told anything.");
        return Ok(Exit::Ok);
    }
    let looks = Looks::of_stdout(!args.exact);
    let head =
        ["SOURCE", "PROVIDER", "STATUS", "MODE", "EVENTS", "LAST EVENT", "REFUSED", "LAST REFUSED", "PATHS"];
    output::line(show::table(
        looks,
        &head,
        sources.iter().map(|source| row(source, looks, Timestamp::now())),
    ));
    Ok(Exit::Ok)
}

fn row(source: &Value, looks: Looks, now: Timestamp) -> Vec<String> {
    let sum = |pointer: &str| -> u64 {
        let counts = source.pointer(pointer).and_then(Value::as_object);
        counts.into_iter().flat_map(serde_json::Map::values).filter_map(Value::as_u64).sum()
    };
    let paths: Vec<String> =
        show::list(source, "/paths").iter().filter_map(|path| path.as_str().map(show::clean)).collect();
    let is_configured = source.pointer("/configured") == Some(&Value::Bool(true));
    vec![
        show::text(source, "/name"),
        show::text(source, "/provider"),
        show::text(source, "/status"),
        if is_configured { show::text(source, "/mode") } else { "not configured".to_owned() },
        sum("/events").to_string(),
        show::when(source, "/last_event_at", looks, now),
        sum("/quarantine").to_string(),
        show::when(source, "/last_refused_at", looks, now),
        paths.join(" "),
    ]
}
