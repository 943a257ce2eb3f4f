//! Mandrill (Mailchimp Transactional): batches of up to 1000 events in one form field, signed together with the URL.
//!
//! The signature is base64 of the HMAC-SHA1 over the webhook's URL exactly as configured in Mandrill, followed by each form
//! field's name and decoded value, sorted by name. So the public URL must be configured here; without one every request
//! is refused. There is no time in the signature; a replayed batch is caught by its events' keys alone.
//!
//! The URL is probed when a webhook is set up: `HEAD`, then an empty batch signed with a key that is not the webhook's.
//! Both carry nothing and are answered 200 unseen. A batch is accepted or refused as a whole, so what cannot be
//! understood in it is stored as `unknown` and never holds up the rest.
//!
//! From Mailchimp Transactional's "Webhooks", "Message Event Webhook Format", "Sync Event Webhook Format", "How to
//! Authenticate Webhook Requests" and the inbound webhook format.

mod failure;
mod inbound;
mod message;
mod normalise;
mod send;
mod simulate;
mod sync;
mod verify;

use hearback_event::{Event, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::form::Form;
use crate::{
    Contract, Credential, Endpoint, Keys, OptionError, Options, Proof, Provider, Refusal, Reply, Request,
    SIGNATURE_403, Secret, Sender, Simulator, Verified, crypto,
};

/// The provider.
pub(crate) static MANDRILL: Mandrill = Mandrill;

pub(crate) struct Mandrill;

static CONTRACT: Contract = Contract {
    rate_limited: 429,
    retries_for_seconds: 3600,
    retries: 1,
    notes: "Puts a batch that was not answered 200 in an error state and tries it again by itself. How often and how \
            long is not documented: one more try within an hour is assumed here, and no code is known to be final.",
    ..SIGNATURE_403
};

/// The form field that holds the batch.
const FIELD: &str = "mandrill_events";

/// An empty batch is `mandrill_events=%5B%5D`; a longer body is not looked at for one.
const LONGEST_PROBE: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    keys: Keys,
    secret: Option<Secret>,
    #[serde(default = "default_secret_name")]
    secret_name: String,
}

fn default_secret_name() -> String {
    "secret".to_owned()
}

impl Settings {
    fn read(options: &Options) -> Result<Self, Vec<OptionError>> {
        let mut settings: Self = options.read().map_err(|error| vec![error])?;
        let mut errors = Vec::new();
        let hint = "it is the \"Key\" that Mandrill shows beside the webhook (`auth_key` in its API)";
        match settings.keys.required("keys", hint) {
            Ok(keys) => settings.keys = keys,
            Err(error) => {
                settings.keys = Keys::default();
                errors.push(error);
            }
        }
        if settings.secret_name.is_empty() {
            errors.push(OptionError::new("secret_name", "is empty; leave it out for `secret`"));
        }
        // An unset variable means: no secret, as with keys.
        settings.secret = settings.secret.filter(|secret| !secret.is_empty());
        if errors.is_empty() { Ok(settings) } else { Err(errors) }
    }
}

impl Provider for Mandrill {
    fn name(&self) -> &'static str {
        "mandrill"
    }

    fn title(&self) -> &'static str {
        "Mandrill (Mailchimp Transactional)"
    }

    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn environment(&self) -> &'static [(&'static str, &'static str)] {
        &[("MANDRILL_WEBHOOK_KEY", "keys")]
    }

    fn signs_url(&self) -> bool {
        true
    }

    fn takes_inbound_mail(&self) -> bool {
        true
    }

    fn endpoint(&self, options: &Options) -> Result<Box<dyn Endpoint>, Vec<OptionError>> {
        let settings = Settings::read(options)?;
        let mut warnings = settings.keys.warnings();
        if settings.keys.iter().any(|key| key.expose() == "test-webhook") {
            warnings.push(
                "`test-webhook` is the public key of Mandrill's URL check: anyone can sign with it".into(),
            );
        }
        let verifier = verify::Verifier::new(&settings);
        Ok(Box::new(MandrillEndpoint { verifier, warnings }))
    }

    fn simulator(&self, options: &Options) -> Result<Box<dyn Simulator>, Vec<OptionError>> {
        Ok(Box::new(simulate::MandrillSimulator::new(Settings::read(options)?)))
    }

    fn sender(&self, options: &Options) -> Option<Result<Box<dyn Sender>, Vec<OptionError>>> {
        Some(send::MandrillSender::new(options).map(|sender| Box::new(sender) as _))
    }

    fn trial_options(&self, random: &mut dyn FnMut(&mut [u8])) -> Map<String, Value> {
        let mut key = [0; 16];
        random(&mut key);
        Map::from_iter([("keys".to_owned(), json!(crypto::hex_encode(&key)))])
    }
}

struct MandrillEndpoint {
    verifier: verify::Verifier,
    warnings: Vec<String>,
}

impl Endpoint for MandrillEndpoint {
    fn probe(&self, request: &Request<'_>) -> Option<Reply> {
        (matches!(request.method, "HEAD" | "GET") || is_empty_batch(request)).then(Reply::empty)
    }

    fn verify(&self, request: &Request<'_>, _now: Timestamp) -> Result<Proof, Refusal> {
        self.verifier.check(request)
    }

    fn normalise(&self, request: &Verified<'_>) -> Vec<Event> {
        normalise::events(request.request())
    }

    fn credentials(&self) -> Vec<Credential> {
        self.verifier.credential().into_iter().collect()
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

fn is_empty_batch(request: &Request<'_>) -> bool {
    request.body.len() <= LONGEST_PROBE
        && form(request).is_ok_and(|form| form.first(FIELD).is_some_and(is_empty_array))
}

fn is_empty_array(text: &str) -> bool {
    serde_json::from_str::<Vec<serde::de::IgnoredAny>>(text).is_ok_and(|items| items.is_empty())
}

fn form(request: &Request<'_>) -> Result<Form, crate::form::FormError> {
    Form::read(request.header("content-type").unwrap_or_default(), request.body)
}
