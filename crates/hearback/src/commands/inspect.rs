//! `hearback inspect`: explains a captured request without a server.

mod input;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use hearback_event::Timestamp;
use hearback_providers::{Endpoint, Provider, RawRequest};
use serde_json::{Map, Value, json};

use input::{known_provider, options, request};

use super::choose;
use crate::cli::Global;
use crate::config::{self, Trial};
use crate::exit::{CliError, Exit};
use crate::inspect::{Inspection, Outcome};
use crate::output;
use crate::show::{self, Looks};

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A provider (`mailgun`), or a source of the configuration
    #[arg(value_name = "PROVIDER|SOURCE")]
    of: String,
    /// The request as on the wire: request line, headers, an empty line, the body; `-` reads standard input
    #[arg(value_name = "FILE.http", required_unless_present = "body", conflicts_with = "body")]
    file: Option<PathBuf>,
    /// A file with the body alone
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// A header to go with --body, such as "svix-id: msg_1"
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", requires = "body")]
    headers: Vec<String>,
    /// The method to go with --body
    #[arg(long, default_value = "POST", requires = "body")]
    method: String,
    /// Path and query to go with --body
    #[arg(long, default_value = "/", requires = "body")]
    path: String,
    /// Take the keys of this source of the configuration
    #[arg(long, value_name = "NAME", conflicts_with = "options")]
    source: Option<String>,
    /// An option of the provider instead of the configuration, such as keys=env:OLD_KEY; may be given several times
    #[arg(long = "option", short = 'o', value_name = "NAME=VALUE")]
    options: Vec<String>,
    /// When it was received: how long ago (`2h`) or a time [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The URL that is configured at the provider, complete
    #[arg(long, value_name = "URL")]
    public_url: Vec<String>,
    /// Who sent it, for sources that allow certain networks only
    #[arg(long, value_name = "ADDRESS")]
    remote: Option<IpAddr>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `inspect`.
pub(crate) fn run(args: &InspectArgs, global: &Global) -> Result<Exit, CliError> {
    let raw = request(args)?;
    let now = Timestamp::now();
    let at = args.at.as_deref().map_or(Ok(now), |at| show::parse_moment(at, now))?;
    if !args.options.is_empty() {
        let provider = known_provider(&args.of)?;
        let endpoint = provider.endpoint(&options(&args.options)?).map_err(|errors| {
            let list: Vec<String> = errors.iter().map(|error| format!("\n  {error}")).collect();
            CliError::usage(format!(
                "these options make no endpoint of {}:{}",
                provider.title(),
                list.concat()
            ))
        })?;
        return explain(
            args,
            provider,
            endpoint.as_ref(),
            provider.name(),
            args.public_url.clone(),
            &raw,
            at,
        );
    }
    let config = config::require(global, Trial::Existing)?;
    let source = choose::source(&config, &args.of, args.source.as_deref()).map_err(|error| {
        error.hint("or give the keys of the request with --option, such as --option keys=env:MY_KEY")
    })?;
    let mut urls = args.public_url.clone();
    if urls.is_empty() {
        urls.extend(source.public_url.clone());
        let base = config.server.public_url.as_deref();
        urls.extend(base.map(|base| format!("{}{}", base.trim_end_matches('/'), raw.path_and_query)));
    }
    let exit = explain(args, source.provider, source.endpoint.as_ref(), source.name(), urls, &raw, at)?;
    if config.trial && exit == Exit::No {
        output::note(
            "These are trial keys, with which no provider signs: give yours with --option or a configuration.",
        );
    }
    Ok(exit)
}

fn explain(
    args: &InspectArgs,
    provider: &'static dyn Provider,
    endpoint: &dyn Endpoint,
    source: &str,
    public_urls: Vec<String>,
    raw: &RawRequest,
    at: Timestamp,
) -> Result<Exit, CliError> {
    let inspection =
        Inspection { provider, endpoint, source, raw, public_urls: &public_urls, remote: args.remote, at };
    let outcome = inspection.explain();
    let exit = if matches!(outcome, Outcome::Refused { .. }) { Exit::No } else { Exit::Ok };
    if args.json {
        output::json(&as_json(&inspection, outcome))?;
    } else {
        print(&inspection, outcome);
    }
    Ok(exit)
}

fn as_json(inspection: &Inspection<'_>, outcome: Outcome) -> Value {
    let facts: Map<String, Value> =
        inspection.facts().into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    match outcome {
        Outcome::Probe(reply) => json!({"genuine": true, "probe": {"status": reply.status}, "facts": facts}),
        Outcome::Genuine(events) => {
            json!({"genuine": true, "facts": facts, "events": inspection.rendered(events, true)})
        }
        Outcome::Refused { refusal, status, hints, events } => json!({
            "genuine": false, "cause": refusal.cause(), "detail": refusal.to_string(), "status": status, "hints": hints,
            "facts": facts, "unproven_events": inspection.rendered(events, false),
        }),
    }
}

fn print(inspection: &Inspection<'_>, outcome: Outcome) {
    for (name, value) in inspection.facts() {
        output::line(format_args!("{:<24} {}", show::clean(&name), show::clean(&value)));
    }
    output::line("");
    match outcome {
        Outcome::Probe(reply) => {
            let provider = inspection.provider.title();
            output::line(format_args!(
                "A URL check of {provider}: answered {}, and carries no event.",
                reply.status
            ));
        }
        Outcome::Genuine(events) => {
            output::line(format_args!(
                "GENUINE: signed by {}, {} event(s)",
                inspection.provider.title(),
                events.len()
            ));
            print_events(&inspection.rendered(events, true), inspection.at);
        }
        Outcome::Refused { refusal, status, hints, events } => {
            output::line(format_args!(
                "REFUSED with {status}, {}: {}",
                refusal.cause(),
                show::clean(&refusal.to_string())
            ));
            for hint in hints {
                output::line(format_args!("  check: {hint}"));
            }
            if !events.is_empty() {
                output::line("\nWhat it says, not proven:");
                print_events(&inspection.rendered(events, false), inspection.at);
            }
        }
    }
}

fn print_events(events: &[Value], at: Timestamp) {
    for event in events {
        output::line("");
        let looks = Looks::default();
        output::line(format_args!("{}  {}", show::kind(event), show::detail(event)));
        let labels: Vec<String> =
            event.pointer("/labels").and_then(Value::as_object).map_or_else(Vec::new, |labels| {
                labels
                    .keys()
                    .map(|key| {
                        format!(
                            "{}={}",
                            show::clean(key),
                            show::text(event, &format!("/labels/{}", show::pointed(key)))
                        )
                    })
                    .collect()
            });
        let tags: Vec<String> =
            show::list(event, "/tags").iter().filter_map(|tag| tag.as_str().map(show::clean)).collect();
        let keys: Vec<String> =
            show::list(event, "/dedup_keys").iter().filter_map(|key| key.as_str().map(show::clean)).collect();
        let rows = [
            ("happened", show::when(event, "/occurred_at", looks, at)),
            ("recipient", show::text(event, "/recipient")),
            ("message", show::text(event, "/message/provider_id")),
            ("message id", show::text(event, "/message/id")),
            ("subject", show::text(event, "/message/subject")),
            ("native type", show::text(event, "/native_type")),
            ("provider's event id", show::text(event, "/provider_event_id")),
            ("tags", tags.join(", ")),
            ("labels", labels.join(", ")),
            ("counts once under", keys.join(", ")),
        ];
        for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
            output::line(format_args!("  {name:<20} {value}"));
        }
    }
}
