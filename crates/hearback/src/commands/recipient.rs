//! `hearback recipient`: what is known of an address.

use clap::Args;
use hearback_event::{Address, Timestamp};
use serde_json::json;

use crate::cli::Global;
use crate::client::Where;
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// Arguments of `recipient`.
#[derive(Debug, Args)]
pub(crate) struct RecipientArgs {
    /// The e-mail address, or the phone number with its country's code
    #[arg(value_parser = Address::parse)]
    address: Address,
    /// How many of the newest events to show
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(u16).range(0..=1000))]
    limit: u16,
    /// Tell how long ago instead of when
    #[arg(long)]
    relative: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Runs `recipient`.
pub(crate) fn run(args: &RecipientArgs, global: &Global) -> Result<Exit, CliError> {
    let client = args.place.open(global)?;
    let address = args.address.as_str();
    let (found, events) = runtime::block_on(async {
        let found = client.get(&["v1", "recipients", address], &[]).await?;
        if found.is_none() || args.limit == 0 {
            return Ok((found, Vec::new()));
        }
        let query = [("recipient", address.to_owned()), ("limit", args.limit.to_string())];
        let events = client.list(&["v1", "events"], &query).await?;
        Ok((found, show::list(&events, "/data").to_vec()))
    })?;
    let Some(found) = found else {
        return Err(CliError::no(format!("nothing is known of {address}")));
    };
    if args.json {
        output::json(&json!({"recipient": found, "events": events}))?;
    } else {
        let looks = Looks::of_stdout(args.relative);
        output::line(show::recipient_page(&found, &events, looks, Timestamp::now()));
    }
    Ok(Exit::Ok)
}
