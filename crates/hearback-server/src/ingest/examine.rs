//! Verifying and normalising: the pure part of receiving.

use std::panic::{AssertUnwindSafe, catch_unwind};

use hearback_event::{DedupKey, Event, Timestamp};
use hearback_providers::{Contract, Reply, Request, Verified};

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
    /// Digest of its body.
    pub(crate) digest: DedupKey,
    /// Whether its signature was checked, right and demanded.
    pub(crate) verified: bool,
    /// Under shadow mode: why it would have been refused.
    pub(crate) would_refuse: Option<&'static str>,
}

/// The answers that a source's sender expects.
pub(crate) fn contract(source: &Source) -> &'static Contract {
    source.provider.contract()
}

/// Checks a request as `mode` demands and reads it. A panic in a provider's code is caught: it must not cost the other
/// requests of the connection, and this one goes to the quarantine.
///
/// Long bodies block the thread for milliseconds. On a multi-threaded runtime the other tasks are moved off it first; a
/// single-threaded one has nowhere to move them, and waits.
pub(crate) fn examine(
    source: &Source,
    mode: Mode,
    request: Request<'_>,
    now: Timestamp,
) -> Result<Examined, Denial> {
    let guarded = || {
        catch_unwind(AssertUnwindSafe(|| examine_now(source, mode, request, now)))
            .unwrap_or(Err(Denial::InternalError))
    };
    if request.body.len() > LONG_BODY && others_can_move() {
        return tokio::task::block_in_place(guarded);
    }
    guarded()
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
    Ok(Examined {
        events: endpoint.normalise(&request),
        reply: endpoint.accepted(&request),
        replay_token: request.proof().replay_token,
        digest: DedupKey::of(&[request.request().body]),
        verified: mode == Mode::Enforce,
        would_refuse,
    })
}
