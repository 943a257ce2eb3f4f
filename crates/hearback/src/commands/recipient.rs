//! `hearback recipient`: what is known of an address.

use clap::Args;
use hearback_event::{Address, Timestamp};
use serde_json::{Map, Value, json};

use crate::cli::Global;
use crate::client::{Client, Where};
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
    /// Say whose address it is: your application's id for the person; empty takes it away
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// Say what the person is called; empty takes it away
    #[arg(long)]
    name: Option<String>,
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
        let mut found = client.get(&["v1", "recipients", address], &[]).await?;
        if args.user_id.is_some() || args.name.is_some() {
            found = Some(say(args, &client, found.unwrap_or_default()).await?);
        }
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

/// Says whose address it is. What is not said stays as it was.
async fn say(args: &RecipientArgs, client: &Client, before: Value) -> Result<Value, CliError> {
    let said = |name: &str, now: Option<&String>| match now.map(|text| text.trim()) {
        Some(text) => Some(text.to_owned()).filter(|text| !text.is_empty()),
        None => before.get(name).and_then(Value::as_str).map(str::to_owned),
    };
    let mut body = Map::new();
    for (name, now) in [("user_id", &args.user_id), ("name", &args.name)] {
        // What is left out is taken away.
        body.extend(said(name, now.as_ref()).map(|text| (name.to_owned(), Value::String(text))));
    }
    let path = ["v1", "recipients", args.address.as_str()];
    let put = client.put(&path, Value::Object(body).to_string().into_bytes()).await?;
    client.close().await?;
    put.ok_or_else(|| CliError::failed("the server does not know recipients").hint("is it of this version?"))
}
