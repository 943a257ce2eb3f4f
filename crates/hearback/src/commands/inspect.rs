//! `hearback inspect`: explains a captured request without a server.

use std::fs;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use hearback_event::Timestamp;
use hearback_providers::{Endpoint, Options, Provider, RawRequest};
use serde_json::{Map, Value, json};

use super::choose;
use crate::cli::Global;
use crate::config::{self, Trial};
use crate::exit::{CliError, Exit};
use crate::inspect::{Inspection, Outcome};
use crate::output;
use crate::show::{self, Looks};

/// No provider sends more; a longer file is a mistake.
const LONGEST_FILE: u64 = 64 << 20;

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
    explain(args, source.provider, source.endpoint.as_ref(), source.name(), urls, &raw, at)
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

/// The request that the arguments describe.
fn request(args: &InspectArgs) -> Result<RawRequest, CliError> {
    if let Some(body) = &args.body {
        let mut head = format!("{} {} HTTP/1.1\r\n", args.method, args.path);
        for header in &args.headers {
            head.push_str(&header.replace(['\r', '\n'], " "));
            head.push_str("\r\n");
        }
        let bytes = [head.as_bytes(), b"\r\n", &read(body)?].concat();
        return RawRequest::parse(&bytes).map_err(|error| CliError::usage(error.to_string()));
    }
    let file = args.file.as_deref().unwrap_or(Path::new("-"));
    let bytes = read(file)?;
    RawRequest::parse(&bytes).map_err(|error| {
        CliError::usage(format!("{}: {error}", file.display()))
            .hint("if it is the body alone, give it with --body, and the headers with --header")
    })
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |error: std::io::Error| CliError::failed(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(LONGEST_FILE).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        fs::File::open(path).map_err(failed)?.take(LONGEST_FILE).read_to_end(&mut bytes).map_err(failed)?;
    }
    Ok(bytes)
}

fn known_provider(name: &str) -> Result<&'static dyn Provider, CliError> {
    hearback_providers::provider(name).ok_or_else(|| {
        let known: Vec<&str> = hearback_providers::PROVIDERS.iter().map(|provider| provider.name()).collect();
        CliError::usage(format!("there is no provider `{name}`"))
            .hint(format!("known are: {}", known.join(", ")))
    })
}

/// Options as the configuration would have them: a name that comes several times makes a list; a value that is JSON is
/// taken as such; `env:NAME` and `file:PATH` stand for what they name, so that no key need be typed.
fn options(pairs: &[String]) -> Result<Options, CliError> {
    let mut table: Map<String, Value> = Map::new();
    for pair in pairs {
        let (name, text) = pair
            .split_once('=')
            .ok_or_else(|| CliError::usage("--option wants NAME=VALUE, such as --option keys=env:MY_KEY"))?;
        let value = option_value(text)?;
        match table.get_mut(name) {
            None => drop(table.insert(name.to_owned(), value)),
            Some(Value::Array(several)) => several.push(value),
            Some(one) => *one = json!([one.take(), value]),
        }
    }
    Ok(Options::new(table))
}

fn option_value(text: &str) -> Result<Value, CliError> {
    if let Some(name) = text.strip_prefix("env:") {
        return std::env::var(name)
            .map(Value::String)
            .map_err(|_| CliError::usage(format!("the environment variable `{name}` is not set")));
    }
    if let Some(path) = text.strip_prefix("file:") {
        let bytes = read(Path::new(path))?;
        return Ok(Value::String(String::from_utf8_lossy(&bytes).trim().to_owned()));
    }
    let is_json =
        text.starts_with(['[', '{']) || matches!(text, "true" | "false") || text.parse::<u32>().is_ok();
    let parsed = if is_json { serde_json::from_str(text).ok() } else { None };
    Ok(parsed.unwrap_or_else(|| Value::String(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_as_the_configuration_has_them() {
        let pairs = ["keys=abc=", "max_age=900", "keys=def", "legacy=true", "networks=[\"10.0.0.0/8\"]"];
        let options = options(&pairs.map(ToOwned::to_owned)).unwrap();
        assert_eq!(options.get("keys"), Some(&json!(["abc=", "def"])));
        assert_eq!(options.get("max_age"), Some(&json!(900)));
        assert_eq!(options.get("legacy"), Some(&json!(true)));
        assert_eq!(options.get("networks"), Some(&json!(["10.0.0.0/8"])));
        assert!(super::options(&["keys".to_owned()]).is_err());
        assert!(super::options(&["keys=env:NO_SUCH_VARIABLE_HERE".to_owned()]).is_err());
    }
}
