//! Resend: e-mail, delivered by Svix.
//!
//! One event per request, signed by the Svix scheme that [`crate::standard_webhooks::signature`] checks; the neutral
//! header names are accepted too, as Resend's own libraries do. An event counts once by `svix-id` or by its content,
//! since a second webhook of the same account may bring it under another id. Facts: Resend's "Managing Webhooks", "Event
//! Types" and "Retries and Replays", its OpenAPI file and its SDK's types.

mod failure;
mod labels;
mod normalise;
mod send;
mod simulate;

use hearback_event::{Event, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::standard_webhooks::signature::{self, KeyEncoding, Verifier};
use crate::{
    Contract, Endpoint, Keys, OptionError, Options, Proof, Provider, Refusal, Request, SIGNATURE_401, Sender,
    Simulator, Verified,
};

/// The provider.
pub(crate) struct Resend;

static CONTRACT: Contract = Contract {
    rate_limited: 429,
    retries_for_seconds: 99_305,
    retries: 7,
    notes: "Any 2xx counts; everything else, redirects included, is tried again after 5 s, 5 min, 30 min, 2, 5, 10 and 10 h. \
            No code is final by itself, but an endpoint that goes on failing is disabled. Answers are due within 15 s.",
    ..SIGNATURE_401
};

/// What the user configures.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ResendOptions {
    /// Signing secrets, `whsec_...`, all valid at once.
    keys: Keys,
    /// How old a signature may be, in seconds. Every retry is signed anew.
    max_age: u32,
}

impl Default for ResendOptions {
    fn default() -> Self {
        Self { keys: Keys::default(), max_age: 300 }
    }
}

impl Provider for Resend {
    fn name(&self) -> &'static str {
        "resend"
    }

    fn title(&self) -> &'static str {
        "Resend"
    }

    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn environment(&self) -> &'static [(&'static str, &'static str)] {
        &[("RESEND_WEBHOOK_SECRET", "keys")]
    }

    fn endpoint(&self, options: &Options) -> Result<Box<dyn Endpoint>, Vec<OptionError>> {
        let verifier = options
            .read::<ResendOptions>()
            .and_then(|options| Verifier::new(options.keys, KeyEncoding::Base64, options.max_age))
            .map_err(|error| vec![error])?;
        Ok(Box::new(ResendEndpoint { verifier }))
    }

    fn simulator(&self, options: &Options) -> Result<Box<dyn Simulator>, Vec<OptionError>> {
        let simulator = options
            .read::<ResendOptions>()
            .and_then(|options| simulate::ResendSimulator::new(&options.keys))
            .map_err(|error| vec![error])?;
        Ok(Box::new(simulator))
    }

    fn sender(&self, options: &Options) -> Option<Result<Box<dyn Sender>, Vec<OptionError>>> {
        Some(send::ResendSender::new(options).map(|sender| Box::new(sender) as _))
    }

    fn trial_options(&self, random: &mut dyn FnMut(&mut [u8])) -> Map<String, Value> {
        [("keys".to_owned(), signature::trial_secret(random).into())].into_iter().collect()
    }
}

struct ResendEndpoint {
    verifier: Verifier,
}

impl Endpoint for ResendEndpoint {
    fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<Proof, Refusal> {
        self.verifier.verify(request, now)
    }

    fn normalise(&self, request: &Verified<'_>) -> Vec<Event> {
        normalise::normalise(request.request())
    }

    fn warnings(&self) -> Vec<String> {
        self.verifier.warnings()
    }
}
