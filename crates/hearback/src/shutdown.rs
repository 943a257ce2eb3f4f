//! Being told to stop: Ctrl-C, and SIGTERM where there is such a thing. Once means in order, twice means now.

use tokio::sync::oneshot;

use crate::exit::CliError;

/// Something to wait for.
pub(crate) struct Stop(oneshot::Receiver<()>);

impl Stop {
    /// Waits until the program is told to stop.
    pub(crate) async fn wait(self) {
        // The sender waits for signals as long as the runtime lives.
        if self.0.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Begins to listen: from here on no signal ends the process by itself. The second of the two comes with the second signal.
pub(crate) fn listen() -> Result<(Stop, Stop), CliError> {
    let mut signals =
        Signals::new().map_err(|error| CliError::failed(format!("cannot listen for signals: {error}")))?;
    let (first, stop) = oneshot::channel();
    let (second, stop_now) = oneshot::channel();
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping: running requests may end; once more stops at once");
        if first.send(()).is_ok() {
            signals.next().await;
            if second.send(()).is_err() {
                tracing::debug!("everything has ended already");
            }
        }
    });
    Ok((Stop(stop), Stop(stop_now)))
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
