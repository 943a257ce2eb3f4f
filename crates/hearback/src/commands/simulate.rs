//! `hearback simulate`: sends correctly signed, realistic webhooks to a running server.

use clap::Args;
use hearback_event::{Channel, Kind, Timestamp};
use hearback_providers::{Simulator, Tamper};
use hearback_server::Mode;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Url;

use super::choose;
use crate::cli::Global;
use crate::client::{base_url, http_client, is_loopback};
use crate::config::{self, Config, SourceConfig, Trial};
use crate::exit::{CliError, Exit};
use crate::simulate::{
    Expected, MOST_MESSAGES, Plan, Report, Scenario, Sender, Tally, Verifier, Voice, Voicebox, Wish,
};
use crate::{output, runtime};

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// A provider (`mailgun`), or a source of the configuration
    #[arg(value_name = "PROVIDER|SOURCE")]
    of: String,
    /// Only this happens to every message, instead of a whole life
    #[arg(long, value_name = "TYPE", value_parser = Kind::parse)]
    event: Option<Kind>,
    /// How many messages
    #[arg(long, short = 'n', default_value_t = 10, value_name = "N")]
    count: usize,
    /// Requests per second at most [default: as fast as the server answers]
    #[arg(long, value_name = "R")]
    rate: Option<f64>,
    /// What else goes on
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    scenario: Vec<Scenario>,
    /// The server [default: where the configuration makes it listen]
    #[arg(long, env = "HEARBACK_URL")]
    url: Option<String>,
    /// The source, where a provider has several
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Ask the server afterwards whether everything is there
    #[arg(long)]
    verify: bool,
    /// Where its API is, if it is not at the same address
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// A token that may read, for --verify
    #[arg(long, env = "HEARBACK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The same seed makes the same things happen [default: another one each time]
    #[arg(long)]
    seed: Option<u64>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    /// Send to a server that is not on this machine: it gets load, and events that never happened
    #[arg(long)]
    i_know: bool,
}

/// Runs `simulate`.
pub(crate) fn run(args: &SimulateArgs, global: &Global) -> Result<Exit, CliError> {
    let config = config::require(global, Trial::Existing)?;
    let source = choose::source(&config, &args.of, args.source.as_deref())?;
    let target = Target::of(args, &config)?;
    check(args, source, &target)?;
    let done = runtime::block_on(simulate(args, &config, source, &target))?;
    let report = done.report(source);
    if args.json {
        output::json(&report)?;
    } else {
        output::line(report.to_string().trim_end());
    }
    Ok(if report.is_clean() { Exit::Ok } else { Exit::No })
}

/// Where webhooks go and where questions are asked.
struct Target {
    hooks: Url,
    api: String,
}

impl Target {
    fn of(args: &SimulateArgs, config: &Config) -> Result<Self, CliError> {
        let hooks = args.url.clone().unwrap_or_else(|| config.local_url());
        let own_api = args.url.is_none().then(|| config.local_admin_url());
        let api = args.api_url.clone().or(own_api).unwrap_or_else(|| hooks.clone());
        Ok(Self { hooks: base_url(&hooks)?, api })
    }
}

fn check(args: &SimulateArgs, source: &SourceConfig, target: &Target) -> Result<(), CliError> {
    if !is_loopback(&target.hooks) && !args.i_know {
        return Err(CliError::usage(format!("{} is not on this machine", target.hooks)).hint(
            "simulated events are a load, and lies to whoever reads them; --i-know sends them all the same",
        ));
    }
    if args.count == 0 || args.count > MOST_MESSAGES {
        return Err(CliError::usage(format!("--count must be between 1 and {MOST_MESSAGES}")));
    }
    if args.rate.is_some_and(|rate| !(0.01..=100_000.0).contains(&rate)) {
        return Err(CliError::usage("--rate must be between 0.01 and 100000 requests per second"));
    }
    if source.mode != Mode::Enforce && args.scenario.contains(&Scenario::Forged) {
        return Err(CliError::usage(format!(
            "the source `{}` is in {} mode and refuses nothing, so forged requests would be kept",
            source.name(),
            source.mode.name()
        ))
        .hint("leave `forged` out of --scenario, or set `mode = \"enforce\"`"));
    }
    if args.verify && args.token.is_none() {
        return Err(CliError::usage("--verify asks the API, which wants a token")
            .hint("give one with --token or HEARBACK_TOKEN; `hearback token create` makes one"));
    }
    Ok(())
}

/// What a run has done and found.
struct Done {
    url: Url,
    seed: u64,
    sent: Tally,
    expected: Expected,
    differences: Option<Vec<String>>,
}

impl Done {
    fn report<'a>(&'a self, source: &'a SourceConfig) -> Report<'a> {
        Report {
            source: source.name(),
            provider: source.provider.name(),
            url: self.url.as_str(),
            seed: self.seed,
            sent: &self.sent,
            expected: &self.expected,
            differences: self.differences.clone(),
        }
    }
}

async fn simulate(
    args: &SimulateArgs,
    config: &Config,
    source: &SourceConfig,
    target: &Target,
) -> Result<Done, CliError> {
    let start = Timestamp::now();
    let simulator = simulator(source)?;
    let voice = voicebox(config, source, simulator.as_ref(), &target.hooks);
    let seed = args.seed.unwrap_or_else(|| start.as_nanos() as u64 % 1_000_000);
    let plan = plan(args, source, &voice, seed, start)?;
    let expected = Expected::of(&plan, &voice, &source.reference.account, start).map_err(|refusal| {
        CliError::failed(format!("`{}` would refuse what is signed for it: {refusal}", source.name()))
            .hint("`hearback check` says what is missing in the configuration, such as `public_url`")
    })?;
    let verifier = match &args.token {
        Some(token) if args.verify => Some(Verifier::begin(&target.api, token, source.name()).await?),
        _ => None,
    };
    let http = http_client(&target.hooks)?;
    let url = join(&target.hooks, &source.path());
    let sender = Sender { http: &http, target: url.clone(), rate: args.rate, voice: &voice };
    let bar = progress(args.json, plan.requests.len());
    let sent = sender.send(&plan, |done| bar.set_position(done)).await;
    bar.finish_and_clear();
    let differences = match verifier {
        Some(verifier) => Some(verifier.end(&expected).await?),
        None => None,
    };
    Ok(Done { url, seed, sent: sent?, expected, differences })
}

fn simulator(source: &SourceConfig) -> Result<Box<dyn Simulator>, CliError> {
    source.provider.simulator(&source.options).map_err(|errors| {
        let list: Vec<String> = errors.iter().map(ToString::to_string).collect();
        CliError::failed(format!("cannot sign for `{}`: {}", source.name(), list.join("; ")))
    })
}

fn plan(
    args: &SimulateArgs,
    source: &SourceConfig,
    voice: &Voicebox<'_>,
    seed: u64,
    start: Timestamp,
) -> Result<Plan, CliError> {
    let kinds = voice.simulator.kinds();
    if let Some(kind) = args.event
        && !kinds.contains(&kind)
    {
        let known: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        return Err(CliError::usage(format!("{} never tells of `{kind}`", source.provider.title()))
            .hint(format!("it tells of: {}", known.join(", "))));
    }
    let scenarios = args.scenario.clone();
    let wish = Wish { messages: args.count, only: args.event, scenarios, seed, start };
    Ok(Plan::new(&wish, &learn(voice, start)))
}

/// `hooks` is where the server is: it counts as its public URL where none is configured, as the server itself has it.
fn voicebox<'a>(
    config: &Config,
    source: &'a SourceConfig,
    simulator: &'a dyn Simulator,
    hooks: &Url,
) -> Voicebox<'a> {
    let endpoint = source.endpoint.as_ref();
    let contract = endpoint.contract().unwrap_or(*source.provider.contract());
    Voicebox { simulator, endpoint, contract, url: config.url_at(source, hooks.as_str()) }
}

/// What the provider can tell, found out by letting it tell something and reading that.
fn learn<'a>(voice: &Voicebox<'a>, now: Timestamp) -> Voice<'a> {
    let kinds = voice.simulator.kinds();
    let mut learnt = Voice { kinds, timed: true, batch_limit: voice.simulator.batch_limit(), phone: false };
    if let Some(kind) = kinds.first() {
        let sample = Plan::sample(*kind, now);
        let raw = voice.simulator.request(&[sample], &voice.url, now, Tamper::None);
        if let Some(event) = voice.read(&raw, now).ok().and_then(|events| events.into_iter().next()) {
            learnt.timed = event.occurred_at.is_some();
            learnt.phone = matches!(event.channel, Channel::Sms | Channel::Whatsapp | Channel::Rcs);
        }
    }
    learnt
}

fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let whole = format!("{}{path}", base.path().trim_end_matches('/'));
    url.set_path(&whole);
    url
}

fn progress(quiet: bool, requests: usize) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    // indicatif draws on standard error, and only where that is a terminal.
    let bar = ProgressBar::new(requests as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} requests, {per_sec}, {eta} left");
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

#[cfg(test)]
mod end_to_end;
