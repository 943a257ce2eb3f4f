//! `hearback token`: the tokens of the API, on the database file, also while a server runs.

use clap::{Args, Subcommand};
use hearback_store::{LogStore, Store};

use crate::cli::Global;
use crate::config::{self, QuarantineConfig};
use crate::exit::{CliError, Exit};
use crate::token::{FreshToken, Scope};
use crate::{output, runtime, wiring};

/// Arguments of `token`.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it, once
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value = "read")]
        scope: Scope,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the tokens: names and scopes, never the tokens themselves
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token; a running server notices within seconds
    Revoke {
        /// Its number or its name
        #[arg(value_name = "NUMBER|NAME")]
        token: String,
    },
}

/// Runs `token`.
pub(crate) fn run(args: &TokenArgs, global: &Global) -> Result<Exit, CliError> {
    let storage = config::storage(global)?;
    let database = wiring::database(&storage, QuarantineConfig::default());
    let store = wiring::open_store_beside(&database)?;
    runtime::block_on(async {
        let done = match &args.action {
            Action::Create { name, scope, json } => create(&store, name, *scope, *json).await,
            Action::List { json } => list(&store, *json).await,
            Action::Revoke { token } => revoke(&store, token).await,
        };
        store.close().await?;
        done
    })
}

async fn create(store: &LogStore, name: &str, scope: Scope, json: bool) -> Result<Exit, CliError> {
    let name = name.trim();
    if name.is_empty() || name.len() > 100 || name.contains(char::is_control) {
        return Err(CliError::usage("a token's name has 1 to 100 characters, in one line"));
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CliError::usage(
            "a token's name cannot be a number: `token revoke` would take it for one",
        ));
    }
    if store.tokens().await?.iter().any(|token| token.name == name) {
        return Err(CliError::no(format!("there is a token `{name}` already"))
            .hint(format!("choose another name, or revoke it with `hearback token revoke {name}`")));
    }
    let token = FreshToken::new();
    let kept = store.add_token(token.to_keep(name, scope)).await?;
    if json {
        let scope = &kept.scope;
        output::json(
            &serde_json::json!({"id": kept.id, "name": name, "scope": scope, "token": token.expose()}),
        )?;
    } else {
        output::line(token.expose());
        output::note("This is the only time that it is shown; only its hash is kept.");
    }
    Ok(Exit::Ok)
}

async fn list(store: &LogStore, json: bool) -> Result<Exit, CliError> {
    let tokens = store.tokens().await?;
    if json {
        output::json(&tokens)?;
        return Ok(Exit::Ok);
    }
    if tokens.is_empty() {
        output::note("There are no tokens; make one with `hearback token create --name NAME`.");
        return Ok(Exit::Ok);
    }
    let mut rows = vec![["NUMBER", "NAME", "SCOPE", "CREATED"].map(str::to_owned).to_vec()];
    for token in tokens {
        rows.push(vec![token.id.to_string(), token.name, token.scope, token.created_at.to_string()]);
    }
    output::line(output::columns(&rows));
    Ok(Exit::Ok)
}

async fn revoke(store: &LogStore, which: &str) -> Result<Exit, CliError> {
    let tokens = store.tokens().await?;
    let found = match which.parse::<u64>() {
        Ok(id) => tokens.iter().find(|token| token.id == id),
        Err(_) => tokens.iter().find(|token| token.name == which),
    };
    let Some(token) = found else {
        return Err(
            CliError::no(format!("there is no token `{which}`")).hint("`hearback token list` shows them")
        );
    };
    if !store.remove_token(token.id).await? {
        return Err(CliError::no(format!("the token `{which}` is gone already")));
    }
    output::note(format_args!("Revoked `{}`. A running server notices within seconds.", token.name));
    Ok(Exit::Ok)
}
