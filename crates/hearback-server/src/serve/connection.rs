//! One connection at a time.
//!
//! Beyond the limit of connections a newcomer is accepted, answered 503 with `Retry-After`, and closed: a provider
//! that is made to wait in the kernel's queue would run into its own timeout and learn nothing. A few hundred of
//! these answers may be under way; beyond that newcomers are closed without a word.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::without_delay;
use crate::Limits;
use crate::app::{App, Surface};

/// hyper's own number; setting the same number explicitly would only move its buffer to the heap.
const HYPER_HEADERS: usize = 100;
/// Bytes that a request's head may have, and that are read from a connection at a time.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Newcomers beyond the limit that are being told so at a time.
const TURNED_AWAY_MAX: usize = 256;
/// How long such a newcomer may take to listen.
const TURNED_AWAY_TIMEOUT: Duration = Duration::from_secs(1);

const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/problem+json\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 121\r\n\r\n\
    {\"type\":\"urn:hearback:problem:overloaded\",\"title\":\"Try again later\",\"status\":503,\"detail\":\"too many connections at once\"}";

/// Turns accepted sockets into served connections.
pub(super) struct Acceptor<'a> {
    app: App,
    surface: Surface,
    http: http1::Builder,
    permits: &'a Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    graceful: &'a GracefulShutdown,
}

impl<'a> Acceptor<'a> {
    pub(super) fn new(
        app: &App,
        surface: Surface,
        limits: &Limits,
        permits: &'a Arc<Semaphore>,
        graceful: &'a GracefulShutdown,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.read_timeout).max_buf_size(HEAD_BYTES_MAX);
        if limits.headers_max != HYPER_HEADERS {
            http.max_headers(limits.headers_max);
        }
        let turned_away = Arc::new(Semaphore::new(TURNED_AWAY_MAX));
        Self { app: app.clone(), surface, http, permits, turned_away, graceful }
    }

    /// Serves the connection in a task of its own, or turns it away.
    pub(super) fn take(&self, stream: TcpStream, peer: SocketAddr) {
        without_delay(&stream);
        let Ok(permit) = Arc::clone(self.permits).try_acquire_owned() else {
            return self.turn_away(stream);
        };
        let (app, surface) = (self.app.clone(), self.surface);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let app = app.clone();
            async move { Ok::<_, Infallible>(app.answer(surface, request, Some(peer)).await) }
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let connection = self.graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(permit);
        });
    }

    fn turn_away(&self, stream: TcpStream) {
        metrics::counter!("hearback_connections_turned_away_total").increment(1);
        let Ok(permit) = Arc::clone(&self.turned_away).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let told = tokio::time::timeout(TURNED_AWAY_TIMEOUT, tell(stream)).await;
            if !matches!(told, Ok(Ok(()))) {
                tracing::debug!("a connection beyond the limit left before it was told so");
            }
            drop(permit);
        });
    }
}

/// Writes the answer and reads until the peer closes: closing with unread bytes would reset the connection, and the
/// answer with it.
async fn tell(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(TURNED_AWAY).await?;
    stream.shutdown().await?;
    let mut scrap = [0; 4096];
    while stream.read(&mut scrap).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_canned_answer_has_the_length_it_states() {
        let text = std::str::from_utf8(super::TURNED_AWAY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{}", body.len());
    }
}
