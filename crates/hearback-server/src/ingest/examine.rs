//! Verifying and normalising: the pure part of receiving.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hearback_event::{DedupKey, Event, Timestamp};
use hearback_providers::{Contract, Reply, Request, Trust, Verified};

use super::Denial;
use crate::{Mode, Source};

/// Longer bodies are examined where they do not hold up other requests.
const LONG_BODY: usize = 256 * 1024;

/// A request that is to be stored.
pub(crate) struct Examined {
    /// What it tells of.
    pub(crate) events: Vec<Event>,
    /// What its sender is told once it is stored.
    pub(crate) reply: Reply,
    /// Its one-time token.
    pub(crate) replay_token: Option<DedupKey>,
    /// Digest of its body, or of what the body says where its bytes differ from try to try.
    pub(crate) digest: DedupKey,
    /// Whether its signature was checked, right and demanded.
    pub(crate) verified: bool,
    /// Under shadow mode: why it would have been refused.
    pub(crate) would_refuse: Option<&'static str>,
}

/// The answers that a source's sender expects: as configured for the source, else its provider's.
pub(crate) fn contract(source: &Source) -> Contract {
    source.endpoint.contract().unwrap_or(*source.provider.contract())
}

/// Runs a provider's code. A panic in it must not cost the other requests of the connection; this one goes to the
/// quarantine.
pub(super) fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, Denial> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|_| Denial::InternalError)
}

/// Checks a request as `mode` demands and reads it.
///
/// Long bodies block the thread for milliseconds. On a multi-threaded runtime the other tasks are moved off it first; a
/// single-threaded one has nowhere to move them, and waits.
pub(crate) fn examine(
    source: &Source,
    mode: Mode,
    request: Request<'_>,
    now: Timestamp,
) -> Result<Examined, Denial> {
    let examine = || guarded(|| examine_now(source, mode, request, now)).flatten();
    if request.body.len() > LONG_BODY && others_can_move() {
        return tokio::task::block_in_place(examine);
    }
    examine()
}

fn others_can_move() -> bool {
    use tokio::runtime::{Handle, RuntimeFlavor};
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

fn examine_now(
    source: &Source,
    mode: Mode,
    request: Request<'_>,
    now: Timestamp,
) -> Result<Examined, Denial> {
    let endpoint = &*source.endpoint;
    let mut would_refuse = None;
    let request = match mode {
        Mode::Enforce => Verified::check(endpoint, request, now).map_err(Denial::Refusal)?,
        Mode::Shadow => {
            would_refuse = endpoint.verify(&request, now).err().map(|refusal| refusal.cause());
            Verified::presume(request)
        }
        Mode::Off => Verified::presume(request),
    };
    let proof = request.proof();
    Ok(Examined {
        events: endpoint.normalise(&request),
        reply: endpoint.accepted(&request),
        replay_token: proof.replay_token,
        digest: proof.body_digest.unwrap_or_else(|| DedupKey::of(&[request.request().body])),
        verified: request.trust() == Trust::Verified,
        would_refuse,
    })
}
