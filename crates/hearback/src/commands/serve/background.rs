//! What runs beside the server as long as it does: retention, the watchdog, alerts, pushing to destinations.

use std::sync::Arc;
use std::time::Duration;

use hearback_alert::{Alerter, Rule};
use hearback_deliver::{Destinations, Timing};
use hearback_event::Timestamp;
use hearback_store::{Dropped, Retention, SourceRef, Store};
use hearback_watchdog::{Limits, Lookout, Watchdog};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::exit::CliError;

/// How often what has become too old is dropped: retention counts days.
const RETENTION_EVERY: Duration = Duration::from_hours(1);

/// What they work with.
pub(in crate::commands) struct Work {
    retention: Retention,
    destinations: Option<Destinations>,
    rules: Arc<[Rule]>,
    lookout: (Vec<SourceRef>, Limits),
}

impl Work {
    /// As it is configured, but for the destinations, which the server has too.
    pub(in crate::commands) fn of(config: &mut Config) -> Self {
        let sources = config.sources.iter().map(|source| source.reference.clone()).collect();
        Self {
            retention: config.retention,
            destinations: None,
            rules: std::mem::take(&mut config.alerts).into(),
            lookout: (sources, config.watchdog.limits),
        }
    }

    /// The names of the rules that raise alerts.
    pub(in crate::commands) fn rule_names(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.name.clone()).collect()
    }

    /// With the destinations.
    pub(in crate::commands) fn with(self, destinations: Option<Destinations>) -> Self {
        Self { destinations, ..self }
    }
}

/// The tasks beside the server.
pub(in crate::commands) struct Background {
    retention: JoinHandle<()>,
    watchdog: JoinHandle<()>,
    alerter: JoinHandle<()>,
    lookout: JoinHandle<()>,
    end_watch: watch::Sender<bool>,
    pushing: JoinHandle<()>,
    stop_pushing: oneshot::Sender<()>,
}

impl Background {
    /// Starts them all. What comes in after this is the destinations'.
    pub(in crate::commands) async fn start(store: &Arc<dyn Store>, work: Work) -> Result<Self, CliError> {
        let Work { retention, destinations, rules, lookout } = work;
        let lookout = Lookout::new(Arc::clone(store), lookout.0, lookout.1);
        let (pushing, stop_pushing) = push(destinations.as_ref()).await?;
        let (end_watch, watch_ended) = watch::channel(false);
        Ok(Self {
            retention: tokio::spawn(drop_old(Arc::clone(store), retention)),
            watchdog: tokio::spawn(Watchdog::new(Arc::clone(store)).run(watch_ended.clone())),
            alerter: tokio::spawn(Alerter::new(Arc::clone(store), rules).run(watch_ended.clone())),
            lookout: tokio::spawn(lookout.run(watch_ended)),
            end_watch,
            pushing,
            stop_pushing,
        })
    }

    /// Ends them: pushes that are under way may end, until `now` is ready.
    pub(in crate::commands) async fn end(self, now: impl Future<Output = ()>) {
        // Between two steps, of which each is complete by itself.
        self.retention.abort();
        self.end_watch.send_replace(true);
        self.watchdog.abort();
        self.alerter.abort();
        self.lookout.abort();
        drop(self.stop_pushing);
        tokio::select! {
            _ = self.pushing => {}
            () = now => {}
        }
    }
}

/// Pushes to the destinations until what is returned is dropped.
async fn push(
    destinations: Option<&Destinations>,
) -> Result<(JoinHandle<()>, oneshot::Sender<()>), CliError> {
    let (stop, stopped) = oneshot::channel();
    let Some(destinations) = destinations else { return Ok((tokio::spawn(async {}), stop)) };
    let engine = destinations.engine(Timing::default());
    engine.register().await?;
    let pushing = tokio::spawn(engine.run(async move { drop(stopped.await) }));
    Ok((pushing, stop))
}

/// Drops what is too old, now and then, as long as the server runs.
async fn drop_old(store: Arc<dyn Store>, retention: Retention) {
    if retention.keeps_all() {
        return;
    }
    loop {
        match store.retain(retention, Timestamp::now()).await {
            Ok(dropped) if dropped.is_nothing() => {}
            Ok(Dropped { events, payloads, quarantined }) => {
                tracing::info!(events, payloads, quarantined, "dropped what was too old");
            }
            Err(error) => {
                tracing::warn!(%error, "what is too old could not be dropped; tried again in an hour");
            }
        }
        tokio::time::sleep(RETENTION_EVERY).await;
    }
}
