//! The shape that every provider has.

use hearback_event::{DedupKey, Event, Timestamp};
use serde_json::{Map, Value};

use crate::{Contract, Credential, OptionError, Options, PROVIDERS, Reply, Request, Sender, Simulator};

/// A company's webhook format and signature scheme.
pub trait Provider: Send + Sync {
    /// The word for it in configuration and API: `mailgun`.
    fn name(&self) -> &'static str;

    /// The name as its owner writes it: `Mailgun`.
    fn title(&self) -> &'static str;

    /// What it expects to be answered.
    fn contract(&self) -> &'static Contract;

    /// Environment variables that by themselves make an endpoint, each with the option that it sets. All that are
    /// set are taken; the first one must be.
    fn environment(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether the signature covers the public URL, which must then be configured.
    fn signs_url(&self) -> bool {
        false
    }

    /// Whether inbound mail arrives on the same endpoint, so that larger bodies are to be expected.
    fn takes_inbound_mail(&self) -> bool {
        false
    }

    /// Makes an endpoint out of what the user configured.
    fn endpoint(&self, options: &Options) -> Result<Box<dyn Endpoint>, Vec<OptionError>>;

    /// Makes a sender of correctly signed requests out of the same options.
    fn simulator(&self, options: &Options) -> Result<Box<dyn Simulator>, Vec<OptionError>>;

    /// Makes a sender of messages out of what the user configured for sending, which are options of their own. `None` where
    /// nothing can be sent through it.
    fn sender(&self, options: &Options) -> Option<Result<Box<dyn Sender>, Vec<OptionError>>> {
        let _ = options;
        None
    }

    /// Options with fresh keys, for trying Hearback out before anything is configured. `random` fills a buffer
    /// with random bytes. Empty where a trial makes no sense.
    fn trial_options(&self, random: &mut dyn FnMut(&mut [u8])) -> Map<String, Value>;
}

/// The provider of that name.
pub fn provider(name: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.name() == name)
}

/// One configured endpoint: keys and rules, ready to check requests.
pub trait Endpoint: Send + Sync {
    /// Answers a request that carries no event: a URL check of the provider. `None` for all others.
    fn probe(&self, request: &Request<'_>) -> Option<Reply> {
        matches!(request.method, "HEAD" | "GET").then(Reply::empty)
    }

    /// Checks that the request is genuine. Called for every request that is not a probe; `now` is the time of receipt.
    fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<Proof, Refusal>;

    /// What the request says, one or more events, in its order. Total: what is not understood becomes an `unknown` event
    /// that carries the reason, and never takes its neighbours along.
    fn normalise(&self, request: &Verified<'_>) -> Vec<Event>;

    /// The answer after the events are stored.
    fn accepted(&self, request: &Verified<'_>) -> Reply {
        let _ = request;
        Reply::success()
    }

    /// What this endpoint's sender expects to be answered, where that is configured and not the provider's.
    fn contract(&self) -> Option<Contract> {
        None
    }

    /// The credentials that are looked for in the request itself, if any: they are not kept with it. Every place that the
    /// check looks at must be among them.
    fn credentials(&self) -> Vec<Credential> {
        Vec::new()
    }

    /// What the user should know about this configuration, though it works: short keys and the like.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a successful check yields besides the yes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// A one-time token that the signature covers, where the signature does not cover the body: whoever sees the
    /// token again with another body sees a forgery.
    pub replay_token: Option<ReplayToken>,
    /// A digest of what the body says, where two transmissions of the same request may differ in their bytes (a multipart
    /// boundary): the token is bound to this instead of the bytes.
    pub body_digest: Option<DedupKey>,
    /// Nothing was checked, because the source is configured to believe everybody.
    pub unchecked: bool,
}

/// A digest of a one-time token.
pub type ReplayToken = DedupKey;

/// Why a request was not believed. What is told to the sender is only that it was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no signature or credential, or a part of it is missing.
    #[error("the signature is missing: {0}")]
    MissingSignature(&'static str),
    /// The signature or credential is wrong under every key.
    #[error("the signature does not match under any configured key")]
    BadSignature,
    /// Signed too long ago.
    #[error("signed {age_seconds} s ago, allowed are {allowed_seconds} s")]
    Stale {
        /// How long ago.
        age_seconds: i64,
        /// The limit.
        allowed_seconds: i64,
    },
    /// Signed in the future: a wrong clock on one side.
    #[error("signed {ahead_seconds} s in the future; is this machine's clock right?")]
    Future {
        /// How far ahead.
        ahead_seconds: i64,
    },
    /// The address is not among the allowed networks.
    #[error("the sender's address is not among the allowed networks")]
    NetworkNotAllowed,
    /// The body is not of the shape in which the signature could be found.
    #[error("the body cannot be read: {0}")]
    Unparsable(String),
}

impl Refusal {
    /// How far ahead of our clock a signature may be, in seconds: clocks differ, but not by more.
    pub const FUTURE_SECONDS: i64 = 300;

    /// The cause in one word, as the quarantine and metrics name it.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::MissingSignature(_) => "missing_signature",
            Self::BadSignature => "bad_signature",
            Self::Stale { .. } => "stale",
            Self::Future { .. } => "future",
            Self::NetworkNotAllowed => "network_not_allowed",
            Self::Unparsable(_) => "unparsable",
        }
    }

    /// Every cause that [`Refusal::cause`] can give.
    pub const CAUSES: &[&str] =
        &["missing_signature", "bad_signature", "stale", "future", "network_not_allowed", "unparsable"];

    /// The status that the contract has for this refusal.
    pub const fn status(&self, contract: &Contract) -> u16 {
        match self {
            Self::Unparsable(_) => contract.unparsable,
            _ => contract.refused,
        }
    }

    /// Checks the time of a signature: not older than `allowed_seconds`, not further ahead than
    /// [`Refusal::FUTURE_SECONDS`]. Both limits are inclusive.
    pub fn check_age(signed_at: Timestamp, now: Timestamp, allowed_seconds: i64) -> Result<(), Self> {
        let age_seconds = now.as_seconds() - signed_at.as_seconds();
        if age_seconds > allowed_seconds {
            return Err(Self::Stale { age_seconds, allowed_seconds });
        }
        if -age_seconds > Self::FUTURE_SECONDS {
            return Err(Self::Future { ahead_seconds: -age_seconds });
        }
        Ok(())
    }
}

/// Whether a request's signature was checked and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It was.
    Verified,
    /// The source accepts requests without that.
    Presumed,
}

/// A request that may be normalised: its signature was right, or its source explicitly accepts it all the same.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a> {
    request: Request<'a>,
    proof: Proof,
    trust: Trust,
}

impl<'a> Verified<'a> {
    /// Checks the request with the endpoint.
    pub fn check(endpoint: &dyn Endpoint, request: Request<'a>, now: Timestamp) -> Result<Self, Refusal> {
        let proof = endpoint.verify(&request, now)?;
        let trust = if proof.unchecked { Trust::Presumed } else { Trust::Verified };
        Ok(Self { request, proof, trust })
    }

    /// Accepts the request though its signature is not known to be right: for sources in `shadow` or `off` mode only.
    /// Its events are marked as unverified.
    pub fn presume(request: Request<'a>) -> Self {
        Self { request, proof: Proof::default(), trust: Trust::Presumed }
    }

    /// The request.
    pub const fn request(&self) -> &Request<'a> {
        &self.request
    }

    /// What the check yielded.
    pub const fn proof(&self) -> Proof {
        self.proof
    }

    /// Whether the signature was right.
    pub const fn trust(&self) -> Trust {
        self.trust
    }
}
