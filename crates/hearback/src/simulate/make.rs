//! Making the planned requests, and saying beforehand how they must be answered. Pure: time and keys are arguments.

use std::net::{IpAddr, Ipv4Addr};

use hearback_event::{Event, Timestamp};
use hearback_providers::{Contract, Endpoint, RawRequest, Refusal, Simulator, Tamper, Verified};

use super::plan::{Plan, Planned, Role};

/// The two sides of one source: what signs for its provider, and what checks.
pub(crate) struct Voicebox<'a> {
    /// Signs.
    pub(crate) simulator: &'a dyn Simulator,
    /// Checks, with the same keys.
    pub(crate) endpoint: &'a dyn Endpoint,
    /// What is answered.
    pub(crate) contract: Contract,
    /// The URL under which the provider knows the source.
    pub(crate) url: String,
}

/// How a request must be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// Stored, or known already.
    Accepted,
    /// Refused and put into the quarantine for this cause.
    Refused {
        /// The status that the contract has for it.
        status: u16,
        /// The cause in one word.
        cause: &'static str,
    },
}

impl Expectation {
    /// The status that is expected.
    pub(crate) const fn status(&self, contract: Contract) -> u16 {
        match self {
            Self::Accepted => contract.accepted,
            Self::Refused { status, .. } => *status,
        }
    }
}

/// A request, when it was signed, and how it must be answered.
#[derive(Debug)]
pub(crate) struct Made {
    /// The request.
    pub(crate) raw: RawRequest,
    /// When it was signed.
    pub(crate) signed_at: Timestamp,
    /// How it must be answered.
    pub(crate) expectation: Expectation,
}

/// The cause that the server has for a one-time token that comes with another body.
const FORGED_REPLAY: &str = "forged_replay";

impl Voicebox<'_> {
    /// Makes a request of the plan to be sent at `now`. `original` is when the request that it repeats was signed. `None`
    /// where this provider's scheme leaves nothing to be spoilt: a password in a header does not cover the body.
    pub(crate) fn make(
        &self,
        plan: &Plan,
        planned: &Planned,
        original: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Made> {
        match planned.role {
            Role::First | Role::Late => Some(self.signed_earlier(plan, planned, now)),
            Role::Again => Some(self.signed(plan, planned, now)),
            Role::Retry(_) => {
                let first = self.signed(plan, planned, original.unwrap_or(now));
                // Where a one-time token comes with the request, a new one would be a new request; such providers
                // repeat theirs byte for byte. All others sign each attempt anew.
                if self.has_token(&first.raw, now) {
                    Some(first)
                } else {
                    Some(self.signed(plan, planned, now))
                }
            }
            Role::Forged => Some(self.forged(plan, planned, now)),
            Role::ForgedReplay(_) => self.replayed(self.signed(plan, planned, original?), now),
            Role::Broken => Some(Made {
                raw: self.raw(plan, planned, now, Tamper::Broken),
                signed_at: now,
                expectation: Expectation::Accepted,
            }),
        }
    }

    /// What a request tells, as the source reads it.
    pub(crate) fn read(&self, raw: &RawRequest, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let urls = self.urls(raw);
        let verified = Verified::check(self.endpoint, raw.borrow(&urls, LOOPBACK), now)?;
        Ok(self.endpoint.normalise(&verified))
    }

    /// The URLs that the server may take the request to be for: some providers put labels or a secret into the query.
    fn urls(&self, raw: &RawRequest) -> Vec<String> {
        let bare = self.url.split('?').next().unwrap_or(&self.url);
        let received = raw.path_and_query.split_once('?').map(|(_, query)| format!("{bare}?{query}"));
        received.into_iter().chain([self.url.clone()]).collect()
    }

    fn raw(&self, plan: &Plan, planned: &Planned, at: Timestamp, tamper: Tamper) -> RawRequest {
        self.simulator.request(&plan.told(planned), &self.url, at, tamper)
    }

    fn signed(&self, plan: &Plan, planned: &Planned, at: Timestamp) -> Made {
        Made {
            raw: self.raw(plan, planned, at, Tamper::None),
            signed_at: at,
            expectation: Expectation::Accepted,
        }
    }

    /// Signed when it was first tried, if the source still takes that; else now, as providers do whose limit is shorter
    /// than their retries.
    fn signed_earlier(&self, plan: &Plan, planned: &Planned, now: Timestamp) -> Made {
        let earlier = self.signed(plan, planned, now.plus_seconds(-planned.signed_before));
        match self.verify(&earlier.raw, now) {
            Err(Refusal::Stale { .. }) => self.signed(plan, planned, now),
            _ => earlier,
        }
    }

    fn forged(&self, plan: &Plan, planned: &Planned, now: Timestamp) -> Made {
        let raw = self.raw(plan, planned, now, Tamper::Forged);
        let refusal = self.verify(&raw, now).err().unwrap_or(Refusal::BadSignature);
        Made { raw, signed_at: now, expectation: self.refused(&refusal) }
    }

    /// The same head with another recipient in the body.
    fn replayed(&self, genuine: Made, now: Timestamp) -> Option<Made> {
        let token = self.verify(&genuine.raw, now).ok()?;
        let mut raw = genuine.raw;
        if !swap(&mut raw.body, b"guest", b"thief") && !swap(&mut raw.body, b"999", b"998") {
            return None;
        }
        let expectation = match self.verify(&raw, now) {
            Err(refusal) => self.refused(&refusal),
            Ok(Some(other)) if Some(other) == token => {
                Expectation::Refused { status: self.contract.refused, cause: FORGED_REPLAY }
            }
            Ok(_) => return None,
        };
        Some(Made { raw, signed_at: genuine.signed_at, expectation })
    }

    fn refused(&self, refusal: &Refusal) -> Expectation {
        Expectation::Refused { status: refusal.status(&self.contract), cause: refusal.cause() }
    }

    fn has_token(&self, raw: &RawRequest, now: Timestamp) -> bool {
        matches!(self.verify(raw, now), Ok(Some(_)))
    }

    fn verify(
        &self,
        raw: &RawRequest,
        now: Timestamp,
    ) -> Result<Option<hearback_providers::ReplayToken>, Refusal> {
        let urls = self.urls(raw);
        self.endpoint.verify(&raw.borrow(&urls, LOOPBACK), now).map(|proof| proof.replay_token)
    }
}

/// Simulated requests come from this machine.
const LOOPBACK: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

/// Replaces every `from` by an equally long `to`. Whether there was one.
fn swap(body: &mut [u8], from: &[u8], to: &[u8]) -> bool {
    let mut found = false;
    for start in 0..body.len().saturating_sub(from.len() - 1) {
        if let Some(window) = body.get_mut(start..start + from.len())
            && window == from
        {
            window.copy_from_slice(to);
            found = true;
        }
    }
    found
}
