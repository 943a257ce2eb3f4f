//! `hearback message`: where a message stands, and why.

use clap::Args;
use hearback_event::{MessageId, Timestamp};
use serde_json::Value;

use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// Arguments of `message`.
#[derive(Debug, Args)]
pub(crate) struct MessageArgs {
    /// The id of the message, or the provider's id
    id: String,
    /// Tell how long ago instead of when
    #[arg(long)]
    relative: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Runs `message`.
pub(crate) fn run(args: &MessageArgs, global: &Global) -> Result<Exit, CliError> {
    let client = args.place.open(global)?;
    let found = runtime::block_on(messages(&client, &args.id))?;
    if found.is_empty() {
        return Err(CliError::no(format!("nothing is known of the message `{}`", show::clean(&args.id)))
            .hint("the provider's id is the one that it answered when the message was sent"));
    }
    if args.json {
        output::json(&found)?;
        return Ok(Exit::Ok);
    }
    let looks = Looks::of_stdout(args.relative);
    let pages: Vec<String> =
        found.iter().map(|message| show::message_page(message, looks, Timestamp::now())).collect();
    output::line(pages.join("\n\n"));
    Ok(Exit::Ok)
}

/// The messages of an id: at most one of Hearback's own; of a provider's one per recipient and account.
pub(super) async fn messages(client: &Client, id: &str) -> Result<Vec<Value>, CliError> {
    if id.parse::<MessageId>().is_ok() {
        return Ok(client.get(&["v1", "messages", id], &[]).await?.into_iter().collect());
    }
    let query = [("provider_id", id.to_owned())];
    let found = client.list(&["v1", "messages"], &query).await?;
    let mut messages = Vec::new();
    for id in show::list(&found, "/data").iter().filter_map(|one| one.get("id")?.as_str()) {
        messages.extend(client.get(&["v1", "messages", id], &[]).await?);
    }
    Ok(messages)
}
