//! What keeps a server from starting.

use std::net::SocketAddr;

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}; is another program using the port?")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Two sources have the same name.
    #[error("two sources are called `{name}`; names must differ")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Two sources answer under the same path.
    #[error("the path {path} belongs to the sources `{first}` and `{second}`; give it to one of them")]
    PathTaken {
        /// The path.
        path: String,
        /// The source that has it.
        first: String,
        /// The source that wants it too.
        second: String,
    },
    /// A source wants a path that the server itself answers.
    #[error("the source `{source_name}` cannot have the path {path}: Hearback itself answers there")]
    PathReserved {
        /// The path.
        path: String,
        /// The source.
        source_name: String,
    },
}
