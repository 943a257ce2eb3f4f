//! Twilio: status callbacks and inbound messages of SMS, MMS, WhatsApp and RCS, and the messaging events of Event
//! Streams.
//!
//! The signature covers the public URL (with the received query) and every form field, so a public URL must be
//! configured. It has no time in it: a replay is caught by the keys of its events only. A callback has no time
//! either, so events carry none. What the sender wants to see again goes into the query of the callback URL and
//! comes back as labels.
//!
//! Facts: Twilio's "Webhooks security", "Sign webhooks with shared keys", "Connection overrides", "Outbound Message
//! Status in Status Callbacks", the public list of error codes, and "Event Streams outbound message".

use std::collections::BTreeMap;

use hearback_event::{Event, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Contract, Endpoint, Keys, OptionError, Options, Proof, Provider, Refusal, Reply, Request, SIGNATURE_401,
    Secret, Sender, Simulator, Verified, crypto,
};

mod cloud_event;
mod errors;
mod inbound;
mod normalise;
mod payload;
mod send;
mod simulate;
mod url;
mod verify;

/// Twilio.
pub(crate) struct Twilio;

static CONTRACT: Contract = Contract {
    notes: "Does not try again on an HTTP error: by default once, and only when it cannot connect. Ask for more by \
            ending the callback URL with `#rc=5&rp=5xx,ct,rt`; even then every attempt ends within 15 seconds, so a \
            longer outage needs a backfill. Inbound messages can have a fallback URL.",
    ..SIGNATURE_401
};

/// What a user configures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TwilioOptions {
    /// Auth tokens: one per account or subaccount whose messages come here, and the next one during a change.
    #[serde(default)]
    keys: Keys,
    /// Shared keys: id and secret.
    #[serde(default)]
    shared_keys: BTreeMap<String, Secret>,
    /// Refuse SHA-1, whatever the request's header says.
    #[serde(default)]
    require_sha256: bool,
}

fn read(options: &Options) -> Result<TwilioOptions, Vec<OptionError>> {
    let mut read: TwilioOptions = options.read().map_err(|error| vec![error])?;
    read.shared_keys.retain(|_, secret| !secret.is_empty());
    if read.require_sha256 && read.shared_keys.is_empty() {
        let problem = "Twilio signs with SHA-256 only under a shared key; set `shared_keys`";
        return Err(vec![OptionError::new("require_sha256", problem)]);
    }
    if read.keys.is_empty() && read.shared_keys.is_empty() {
        let problem =
            "no key is set; take the account's auth token from the Twilio console, or set `shared_keys`";
        return Err(vec![OptionError::new("keys", problem)]);
    }
    Ok(read)
}

impl Provider for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn title(&self) -> &'static str {
        "Twilio"
    }

    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn environment(&self) -> &'static [(&'static str, &'static str)] {
        &[("TWILIO_AUTH_TOKEN", "keys")]
    }

    fn signs_url(&self) -> bool {
        true
    }

    fn endpoint(&self, options: &Options) -> Result<Box<dyn Endpoint>, Vec<OptionError>> {
        let options = read(options)?;
        let keyring = verify::Keyring::new(&options.keys, &options.shared_keys, options.require_sha256);
        Ok(Box::new(TwilioEndpoint { keyring, warnings: options.keys.warnings() }))
    }

    fn simulator(&self, options: &Options) -> Result<Box<dyn Simulator>, Vec<OptionError>> {
        let options = read(options)?;
        let shared = options.shared_keys.into_iter().next();
        let signer = match (options.keys.first(), shared) {
            (Some(token), _) if !options.require_sha256 => simulate::Signer::token(token.clone()),
            (_, Some((id, secret))) => simulate::Signer::shared(id, secret),
            _ => return Err(vec![OptionError::new("keys", "no key is set")]),
        };
        Ok(Box::new(simulate::TwilioSimulator::new(signer)))
    }

    fn sender(&self, options: &Options) -> Option<Result<Box<dyn Sender>, Vec<OptionError>>> {
        Some(send::TwilioSender::new(options).map(|sender| Box::new(sender) as _))
    }

    fn trial_options(&self, random: &mut dyn FnMut(&mut [u8])) -> Map<String, Value> {
        let mut token = [0; 16];
        random(&mut token);
        Map::from_iter([("keys".to_owned(), Value::String(crypto::hex_encode(&token)))])
    }
}

struct TwilioEndpoint {
    keyring: verify::Keyring,
    warnings: Vec<String>,
}

impl Endpoint for TwilioEndpoint {
    /// A number may be set to call by `GET`, with the message in the query; such a request is no URL check, and
    /// without a signature it is to be refused, not answered as if all were well.
    fn probe(&self, request: &Request<'_>) -> Option<Reply> {
        let check = match request.method {
            "HEAD" => true,
            "GET" => !verify::is_signed(request) && !payload::names_message(request),
            _ => false,
        };
        check.then(Reply::empty)
    }

    fn verify(&self, request: &Request<'_>, _now: Timestamp) -> Result<Proof, Refusal> {
        self.keyring.check(request)
    }

    fn normalise(&self, request: &Verified<'_>) -> Vec<Event> {
        normalise::events(request.request())
    }

    /// An inbound message is answered with instructions: none. Anything but XML would be logged as an error there.
    fn accepted(&self, request: &Verified<'_>) -> Reply {
        if payload::is_inbound(request.request()) {
            Reply { status: 200, content_type: Some("text/xml"), body: b"<Response/>".to_vec() }
        } else {
            Reply::success()
        }
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

#[cfg(test)]
mod tests;
