//! `hearback messages`: which messages stand where.

use clap::Args;
use hearback_event::{Channel, Status, Timestamp};
use serde_json::Value;

use super::events::Pairs;
use crate::cli::Global;
use crate::client::{Client, Where};
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// Most rows of one page of the API.
const PAGE: usize = 200;

/// Which messages.
#[derive(Debug, Args)]
pub(super) struct FilterArgs {
    /// Statuses, such as `bounced,deferred`
    #[arg(long = "status", value_delimiter = ',', value_name = "LIST")]
    statuses: Vec<Status>,
    /// Only those that were expected by now, and are still under way
    #[arg(long)]
    overdue: bool,
    /// Of which this source tells
    #[arg(long)]
    source: Option<String>,
    /// Of this provider
    #[arg(long)]
    provider: Option<String>,
    /// How they travel: email, sms, ...
    #[arg(long)]
    channel: Option<Channel>,
    /// To this address or number
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
    /// To this e-mail domain
    #[arg(long)]
    domain: Option<String>,
    /// With this label; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// With this tag
    #[arg(long)]
    tag: Option<String>,
    /// Of which something happened since: how long ago (`2h`) or a time in UTC
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Of which something happened before
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// Arguments of `messages`.
#[derive(Debug, Args)]
pub(crate) struct MessagesArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// At most so many [default: 50]
    #[arg(long, short = 'n')]
    limit: Option<usize>,
    /// Tell how long ago instead of when
    #[arg(long)]
    relative: bool,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

/// Runs `messages`.
pub(crate) fn run(args: &MessagesArgs, global: &Global) -> Result<Exit, CliError> {
    let client = args.place.open(global)?;
    runtime::block_on(list(args, &client))
}

impl FilterArgs {
    /// As parameters of the API.
    pub(super) fn pairs(&self) -> Result<Pairs, CliError> {
        let now = Timestamp::now();
        let moment = |text: &Option<String>| {
            let read = |text| show::parse_moment(text, now).map(|moment| moment.to_string());
            text.as_deref().map(read).transpose()
        };
        let mut pairs: Pairs = self.statuses.iter().map(|status| ("status", status.to_string())).collect();
        pairs.extend(self.labels.iter().map(|label| ("label", label.clone())));
        let single = [
            ("overdue", self.overdue.then(|| "true".to_owned())),
            ("source", self.source.clone()),
            ("provider", self.provider.clone()),
            ("channel", self.channel.map(|channel| channel.to_string())),
            ("recipient", self.recipient.clone()),
            ("domain", self.domain.clone()),
            ("tag", self.tag.clone()),
            ("since", moment(&self.since)?),
            ("until", moment(&self.until)?),
        ];
        pairs.extend(single.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))));
        Ok(pairs)
    }
}

/// Pages of messages, one after the other. A page may be short though more follow.
pub(super) struct Pages<'a> {
    client: &'a Client,
    filter: Pairs,
    cursor: Option<String>,
    ended: bool,
}

impl<'a> Pages<'a> {
    pub(super) const fn new(client: &'a Client, filter: Pairs) -> Self {
        Self { client, filter, cursor: None, ended: false }
    }

    /// The next messages, at most so many; `None` at the end.
    pub(super) async fn next(&mut self, most: usize) -> Result<Option<Vec<Value>>, CliError> {
        if self.ended || most == 0 {
            return Ok(None);
        }
        let mut query = self.filter.clone();
        query.push(("limit", most.min(PAGE).to_string()));
        query.extend(self.cursor.take().map(|cursor| ("cursor", cursor)));
        let page = self.client.list(&["v1", "messages"], &query).await?;
        self.cursor = page.get("next_cursor").and_then(Value::as_str).map(ToOwned::to_owned);
        self.ended = self.cursor.is_none();
        Ok(Some(show::list(&page, "/data").to_vec()))
    }
}

async fn list(args: &MessagesArgs, client: &Client) -> Result<Exit, CliError> {
    let most = args.limit.unwrap_or(50);
    let mut pages = Pages::new(client, args.filter.pairs()?);
    let (mut shown, mut messages) = (0, Vec::new());
    while let Some(rows) = pages.next(most - shown).await? {
        shown += rows.len();
        if !args.json {
            messages.extend(rows);
        } else if !rows.iter().all(output::line_is_read) {
            return Ok(Exit::Ok);
        }
    }
    if args.json {
        return Ok(Exit::Ok);
    }
    if messages.is_empty() {
        output::note("No messages.");
    } else {
        output::line(show::messages_table(&messages, Looks::of_stdout(args.relative), Timestamp::now()));
    }
    Ok(Exit::Ok)
}
