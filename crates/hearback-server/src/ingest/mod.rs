//! Receiving webhooks: the hot path.
//!
//! A request is read whole, asked whether it is a probe, limited, verified, normalised and given to the store; the
//! answer leaves when the store has it on disk. What is refused goes to the quarantine first: if that cannot be written,
//! the provider is asked to try again, so that a genuine request under a wrongly set key is never lost for good.

mod answer;
mod body;
mod denial;
mod described;
mod examine;
mod gate;
mod head;
mod intake;
mod outcome;
mod receive;
mod remote;
mod removed;
mod table;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use hearback_store::Store;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Body;
use ipnet::IpNet;

use crate::request_id;
use crate::{ServeError, Settings};
use gate::Gate;
use receive::Call;
use table::PathTable;

pub(crate) use denial::Denial;
pub(crate) use described::described;
pub(crate) use examine::{Examined, contract, examine};
pub(crate) use intake::Intake;
pub(crate) use outcome::Outcome;
pub use remote::remote;
#[cfg(test)]
pub(crate) use removed::digest_of;
pub(crate) use removed::{Digest, REMOVED, without_digests};
pub use table::is_reserved;

/// Receives webhooks for all sources.
pub(crate) struct Ingest {
    table: PathTable,
    store: Arc<dyn Store>,
    trusted_proxies: Vec<IpNet>,
    gate: Gate,
}

impl Ingest {
    pub(crate) fn new(settings: &Settings, store: Arc<dyn Store>) -> Result<Self, ServeError> {
        let table = PathTable::new(&settings.sources, &settings.limits)?;
        let gate = Gate::new(settings.limits.in_flight_bytes_max);
        Ok(Self { table, store, trusted_proxies: settings.trusted_proxies.clone(), gate })
    }

    /// The source that answers under a path.
    pub(crate) fn find(&self, path: &str) -> Option<&Arc<Intake>> {
        self.table.find(path)
    }

    /// Answers a request to a source.
    pub(crate) async fn receive<B>(
        &self,
        intake: &Intake,
        request: Request<B>,
        peer: Option<SocketAddr>,
    ) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let begun = Instant::now();
        let (parts, body) = request.into_parts();
        let remote = remote::remote(peer, &parts.headers, &self.trusted_proxies);
        let call = Call::new(intake, &parts, remote, &*self.store, &self.gate);
        let verdict = call.decide(body).await;
        intake.meters.request(verdict.outcome, begun.elapsed());
        verdict.log(&call);
        let mut answer = verdict.answer;
        if let Some(id) = call.id.header() {
            answer.headers_mut().insert(request_id::HEADER, id);
        }
        answer
    }
}
