//! What Hearback is compared with: a handler that reads the same body and answers 200 at once.

use std::net::Ipv4Addr;

use anyhow::Context as _;
use axum::Router;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use bytes::Bytes;

/// Serves for ever.
pub(crate) fn serve(port: u16) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let app = Router::new()
            .route("/readyz", get(async || ()))
            .route("/webhooks/{source}", post(async |_body: Bytes| ()))
            .layer(axum::extract::DefaultBodyLimit::max(5 << 20));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.context("cannot listen")?.tap_io(|stream| {
            // An answer that leaves later is still right.
            drop(stream.set_nodelay(true));
        });
        axum::serve(listener, app).await.context("cannot serve")
    })
}
