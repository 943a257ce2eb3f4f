//! Twilio SendGrid: the Event Webhook (batches of up to 768 KB) and Inbound Parse (one mail per request).
//!
//! Requests are signed with ECDSA on P-256 ([`verify`]), or carry a bearer token or basic credentials, or both. An event
//! counts once by its content, because SendGrid re-sends events under a new `sg_event_id` ([`normalise`]).
//! Facts: SendGrid's "Event Webhook Reference", "Event Webhook Security Features", "Inbound Parse Webhook", its OpenAPI
//! files and its Python and Node helpers.

mod failure;
mod inbound;
mod keypair;
mod native;
mod normalise;
mod send;
mod simulate;
mod verify;

use hearback_event::{Event, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use self::verify::Verifier;
use crate::{
    Contract, Credential, Endpoint, Keys, OptionError, Options, Proof, Provider, Refusal, Request,
    SIGNATURE_401, Secret, Sender, Simulator, Verified,
};

/// How long SendGrid goes on trying.
const RETRY_SECONDS: u32 = 86_400;

/// The provider.
pub(crate) struct SendGrid;

static CONTRACT: Contract = Contract {
    rate_limited: 429,
    retries_for_seconds: RETRY_SECONDS as u64,
    retries: 0,
    notes: "Any 2xx counts; everything else is tried again at growing intervals for 24 h after the event (how often is not \
            published), then dropped. A batch is sent again whole. No code is final for events; inbound mail may be lost on a \
            4xx.",
    ..SIGNATURE_401
};

/// What the user configures. All that is set must be right: keys and a credential together are both checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SendGridOptions {
    /// Verification keys of the signed event webhook: base64 of DER, or PEM. All valid at once.
    keys: Keys,
    /// How old a signature may be, in seconds.
    max_age: u32,
    /// Tokens of which one must come as `Authorization: Bearer`.
    bearer: Keys,
    /// The user name in the webhook's URL.
    user: Option<String>,
    /// The password in the webhook's URL.
    password: Option<Secret>,
    /// A private key (base64 of PKCS#8) with which the simulator signs; checking needs none.
    simulate_private_key: Option<Secret>,
}

impl Default for SendGridOptions {
    fn default() -> Self {
        Self {
            keys: Keys::default(),
            // An hour more than the retries take: whether a retry is signed anew is not documented.
            max_age: RETRY_SECONDS + 3600,
            bearer: Keys::default(),
            user: None,
            password: None,
            simulate_private_key: None,
        }
    }
}

impl Provider for SendGrid {
    fn name(&self) -> &'static str {
        "sendgrid"
    }

    fn title(&self) -> &'static str {
        "Twilio SendGrid"
    }

    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn environment(&self) -> &'static [(&'static str, &'static str)] {
        &[("SENDGRID_WEBHOOK_VERIFICATION_KEY", "keys")]
    }

    fn takes_inbound_mail(&self) -> bool {
        true
    }

    fn endpoint(&self, options: &Options) -> Result<Box<dyn Endpoint>, Vec<OptionError>> {
        let options: SendGridOptions = options.read().map_err(|error| vec![error])?;
        let verifier = Verifier::new(&options)?;
        Ok(Box::new(SendGridEndpoint { verifier }))
    }

    fn simulator(&self, options: &Options) -> Result<Box<dyn Simulator>, Vec<OptionError>> {
        let options: SendGridOptions = options.read().map_err(|error| vec![error])?;
        Ok(Box::new(simulate::SendGridSimulator::new(&options).map_err(|error| vec![error])?))
    }

    fn sender(&self, options: &Options) -> Option<Result<Box<dyn Sender>, Vec<OptionError>>> {
        Some(send::SendGridSender::new(options).map(|sender| Box::new(sender) as _))
    }

    fn trial_options(&self, random: &mut dyn FnMut(&mut [u8])) -> Map<String, Value> {
        // Nothing can be signed without a key pair, and an endpoint without options says so when it is made.
        keypair::KeyPair::fresh(random).map_or_else(Map::new, |pair| {
            [
                ("keys".to_owned(), Value::from(pair.public)),
                ("simulate_private_key".to_owned(), pair.private.into()),
            ]
            .into_iter()
            .collect()
        })
    }
}

struct SendGridEndpoint {
    verifier: Verifier,
}

impl Endpoint for SendGridEndpoint {
    fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<Proof, Refusal> {
        self.verifier.verify(request, now)
    }

    fn normalise(&self, request: &Verified<'_>) -> Vec<Event> {
        let request = request.request();
        if request.media_type() == "multipart/form-data" {
            vec![inbound::normalise(request)]
        } else {
            normalise::normalise(request.body)
        }
    }

    fn credentials(&self) -> Vec<Credential> {
        self.verifier.credentials()
    }

    fn warnings(&self) -> Vec<String> {
        self.verifier.warnings()
    }
}
