//! `hearback users`: who may sign in to the web interface, on the database itself, also while a server runs.

use std::io::{BufRead as _, IsTerminal as _};

use clap::{Args, Subcommand};
use hearback_event::Timestamp;
use hearback_store::{Accounts as _, AuditEntry, LogStore, NewUser, Role, Store as _, User, UserChange};

use crate::cli::Global;
use crate::config::{self, QuarantineConfig};
use crate::exit::{CliError, Exit};
use crate::{output, runtime, wiring};

/// Arguments of `users`.
#[derive(Debug, Args)]
pub(crate) struct UsersArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a user; the password is read from standard input, one line
    Add {
        /// What the user signs in with: an e-mail address, or any other name
        name: String,
        /// viewer, operator or admin
        #[arg(long, default_value = "viewer")]
        role: Role,
    },
    /// List the users and what they may do
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a user another password, read from standard input, and sign the user out everywhere
    Password {
        /// Whose
        name: String,
    },
    /// Remove a user, and sign the user out everywhere
    Remove {
        /// Who
        name: String,
    },
}

/// Runs `users`.
pub(crate) fn run(args: &UsersArgs, global: &Global) -> Result<Exit, CliError> {
    let storage = config::storage(global)?;
    let store = wiring::open_store_beside(&wiring::database(&storage, QuarantineConfig::default()))?;
    runtime::block_on(async {
        let done = match &args.action {
            Action::Add { name, role } => add(&store, name, *role).await,
            Action::List { json } => list(&store, *json).await,
            Action::Password { name } => password(&store, name).await,
            Action::Remove { name } => remove(&store, name).await,
        };
        store.close().await?;
        done
    })
}

/// A password's hash. It is never an argument: those can be seen by everybody on the machine.
fn read_password() -> Result<String, CliError> {
    if std::io::stdin().is_terminal() {
        output::note("Type the password (it is shown) and Enter, or pipe it in:");
    }
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| CliError::failed(format!("cannot read the password: {error}")))?;
    let password = line.trim_end_matches(['\r', '\n']);
    hearback_ui::hash_password(password).map_err(|error| CliError::usage(error.to_string()))
}

async fn record(store: &LogStore, what: &str, detail: String) -> Result<(), CliError> {
    let entry = AuditEntry {
        id: 0,
        at: Timestamp::now(),
        who: "command line".to_owned(),
        what: what.to_owned(),
        detail,
        remote: None,
    };
    Ok(store.audit(entry).await?)
}

async fn add(store: &LogStore, name: &str, role: Role) -> Result<Exit, CliError> {
    let name = name.trim();
    if name.is_empty() || name.len() > 200 || name.contains(char::is_control) {
        return Err(CliError::usage("a name has 1 to 200 characters, in one line"));
    }
    let password = Some(read_password()?);
    let created_at = Timestamp::now();
    let new = NewUser { name: name.to_owned(), role, password, identity: None, created_at };
    if store.add_user(new).await?.is_none() {
        return Err(CliError::no(format!("there is a user `{name}` already"))
            .hint(format!("another password: `hearback users password {name}`")));
    }
    record(store, "user.add", format!("{name}, {role}")).await?;
    output::note(format_args!("{name} can sign in now, as {role}."));
    Ok(Exit::Ok)
}

async fn list(store: &LogStore, json: bool) -> Result<Exit, CliError> {
    let users = store.users().await?;
    if json {
        let shown: Vec<_> = users
            .iter()
            .map(|user| {
                let (password, single) = (user.password.is_some(), user.identity.is_some());
                serde_json::json!({"id": user.id, "name": user.name, "role": user.role.name(), "password": password,
                    "single_sign_on": single, "created_at": user.created_at})
            })
            .collect();
        output::json(&shown)?;
        return Ok(Exit::Ok);
    }
    if users.is_empty() {
        output::note("There are no users; make one with `hearback users add NAME --role admin`.");
        return Ok(Exit::Ok);
    }
    let mut rows = vec![["NAME", "ROLE", "SIGNS IN BY", "CREATED"].map(str::to_owned).to_vec()];
    rows.extend(users.into_iter().map(|user| {
        let by = ways(&user).to_owned();
        vec![user.name, user.role.to_string(), by, user.created_at.to_string()]
    }));
    output::line(output::columns(&rows));
    Ok(Exit::Ok)
}

/// How somebody can come in.
const fn ways(user: &User) -> &'static str {
    match (&user.password, &user.identity) {
        (Some(_), Some(_)) => "password, single sign-on",
        (Some(_), None) => "password",
        (None, Some(_)) => "single sign-on",
        (None, None) => "nothing",
    }
}

async fn find(store: &LogStore, name: &str) -> Result<User, CliError> {
    let found = store.user(name.to_owned()).await?;
    found.ok_or_else(|| {
        CliError::no(format!("there is no user `{name}`")).hint("`hearback users list` shows them")
    })
}

async fn password(store: &LogStore, name: &str) -> Result<Exit, CliError> {
    let user = find(store, name).await?;
    store.change_user(user.id, UserChange::Password(read_password()?), None).await?;
    record(store, "user.password", name.to_owned()).await?;
    output::note(format_args!("{name} has another password, and is signed out everywhere."));
    Ok(Exit::Ok)
}

async fn remove(store: &LogStore, name: &str) -> Result<Exit, CliError> {
    let user = find(store, name).await?;
    store.remove_user(user.id).await?;
    record(store, "user.remove", name.to_owned()).await?;
    output::note(format_args!("{name} is removed and signed out everywhere."));
    Ok(Exit::Ok)
}
