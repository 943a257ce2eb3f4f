//! A provider that is described by configuration only: any sender of signed webhooks, without code.
//!
//! Algorithm: handshake rules, then a list of checks (HMAC over a content template, Ed25519, RSA, Basic, secrets in a
//! header or the query, networks), then events are found by JSON pointers, named by a table of types and rules, and
//! their fields taken from where the mapping says. Everything is compiled when the endpoint is made; no scripting, no
//! regular expressions. Limits: 1 MiB of body unless configured, 1000 recipients per event, 16 candidate signatures.
//!
//! Not expressible: certificates (Amazon SNS), hashes of a modified body (Unisender Go), sorted parameters (Vonage,
//! Plivo V3), JWT. Facts: Hearback's own design; RFC 6901, RFC 2104, RFC 8032, RFC 3463. `docs/generic-sources.md`
//! explains every setting to people.

mod answers;
mod auth;
mod auth_options;
mod compose;
mod content;
mod dedup;
mod document;
mod extract;
mod field;
mod handshake;
mod mapping;
mod moment;
mod normalise;
mod numbers;
mod options;
mod signature;
mod signature_options;
mod simulate;
mod source;
mod table;
mod template;
mod types;

use hearback_event::{Event, Timestamp};
use serde_json::{Map, Value, json};

use self::options::Config;
use crate::{
    Contract, Credential, Endpoint, OptionError, Options, Proof, Provider, Refusal, Reply, Request,
    SIGNATURE_401, Simulator, Verified, crypto,
};

/// The provider.
pub(crate) struct Generic;

static CONTRACT: Contract = Contract {
    notes: "Whatever sends it: most senders try again on any answer but 2xx. Where yours takes some codes as final, set \
            `reject_status` and `retry_status`.",
    ..SIGNATURE_401
};

impl Provider for Generic {
    fn name(&self) -> &'static str {
        "generic"
    }

    fn title(&self) -> &'static str {
        "Generic webhook"
    }

    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn endpoint(&self, options: &Options) -> Result<Box<dyn Endpoint>, Vec<OptionError>> {
        Ok(Box::new(Configured(Config::read(options, &CONTRACT)?)))
    }

    fn simulator(&self, options: &Options) -> Result<Box<dyn Simulator>, Vec<OptionError>> {
        let endpoint = Configured(Config::read(options, &CONTRACT)?);
        Ok(Box::new(simulate::Sender::new(endpoint)?))
    }

    fn trial_options(&self, random: &mut dyn FnMut(&mut [u8])) -> Map<String, Value> {
        let mut secret = [0; 32];
        random(&mut secret);
        let types: Map<String, Value> =
            TRIAL_KINDS.iter().map(|kind| (format!("message.{kind}"), json!({ "type": kind }))).collect();
        let options = json!({
            "format": "json",
            "events": "/events",
            "auth": [{
                "kind": "hmac",
                "header": "X-Signature",
                "extract": {"kv": {"sep": ",", "key": "v1"}},
                "content": "{timestamp}.{body}",
                "secrets": [crypto::hex_encode(&secret)],
                "timestamp": {"from": "kv:t", "unit": "s"}
            }],
            "map": {
                "type": "/type", "event_id": "/id", "message_id": "/message/id", "recipient": "/message/to",
                "subject": "/message/subject", "timestamp": "/time", "timestamp_unit": "iso8601",
                "mta_response": "/response", "tags": "/tags", "metadata": "/labels", "click_url": "/url"
            },
            "types": types
        });
        match options {
            Value::Object(options) => options,
            _ => Map::new(),
        }
    }
}

const TRIAL_KINDS: &[&str] = &[
    "queued",
    "sent",
    "delivered",
    "deferred",
    "bounced",
    "rejected",
    "failed",
    "opened",
    "clicked",
    "complained",
    "unsubscribed",
    "subscribed",
    "autoresponded",
    "inbound",
];

/// A configured endpoint.
pub(crate) struct Configured(Config);

impl Endpoint for Configured {
    fn probe(&self, request: &Request<'_>) -> Option<Reply> {
        let Config { handshakes, reading, methods, max_body, .. } = &self.0;
        if request.body.len() <= *max_body
            && let Some(reply) = handshakes.iter().find_map(|rule| rule.answer(request, &reading.shape))
        {
            return Some(reply);
        }
        let is_look = matches!(request.method, "HEAD" | "GET");
        (is_look && !methods.iter().any(|method| method == request.method)).then(Reply::empty)
    }

    fn verify(&self, request: &Request<'_>, now: Timestamp) -> Result<Proof, Refusal> {
        if !self.0.methods.iter().any(|method| method == request.method) {
            return Err(Refusal::Unparsable("the method is not among the configured ones".to_owned()));
        }
        if request.body.len() > self.0.max_body {
            return Err(Refusal::Unparsable("the body is longer than `max_body`".to_owned()));
        }
        self.0.auth.verify(request, &self.0.reading.shape, now)
    }

    fn normalise(&self, request: &Verified<'_>) -> Vec<Event> {
        self.0.reading.events(request.request())
    }

    fn accepted(&self, _: &Verified<'_>) -> Reply {
        self.0.answers.success.clone()
    }

    fn contract(&self) -> Option<Contract> {
        self.0.answers.contract
    }

    fn credentials(&self) -> Vec<Credential> {
        self.0.auth.credentials()
    }

    fn warnings(&self) -> Vec<String> {
        self.0.warnings.clone()
    }
}
