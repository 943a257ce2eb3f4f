//! `hearback stats`: counts, rates and delivery times.

use clap::{Args, ValueEnum};
use hearback_event::Timestamp;
use serde_json::Value;

use super::events::Pairs;
use crate::cli::Global;
use crate::client::Where;
use crate::exit::{CliError, Exit};
use crate::show::{self, Looks};
use crate::{output, runtime};

/// Arguments of `stats`.
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// One series for each of these
    #[arg(long, value_enum)]
    by: Option<By>,
    /// How long a step of the chart is [default: an hour for up to three days, else a day]
    #[arg(long, value_enum)]
    step: Option<Step>,
    /// Since: how long ago (`30d`) or a time in UTC [default: a day ago]
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only what this source told
    #[arg(long)]
    source: Option<String>,
    /// Only what has this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only what went to this e-mail domain
    #[arg(long)]
    domain: Option<String>,
    /// At most so many series; the rest together is (others)
    #[arg(long, short = 'n')]
    limit: Option<u8>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Where,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Source,
    Tag,
    Domain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    Hour,
    Day,
    Total,
}

fn word(value: impl ValueEnum) -> Option<String> {
    value.to_possible_value().map(|value| value.get_name().to_owned())
}

/// Runs `stats`.
pub(crate) fn run(args: &StatsArgs, global: &Global) -> Result<Exit, CliError> {
    let client = args.place.open(global)?;
    let stats = runtime::block_on(async { client.list(&["v1", "stats"], &args.pairs()?).await })?;
    if args.json {
        output::json(&stats)?;
    } else if show::list(&stats, "/series").is_empty() {
        output::note("Nothing happened in this time.");
    } else {
        print(&stats, Looks::of_stdout(false));
    }
    Ok(Exit::Ok)
}

fn print(stats: &Value, looks: Looks) {
    output::line(show::stats_page(stats, looks));
}

impl StatsArgs {
    /// As parameters of the API.
    fn pairs(&self) -> Result<Pairs, CliError> {
        let now = Timestamp::now();
        let moment = |text: &Option<String>| {
            let read = |text| show::parse_moment(text, now).map(|moment| moment.to_string());
            text.as_deref().map(read).transpose()
        };
        let pairs = [
            ("by", self.by.and_then(word)),
            ("step", self.step.and_then(word)),
            ("since", moment(&self.since)?),
            ("until", moment(&self.until)?),
            ("source", self.source.clone()),
            ("tag", self.tag.clone()),
            ("domain", self.domain.clone()),
            ("limit", self.limit.map(|limit| limit.to_string())),
        ];
        Ok(pairs.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect())
    }
}
