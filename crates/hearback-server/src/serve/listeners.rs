//! Bound sockets.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::ServeError;

/// The sockets that a server accepts from.
#[derive(Debug)]
pub struct Listeners {
    /// Webhooks and health; everything, where `admin` is none.
    pub public: TcpListener,
    /// API and metrics, apart from the public side.
    pub admin: Option<TcpListener>,
}

impl Listeners {
    /// Binds both addresses. Port 0 takes a free one.
    pub async fn bind(public: SocketAddr, admin: Option<SocketAddr>) -> Result<Self, ServeError> {
        Ok(Self {
            public: bind(public).await?,
            admin: match admin {
                Some(address) => Some(bind(address).await?),
                None => None,
            },
        })
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
}
