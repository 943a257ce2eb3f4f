//! `hearback serve`: receives webhooks until it is told to stop.

pub(super) mod background;

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use futures_util::FutureExt as _;
use hearback_server::{Listeners, Mode, ServeError};
use hearback_store::{Accounts as _, LogStore, Store};

use self::background::{Background, Work};
use crate::cli::Global;
use crate::config::{self, Config, Inputs, Problem, Trial};
use crate::exit::{CliError, Exit};
use crate::token::{FreshToken, Scope};
use crate::welcome::Welcome;
use crate::{logging, output, shutdown, wiring};

/// Arguments of `serve`.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Address and port for webhooks [default: 127.0.0.1:8025; port 0 takes a free one]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

/// Serves.
pub(crate) fn run(args: &ServeArgs, global: &Global) -> Result<Exit, CliError> {
    let mut inputs = Inputs::from_process(global, Trial::Make);
    inputs.listen.clone_from(&args.listen);
    wiring::make_folder(&inputs.data_folder())?;
    let loaded = config::load(&inputs);
    let warnings = loaded.warnings.clone();
    let config = loaded.require()?;
    logging::start(&config.log)?;
    warn(&warnings, &config);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.server.workers)
        .thread_name("hearback")
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("cannot start the runtime: {error}")))?
        .block_on(serve(config, global, &inputs))
}

fn warn(warnings: &[Problem], config: &Config) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    for source in &config.sources {
        let name = source.name();
        match source.mode {
            Mode::Enforce => {}
            Mode::Shadow => {
                tracing::warn!("source `{name}` is in shadow mode: forged requests are accepted and marked");
            }
            Mode::Off => tracing::error!(
                "SOURCE `{name}` CHECKS NO SIGNATURES (mode off): anybody who knows its URL can make events"
            ),
        }
    }
}

async fn serve(mut config: Config, global: &Global, inputs: &Inputs) -> Result<Exit, CliError> {
    // Bound before anything is written, so that a second server does nothing but complain.
    let configured = config.server.listen;
    let listeners = bind(&mut config).await?;
    let store = wiring::open_store(&wiring::database(&config.storage, config.quarantine))?;
    let token = first_token(&store).await?;
    let store = Arc::new(store);
    let metrics = hearback_server::install_metrics()
        .map_err(|error| CliError::failed(format!("cannot set up metrics: {error}")))?;
    let (stop, stop_now) = shutdown::listen()?;
    let stop_now = stop_now.wait().shared();

    let unusual_address = inputs.overrides_listen() || configured != config.server.listen;
    let welcome =
        Welcome { config: &config, token: token.as_ref(), global, inputs, unusual_address }.to_string();
    // What a pipe reads is events and nothing else.
    let is_piped = config.destinations.iter().any(|one| one.destination.carrier.kind() == "stdout");
    let (options, local) = (config.ui.take(), config.local_admin_url());
    let work = Work::of(&mut config);
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let mut settings = wiring::settings(config, &shared);
    let mut sign_in = None;
    if let Some(options) = options {
        let base = options.public_url.clone().unwrap_or(local);
        let options = hearback_ui::Options { rules: work.rule_names(), ..options };
        let ui = wiring::interface(&store, &settings, options);
        sign_in = Some(where_to_sign_in(&store, &ui, &base).await?);
        settings.pages = Some(hearback_ui::router(ui));
    }
    // The welcome ends with where everything is described: whoever waits for a started server waits for that line.
    let welcome = match (sign_in, welcome.rsplit_once('\n')) {
        (Some(sign_in), Some((most, last))) => format!("{most}\n{sign_in}\n{last}"),
        _ => welcome,
    };
    if is_piped {
        output::note(welcome);
    } else {
        output::line(welcome);
    }
    let background = Background::start(&shared, work.with(settings.destinations.clone())).await?;
    let served = tokio::select! {
        served = hearback_server::run_on(listeners, settings, shared, metrics, stop.wait()) => served,
        () = stop_now.clone() => Ok(()),
    };
    background.end(stop_now).await;
    store.close().await?;
    served.map_err(|error| CliError::failed(error.to_string()))?;
    tracing::info!("stopped; everything that was answered is on disk");
    Ok(Exit::Ok)
}

/// Where the interface is; for the first user, with the link that makes him.
async fn where_to_sign_in(store: &LogStore, ui: &hearback_ui::Ui, base: &str) -> Result<String, CliError> {
    Ok(if store.users().await?.is_empty() {
        format!(
            "To make the first user of the interface, open this link, once:\n\n  {base}{}\n",
            ui.link_for_first_user().path()
        )
    } else {
        format!("The interface is at {base}/\n")
    })
}

/// Binds, and puts the ports that were free into the configuration.
async fn bind(config: &mut Config) -> Result<Listeners, CliError> {
    let server = &mut config.server;
    let listeners = Listeners::bind(server.listen, server.admin).await.map_err(cannot_listen)?;
    let address =
        |listener: &tokio::net::TcpListener, fallback: SocketAddr| listener.local_addr().unwrap_or(fallback);
    server.listen = address(&listeners.public, server.listen);
    if let (Some(listener), Some(admin)) = (&listeners.admin, server.admin) {
        server.admin = Some(address(listener, admin));
    }
    Ok(listeners)
}

fn cannot_listen(error: ServeError) -> CliError {
    use std::io::ErrorKind;
    let ServeError::Bind { address, source } = &error else { return CliError::failed(error.to_string()) };
    let hint = match source.kind() {
        ErrorKind::AddrInUse => {
            "another program, perhaps another hearback, has this port; stop it, or choose another address with --listen or \
             `[server] listen` (`[admin] listen`)"
        }
        ErrorKind::PermissionDenied => {
            "ports below 1024 need a privilege; listen on a higher one behind a proxy, such as 127.0.0.1:8025"
        }
        ErrorKind::AddrNotAvailable => "this machine has no such address; 127.0.0.1 and 0.0.0.0 always work",
        _ => return CliError::failed(format!("cannot listen on {address}: {source}")),
    };
    CliError::failed(format!("cannot listen on {address}: {source}")).hint(hint)
}

/// An admin token where there is none at all: on the first start.
async fn first_token(store: &LogStore) -> Result<Option<FreshToken>, CliError> {
    if !store.tokens().await?.is_empty() {
        return Ok(None);
    }
    let token = FreshToken::new();
    store.add_token(token.to_keep("first start", Scope::Admin)).await?;
    Ok(Some(token))
}
