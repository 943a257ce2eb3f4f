//! Sockets, connections, and an orderly end.
//!
//! Our own loop over hyper's HTTP/1 connections, because slow senders must be cut off while they still send their head,
//! and headers be counted. One semaphore bounds the connections of both listeners.

mod connection;
mod error;
mod listeners;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hearback_store::Store;
use hyper_util::server::graceful::GracefulShutdown;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::Settings;
use crate::app::{App, Surface};
use connection::Acceptor;

pub use error::ServeError;
pub use listeners::Listeners;

/// Pause after a failed `accept`: the usual cause is too many open files, and another try at once would fail again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown` is ready, on the addresses that the settings name.
///
/// Requests that run then may end within `limits.drain_timeout`. The store stays open: closing it is its owner's task.
pub async fn run(
    settings: Settings,
    store: Arc<dyn Store>,
    metrics: PrometheusHandle,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let listeners = Listeners::bind(settings.listen, settings.admin).await?;
    run_on(listeners, settings, store, metrics, shutdown).await
}

/// As [`run`], on listeners that are bound already: with port 0 their owner knows the port.
///
/// The surface is split exactly when there is an admin listener; the addresses in `settings` are not looked at.
pub async fn run_on(
    listeners: Listeners,
    settings: Settings,
    store: Arc<dyn Store>,
    metrics: PrometheusHandle,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let limits = settings.limits.clone();
    let upkeep = tokio::spawn(crate::metrics::upkeep(metrics.clone()));
    let app = App::new(settings, store, metrics)?;
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    let public = if listeners.admin.is_some() { Surface::Public } else { Surface::Everything };
    {
        let acceptor = |surface| Acceptor::new(&app, surface, &limits, &permits, &graceful);
        let (public, admin) = (acceptor(public), acceptor(Surface::Admin));
        tokio::pin!(shutdown);
        tokio::select! {
            () = accept_all(&listeners.public, &public) => {}
            () = accept_maybe(listeners.admin.as_ref(), &admin) => {}
            () = &mut shutdown => {}
        }
    }
    drop(listeners);
    app.begin_shutdown();
    let drained = tokio::time::timeout(limits.drain_timeout, graceful.shutdown()).await;
    upkeep.abort();
    if drained.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
    Ok(())
}

async fn accept_maybe(listener: Option<&TcpListener>, acceptor: &Acceptor<'_>) {
    match listener {
        Some(listener) => accept_all(listener, acceptor).await,
        None => std::future::pending().await,
    }
}

async fn accept_all(listener: &TcpListener, acceptor: &Acceptor<'_>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => acceptor.take(stream, peer),
            Err(error) if lost_before_accepted(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The peer gave up between its connect and our accept: nobody's fault.
fn lost_before_accepted(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Small answers must leave at once: without this an answer can wait 40 ms for the peer's acknowledgement.
fn without_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
}
