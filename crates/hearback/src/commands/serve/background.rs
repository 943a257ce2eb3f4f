//! What runs beside the server as long as it does: retention, the watchdog, pushing to destinations.

use std::sync::Arc;
use std::time::Duration;

use hearback_deliver::{Destinations, Timing};
use hearback_event::Timestamp;
use hearback_store::{Dropped, Retention, Store};
use hearback_watchdog::Watchdog;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::exit::CliError;

/// How often what has become too old is dropped: retention counts days.
const RETENTION_EVERY: Duration = Duration::from_hours(1);

/// The tasks beside the server.
pub(in crate::commands) struct Background {
    retention: JoinHandle<()>,
    watchdog: JoinHandle<()>,
    end_watch: watch::Sender<bool>,
    pushing: JoinHandle<()>,
    stop_pushing: oneshot::Sender<()>,
}

impl Background {
    /// Starts them all. What comes in after this is the destinations'.
    pub(in crate::commands) async fn start(
        store: &Arc<dyn Store>,
        retention: Retention,
        destinations: Option<&Destinations>,
    ) -> Result<Self, CliError> {
        let (pushing, stop_pushing) = push(destinations).await?;
        let (end_watch, watch_ended) = watch::channel(false);
        Ok(Self {
            retention: tokio::spawn(drop_old(Arc::clone(store), retention)),
            watchdog: tokio::spawn(Watchdog::new(Arc::clone(store)).run(watch_ended)),
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
