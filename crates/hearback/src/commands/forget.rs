//! `hearback forget`: erases a person.

use clap::Args;
use hearback_event::Address;
use serde_json::Value;

use crate::cli::Global;
use crate::client::Where;
use crate::exit::{CliError, Exit};
use crate::{output, runtime, show};

/// Arguments of `forget`.
#[derive(Debug, Args)]
pub(crate) struct ForgetArgs {
    /// The e-mail address, or the phone number with its country's code
    #[arg(value_parser = Address::parse)]
    address: Address,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// What the members of the answer mean to people.
const TABLES: &[(&str, &str)] = &[
    ("/events", "events to this address, which count but say nothing any more"),
    ("/mentions", "events to others, of which the address was taken out"),
    ("/payloads", "raw requests"),
    ("/recipients", "counters and suppression"),
    ("/recipients_dropped", "counters of events that were dropped before"),
    ("/profiles", "what the application or a person said about it"),
    ("/quarantine", "refused requests"),
    ("/tags", "tags that name it, counted among the others now"),
];

/// Runs `forget`.
pub(crate) fn run(args: &ForgetArgs, global: &Global) -> Result<Exit, CliError> {
    let client = args.place.open_for_events(global)?;
    let forgotten = runtime::block_on(async {
        let forgotten = client.delete(&["v1", "recipients", args.address.as_str()]).await?;
        client.close().await?;
        forgotten.ok_or_else(|| CliError::failed("the server does not know how to forget"))
    })?;
    if args.json {
        output::json(&forgotten)?;
        return Ok(Exit::Ok);
    }
    print(&forgotten, &args.address);
    Ok(Exit::Ok)
}

fn print(forgotten: &Value, address: &Address) {
    let rows: Vec<Vec<String>> = TABLES
        .iter()
        .map(|(pointer, meaning)| (show::number(forgotten, pointer), meaning))
        .filter(|(count, _)| *count > 0)
        .map(|(count, meaning)| vec![count.to_string(), (*meaning).to_owned()])
        .collect();
    if rows.is_empty() {
        output::line(format_args!("Nothing was kept of {address}."));
    } else {
        output::line(format_args!("{address} is forgotten. Erased:"));
        output::line(output::columns(&rows));
    }
    if forgotten.pointer("/purged") != Some(&Value::Bool(true)) {
        output::note(
            "Somebody was reading an older state, so that old pages may still stand in the write-ahead log; run this again.",
        );
    }
    output::note("Backups and exports that were made before are as they were.");
}
