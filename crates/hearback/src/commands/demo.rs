//! `hearback demo`: a server on a temporary database, with a month behind it and more to come.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use hearback_event::Timestamp;
use hearback_server::Listeners;
use hearback_store::{Accounts as _, NewUser, Role, Store, StoreError};

use super::serve::background::{Background, Work};
use crate::config::{self, Config, Inputs, Trial};
use crate::demo::{Nights, Teller, Told, history, live};
use crate::exit::{CliError, Exit};
use crate::{logging, output, shutdown, token, wiring};

/// What chance is made of: the same house, guests and messages each time.
const SEED: u64 = 42;
/// One more message so often.
const PACE: Duration = Duration::from_millis(1500);
/// The source that refuses since a while: its newest requests are signed with another key.
const REFUSING: &str = "resend";
/// Since when, in seconds before now.
const REFUSING_FOR: i64 = 2400;

/// Since when the application registers what it sends, in seconds before now.
const REGISTERS_FOR: i64 = 3 * 86_400;
/// Since when there are rules that raise alerts, in seconds before now.
const ALERTS_FOR: i64 = 2 * 86_400;
/// Requests that the refusing source has refused.
const REFUSED: i64 = 52;
/// Who is told of events: one takes everything, one alerts, and one is down. And what is expected of those who do not say it.
const CONFIGURATION: &str = r#"
[watchdog]
expect = [
    { label = "purpose=pre_arrival", within_s = 1800 },
    { label = "purpose=door_code", within_s = 300 },
]

[destinations.archive]
kind = "file"
path = "archive.ndjson"

[destinations.desk]
kind = "file"
path = "desk.ndjson"
alerts = true
start = "beginning"

[destinations.crm]
kind = "webhook"
# Nothing listens there: a server that is down.
url = "http://127.0.0.1:9/hooks/hearback"
secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
events = ["message.bounced", "message.complained", "message.unsubscribed"]
allow_networks = ["127.0.0.0/8"]
start = "beginning"
"#;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Address and port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8025")]
    listen: String,
    /// No live traffic after the history
    #[arg(long)]
    quiet: bool,
}

/// Runs `demo`.
pub(crate) fn run(args: &DemoArgs) -> Result<Exit, CliError> {
    let folder = tempfile::tempdir()
        .map_err(|error| CliError::failed(format!("cannot make a temporary folder: {error}")))?;
    let file = folder.path().join("hearback.toml");
    std::fs::write(&file, CONFIGURATION)
        .map_err(|error| CliError::failed(format!("cannot write {}: {error}", file.display())))?;
    // Nothing of the user's own configuration: this is no place for real keys.
    let inputs = Inputs {
        file: Some(file),
        data: Some(folder.path().to_owned()),
        listen: Some(args.listen.clone()),
        folder: folder.path().to_owned(),
        trial: Trial::Make,
        ..Inputs::default()
    };
    let config = config::load(&inputs).require()?;
    logging::start(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_name("hearback").enable_all().build();
    runtime
        .map_err(|error| CliError::failed(format!("cannot start the runtime: {error}")))?
        .block_on(demo(config, &inputs, args))
}

async fn demo(mut config: Config, inputs: &Inputs, args: &DemoArgs) -> Result<Exit, CliError> {
    let listeners = Listeners::bind(config.server.listen, None)
        .await
        .map_err(|error| CliError::failed(error.to_string()).hint("choose another address with --listen"))?;
    config.server.listen = listeners.public.local_addr().unwrap_or(config.server.listen);
    // Once more, with the address that was bound: some sources check the URL under which they are reached.
    let again = Inputs { listen: Some(config.server.listen.to_string()), ..inputs.clone() };
    let mut config = config::load(&again).require()?;
    let store = Arc::new(wiring::open_store(&wiring::database(&config.storage, config.quarantine))?);
    let metrics = hearback_server::install_metrics()
        .map_err(|error| CliError::failed(format!("cannot set up metrics: {error}")))?;
    let (stop, stop_now) = shutdown::listen()?;

    let now = Timestamp::now();
    output::note("Making up a month ...");
    let options = config.ui.take().unwrap_or_default();
    let mut nights = Nights::new(Arc::clone(&store) as _, std::mem::take(&mut config.alerts).into());
    let teller = Teller::new(&config, Arc::clone(&store) as _);
    tell_history(&teller, &mut nights, now).await?;
    let mut settings_config = config::load(&again).require()?;
    let work = Work::of(&mut settings_config);
    let base = settings_config.local_url();
    let mut settings = wiring::settings(settings_config, &(Arc::clone(&store) as _));
    let options = hearback_ui::Options { demo: true, rules: work.rule_names(), ..options };
    let ui = wiring::interface(&store, &settings, options);
    let link = ui.link_for(guest_user(&store).await?);
    settings.pages = Some(hearback_ui::router(ui));
    output::line(format_args!(
        "Look around, signed in as an admin:\n\n  {base}{}\n\nAll of it is made up, and gone when this ends (Ctrl-C).",
        link.path()
    ));
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let background = Background::start(&shared, work.with(settings.destinations.clone())).await?;
    let traffic = async {
        if args.quiet {
            return std::future::pending().await;
        }
        keep_telling(&teller).await
    };
    let served = tokio::select! {
        served = hearback_server::run_on(listeners, settings, Arc::clone(&store) as _, metrics, stop.wait()) => served,
        failed = traffic => return Err(failed.into()),
        () = stop_now.wait() => Ok(()),
    };
    background.end(std::future::ready(())).await;
    store.close().await?;
    served.map_err(|error| CliError::failed(error.to_string()))?;
    Ok(Exit::Ok)
}

async fn tell_history(teller: &Teller<'_>, nights: &mut Nights, now: Timestamp) -> Result<(), StoreError> {
    let refusing_since = now.plus_seconds(-REFUSING_FOR);
    let (lost, told): (Vec<Told>, Vec<Told>) = history(SEED, now)
        .into_iter()
        .partition(|one| one.provider == REFUSING && one.happening.occurred_at >= refusing_since);
    let registers_since = now.plus_seconds(-REGISTERS_FOR);
    let lately = told.partition_point(|one| one.happening.occurred_at < registers_since);
    let (before, after) = told.split_at(lately);
    teller.tell(before).await?;
    let watched_since = now.plus_seconds(-ALERTS_FOR);
    let watched = after.partition_point(|one| one.happening.occurred_at < watched_since);
    let (unwatched, watched) = after.split_at(watched);
    // An application registers before the provider speaks.
    teller.register(unwatched).await?;
    teller.tell(unwatched).await?;
    nights.watch(teller, watched, watched_since, now).await?;
    let Some(like) = lost.first().or_else(|| told.iter().rev().find(|one| one.provider == REFUSING)) else {
        return Ok(());
    };
    let at: Vec<Timestamp> =
        (0..REFUSED).map(|n| refusing_since.plus_seconds(n * REFUSING_FOR / REFUSED)).collect();
    teller.refuse(REFUSING, &like.happening, &at).await?;
    if let Some(like) = told.iter().find(|one| one.provider == "mailgun") {
        let at: Vec<Timestamp> = (1..4).map(|n| now.plus_seconds(-30_000 * n)).collect();
        teller.refuse("mailgun", &like.happening, &at).await?;
    }
    Ok(())
}

/// One more message now and then, each event when it happens; only as long as it works.
async fn keep_telling(teller: &Teller<'_>) -> StoreError {
    let mut waiting: Vec<Told> = Vec::new();
    let mut tick = tokio::time::interval(PACE);
    let mut count = 0;
    loop {
        tick.tick().await;
        let now = Timestamp::now();
        count += 1;
        waiting.extend(live(SEED, count, now).into_iter().filter(|one| one.provider != REFUSING));
        let (due, later): (Vec<Told>, Vec<Told>) =
            waiting.into_iter().partition(|one| one.happening.occurred_at <= now);
        waiting = later;
        if let Err(error) = teller.register(&due).await {
            return error;
        }
        if let Err(error) = teller.tell(&due).await {
            return error;
        }
    }
}

/// The user whom the link signs in: with a password that nobody knows.
async fn guest_user(store: &hearback_store::LogStore) -> Result<u64, CliError> {
    let mut secret = [0; 32];
    token::fill_random(&mut secret);
    let password = hearback_ui::hash_password(&data_encoding::HEXLOWER.encode(&secret))
        .map_err(|error| CliError::failed(error.to_string()))?;
    let new = NewUser {
        name: "guest".to_owned(),
        role: Role::Admin,
        password: Some(password),
        identity: None,
        created_at: Timestamp::now(),
    };
    let user = store.add_user(new).await?;
    user.map(|user| user.id).ok_or_else(|| CliError::failed("the temporary database is not empty"))
}
