//! `hearback check`: everything that is wrong with the configuration, and what it comes to.

use clap::Args;
use hearback_store::Database;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::config::{self, Config, Inputs, Loaded, Place, Problem, SourceConfig, Trial, printable_url};
use crate::exit::{CliError, Exit};
use crate::output;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Take warnings for problems
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Checks the configuration.
pub(crate) fn run(args: &CheckArgs, global: &Global) -> Result<Exit, CliError> {
    let inputs = Inputs::from_process(global, Trial::Existing);
    let mut loaded = config::load(&inputs);
    warn_of_trial(&mut loaded);
    let database = ask_database(&mut loaded);
    let single_sign_on = ask_single_sign_on(&mut loaded);
    let bad = !loaded.problems.is_empty() || args.strict && !loaded.warnings.is_empty();
    if args.json {
        output::json(&to_json(&loaded, !bad))?;
    } else {
        print(&loaded, &Said { database, single_sign_on }, &inputs);
    }
    Ok(if bad { Exit::No } else { Exit::Ok })
}

/// What others say who were asked.
struct Said {
    database: Option<String>,
    /// Lines: who, and what.
    single_sign_on: Option<String>,
}

/// What the provider of single sign-on says, where there is one, and what it has to know. It may be out of reach from here.
#[cfg(feature = "oidc")]
fn ask_single_sign_on(loaded: &mut Loaded) -> Option<String> {
    let oidc = loaded.config.as_ref()?.ui.as_ref()?.oidc.clone()?;
    let probed = crate::runtime::block_on(async { Ok(oidc.probe(hearback_event::Timestamp::now()).await) });
    let options = oidc.options();
    let said = match probed {
        Ok(Ok(said)) => said,
        Ok(Err(error)) => {
            let message = format!("single sign-on does not work from here: {error}");
            loaded.warnings.push(Problem { place: Place::Default, message });
            "it does not answer as it should".to_owned()
        }
        Err(error) => error.to_string(),
    };
    Some(format!("{} ({said})\n               redirect URI {}", options.issuer, options.redirect_uri()))
}

#[cfg(not(feature = "oidc"))]
const fn ask_single_sign_on(_loaded: &mut Loaded) -> Option<String> {
    None
}

/// What the database server says, where there is one. A configuration can be checked where its database is out of reach.
fn ask_database(loaded: &mut Loaded) -> Option<String> {
    let Some(Database::Postgres(options)) = loaded.config.as_ref().map(|config| &config.storage.database)
    else {
        return None;
    };
    match hearback_store::postgres::probe(options) {
        Ok(said) => Some(said),
        Err(error) => {
            loaded.warnings.push(Problem { place: Place::Default, message: error.to_string() });
            None
        }
    }
}

/// Without any configuration the server makes trial sources, of which no provider knows.
fn warn_of_trial(loaded: &mut Loaded) {
    if loaded.config.as_ref().is_some_and(|config| config.trial) {
        let message = "no source is configured: `hearback serve` serves trial sources, with keys that no provider knows; \
                       `hearback config default` shows how to configure real ones";
        loaded.warnings.push(Problem { place: Place::Default, message: message.to_owned() });
    }
}

fn print(loaded: &Loaded, said: &Said, inputs: &Inputs) {
    for problem in &loaded.problems {
        output::line(format_args!("problem: {problem}"));
    }
    for warning in &loaded.warnings {
        output::line(format_args!("warning: {warning}"));
    }
    if let Some(config) = &loaded.config {
        print_config(config, said, inputs);
    }
    let counted = |count: usize, what: &str| match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    let (problems, warnings) = (loaded.problems.len(), loaded.warnings.len());
    output::line(format_args!("{}, {}", counted(problems, "problem"), counted(warnings, "warning")));
}

fn print_config(config: &Config, said: &Said, inputs: &Inputs) {
    let file =
        config.file.as_ref().map_or("(no file)".to_owned(), |file| inputs.shown(file).display().to_string());
    output::line(format_args!("configuration  {file}"));
    let shown = inputs.shown_database(&config.storage.database);
    output::line(format_args!(
        "database       {shown}{}",
        said.database.as_ref().map(|said| format!(" ({said})")).unwrap_or_default()
    ));
    output::line(format_args!("listen         {}", config.server.listen));
    if let Some(admin) = config.server.admin {
        output::line(format_args!("admin          {admin}"));
    }
    if let Some(said) = &said.single_sign_on {
        output::line(format_args!("single sign-on {said}"));
    }
    if config.sources.is_empty() {
        return;
    }
    let mut rows = vec![["SOURCE", "PROVIDER", "MODE", "KEYS", "SENDS", "URL"].map(str::to_owned).to_vec()];
    for source in &config.sources {
        rows.push(vec![
            source.name().to_string(),
            source.provider.name().to_owned(),
            source.mode.name().to_owned(),
            source.keys.to_string(),
            if source.send.is_some() { "yes" } else { "no" }.to_owned(),
            printable_url(&config.url_of(source)),
        ]);
        for path in &source.paths {
            let also = format!("also {}{path}", printable_url(&config.public_base()));
            rows.push(vec![String::new(), String::new(), String::new(), String::new(), String::new(), also]);
        }
    }
    output::line(output::columns(&rows));
}

fn to_json(loaded: &Loaded, ok: bool) -> Value {
    let sources: Option<Vec<Value>> = loaded
        .config
        .as_ref()
        .map(|config| config.sources.iter().map(|source| source_to_json(config, source)).collect());
    json!({
        "ok": ok,
        "problems": loaded.problems,
        "warnings": loaded.warnings,
        "trial": loaded.config.as_ref().map(|config| config.trial),
        "sources": sources,
    })
}

fn source_to_json(config: &Config, source: &SourceConfig) -> Value {
    json!({
        "name": source.name(),
        "provider": source.provider.name(),
        "account": source.reference.account,
        "url": printable_url(&config.url_of(source)),
        "paths": source.paths,
        "mode": source.mode.name(),
        "keys": source.keys,
        "sends": source.send.is_some(),
        "body_bytes_max": source.body_bytes_max,
        "requests_per_second": source.requests_per_second,
    })
}
