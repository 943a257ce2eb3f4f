//! Any sender that follows the Standard Webhooks specification or is hosted on Svix.
//!
//! The signature is fixed by the specification ([`signature`], which Resend shares); the body is the sender's own, so the
//! fields are found by JSON Pointers and the kinds by a table of the user's, then by a guess ([`kinds`]).
//! Facts: "Standard Webhooks" 1.0.0, its reference libraries, and "Verifying Webhooks Manually" of Svix.

mod kinds;
mod normalise;
mod options;
pub(crate) mod signature;
mod simulate;

use hearback_event::{Event, Timestamp};
use serde_json::{Map, Value};

use self::kinds::Meaning;
use self::options::StandardOptions;
use self::signature::Verifier;
use crate::{
    Contract, Endpoint, OptionError, Options, Proof, Provider, Refusal, Request, SIGNATURE_401, Simulator,
    Verified,
};

/// The provider.
pub(crate) struct StandardWebhooks;

static CONTRACT: Contract = Contract {
    rate_limited: 429,
    retries_for_seconds: 272_105,
    retries: 9,
    notes: "Any 2xx counts; everything else is tried again, by the specification's example after 5 s, 5 min, 30 min, 2, 5, \
            10, 14, 20 and 24 h, but senders differ. 410 asks the sender to disable the endpoint and is never sent; 429 \
            slows it down. Every attempt is signed anew.",
    ..SIGNATURE_401
};

impl Provider for StandardWebhooks {
    fn name(&self) -> &'static str {
        "standard-webhooks"
    }

    fn title(&self) -> &'static str {
        "Standard Webhooks"
    }

    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn endpoint(&self, options: &Options) -> Result<Box<dyn Endpoint>, Vec<OptionError>> {
        let mut options: StandardOptions = options.read().map_err(|error| vec![error])?;
        let keys = std::mem::take(&mut options.keys);
        let verifier = Verifier::new(keys, options.key_encoding, options.max_age);
        match (verifier, options.meanings()) {
            (Ok(verifier), Ok(meanings)) => Ok(Box::new(StandardEndpoint { verifier, options, meanings })),
            (verifier, meanings) => {
                Err(verifier.err().into_iter().chain(meanings.err().into_iter().flatten()).collect())
            }
        }
    }

    fn simulator(&self, options: &Options) -> Result<Box<dyn Simulator>, Vec<OptionError>> {
        Ok(Box::new(simulate::StandardSimulator::new(options)?))
    }

    fn trial_options(&self, random: &mut dyn FnMut(&mut [u8])) -> Map<String, Value> {
        [("keys".to_owned(), signature::trial_secret(random).into())].into_iter().collect()
    }
}

struct StandardEndpoint {
    verifier: Verifier,
    options: StandardOptions,
    meanings: Vec<(String, Meaning)>,
}

impl Endpoint for StandardEndpoint {
    fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<Proof, Refusal> {
        self.verifier.verify(request, now)
    }

    fn normalise(&self, request: &Verified<'_>) -> Vec<Event> {
        vec![normalise::normalise(request.request(), &self.options, &self.meanings)]
    }

    fn warnings(&self) -> Vec<String> {
        self.verifier.warnings()
    }
}
