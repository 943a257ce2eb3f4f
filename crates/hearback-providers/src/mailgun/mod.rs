//! Mailgun: one event per request, signed over a time and a token, not over the body.
//!
//! The signature is the HMAC-SHA256 (hex) of `timestamp` followed by `token`, under the account's HTTP webhook signing key;
//! a subaccount's event also carries one under the parent's key, and either will do. As the body is not covered, the
//! token is handed on as a [`ReplayToken`](crate::ReplayToken): seen again with another body it is a forgery. Retries go on
//! for about eight hours, perhaps with the first signature, so a signature is good for a day by default.
//!
//! Four shapes arrive: JSON (today's events), and forms: the events of before 2018, mail stored by a route
//! (`store(notify=...)`) and mail forwarded by a route. A form that carries a mail is never read as an event, whatever
//! fields it has, because a mail's sender chooses header names and every header becomes a field.
//!
//! From Mailgun's "Securing Webhooks", "Webhooks", "Automatic Retries", "Tracking Failures", "Events" and "Receive HTTP".

mod failure;
mod inbound;
mod legacy;
mod lenient;
mod normalise;
mod payload;
mod recipients;
mod send;
mod simulate;
mod verify;

use hearback_event::{Event, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Contract, Endpoint, Keys, OptionError, Options, Proof, Provider, Refusal, Request, SIGNATURE_403, Sender,
    Simulator, Verified, crypto,
};

/// The provider.
pub(crate) static MAILGUN: Mailgun = Mailgun;

pub(crate) struct Mailgun;

static CONTRACT: Contract = Contract {
    rate_limited: 429,
    retries_for_seconds: 8 * 3600,
    retries: 6,
    notes: "Tries again after 5, 10 and 15 minutes and 1, 2 and 4 hours on every code but 200 and 406. 406 is final and \
            is never answered. Whether `delivered` events are tried again is not certain: Mailgun's documents say no, \
            its staff say yes.",
    ..SIGNATURE_403
};

/// Longer than the eight hours of retries, should they carry the first attempt's signature.
const MAX_AGE_SECONDS: u32 = 86_400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    keys: Keys,
    #[serde(default = "default_max_age")]
    max_age: u32,
}

const fn default_max_age() -> u32 {
    MAX_AGE_SECONDS
}

impl Settings {
    fn read(options: &Options) -> Result<Self, Vec<OptionError>> {
        let mut settings: Self = options.read().map_err(|error| vec![error])?;
        let hint = "it is the \"HTTP webhook signing key\" under API security in Mailgun, not an API key";
        settings.keys = settings.keys.required("keys", hint).map_err(|error| vec![error])?;
        Ok(settings)
    }
}

impl Provider for Mailgun {
    fn name(&self) -> &'static str {
        "mailgun"
    }

    fn title(&self) -> &'static str {
        "Mailgun"
    }

    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn environment(&self) -> &'static [(&'static str, &'static str)] {
        &[("MAILGUN_WEBHOOK_SIGNING_KEY", "keys")]
    }

    fn takes_inbound_mail(&self) -> bool {
        true
    }

    fn endpoint(&self, options: &Options) -> Result<Box<dyn Endpoint>, Vec<OptionError>> {
        let settings = Settings::read(options)?;
        let mut warnings = settings.keys.warnings();
        if u64::from(settings.max_age) < CONTRACT.retries_for_seconds {
            warnings.push(format!(
                "max_age is {} s, shorter than the {} s for which Mailgun tries again: late retries may be refused",
                settings.max_age, CONTRACT.retries_for_seconds
            ));
        }
        let verifier = verify::Verifier::new(&settings.keys, i64::from(settings.max_age));
        Ok(Box::new(MailgunEndpoint { verifier, warnings }))
    }

    fn simulator(&self, options: &Options) -> Result<Box<dyn Simulator>, Vec<OptionError>> {
        let settings = Settings::read(options)?;
        Ok(Box::new(simulate::MailgunSimulator::new(&settings.keys)))
    }

    fn sender(&self, options: &Options) -> Option<Result<Box<dyn Sender>, Vec<OptionError>>> {
        Some(send::MailgunSender::new(options).map(|sender| Box::new(sender) as _))
    }

    fn trial_options(&self, random: &mut dyn FnMut(&mut [u8])) -> Map<String, Value> {
        let mut key = [0; 16];
        random(&mut key);
        Map::from_iter([("keys".to_owned(), json!(crypto::hex_encode(&key)))])
    }
}

struct MailgunEndpoint {
    verifier: verify::Verifier,
    warnings: Vec<String>,
}

impl Endpoint for MailgunEndpoint {
    fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<Proof, Refusal> {
        self.verifier.check(request, now)
    }

    fn normalise(&self, request: &Verified<'_>) -> Vec<Event> {
        vec![normalise::event(request.request())]
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

/// Whether the body is a form; anything else must be JSON.
fn is_form(request: &Request<'_>) -> bool {
    let value = request.header("content-type").unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    ["application/x-www-form-urlencoded", "multipart/form-data"]
        .iter()
        .any(|form| media_type.eq_ignore_ascii_case(form))
}
