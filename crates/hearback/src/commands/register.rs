//! `hearback register`: tells what was sent.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, stdin};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::{output, runtime, show};

/// Lines that are handed over at a time: what the API takes in one batch.
const LINES_AT_ONCE: usize = 10_000;
/// Bytes that are handed over at a time, about.
const BYTES_AT_ONCE: usize = 16 << 20;
/// Bad lines that are named.
const MOST_TOLD: usize = 20;

/// Arguments of `register`.
#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// To whom it goes
    #[arg(required_unless_present = "file", conflicts_with = "file", value_name = "ADDRESS")]
    recipient: Option<String>,
    /// Your own name for it; needed unless the provider's id is given
    #[arg(long)]
    key: Option<String>,
    /// The id that the provider gave it
    #[arg(long, value_name = "ID")]
    provider_message_id: Option<String>,
    /// The source that will tell of it; needed where there are several
    #[arg(long)]
    source: Option<String>,
    /// email, sms, ... [default: by the address]
    #[arg(long)]
    channel: Option<String>,
    /// The subject line
    #[arg(long)]
    subject: Option<String>,
    /// A label; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// A tag; may be given several times
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// When it was sent [default: now]
    #[arg(long, value_name = "TIME")]
    sent_at: Option<String>,
    /// It is overdue when it is not delivered so many seconds after it was sent
    #[arg(long, value_name = "SECONDS")]
    expect_delivered_within: Option<u32>,
    /// Your own id for the recipient
    #[arg(long)]
    user_id: Option<String>,
    /// Many messages: one JSON object per line, as the API takes them; `-` for standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// A label, as it is given on the command line.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    pair.map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "expected key=value, such as booking_id=42".to_owned())
}

/// Runs `register`.
pub(crate) fn run(args: &RegisterArgs, global: &Global) -> Result<Exit, CliError> {
    let input: Option<Box<dyn BufRead>> = match &args.file {
        None => None,
        Some(path) if path.as_os_str() == "-" => Some(Box::new(stdin().lock())),
        Some(path) => {
            let file = std::fs::File::open(path)
                .map_err(|error| CliError::failed(format!("cannot read {}: {error}", path.display())))?;
            Some(Box::new(BufReader::new(file)))
        }
    };
    let client = args.place.open_for_events(global)?;
    runtime::block_on(async {
        let outcome = match input {
            Some(input) => many(args, &client, input).await,
            None => one(args, &client).await,
        };
        client.close().await?;
        outcome
    })
}

async fn one(args: &RegisterArgs, client: &Client) -> Result<Exit, CliError> {
    let labels: BTreeMap<&String, &String> = args.labels.iter().map(|(key, value)| (key, value)).collect();
    let sent_at = args.sent_at.as_deref().map(|text| {
        let now = hearback_event::Timestamp::now();
        show::parse_moment(text, now).map(|moment| moment.to_string())
    });
    let message = json!({
        "recipient": args.recipient, "key": args.key, "provider_message_id": args.provider_message_id,
        "source": args.source, "channel": args.channel, "subject": args.subject, "labels": labels, "tags": args.tags,
        "sent_at": sent_at.transpose()?, "expect_delivered_within": args.expect_delivered_within, "user_id": args.user_id,
    });
    let answer = client.hand_over(&["v1", "messages"], message.to_string().into_bytes()).await?;
    let answer = answer.ok_or_else(unknown)?;
    if args.json {
        output::json(&answer)?;
        return Ok(Exit::Ok);
    }
    output::line(show::text(&answer, "/id"));
    if answer.get("created") == Some(&Value::Bool(false)) {
        output::note("It was registered before, and stays as it was.");
    }
    Ok(Exit::Ok)
}

async fn many(args: &RegisterArgs, client: &Client, mut input: Box<dyn BufRead>) -> Result<Exit, CliError> {
    let (mut read, mut created, mut known, mut bad) = (0_u64, 0, 0, Vec::<Value>::new());
    loop {
        let (mut body, mut lines) = (Vec::new(), 0);
        while lines < LINES_AT_ONCE && body.len() < BYTES_AT_ONCE {
            let line = input.read_until(b'\n', &mut body);
            if line.map_err(|error| CliError::failed(format!("cannot read the messages: {error}")))? == 0 {
                break;
            }
            lines += 1;
        }
        if lines == 0 {
            break;
        }
        let answer = client.hand_over(&["v1", "messages", "batch"], body).await?.ok_or_else(unknown)?;
        created += show::number(&answer, "/created");
        known += show::number(&answer, "/known");
        for mut line in show::list(&answer, "/bad").iter().cloned() {
            line["line"] = json!(read + show::number(&line, "/line"));
            bad.push(line);
        }
        read += lines as u64;
    }
    if args.json {
        output::json(&json!({"created": created, "known": known, "bad": bad}))?;
    } else {
        output::line(format_args!("{created} registered, {known} known already"));
        for line in bad.iter().take(MOST_TOLD) {
            output::line(format_args!(
                "  line {}: {}",
                show::text(line, "/line"),
                show::text(line, "/problem")
            ));
        }
        if bad.len() > MOST_TOLD {
            output::line(format_args!("  and {} more bad lines", bad.len() - MOST_TOLD));
        }
    }
    Ok(if bad.is_empty() { Exit::Ok } else { Exit::No })
}

fn unknown() -> CliError {
    CliError::failed("the server does not know how to register messages")
}
