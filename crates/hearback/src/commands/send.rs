//! `hearback send`: hands a message to its provider, through a running server.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::register::label;
use crate::client::Where;
use crate::exit::{CliError, Exit};
use crate::{output, runtime, show};

/// Longest content that is read from a file: what the API takes.
const CONTENT_BYTES_MAX: u64 = 5 << 20;

/// Arguments of `send`.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// To whom it goes: an e-mail address or a number
    #[arg(value_name = "ADDRESS")]
    to: String,
    /// Your own name for it: a repeat under it sends nothing
    #[arg(long)]
    key: String,
    /// The source through which it goes; needed where several can send
    #[arg(long)]
    source: Option<String>,
    /// From whom [default: the source's]
    #[arg(long)]
    from: Option<String>,
    /// To whom to answer
    #[arg(long, value_name = "ADDRESS")]
    reply_to: Option<String>,
    /// The subject line
    #[arg(long)]
    subject: Option<String>,
    /// The content as plain text
    #[arg(long, conflicts_with = "text_file")]
    text: Option<String>,
    /// The content as plain text, from a file; `-` for standard input
    #[arg(long, value_name = "FILE")]
    text_file: Option<PathBuf>,
    /// The content as HTML, from a file; `-` for standard input
    #[arg(long, value_name = "FILE")]
    html_file: Option<PathBuf>,
    /// A label; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// A tag; may be given several times
    #[arg(long = "tag")]
    tags: Vec<String>,
    /// It is overdue when it is not delivered so many seconds after it was sent
    #[arg(long, value_name = "SECONDS")]
    expect_delivered_within: Option<u32>,
    /// Your own id for the recipient
    #[arg(long)]
    user_id: Option<String>,
    /// Send it although the recipient is suppressed
    #[arg(long)]
    send_to_suppressed: bool,
    /// Send it although it may have been sent before
    #[arg(long)]
    retry_unknown: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Runs `send`.
pub(crate) fn run(args: &SendArgs) -> Result<Exit, CliError> {
    let client = args.place.server("only a running server sends")?;
    let labels: BTreeMap<&String, &String> = args.labels.iter().map(|(key, value)| (key, value)).collect();
    let text = args.text.clone().map_or_else(|| content(args.text_file.as_deref()), |text| Ok(Some(text)))?;
    let message = json!({
        "to": args.to, "key": args.key, "source": args.source, "from": args.from, "reply_to": args.reply_to,
        "subject": args.subject, "text": text, "html": content(args.html_file.as_deref())?, "labels": labels,
        "tags": args.tags, "expect_delivered_within": args.expect_delivered_within, "user_id": args.user_id,
        "send_to_suppressed": args.send_to_suppressed, "retry_unknown": args.retry_unknown,
    });
    let body = message.to_string().into_bytes();
    let answer = runtime::block_on(client.hand_over(&["v1", "send"], body))?;
    let answer = answer.ok_or_else(|| CliError::failed("the server does not know how to send"))?;
    if args.json {
        output::json(&answer)?;
        return Ok(Exit::Ok);
    }
    output::line(show::text(&answer, "/id"));
    if answer.get("repeated") == Some(&Value::Bool(true)) {
        output::note("It was sent before; nothing was sent now.");
    }
    Ok(Exit::Ok)
}

/// What is in a file.
fn content(path: Option<&Path>) -> Result<Option<String>, CliError> {
    let Some(path) = path else { return Ok(None) };
    let unreadable =
        |error: std::io::Error| CliError::failed(format!("cannot read {}: {error}", path.display()));
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(CONTENT_BYTES_MAX + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).map_err(unreadable)?.take(CONTENT_BYTES_MAX + 1).read_to_string(&mut text)
    };
    read.map_err(unreadable)?;
    if text.len() as u64 > CONTENT_BYTES_MAX {
        return Err(CliError::usage(format!("{} is longer than 5 MiB", path.display())));
    }
    Ok(Some(text))
}
