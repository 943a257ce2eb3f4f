//! `hearback events`: lists and follows the log.

use clap::Args;
use hearback_event::{Kind, MessageId, Reason, Timestamp};
use serde_json::Value;

use super::follow::Follower;
use super::message::messages;
use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// Most rows of one page of the API.
pub(super) const PAGE: usize = 1000;
/// So many events are shown before following begins.
const BEFORE_FOLLOWING: usize = 10;

/// Which events.
#[derive(Debug, Args)]
pub(super) struct FilterArgs {
    /// Types, such as `bounced,complained`
    #[arg(long = "type", value_delimiter = ',', value_parser = Kind::parse, value_name = "LIST")]
    kinds: Vec<Kind>,
    /// Received by this source
    #[arg(long)]
    source: Option<String>,
    /// Of this provider
    #[arg(long)]
    provider: Option<String>,
    /// To this address or number
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
    /// To any address of this user of yours
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// To this e-mail domain
    #[arg(long)]
    domain: Option<String>,
    /// Of this message: its id, or the provider's
    #[arg(long, value_name = "ID")]
    message: Option<String>,
    /// With this label; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// With this tag
    #[arg(long)]
    tag: Option<String>,
    /// Failures of this severity: permanent or temporary
    #[arg(long)]
    severity: Option<String>,
    /// Failures for one of these reasons, such as `mailbox_full,blocked`
    #[arg(long = "reason", value_delimiter = ',', value_name = "LIST")]
    reasons: Vec<Reason>,
    /// Happened since: how long ago (`2h`) or a time in UTC
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Happened before
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// Arguments of `events`.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    /// At most so many [default: 50]
    #[arg(long, short = 'n')]
    limit: Option<usize>,
    /// The first received first
    #[arg(long)]
    oldest: bool,
    /// Wait for more, and show it as it comes
    #[arg(long, short = 'f', conflicts_with = "until")]
    follow: bool,
    /// Tell how long ago instead of when
    #[arg(long)]
    relative: bool,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Query parameters.
pub(super) type Pairs = Vec<(&'static str, String)>;

/// Runs `events`.
pub(crate) fn run(args: &EventsArgs, global: &Global) -> Result<Exit, CliError> {
    let client = args.place.open(global)?;
    runtime::block_on(async {
        let filter = args.filter.pairs(&client).await?;
        if !args.follow {
            return list(args, &client, filter).await;
        }
        let before =
            if args.filter.since.is_some() { None } else { Some(args.limit.unwrap_or(BEFORE_FOLLOWING)) };
        let looks = (!args.json).then(|| Looks::of_stdout(args.relative));
        Follower::new(&client, filter, looks).run(before).await
    })
}

impl FilterArgs {
    /// As parameters of the API.
    pub(super) async fn pairs(&self, client: &Client) -> Result<Pairs, CliError> {
        let now = Timestamp::now();
        let moment = |text: &Option<String>| {
            text.as_deref()
                .map(|text| show::parse_moment(text, now).map(|moment| moment.to_string()))
                .transpose()
        };
        let message = match &self.message {
            Some(id) => Some(message_id(client, id).await?),
            None => None,
        };
        let mut pairs: Pairs = self.kinds.iter().map(|kind| ("type", kind.to_string())).collect();
        pairs.extend(self.reasons.iter().map(|reason| ("reason", reason.to_string())));
        pairs.extend(self.labels.iter().map(|label| ("label", label.clone())));
        let single = [
            ("source", self.source.clone()),
            ("provider", self.provider.clone()),
            ("recipient", self.recipient.clone()),
            ("user_id", self.user_id.clone()),
            ("domain", self.domain.clone()),
            ("message", message),
            ("tag", self.tag.clone()),
            ("severity", self.severity.clone()),
            ("since", moment(&self.since)?),
            ("until", moment(&self.until)?),
        ];
        pairs.extend(single.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))));
        Ok(pairs)
    }
}

/// The id of a message that is named by its own id or by the provider's.
async fn message_id(client: &Client, id: &str) -> Result<String, CliError> {
    if id.starts_with(MessageId::PREFIX) {
        return Ok(id.to_owned());
    }
    let found: Vec<String> =
        messages(client, id).await?.iter().map(|message| show::text(message, "/id")).collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(CliError::no(format!("there is no message `{}`", show::clean(id)))),
        several => Err(CliError::no(format!("several messages have this id: {}", several.join(", ")))),
    }
}

async fn list(args: &EventsArgs, client: &Client, filter: Pairs) -> Result<Exit, CliError> {
    let order = if args.oldest { "oldest" } else { "newest" };
    let mut left = args.limit.unwrap_or(50);
    let (mut cursor, mut events) = (None, Vec::new());
    while left > 0 {
        let wanted = left.min(PAGE);
        let page = page(client, &filter, order, wanted, cursor.take()).await?;
        let rows = show::list(&page, "/data");
        left -= rows.len().min(left);
        if args.json {
            for event in rows {
                if !print_json(event) {
                    return Ok(Exit::Ok);
                }
            }
        } else {
            events.extend_from_slice(rows);
        }
        cursor = page.get("next_cursor").and_then(Value::as_str).map(ToOwned::to_owned);
        // The oldest first, the log always has a cursor: one can go on when more has happened.
        if cursor.is_none() || rows.len() < wanted {
            break;
        }
    }
    if !args.json {
        let looks = Looks::of_stdout(args.relative);
        if events.is_empty() {
            output::note("No events.");
        } else {
            output::line(show::events_table(&events, looks, Timestamp::now()));
        }
    }
    Ok(Exit::Ok)
}

/// One page of the log.
pub(super) async fn page(
    client: &Client,
    filter: &Pairs,
    order: &str,
    limit: usize,
    cursor: Option<String>,
) -> Result<Value, CliError> {
    let mut query = filter.clone();
    query.extend([("order", order.to_owned()), ("limit", limit.to_string())]);
    query.extend(cursor.map(|cursor| ("cursor", cursor)));
    client.list(&["v1", "events"], &query).await
}

/// Prints an event as one line of JSON. Whether anybody reads it.
pub(super) fn print_json(event: &Value) -> bool {
    output::line_is_read(event)
}
